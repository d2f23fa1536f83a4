"""Arrays in a safetensors file: written as they lie in memory, part by part, and mapped when they are read.

The package safetensors copies every array before it writes or gives it; with the vectors of a million documents these
copies are most of what a process holds. The bytes are those it writes (the tests compare them).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

#: The format's name of each type, those that come first in a file first: so all arrays are aligned.
_TYPES: Mapping[str, np.dtype[Any]] = {
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_LENGTH = 8  # bytes that say how long the header is, which is padded to a multiple of as many
_PART = 1 << 24  # bytes


def parts_of(tensors: Mapping[str, NDArray[Any]]) -> Iterator[bytes | memoryview]:
    """The bytes of a safetensors file, some at a time; arrays in one piece are not copied.

    Raises
    ------
    TypeError
        For arrays of other types than int64, float64, float32, int32, uint8 and bool.

    Examples
    --------
    >>> parts = list(parts_of({"a": np.array([1, 2], dtype=np.uint8)}))
    >>> bytes(parts[0])[8:].rstrip(), bytes(parts[1])
    (b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', b'\\x01\\x02')
    """
    names = {dtype: name for name, dtype in _TYPES.items()}
    rank = {name: place for place, name in enumerate(_TYPES)}
    if odd := sorted(name for name, array in tensors.items() if array.dtype not in names):
        raise TypeError(f"{odd[0]}: arrays of {tensors[odd[0]].dtype} are not kept; there are {', '.join(_TYPES)}.")
    order = sorted(tensors, key=lambda name: (rank[names[tensors[name].dtype]], name))
    told, begin = {}, 0
    for name in order:
        array = tensors[name]
        end = begin + array.nbytes
        told[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
        begin = end
    header = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % _LENGTH)
    yield len(header).to_bytes(_LENGTH, "little") + header
    for name in order:
        raw = np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data
        yield from (raw[start : start + _PART] for start in range(0, len(raw), _PART))


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file that was written so, read-only; what is looked at is read from the disk, and nothing else.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError
        If the file is not there or damaged.
    """
    from safetensors import safe_open

    with safe_open(path, framework="np"):  # refuses headers that are none, and files that were cut off
        pass
    raw = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    first = _LENGTH + int.from_bytes(raw[:_LENGTH].tobytes(), "little")
    told = json.loads(raw[_LENGTH:first].tobytes())
    told.pop("__metadata__", None)
    found = {}
    for name, entry in told.items():
        begin, end = (first + offset for offset in entry["data_offsets"])
        found[name] = raw[begin:end].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return found
