"""Files of vectors: NumPy's `.npy`, `.safetensors`, Parquet columns of lists. Nothing is ever unpickled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.corpus import files
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SAVE = "Write it with numpy.save(path, array), an array of shape (n, d), float32."


def read_npy(path: Path) -> NDArray[Any]:
    """The array of a `.npy` file, mapped into memory and not read until it is used.

    Raises
    ------
    InvalidInput
        If it holds Python objects, is cut off, or is no such file.
    """
    try:
        found = np.load(path, mmap_mode="r")  # NumPy refuses pickles unless told otherwise
    except (OSError, ValueError, EOFError) as error:
        told = str(error)
        if "pickle" in told or "object" in told:
            told = "it holds Python objects, which are never unpickled"
        raise InvalidInput(f"{path} cannot be read: {told.rstrip('.')}. {_SAVE}") from None
    if not isinstance(found, np.ndarray):
        raise InvalidInput(f"{path} is an archive of several arrays. {_SAVE}")
    return found


def read_safetensors(path: Path, tensor: str | None) -> NDArray[Any]:
    """One tensor of a file; its name may be left out where there is only one.

    Raises
    ------
    InvalidInput
        If there is no such tensor, it is of a type NumPy does not know, or the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = sorted(file.keys())
            if tensor is None and len(names) == 1:
                tensor = names[0]
            if tensor not in names:
                raise InvalidInput(f"{path} has {_no('tensor', tensor)}; there are: {', '.join(names)}.")
            found: NDArray[Any] = file.get_tensor(tensor)
            return found
    except (OSError, SafetensorError) as error:
        raise InvalidInput(f"{path} cannot be read as safetensors: {error}.") from None
    except TypeError as error:  # bfloat16 and its like
        raise InvalidInput(f"the tensor {tensor!r} of {path} cannot be used: {error}; save it as float32.") from None


def read_parquet(location: str, column: str | None, id_: str | None) -> tuple[NDArray[Any], list[Any] | None]:
    """A column of lists of equal length, from a Parquet file, a folder or a glob of them.

    Returns
    -------
    (ndarray of shape (n, d), list of n or None)
        Rows in the order in which a corpus is read from there, of NaN where there is no list; the values
        of the column `id_`, if one is named.

    Raises
    ------
    InvalidInput
        If a column is missing or holds no lists of numbers of equal length, or a file is damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    found = files.find(location)
    if found.kind != "Parquet":
        raise InvalidInput(f"{location}: vectors are read from .npy, .safetensors and .parquet, not from {found.kind}.")
    parts: list[NDArray[Any]] = []
    ids: list[Any] = []
    for path in found.paths.values():
        try:
            with parquet.ParquetFile(path) as file:
                columns = file.schema_arrow.names
                for wanted in (column, *([id_] if id_ is not None else ())):
                    if wanted not in columns:
                        raise InvalidInput(f"{path} has {_no('column', wanted)}; there are: {', '.join(columns)}.")
                table = file.read(columns=[column, id_] if id_ is not None else [column])
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput(f"{path} is no Parquet file, or a damaged one: {str(error).rstrip('.')}.") from None
        parts.append(_matrix(table[column].combine_chunks(), f"the column {column!r} of {path}"))
        ids += table[id_].to_pylist() if id_ is not None else ()
    widths = sorted({part.shape[1] for part in parts})
    if len(widths) > 1:
        raise InvalidInput(f"{location}: vectors of {_and(widths)} numbers; all must have the same length.")
    return np.concatenate(parts), ids if id_ is not None else None


def _matrix(column: Any, name: str) -> NDArray[Any]:
    """A column of lists as an array of shape (n, d)."""
    import pyarrow as pa
    from pyarrow import compute

    kind = column.type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not lists or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InvalidInput(f"{name} holds {kind}; vectors are lists of numbers.")
    widths = compute.unique(compute.list_value_length(column).drop_null()).to_pylist()
    if len(widths) > 1:
        raise InvalidInput(f"{name} holds lists of {_and(sorted(widths))} numbers; all must have the same length.")
    width = widths[0] if widths else 0
    values = compute.list_flatten(column).to_numpy(zero_copy_only=False).reshape(-1, width)
    there = column.is_valid().to_numpy(zero_copy_only=False)
    if there.all():
        return np.asarray(values)
    rows = np.full((len(column), width), np.nan, dtype=np.result_type(values, np.float32))
    rows[there] = values
    return rows


def _no(what: str, name: str | None) -> str:
    return f"no {what} {name!r}" if name is not None else f"several {what}s: name one with ?{what}=NAME"


def _and(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
