"""Many strings on the disk, as a sequence: mapped, and decoded where somebody looks.

They lie in Arrow's format for streams, in batches; what is kept in memory is where each batch begins.
"""

from __future__ import annotations

import mmap
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, AnyStr, overload

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_BATCH = 4096  # strings, and
_BYTES = 1 << 24  # ... bytes, whatever is reached first


class Strings(Sequence[str]):
    """Strings of an Arrow column that may be mapped from a file. Slices are tuples."""

    __hash__ = None  # type: ignore[assignment]  # equal to sequences that have another one, or none

    def __init__(self, chunks: Sequence[pa.Array]) -> None:
        self._chunks = [chunk for chunk in chunks if len(chunk)]
        self._begins, self._length = [], 0
        for chunk in self._chunks:
            self._begins.append(self._length)
            self._length += len(chunk)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, which: int) -> str: ...

    @overload
    def __getitem__(self, which: slice) -> tuple[str, ...]: ...

    def __getitem__(self, which: int | slice) -> str | tuple[str, ...]:
        rows = range(self._length)[which]
        if isinstance(rows, int):
            return str(self._at(rows))
        if rows.step != 1:
            return tuple(map(self._at, rows))
        return tuple(self._between(rows.start, rows.stop))

    def __iter__(self) -> Iterator[str]:
        return self._between(0, self._length)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __repr__(self) -> str:
        return f"<{len(self):,} strings on the disk>"

    def _at(self, row: int) -> Any:
        chunk = bisect_right(self._begins, row) - 1
        return self._chunks[chunk][row - self._begins[chunk]].as_py()

    def _between(self, start: int, stop: int) -> Iterator[str]:
        for begin, chunk in zip(self._begins, self._chunks, strict=True):
            if begin < stop and start < begin + len(chunk):
                for first in range(max(start - begin, 0), min(stop - begin, len(chunk)), _BATCH):
                    yield from chunk.slice(first, min(_BATCH, stop - begin - first)).to_pylist()


def write_strings(values: Iterable[str], file: IO[bytes]) -> None:
    """Write strings, a batch at a time; equal strings, equal bytes."""
    import pyarrow as pa

    schema = pa.schema([("value", pa.large_string())])
    arrays = (pa.array(batch, pa.large_string()) for batch in batches(values))
    write_table((pa.record_batch([array], schema=schema) for array in arrays), schema, file)


def write_table(parts: Iterable[pa.RecordBatch | pa.Table], schema: pa.Schema, file: IO[bytes]) -> None:
    """Write the rows of a table, a batch at a time."""
    import pyarrow as pa

    with pa.ipc.new_stream(file, schema) as stream:
        for part in parts:
            stream.write(part)
    file.flush()


def batches(values: Iterable[AnyStr]) -> Iterator[list[AnyStr]]:
    """Some thousand values at a time, fewer where they are long."""
    batch: list[AnyStr] = []
    size = 0
    for value in values:
        batch.append(value)
        size += len(value)
        if len(batch) == _BATCH or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def mapped_strings(path: Path) -> Strings:
    """The strings of a file; what is looked at is read from the disk, and nothing else."""
    with path.open("rb") as file:
        return Strings(mapped_table(file).column(0).chunks)


def mapped_table(file: IO[bytes]) -> pa.Table:
    """The table in an open file, mapped; the file may be closed and removed then."""
    import pyarrow as pa

    raw = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pa.ipc.open_stream(raw).read_all()


def table_on_disk(parts: Iterable[pa.RecordBatch | pa.Table], schema: pa.Schema) -> pa.Table:
    """A table that is put in a file without a name, which goes with it, and mapped."""
    with tempfile.TemporaryFile() as file:
        write_table(parts, schema, file)
        return mapped_table(file)


def strings_on_disk(values: Iterable[str]) -> Strings:
    """Strings that are put in a file without a name, which goes with them."""
    with tempfile.TemporaryFile() as file:
        write_strings(values, file)
        return Strings(mapped_table(file).column(0).chunks)
