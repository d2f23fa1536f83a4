"""Models in the Hugging Face hub's cache on this machine, told apart by their files alone: no network, no PyTorch."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from topics.embedding.families import FAMILIES

_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model")


@dataclass(frozen=True)
class CachedModel:
    """The files that the name of a model stands for when the hub is not asked."""

    name: str  # what `encoder` takes
    folder: Path


def offline() -> bool:
    """Whether `HF_HUB_OFFLINE` forbids to ask the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}


def cached_folder(repository: str) -> Path | None:
    """Where the cache has the main revision of a repository."""
    from huggingface_hub import constants

    root = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        folder = root / "snapshots" / (root / "refs" / "main").read_text("utf-8").strip()
    except (OSError, ValueError):  # of another revision only, or no name that a file can have
        return None
    return folder if folder.is_dir() else None


def cached_models() -> list[CachedModel]:
    """Every model for texts in the cache whose weights are whole and safetensors, by name."""
    from huggingface_hub import constants

    found = []
    for root in Path(constants.HF_HUB_CACHE).glob("models--*"):
        repository = root.name.removeprefix("models--").replace("--", "/")
        folder = cached_folder(repository)
        scheme = scheme_of(folder) if folder and whole(folder) else None
        if folder and scheme in ("", *FAMILIES):
            name = f"{scheme}:{repository}" if scheme else repository.removeprefix("sentence-transformers/")
            found.append(CachedModel(name, folder))
    return sorted(found, key=lambda model: model.name)


def scheme_of(folder: Path) -> str | None:
    """The scheme a model needs before its name: none for sentence-transformers, `None` for what makes no vectors."""
    if (folder / "modules.json").is_file():
        told = read_json(folder / "config_sentence_transformers.json").get("model_type", "SentenceTransformer")
        kinds = str(modules_of(folder)).lower()
        if told == "SparseEncoder" or "sparse" in kinds or "splade" in kinds:
            return "sparse"
        return "" if told == "SentenceTransformer" else None
    if read_json(folder / "config.json").get("model_type") == "model2vec":
        return "static"
    text = (folder / "config.json").is_file() and any((folder / name).is_file() for name in _TOKENIZERS)
    return "transformer" if text else None


def whole(folder: Path) -> bool:
    """Whether there are safetensors weights, and all the parts an index names."""
    if not any(folder.rglob("*.safetensors")):
        return False
    parts = read_json(folder / "model.safetensors.index.json").get("weight_map")
    return not isinstance(parts, dict) or all((folder / str(part)).is_file() for part in set(parts.values()))


def modules_of(folder: Path) -> list[dict[str, Any]]:
    """The modules of a sentence-transformers model in their order; a bare checkpoint is one, with a mean after it."""
    told = _read(folder / "modules.json")
    if not isinstance(told, list):
        return [{"path": "", "type": "Transformer"}]
    return [module for module in told if isinstance(module, dict)]


def read_json(path: Path) -> dict[str, Any]:
    """What an object in JSON holds; nothing where there is no such file, or something else in it."""
    told = _read(path)
    return told if isinstance(told, dict) else {}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
