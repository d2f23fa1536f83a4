"""What may stand behind the name of a sentence-transformers model: `NAME?prompt=query: &dimensions=256`."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topics.embedding.checkpoint import Checkpoint

_OPTIONS = ("prompt", "prompt_name", "dimensions", "max_length", "device", "precision")


@dataclass(frozen=True)
class Asked:
    """A sentence-transformers model and how it is to be used.

    `base` is its name or folder. `prompt` is put before every text; by default what `prompt_name`, or else
    the model itself, says. `dimensions` keeps the first numbers of a vector, for models trained so that these
    say most (Kusupati et al. 2022, Matryoshka Representation Learning, arXiv:2205.13147). `max_length`, in tokens,
    is at most what the model reads. `device` is auto, cpu, cuda, cuda:N or mps; `precision`, of the CPU, auto,
    bf16 or f32.
    """

    base: str
    prompt: str | None = None
    prompt_name: str | None = None
    dimensions: int | None = None
    max_length: int | None = None
    device: str = "auto"
    precision: str = "auto"

    @classmethod
    def of(cls, name: str) -> Asked:
        """Take a name apart.

        Examples
        --------
        >>> Asked.of("intfloat/e5-small?prompt=query: &dimensions=128").prompt
        'query: '

        Raises
        ------
        InvalidConfig
            If an option is unknown, given twice or has a value that is not allowed.
        """
        base, _, query = (name, "", "") if Path(name).is_dir() else name.partition("?")
        given = options_of(query, name)
        unknown = sorted(set(given) - set(_OPTIONS))
        if unknown:
            raise InvalidConfig(
                f"encoder {name!r}: unknown option {', '.join(unknown)}; there are: {', '.join(_OPTIONS)}."
            )
        values: dict[str, Any] = dict(given)
        for option in ("dimensions", "max_length"):
            if option in given:
                if not re.fullmatch(r"[1-9][0-9]{0,6}", given[option]):
                    raise InvalidConfig(f"encoder {name!r}: {option}={given[option]!r}; a whole number from 1 on.")
                values[option] = int(given[option])
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", given.get("device", "auto")):
            raise InvalidConfig(
                f"encoder {name!r}: device={given['device']!r}; allowed are auto, cpu, cuda, cuda:N, mps."
            )
        if given.get("precision", "auto") not in ("auto", "bf16", "f32"):
            raise InvalidConfig(f"encoder {name!r}: precision={given['precision']!r}; allowed are auto, bf16, f32.")
        if "prompt" in given and "prompt_name" in given:
            raise InvalidConfig(f"encoder {name!r}: give prompt or prompt_name, not both.")
        return cls(base, **values)

    @property
    def runs_on(self) -> str:
        """The device: the one asked for, or a GPU where PyTorch here was built for the one that is here, or the CPU."""
        return self.device if self.device != "auto" else _device()

    def prompt_of(self, checkpoint: Checkpoint) -> str:
        """The prompt, looked up in the model's own where it is named.

        Raises
        ------
        InvalidConfig
            If the model knows no such prompt.
        """
        if self.prompt is not None:
            return self.prompt
        told = _json(checkpoint.folder / "config_sentence_transformers.json")
        prompts: Mapping[str, str] = told.get("prompts") or {}
        named = self.prompt_name or told.get("default_prompt_name")
        if self.prompt_name is not None and self.prompt_name not in prompts:
            raise InvalidConfig(
                f"{self.base} has no prompt {self.prompt_name!r}; "
                + (f"there are: {', '.join(sorted(prompts))}." if prompts else "it has none: give prompt=TEXT.")
            )
        return str(prompts.get(str(named), ""))


def options_of(query: str, name: str) -> dict[str, str]:
    """The options of `a=b&c=d`, percent-encoded where they hold a `&`, `+` or `%`.

    Raises
    ------
    InvalidConfig
        If one is given twice.
    """
    given = parse_qsl(query, keep_blank_values=True)
    options = dict(given)
    if len(options) < len(given):
        raise InvalidConfig(f"encoder {name!r} gives an option twice.")
    return options


def leaves_prompt_out(checkpoint: Checkpoint) -> bool:
    """Whether the model's pooling skips the tokens of the prompt, as that of INSTRUCTOR does (arXiv:2212.09741)."""
    return any(
        _json(config).get("include_prompt") is False for config in checkpoint.folder.glob("*_Pooling/config.json")
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    told = json.loads(path.read_text("utf-8"))
    return told if isinstance(told, dict) else {}


@cache
def _device() -> str:
    if sys.platform == "darwin" and "arm64" in sys.version.lower():
        return "mps"
    # Asking torch itself would take seconds in every process.
    driver = Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi")
    return "cuda" if driver and "+cpu" not in version("torch") else "cpu"
