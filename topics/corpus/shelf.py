"""Tables that grow part by part, their strings on the disk."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from topics.corpus.spool import mapped, spool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa


class Shelf:
    """Strings that are put down part by part and mapped once all are there; few of them stay in memory."""

    def __init__(self) -> None:
        self._file = spool()
        self._places: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def put(self, strings: pa.Array) -> int:
        """Put down an array of the type large_string; its number."""
        import pyarrow as pa

        batch = pa.record_batch([strings], ["value"]).serialize()
        self._places.append((self._file.tell(), batch.size))
        self._file.write(batch)
        return len(self._places) - 1

    def get(self, number: int) -> pa.Array:
        """An array, read into memory."""
        at, size = self._places[number]
        self._file.seek(at)
        raw = self._file.read(size)
        self._file.seek(0, 2)
        return _array(raw)

    def mapped(self) -> list[pa.Array]:
        """The arrays, by their numbers, mapped. They outlive the shelf."""
        import pyarrow as pa

        raw = pa.py_buffer(mapped(self._file))
        return [_array(raw[at : at + size]) for at, size in self._places]


class Rows:
    """A table that rows are added to, some thousand at a time.

    A column of strings and missing values is put on a shelf; one that holds anything else is in memory, as objects.
    Half a surrogate pair, which is no text and cannot be written, becomes a question mark.
    """

    def __init__(self, shelf: Shelf, *columns: str) -> None:
        self._shelf = shelf
        self._parts: dict[str, list[int | list[Any]]] = {name: [] for name in columns}  # on the shelf, or values
        self._length = 0

    def add(self, length: int, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add so many rows; what a column does not have of them, before or now, is missing."""
        for name in columns:
            if name not in self._parts:
                self._parts[name] = [self._put([None] * self._length)]
        for name, parts in self._parts.items():
            parts.append(self._put(columns.get(name, [None] * length)))
        self._length += length

    def table(self) -> pd.DataFrame:
        """All rows, columns in the order in which they came."""
        import pandas as pd

        arrays = self._shelf.mapped()
        columns = [
            _column([arrays[part] if isinstance(part, int) else part for part in parts])
            for parts in self._parts.values()
        ]
        names = [name.encode("utf-8", "replace").decode() for name in self._parts]
        return pd.DataFrame(dict(enumerate(columns)), index=range(self._length)).set_axis(names, axis=1)

    def _put(self, values: Sequence[Any]) -> int | list[Any]:
        strings = _strings(values)
        return list(values) if strings is None else self._shelf.put(strings)


def shelved(tables: Iterable[pd.DataFrame]) -> list[pd.DataFrame]:
    """The same tables, their columns of strings on the disk. Each is put there before the next is asked for."""
    import pandas as pd

    with Shelf() as shelf:
        told = [(table.columns, [_on(shelf, table.iloc[:, at]) for at in range(table.shape[1])]) for table in tables]
        arrays = shelf.mapped()
    return [
        pd.DataFrame(
            {
                at: _column([arrays[number] for number in column]) if isinstance(column, list) else column
                for at, column in enumerate(columns)
            }
        ).set_axis(names, axis=1)
        for names, columns in told
    ]


def _on(shelf: Shelf, column: pd.Series) -> pd.Series | list[int]:
    """The numbers of a column's parts on a shelf, or the column if it holds no strings alone."""
    import pandas as pd
    import pyarrow as pa

    if not isinstance(column.dtype, pd.StringDtype):
        return column
    strings = pa.table({"value": column}).column(0).cast(pa.large_string())
    return [shelf.put(part) for part in strings.chunks]


def _array(raw: Any) -> pa.Array:
    import pyarrow as pa

    return pa.ipc.read_record_batch(pa.py_buffer(raw), pa.schema([("value", pa.large_string())])).column(0)


def _strings(values: Sequence[Any]) -> pa.Array | None:
    """Strings and missing values as an array; None if there is anything else."""
    import pyarrow as pa

    try:
        return pa.array(values, pa.large_string())
    except UnicodeEncodeError:
        whole = [value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for value in values]
        return _strings(whole)
    except pa.ArrowTypeError:
        return None


def _column(parts: Sequence[pa.Array | list[Any]]) -> pd.Series:
    import pandas as pd
    import pyarrow as pa

    if any(isinstance(part, list) for part in parts):
        values = chain.from_iterable(part if isinstance(part, list) else part.to_pylist() for part in parts)
        return pd.Series(list(values), dtype="object")
    column: pd.Series = pa.chunked_array(parts, pa.large_string()).to_pandas()
    return column
