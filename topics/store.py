"""Results kept by what made them: a folder of checked, immutable entries, shared by every run.

An entry is a folder `<stage>/<key>/` with one `.npy`, `.parquet` or JSON part per field of a value
and `value.json`, which names the parts and their SHA-256. It appears whole or not at all: written
under another name, flushed, renamed. Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import shutil
import time
import uuid
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import data
from topics.errors import StoreDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

log = logging.getLogger(__name__)

DEFAULT_ROOT = Path("outputs/store")
_MANIFEST = "value.json"
_MAPPED = 1 << 20  # arrays above this many bytes are memory-mapped, not read


@dataclass(frozen=True)
class Ref:
    """A small name for a large value."""

    stage: str
    key: str
    within: Ref | None = None  # stored as the field `stage` of that value, not on its own

    def __str__(self) -> str:
        return f"{self.stage}/{self.key[:12]}"


@dataclass(frozen=True)
class Entry:
    """What the store holds under one key."""

    ref: Ref
    bytes: int
    used: float  # seconds since the epoch: when it was last written or read
    note: str  # what it is, for people


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


class Store:
    """Values under `root`, written once, verified whenever they are read.

    Parameters
    ----------
    root : path, optional
        By default `$TOPICS_STORE`, else `outputs/store`. Made when first written to.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        self.root = Path(root or os.environ.get("TOPICS_STORE") or DEFAULT_ROOT)

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def folder(self, ref: Ref) -> Path:
        """Where the entry of `ref` is, or would be."""
        return self.root / ref.stage / ref.key

    def has(self, ref: Ref) -> bool:
        """Whether an entry is there; it is verified only when read."""
        if ref.within:
            return self.has(ref.within)
        return (self.folder(ref) / _MANIFEST).is_file()

    def locked(self, ref: Ref) -> AbstractContextManager[object]:
        """Hold `ref` against other processes; the kernel lets go if this one dies."""
        from filelock import FileLock

        (self.root / "locks").mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / "locks" / f"{ref.stage}-{ref.key}.lock")

    def load(self, ref: Ref) -> Any:
        """Read a value back, verified.

        Raises
        ------
        KeyError
            If there is no such entry.
        StoreDamaged
            If its bytes are not those written; the entry has been moved to `damaged/`.
        """
        if ref.within:
            return getattr(self.load(ref.within), ref.stage)
        folder = self.folder(ref)
        if not self.has(ref):
            raise KeyError(str(ref))
        try:
            value = read_value(folder)
        except StoreDamaged as damage:
            aside = self.root / "damaged" / f"{ref.stage}-{ref.key}-{uuid.uuid4().hex[:8]}"
            aside.parent.mkdir(exist_ok=True)
            folder.replace(aside)
            raise StoreDamaged(f"{damage} The entry was moved to {aside}.") from None
        with suppress(OSError):  # a store may be read by those who may not write it
            os.utime(folder / _MANIFEST)
        return value

    def save(self, ref: Ref, value: Any, note: str = "") -> None:
        """Write a value; an entry that is already there is left as it is."""
        if self.has(ref):
            return
        folder = self.folder(ref)
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.root / "temporary" / f"{ref.stage}-{uuid.uuid4().hex}"
        try:
            write_value(value, temporary, note)
            if not self.has(ref):  # what is left of an entry that somebody began to delete
                shutil.rmtree(folder, ignore_errors=True)
            temporary.replace(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            if self.has(ref):  # somebody else was faster: the same key, the same value
                return
            raise
        _flush_folder(folder.parent)

    def fetch(self, ref: Ref, compute: Callable[[], Any], note: str = "") -> tuple[Any, bool]:
        """The value of `ref` and whether it was there; made and kept if not.

        One process computes, others asking for the same key wait and read. A damaged entry is
        reported and made again. When it cannot be kept (full disk), the value is still returned.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self.locked(ref))
            except OSError as error:
                log.warning("could not lock %s in %s: %s. Going on without.", ref, self.root, error)
            if self.has(ref):
                try:
                    return self.load(ref), True
                except StoreDamaged as damage:
                    log.warning("%s Computing it again.", damage)
            value = compute()
            try:
                self.save(ref, value, note)
            except OSError as error:
                log.warning("could not keep %s in %s: %s. Going on without.", ref, self.root, error)
            return value, False

    def entries(self) -> Iterator[Entry]:
        """Every entry, by stage and key."""
        for manifest in sorted(self.root.glob(f"*/*/{_MANIFEST}")):
            folder = manifest.parent
            if folder.parent.name in {"temporary", "damaged"}:
                continue
            size = sum(part.stat().st_size for part in folder.rglob("*") if part.is_file())
            try:
                note = json.loads(manifest.read_text("utf-8")).get("note", "")
            except (ValueError, AttributeError):
                note = "unreadable"
            yield Entry(Ref(folder.parent.name, folder.name), size, manifest.stat().st_mtime, note)

    def verify(self) -> list[StoreDamaged]:
        """Check every entry against its checksums; damaged ones are set aside and returned."""
        damages = []
        for entry in list(self.entries()):
            try:
                self.load(entry.ref)
            except StoreDamaged as damage:
                damages.append(damage)
        return damages

    def prune(self, unused_for: float = 0.0) -> tuple[int, int]:
        """Remove entries not used for that many seconds, damaged ones and leftovers of killed processes.

        Returns
        -------
        (int, int)
            Entries removed, bytes freed.
        """
        removed = freed = 0
        now = time.time()
        for entry in list(self.entries()):
            if now - entry.used >= unused_for:
                with self.locked(entry.ref):
                    shutil.rmtree(self.folder(entry.ref), ignore_errors=True)
                removed, freed = removed + 1, freed + entry.bytes
        for name in ("damaged", "temporary"):
            for leftover in (self.root / name).glob("*"):
                # A younger one may belong to a process that is writing right now.
                if name == "damaged" or now - leftover.stat().st_mtime > 3600:
                    freed += sum(part.stat().st_size for part in leftover.rglob("*") if part.is_file())
                    shutil.rmtree(leftover, ignore_errors=True)
        return removed, freed


class _NoStore(Store):
    """Remembers nothing; one code path with and without a store."""

    def __init__(self) -> None:
        super().__init__(os.devnull)

    def __repr__(self) -> str:
        return "NO_STORE"

    def has(self, ref: Ref) -> bool:
        return False

    def locked(self, ref: Ref) -> AbstractContextManager[object]:
        return nullcontext()

    def save(self, ref: Ref, value: Any, note: str = "") -> None:
        return None

    def entries(self) -> Iterator[Entry]:
        return iter(())


NO_STORE = _NoStore()


# --- values as files --------------------------------------------------------------------------


def write_value(value: Any, folder: Path, note: str = "") -> None:
    """Write a dataclass of `topics.data` as a new folder, flushed to the disk."""
    folder.mkdir(parents=True)
    fields = _write_fields(value, folder, "")
    checksums = {part.name: file_sha256(part) for part in sorted(folder.iterdir())}
    told = {"type": type(value).__name__, "fields": fields, "sha256": checksums, "note": note}
    told["self"] = hashlib.sha256(canonical(told)).hexdigest()
    (folder / _MANIFEST).write_bytes(canonical(told))
    for part in folder.iterdir():
        _flush_file(part)
    _flush_folder(folder)


def read_value(folder: Path) -> Any:
    """Read what `write_value` wrote, after checking every byte of it.

    Raises
    ------
    StoreDamaged
        If anything is missing or differs.
    """
    try:
        written = (folder / _MANIFEST).read_bytes()
        told = json.loads(written)
        intact = canonical(told) == written  # JSON has several ways to write one value; only ours is intact
        stated = told.pop("self")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise StoreDamaged(f"{folder / _MANIFEST} is missing or unreadable.") from None
    if not intact or hashlib.sha256(canonical(told)).hexdigest() != stated:
        raise StoreDamaged(f"{folder / _MANIFEST} does not match its checksum.")
    for name, checksum in told["sha256"].items():
        try:
            found = file_sha256(folder / name)
        except OSError:
            raise StoreDamaged(f"{folder / name} is missing.") from None
        if found != checksum:
            raise StoreDamaged(f"{folder / name} does not match its checksum.")
    try:
        return _read_fields(told["type"], told["fields"], folder)
    except TypeError as error:  # a field came or went since
        raise StoreDamaged(f"{folder} was written by another version of this library: {error}.") from None


def _write_fields(value: Any, folder: Path, prefix: str) -> dict[str, Any]:
    return {
        field.name: _write_field(getattr(value, field.name), folder, f"{prefix}{field.name}")
        for field in dataclasses.fields(value)
    }


def _write_field(value: Any, folder: Path, name: str) -> dict[str, Any]:
    """Write one field; returns how to read it back."""
    import pandas as pd
    from scipy import sparse

    if isinstance(value, np.ndarray):
        _write_array(value, folder / f"{name}.npy")
        return {"kind": "array", "file": f"{name}.npy"}
    if isinstance(value, sparse.csr_array):
        for part in ("data", "indices", "indptr"):
            _write_array(getattr(value, part), folder / f"{name}.{part}.npy")
        return {"kind": "csr", "file": name, "shape": [int(size) for size in value.shape]}
    if isinstance(value, pd.DataFrame):
        value.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
        return {"kind": "frame", "file": f"{name}.parquet", "rows": len(value)}
    if isinstance(value, (tuple, list)) and len(value) > 1000 and all(isinstance(item, str) for item in value):
        frame = pd.DataFrame({"value": pd.array(list(value), dtype="str")})
        frame.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
        return {"kind": "strings", "file": f"{name}.parquet"}
    if dataclasses.is_dataclass(value):
        return {"kind": type(value).__name__, "fields": _write_fields(value, folder, f"{name}.")}
    return {"kind": "json", "value": value}


def _write_array(array: np.ndarray[Any, Any], path: Path) -> None:
    if array.dtype.hasobject:
        raise TypeError(f"{path.name}: arrays of Python objects are not stored; got dtype {array.dtype}.")
    np.save(path, np.ascontiguousarray(array))


def _read_fields(kind: str, fields: Mapping[str, Any], folder: Path) -> Any:
    made = getattr(data, kind, None)
    if not (isinstance(made, type) and dataclasses.is_dataclass(made)):
        raise StoreDamaged(f"{folder} holds a {kind!r}, which is none of this library's values.")
    return made(**{name: _read_field(told, folder) for name, told in fields.items()})


def _read_field(told: Mapping[str, Any], folder: Path) -> Any:
    kind = told["kind"]
    if kind == "array":
        return _read_array(folder / told["file"])
    if kind == "csr":
        from scipy import sparse

        parts = tuple(_read_array(folder / f"{told['file']}.{part}.npy") for part in ("data", "indices", "indptr"))
        return sparse.csr_array(parts, shape=tuple(told["shape"]))
    if kind == "frame":
        import pandas as pd

        frame = pd.read_parquet(folder / told["file"])
        return frame if len(frame.columns) else pd.DataFrame(index=range(told["rows"]))
    if kind == "strings":
        import pyarrow.parquet as pq

        return tuple(pq.read_table(folder / told["file"])["value"].to_pylist())
    if kind == "json":
        return _tuples(told["value"])
    return _read_fields(kind, told["fields"], folder)


def _read_array(path: Path) -> Any:
    return np.load(path, mmap_mode="r" if path.stat().st_size > _MAPPED else None)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _flush_file(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
