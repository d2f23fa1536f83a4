"""A value as files: one for each array and table of it, and `value.json` with their checksums. Nothing is pickled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import mmap
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import data
from topics.errors import StoreDamaged
from topics.store.keys import canonical, file_sha256
from topics.strings import Strings, mapped_strings, write_strings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MANIFEST = "value.json"
_MANY = 1000  # strings: no more are kept as JSON
_LARGE_LIST = 50_000  # strings: more are left on the disk by whoever made them
_MAPPED = 1 << 20  # arrays above this many bytes are memory-mapped, not read
_LARGE = 1 << 26  # ... and above this many not even kept in memory by whoever made them


def write_value(value: Any, folder: Path, note: str = "") -> None:
    """Write a dataclass of `topics.data` as a new folder, flushed to the disk."""
    folder.mkdir(parents=True)
    fields = _write_fields(value, folder, "")
    checksums = {part.name: file_sha256(part) for part in sorted(folder.iterdir())}
    told = {"type": type(value).__name__, "fields": fields, "sha256": checksums, "note": note}
    told["self"] = hashlib.sha256(canonical(told)).hexdigest()
    (folder / MANIFEST).write_bytes(canonical(told))
    for part in folder.iterdir():
        _flush_file(part)
    flush_folder(folder)


def read_value(folder: Path, check: bool = True) -> Any:
    """Read what `write_value` wrote, after checking every byte of it unless it was written a moment ago.

    Raises
    ------
    StoreDamaged
        If anything is missing or differs.
    """
    try:
        written = (folder / MANIFEST).read_bytes()
        told = json.loads(written)
        intact = canonical(told) == written  # JSON has several ways to write one value; only ours is intact
        stated = told.pop("self")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise StoreDamaged(f"{folder / MANIFEST} is missing or unreadable.") from None
    if not intact or hashlib.sha256(canonical(told)).hexdigest() != stated:
        raise StoreDamaged(f"{folder / MANIFEST} does not match its checksum.")
    for name, checksum in told["sha256"].items() if check else ():
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


def is_large(value: Any) -> bool:
    """Whether a value, or one within it, holds what is better left on the disk: a large array, or many strings."""
    parts = (getattr(value, field.name) for field in dataclasses.fields(value))
    return any(map(_is_large, parts))


def _is_large(part: Any) -> bool:
    if isinstance(part, np.ndarray):
        return part.nbytes > _LARGE
    if isinstance(part, tuple | Strings):
        return len(part) > _LARGE_LIST and isinstance(part[0], str)
    return dataclasses.is_dataclass(part) and is_large(part)


def read_plain(folder: Path) -> dict[str, Any]:
    """The fields of a value that are plain JSON, unverified: to tell what there is without reading it.

    Raises
    ------
    StoreDamaged
        If they cannot be read.
    """
    try:
        fields = json.loads((folder / MANIFEST).read_bytes())["fields"]
        return {name: told["value"] for name, told in fields.items() if told["kind"] == "json"}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise StoreDamaged(f"{folder / MANIFEST} is missing or unreadable.") from None


def _write_fields(value: Any, folder: Path, prefix: str) -> dict[str, Any]:
    return {
        field.name: _write_field(getattr(value, field.name), folder, f"{prefix}{field.name}")
        for field in dataclasses.fields(value)
    }


def _write_field(value: Any, folder: Path, name: str) -> dict[str, Any]:
    """Write one field; returns how to read it back."""
    if isinstance(value, np.ndarray):
        _write_array(value, folder / f"{name}.npy")
        return {"kind": "array", "file": f"{name}.npy"}
    if value is None or isinstance(value, str | int | float):  # before anything is loaded to tell the others apart
        return {"kind": "json", "value": value}
    import pandas as pd
    from scipy import sparse

    if isinstance(value, sparse.csr_array):
        for part in ("data", "indices", "indptr"):
            _write_array(getattr(value, part), folder / f"{name}.{part}.npy")
        return {"kind": "csr", "file": name, "shape": [int(size) for size in value.shape]}
    if isinstance(value, pd.DataFrame):
        value.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
        return {"kind": "frame", "file": f"{name}.parquet", "rows": len(value)}
    if _is_strings(value):
        with (folder / f"{name}.arrow").open("wb") as file:
            write_strings(value, file)
        return {"kind": "strings", "file": f"{name}.arrow"}
    if dataclasses.is_dataclass(value):
        return {"kind": type(value).__name__, "fields": _write_fields(value, folder, f"{name}.")}
    return {"kind": "json", "value": value}


def _is_strings(value: Any) -> bool:
    """Whether a value is a sequence of strings, and too long for JSON."""
    if isinstance(value, Strings):
        return True
    return isinstance(value, tuple | list) and len(value) > _MANY and all(isinstance(item, str) for item in value)


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
        return _read_strings(folder / told["file"])
    if kind == "json":
        return _tuples(told["value"])
    return _read_fields(kind, told["fields"], folder)


def _read_array(path: Path) -> Any:
    return np.load(path, mmap_mode="r" if path.stat().st_size > _MAPPED else None)


def _read_strings(path: Path) -> Sequence[str]:
    if path.suffix == ".parquet":  # as older versions kept them
        import pyarrow.parquet as pq

        return tuple(pq.read_table(path)["value"].to_pylist())
    found = mapped_strings(path)
    return found if path.stat().st_size > _MAPPED else tuple(found)


def let_go(array: np.ndarray[Any, Any]) -> None:
    """Give the memory of a mapped array back; it is read from the disk again when needed. Others stay as they are."""
    mapped: Any = array
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap) and hasattr(mapped, "madvise"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _flush_file(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
