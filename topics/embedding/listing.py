"""Encoders as their files describe them. Nothing is loaded, no weights are read, the network is not asked."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics.embedding.checkpoint import local_models, packaged_folder
from topics.embedding.families import FAMILIES, family_encoder, family_of
from topics.embedding.hub import cached_folder, modules_of, read_json, scheme_of, whole
from topics.embedding.transformer import WIDTH, first_number
from topics.errors import TopicsError

if TYPE_CHECKING:
    from collections.abc import Mapping

SENTENCE = "sentence-transformers"  #: the family of names without a scheme
REMOTE = "remote"  #: the family that is not on this machine


@dataclass(frozen=True)
class Listed:
    """What `encoder` takes, and what is known of it. None: its files do not say."""

    name: str
    family: str
    where: str = ""  # packaged, hub cache, folder, file, service; empty if it is not here
    folder: Path | None = None
    dimension: int | None = None
    max_length: int | None = None  # tokens
    bytes: int | None = None
    problem: str = ""  # why it cannot be used


@dataclass(frozen=True)
class Scheme:
    """What may stand before the name of an encoder."""

    scheme: str
    example: str
    needs: str
    found: tuple[str, ...]  # variables of the environment that are set for it; their values are nobody's business


def installed() -> list[Listed]:
    """All that can be used now: packaged models, those in the hub's cache, a service whose key is set."""
    found = [describe(model.name) for model in local_models()]
    remote = family_of(REMOTE)
    if os.environ.get("OPENAI_API_KEY") and not os.environ.get("OPENAI_BASE_URL"):  # elsewhere it is another's model
        found.append(describe(remote.example))
    return [listed for listed in found if not listed.problem]


def schemes() -> list[Scheme]:
    """Every family with a scheme, and an example of it."""
    found = []
    for scheme in sorted(FAMILIES):
        family = family_of(scheme)
        variables = tuple(name for name in getattr(family, "environment", ()) if os.environ.get(name))
        found.append(Scheme(scheme, family.example, family.needs, variables))
    return found


def describe(name: str) -> Listed:
    """What is known of an encoder of this name; the problem says why it cannot be used, if so."""
    scheme, colon, rest = name.partition(":")
    family = scheme if colon and scheme in FAMILIES else ""
    listed = Listed(name, family or SENTENCE)
    try:
        where, path = _place(rest if family else name, family)
        if not where:
            return replace(listed, problem="not on this machine")
        listed = replace(listed, where=where, folder=path if path and path.is_dir() else None, bytes=_size(path))
        if path and not family and scheme_of(path) == "sparse":
            return replace(listed, problem=f"its vectors are sparse: name it sparse:{name}")
        if path and not family and scheme_of(path) not in ("", "transformer"):
            return replace(listed, problem="its files are not those of a sentence-transformers model")
        if path and family in ("", "transformer", "sparse") and not whole(path):
            return replace(listed, problem="its safetensors weights are missing or not whole")
        if path and not family:
            dimension, length = sentence_shape(path)
        else:
            # By its folder, so that nobody asks the hub for what is here.
            _, mark, query = rest.partition("?")
            encoder = family_encoder(f"{family}:{path}{mark}{query}" if path else name)
            dimension, length = (getattr(encoder, value, None) for value in ("dimension", "max_length"))
        return replace(listed, dimension=dimension, max_length=length)
    except (TopicsError, OSError) as error:
        return replace(listed, problem=str(error))


def _place(rest: str, family: str) -> tuple[str, Path | None]:
    """Where the files of a name are."""
    if family == REMOTE:
        return "service", None
    bare = rest if Path(rest).expanduser().exists() else rest.partition("?")[0]
    path = Path(bare).expanduser() if family else Path(bare)
    if bare and path.exists():
        return ("folder" if path.is_dir() else "file"), path
    repository = bare if family == "transformer" or "/" in bare else f"{SENTENCE}/{bare}"
    if folder := cached_folder(repository):
        return "hub cache", folder
    folder = None if family else packaged_folder(bare.removeprefix(f"{SENTENCE}/"))
    return ("packaged", folder) if folder else ("", None)


def sentence_shape(folder: Path) -> tuple[int | None, int | None]:
    """Dimension and most tokens of a sentence-transformers model, module by module."""
    dimension = length = None
    for module in modules_of(folder):
        at = folder / str(module.get("path", ""))
        config, kind = read_json(at / "config.json"), str(module.get("type")).rpartition(".")[2]
        if kind in ("Transformer", "MLMTransformer"):
            dimension, length = first_number(config, WIDTH) or None, _tokens(at, config)
        elif kind == "Pooling":
            dimension = _pooled(config) or dimension
        elif kind == "StaticEmbedding":
            dimension = _static(at / "model.safetensors")
        elif kind == "Dense":
            dimension = first_number(config, ("out_features",)) or dimension
    return dimension, length


def _pooled(config: Mapping[str, Any]) -> int:
    """What pooling makes of the width of a token; both spellings sentence-transformers has had."""
    modes = config.get("pooling_mode") or [on for name, on in config.items() if name.startswith("pooling_mode_") and on]
    return first_number(config, ("embedding_dimension", "word_embedding_dimension")) * (
        1 if isinstance(modes, str) else max(len(modes), 1)
    )


def _tokens(folder: Path, config: Mapping[str, Any]) -> int | None:
    for file in folder.glob("sentence_*_config.json"):
        if length := first_number(read_json(file), ("max_seq_length",)):
            return length
    told = first_number(read_json(folder / "tokenizer_config.json"), ("model_max_length",))
    room = first_number(config, ("max_position_embeddings",))
    least = min((number for number in (told, room) if number > 0), default=0)
    return least if 0 < least < 10**9 else None  # tokenizers without a limit tell of 10**30


def _static(weights: Path) -> int | None:
    """The second dimension of the matrix, as the header of the file has it."""
    try:
        with weights.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        return int(next(told["shape"][1] for name, told in header.items() if name.startswith("embedding")))
    except (OSError, ValueError, LookupError, TypeError, OverflowError, StopIteration):
        return None


def _size(path: Path | None) -> int | None:
    """Bytes of a file, or of all files below a folder; those a cache links to count."""
    if path is None:
        return None
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
