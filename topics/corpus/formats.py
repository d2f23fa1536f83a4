"""One small reader per format: from the bytes of a file to a table of untouched values."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
from itertools import chain
from typing import TYPE_CHECKING, Any

from topics.corpus.columns import MANY, ROWS
from topics.corpus.encoding import to_utf8
from topics.errors import InvalidInput, NoDocuments
from topics.strings import table_on_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    Loaded = tuple[pd.DataFrame, tuple[str, ...]]  # the table and what there is to say about it

_LARGE = 1 << 25  # bytes of about as many rows as MANY


def _read_lines(raw: bytes, name: str) -> Loaded:
    """One document per line, blank lines included: they are documents without text."""
    import pandas as pd

    raw, notes = to_utf8(raw, name)
    lines = re.split("\r\n|\r|\n", raw.decode())
    if not lines[-1]:
        lines.pop()
    return pd.DataFrame({"text": lines}, dtype="object"), (*notes, f"Each line of {name} is taken as a document.")


def _read_csv(raw: bytes, name: str) -> Loaded:
    raw, notes = to_utf8(raw, name)
    raw = raw.lstrip(b"\r\n")
    header = re.sub(rb'"[^"]*"', b"", re.split(rb"[\r\n]", raw, maxsplit=1)[0])
    delimiter = max(b",;\t|", key=header.count) if header.strip() else ord(",")
    if delimiter != ord(","):
        notes = (*notes, f"The cells of {name} are taken to be separated by {chr(delimiter)!r}.")
    return _parse_delimited(raw, name, chr(delimiter), csv.QUOTE_MINIMAL), notes


def _read_tsv(raw: bytes, name: str) -> Loaded:
    raw, notes = to_utf8(raw, name)
    raw = raw.lstrip(b"\r\n")
    try:
        return _parse_delimited(raw, name, "\t", csv.QUOTE_MINIMAL), notes
    except InvalidInput:  # many programs write TSV without any quoting
        table = _parse_delimited(raw, name, "\t", csv.QUOTE_NONE)
        return table, (*notes, f"Quotation marks in {name} do not pair up and are taken literally.")


def _parse_delimited(raw: bytes, name: str, delimiter: str, quoting: int) -> pd.DataFrame:
    import pandas as pd

    options: dict[str, Any] = {
        "sep": delimiter,
        "quoting": quoting,
        "dtype": "str",
        "na_filter": False,
        "index_col": False,
        "encoding": "utf-8",
    }
    table: pd.DataFrame
    try:
        names = pd.read_csv(io.BytesIO(raw), nrows=0, **options).columns
        # With a single column an empty line is an empty cell.
        options["skip_blank_lines"] = len(names) > 1
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                table = _rows_of(raw, options)
            except pd.errors.ParserWarning:  # every row has one more cell than the header
                wider = _rows_of(raw, {**options, "names": [*names, "\0"], "header": 0})
                extra = (wider["\0"] != "").to_numpy()
                if extra.any():
                    ragged = f"Expected {len(names)} fields in line {extra.argmax() + 2}, saw {len(names) + 1}"
                    raise pd.errors.ParserError(ragged) from None
                table = wider.drop(columns="\0")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InvalidInput(f"{name} is no table: {_explained(str(error))}.") from None
    stripped = [name.strip() for name in table.columns]
    if len(set(stripped)) == len(stripped):
        table.columns = pd.Index(stripped)
    return table


def _rows_of(raw: bytes, options: Mapping[str, Any]) -> pd.DataFrame:
    """The cells of a table; those of a large one are put on the disk while they are read, and mapped."""
    import pandas as pd
    import pyarrow as pa

    if len(raw) < _LARGE:
        whole: pd.DataFrame = pd.read_csv(io.BytesIO(raw), **options)
        return whole
    with pd.read_csv(io.BytesIO(raw), chunksize=ROWS, **options) as parts:
        first = next(parts)
        schema = pa.schema([(name, pa.large_string()) for name in first.columns])
        tables = (pa.Table.from_pandas(part, schema, preserve_index=False) for part in chain([first], parts))
        mapped: pd.DataFrame = table_on_disk(tables, schema).to_pandas(ignore_metadata=True)
        return mapped


def _explained(message: str) -> str:
    """The parser's message in the reader's words. It counts rows, quoted line ends do not matter to it."""
    if ragged := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        expected, row, saw = ragged.groups()
        return (
            f"row {row} (the header is row 1) has {saw} cells instead of {expected}; "
            "quote cells that hold the delimiter"
        )
    if unclosed := re.search(r"EOF inside string starting at row (\d+)", message):
        return f"the quotation mark opened in row {int(unclosed[1]) + 1} (the header is row 1) is never closed"
    return message.removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")


def _read_json(raw: bytes, name: str) -> Loaded:
    """An array, or one value per line; the values are objects, or strings."""
    raw, notes = to_utf8(raw, name)
    rows: dict[int, Any] = {}
    array = raw.lstrip().startswith(b"[")
    unit = "item" if array else "line"
    if array:
        rows = dict(enumerate(_parse_json(raw, name), start=1))
    else:
        for number, line in enumerate(raw.split(b"\n"), start=1):
            if line.strip():
                rows[number] = _parse_json(line, name, number)
    if not rows:
        raise NoDocuments(f"{name} holds no documents.")
    expected = str if isinstance(next(iter(rows.values())), str) else dict
    for number, row in rows.items():
        if not isinstance(row, expected):
            raise InvalidInput(
                f"{name}, {unit} {number}: expected an object with columns, or only strings; got {str(row)[:80]!r}."
            )
    return _table_of(list(rows.values())), notes


def _parse_json(raw: bytes, name: str, first: int = 1) -> Any:
    """Parse what begins in a given line of a file."""
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        told = f"line {first + error.lineno - 1}, column {error.colno}: {error.msg}"
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        told = f"line {first}: {str(error).split(';')[0]}"
    raise InvalidInput(f"{name} is not JSON; {told}. Expected one object per line, or one array.")


def _table_of(rows: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    if isinstance(rows[0], str):
        return pd.DataFrame({"text": rows}, dtype="object")
    names = dict.fromkeys(name for row in rows for name in row)
    # Object columns, so that a missing value does not turn integers into floats.
    return pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype="object") for name in names})


def _read_parquet(raw: bytes, name: str) -> Loaded:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(pa.BufferReader(raw))
        many = file.metadata.num_rows > MANY
        table = _spooled(file) if many else parquet.read_table(pa.BufferReader(raw))
        return table.to_pandas(ignore_metadata=True, integer_object_nulls=True, date_as_object=False), ()
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(f"{name} is no Parquet file, or a damaged one: {str(error).rstrip('.')}.") from None


def _spooled(file: ParquetFile) -> pa.Table:
    """The table of a file, mapped from another one without a name, in which text lies as pandas takes it, uncopied."""
    import pyarrow as pa

    text = (pa.string(), pa.string_view())
    fields = [pa.field(each.name, pa.large_string()) if each.type in text else each for each in file.schema_arrow]
    return table_on_disk((part.cast(pa.schema(fields)) for part in file.iter_batches(ROWS)), pa.schema(fields))


#: Kind of file -> its reader, which gets the decompressed bytes and the name for messages.
READERS: Mapping[str, Callable[[bytes, str], Loaded]] = {
    "CSV": _read_csv,
    "TSV": _read_tsv,
    "JSON": _read_json,
    "Parquet": _read_parquet,
    "text": _read_lines,
}
