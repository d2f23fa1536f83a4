"""What results are kept under: a hash of all that decides them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Ref:
    """A small name for a large value."""

    stage: str
    key: str
    within: Ref | None = None  # stored as the field `stage` of that value, not on its own

    def __str__(self) -> str:
        return f"{self.stage}/{self.key[:12]}"


def stage_key(
    stage: str, version: int, params: Mapping[str, Any], inputs: Sequence[Ref], libraries: Sequence[str] = ()
) -> str:
    """Hash of all that decides a stage's result: a Merkle chain, so nothing large is hashed twice.

    Parameters
    ----------
    stage, version
        The stage and the number raised by hand when its code changes its results.
    params
        JSON-ready settings of this stage alone.
    inputs
        What it reads, in order.
    libraries
        Distributions whose release can change the numbers; their installed versions enter the key.
    """
    told = {
        "stage": stage,
        "version": version,
        "params": dict(params),
        "inputs": [[ref.stage, ref.key] for ref in inputs],
        "libraries": {name: metadata.version(name) for name in libraries},
    }
    return hashlib.sha256(canonical(told)).hexdigest()[:40]


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values, equal bytes.

    Examples
    --------
    >>> canonical({"b": 1, "a": [0.5, None]})
    b'{"a":[0.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
