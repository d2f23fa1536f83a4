"""One small reader per format: from an open file to a table of untouched values, a part of it in memory at a time."""

from __future__ import annotations

import csv
import io
import re
import warnings
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from topics.corpus.columns import MANY, ROWS, together
from topics.corpus.encoding import to_utf8
from topics.corpus.json_values import items, lines
from topics.corpus.shelf import Rows, Shelf
from topics.corpus.spool import LARGE, blocks, bytes_left, is_full, peek, staying
from topics.errors import InvalidInput, NoDocuments
from topics.strings import batches, table_on_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa
    from pandas.io.parsers import TextFileReader
    from pyarrow.parquet import ParquetFile

    Loaded = tuple[pd.DataFrame, tuple[str, ...]]  # the table and what there is to say about it

_FIRST = 64  # rows of a table that are read to see how long they are
_UNEXPECTED = "expected an object with columns, or only strings; got"


def _read_lines(file: IO[bytes], name: str) -> Loaded:
    """One document per line, blank lines included: they are documents without text."""
    text, notes = to_utf8(file, name)
    with text, Shelf() as shelf:
        rows = Rows(shelf, "text")
        told = io.TextIOWrapper(text, "utf-8")  # it takes \r\n, \r and \n for the end of a line
        for part in batches(line.removesuffix("\n") for line in told):
            rows.add(len(part), {"text": part})
        return rows.table(), (*notes, f"Each line of {name} is taken as a document.")


def _read_csv(file: IO[bytes], name: str) -> Loaded:
    text, notes = to_utf8(file, name)
    with text:
        header = re.sub(rb'"[^"]*"', b"", _first_line(text))
        delimiter = max(b",;\t|", key=header.count) if header.strip() else ord(",")
        if delimiter != ord(","):
            notes = (*notes, f"The cells of {name} are taken to be separated by {chr(delimiter)!r}.")
        return _parse_delimited(text, name, chr(delimiter), csv.QUOTE_MINIMAL), notes


def _read_tsv(file: IO[bytes], name: str) -> Loaded:
    text, notes = to_utf8(file, name)
    with text:
        _first_line(text)
        try:
            with staying(text):
                return _parse_delimited(text, name, "\t", csv.QUOTE_MINIMAL), notes
        except InvalidInput:  # many programs write TSV without any quoting
            table = _parse_delimited(text, name, "\t", csv.QUOTE_NONE)
            return table, (*notes, f"Quotation marks in {name} do not pair up and are taken literally.")


def _first_line(file: IO[bytes]) -> bytes:
    """The first line of a file that is not empty; the file is where it begins."""
    while (byte := file.read(1)) in (b"\r", b"\n"):
        continue
    file.seek(-len(byte), 1)
    line: list[bytes] = []
    with staying(file):
        for block in blocks(file):
            line.append(re.split(rb"[\r\n]", block, maxsplit=1)[0])
            if len(line[-1]) < len(block):
                break
    return b"".join(line)


def _parse_delimited(file: IO[bytes], name: str, delimiter: str, quoting: int) -> pd.DataFrame:
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
        with staying(file):
            names = pd.read_csv(file, nrows=0, **options).columns
        # With a single column an empty line is an empty cell.
        options["skip_blank_lines"] = len(names) > 1
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                with staying(file):
                    table = _rows_of(file, options)
            except pd.errors.ParserWarning:  # every row has one more cell than the header
                wider = _rows_of(file, {**options, "names": [*names, "\0"], "header": 0})
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


def _rows_of(file: IO[bytes], options: Mapping[str, Any]) -> pd.DataFrame:
    """The cells of a table; those of a large one are put on the disk while they are read, and mapped."""
    import pandas as pd
    import pyarrow as pa

    if bytes_left(file) < LARGE:
        whole: pd.DataFrame = pd.read_csv(file, **options)
        return whole
    with pd.read_csv(file, iterator=True, **options) as reader:
        parts = _parts(reader)
        first = next(parts)
        schema = pa.schema([(name, pa.large_string()) for name in first.columns])
        tables = (pa.Table.from_pandas(part, schema, preserve_index=False) for part in chain([first], parts))
        mapped: pd.DataFrame = table_on_disk(tables, schema).to_pandas(ignore_metadata=True)
        return mapped


def _parts(reader: TextFileReader) -> Iterator[pd.DataFrame]:
    rows = min(ROWS, _FIRST)
    while True:
        try:
            part = reader.get_chunk(rows)
        except StopIteration:
            return
        yield part
        rows = together(len(part), int(part.memory_usage(index=False).sum()))


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


def _read_json(file: IO[bytes], name: str) -> Loaded:
    """An array, or one value per line; the values are objects, or strings."""
    text, notes = to_utf8(file, name)
    with text, Shelf() as shelf:
        rows = Rows(shelf)
        read, unit = (items, "item") if peek(text, 1) == b"[" else (lines, "line")
        expected: type | None = None
        odd = ""  # said only if all of it is JSON
        for part in read(text, name):
            for number, value in part.items():
                expected = expected or (str if isinstance(value, str) else dict)
                if not isinstance(value, expected):
                    odd = odd or f"{unit} {number}: {_UNEXPECTED} {str(value)[:80]!r}"
            if not odd:
                rows.add(len(part), _columns(list(part.values())))
        if expected is None:
            raise NoDocuments(f"{name} holds no documents.")
        if odd:
            raise InvalidInput(f"{name}, {odd}.")
        return rows.table(), notes


def _columns(rows: Sequence[Any]) -> dict[str, list[Any]]:
    """The values of rows, by column; of strings, the column is the text."""
    if rows and isinstance(rows[0], str):
        return {"text": list(rows)}
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(chain.from_iterable(rows))}


def _read_parquet(file: IO[bytes], name: str) -> Loaded:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        rows = parquet.ParquetFile(file)
        told = rows.metadata
        size = sum(told.row_group(group).total_byte_size for group in range(told.num_row_groups))
        large = told.num_rows > MANY or size >= LARGE
        table = _spooled(rows, together(told.num_rows, size)) if large else rows.read()
        return table.to_pandas(ignore_metadata=True, integer_object_nulls=True, date_as_object=False), ()
    except (pa.ArrowException, OSError) as error:
        if is_full(error):
            raise
        raise InvalidInput(f"{name} is no Parquet file, or a damaged one: {str(error).rstrip('.')}.") from None


def _spooled(file: ParquetFile, rows: int) -> pa.Table:
    """The table of a file, mapped from another one without a name, in which text lies as pandas takes it, uncopied."""
    import pyarrow as pa

    text = (pa.string(), pa.string_view())
    fields = [pa.field(each.name, pa.large_string()) if each.type in text else each for each in file.schema_arrow]
    return table_on_disk((part.cast(pa.schema(fields)) for part in file.iter_batches(rows)), pa.schema(fields))


#: Kind of file -> its reader, which gets the decompressed file, that can be sought in, and the name for messages.
READERS: Mapping[str, Callable[[IO[bytes], str], Loaded]] = {
    "CSV": _read_csv,
    "TSV": _read_tsv,
    "JSON": _read_json,
    "Parquet": _read_parquet,
    "text": _read_lines,
}
