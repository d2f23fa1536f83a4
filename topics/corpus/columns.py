"""Which column is what, and what its values mean."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from topics.corpus.dates import parse_dates
from topics.data import normalise
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import pandas as pd

#: Columns that are likely to hold what a document says, likeliest first; compared without case.
TEXT_NAMES = (
    *("text", "body", "content", "contents", "document", "doc", "full_text", "fulltext", "article", "message"),
    *("abstract", "review", "review_text", "comment", "tweet", "post", "sentence", "description", "summary"),
    *("question", "title", "headline"),
)
ID_NAMES = ("id", "doc_id", "document_id", "uuid", "key", "_id")
ROWS = 8192  #: of a column that are in memory at a time, and
BYTES = 1 << 24  #: ... about as many bytes, whatever is less
MANY = 50_000  #: rows: more are left on the disk
_NUMBER = re.compile(r"\s*[-+]?[\d.,\s]*(?:[eE][-+]?\d+)?\s*%?\s*")


def check_present(table: pd.DataFrame, name: str) -> None:
    """Raise `InvalidInput` unless there is exactly one column of that name."""
    times = list(table.columns).count(name)
    if times == 1:
        return
    if times:
        raise InvalidInput(f"there are {times} columns named {name!r}; rename all but one.")
    columns = [str(column) for column in table.columns]
    folded = {column.casefold(): column for column in columns}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    raise InvalidInput(f"there is no column {name!r}; there are: {', '.join(columns)}.{hint}")


def find_text(table: pd.DataFrame, wanted: str | None, taken: Collection[str | None]) -> tuple[str, tuple[str, ...]]:
    """The column that holds the texts.

    A column that was asked for must hold some text. Otherwise it is the first of `TEXT_NAMES`, the
    only column with text, or that with the longest texts on average.

    Returns
    -------
    str, tuple of str
        Its name; sentences about a guess and about values that are no text.

    Raises
    ------
    InvalidInput
        If no column holds text, or the one asked for does not.
    """
    candidates = [name for name in dict.fromkeys(table.columns) if name not in taken and _holds_text(table, name)]
    if wanted is not None and not _holds_text(table, wanted):
        others = f"columns that look like text: {', '.join(candidates)}" if candidates else "neither does another"
        raise InvalidInput(f"the column {wanted!r} holds no text, only numbers or nothing; {others}.")
    if not candidates and wanted is None:
        raise InvalidInput(f"no column holds text; there are: {', '.join(table.columns)}.")
    text, notes = (wanted, ()) if wanted is not None else _guess_text(table, candidates)
    odd = sum(not isinstance(value, str) and not _is_missing(value) for value in values(table[text]))
    if odd:
        notes = (*notes, f"Values of the column {text!r} that are not text and count as empty: {odd}.")
    return text, notes


def find_id(
    table: pd.DataFrame, wanted: str | None, taken: Collection[str | None]
) -> tuple[str | None, tuple[str, ...]]:
    """The column that names the documents, or None; guessed only if its values are unique."""
    if wanted is not None:
        return wanted, ()
    usable = [name for name, times in Counter(table.columns).items() if times == 1 and name not in taken]
    folded = {name.casefold(): name for name in reversed(usable)}
    notes: tuple[str, ...] = ()
    for name in (folded[known] for known in ID_NAMES if known in folded):
        told = names(table[name], fold=False)
        if None not in told and len(set(told)) == len(told):
            return name, notes if name == "id" else (*notes, f"The column {name!r} is taken as the id.")
        notes = (*notes, f"The column {name!r} is not used as the id: some of its values are empty or repeated.")
    return None, notes


def ids(column: pd.Series) -> list[str]:
    """The values of an id column as strings.

    Raises
    ------
    InvalidInput
        If values are empty or repeat.
    """
    told = names(column, fold=False)
    empty = [row for row, value in enumerate(told, start=1) if value is None]
    repeated = [value for value, times in Counter(told).items() if times > 1 and value is not None]
    way_out = "Name another id column, or none to have ids made from the texts."
    place = f"the ids in the column {column.name!r}"
    if empty:
        raise InvalidInput(f"{len(empty)} of {place} are empty, first in row {empty[0]}. {way_out}")
    if repeated:
        raise InvalidInput(
            f"{len(repeated)} of {place} occur more than once, {repeated[0][:80]!r} among them. {way_out}"
        )
    return [value for value in told if value is not None]


def values(column: pd.Series) -> Iterator[Any]:
    """The values of a column, some thousand in memory at a time: it may be mapped from a file."""
    for part in parts(column):
        yield from column.iloc[part.start : part.stop].tolist()


def together(rows: int, size: int) -> int:
    """How many rows may be in memory together, if so many have so many bytes."""
    return min(ROWS, max(BYTES * rows // max(size, 1), 1))


def parts(column: pd.Series) -> Iterator[range]:
    """Rows of a column that may be in memory together."""
    step = together(len(column), column.nbytes)
    for start in range(0, len(column), step):
        yield range(start, min(start + step, len(column)))


def names(column: pd.Series, *, fold: bool = True) -> list[str | None]:
    """Values as strings: 3 and 3.0 are "3"; None where there is nothing. `fold` normalises white space."""
    return [_name(value, fold) for value in values(column)]


def dates(column: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """A column as moments in time.

    Returns
    -------
    Series of datetime64[us, UTC], tuple of str
        Missing where nothing or nothing readable is; sentences about how they were read.

    Raises
    ------
    InvalidInput
        If no value can be read as a date.
    """
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return pd.to_datetime(column, utc=True).dt.as_unit("us").reset_index(drop=True), ()
    return parse_dates(names(column), str(column.name))


def _guess_text(table: pd.DataFrame, candidates: list[str]) -> tuple[str, tuple[str, ...]]:
    folded = {name.casefold(): name for name in reversed(candidates)}
    by_name = [folded[known] for known in TEXT_NAMES if known in folded]
    if "text" in by_name[:1]:
        return "text", ()
    if by_name or len(candidates) == 1:
        text = (by_name or candidates)[0]
        doubt = " If that is a document, the first line, which must name the columns, is missing."
        return text, (f"The column {text!r} is taken as the text.{doubt if len(text.split()) > 4 else ''}",)
    lengths = {name: _mean_length(values(table[name])) for name in candidates}
    text = max(candidates, key=lengths.__getitem__)
    return text, (f"The column {text!r} is taken as the text: its values are the longest.",)


def _holds_text(table: pd.DataFrame, name: str) -> bool:
    column = table[name]
    if column.ndim != 1 or column.dtype.kind in "iufbcmM":
        return False
    return any(isinstance(value, str) and not _NUMBER.fullmatch(value) for value in values(column))


def _mean_length(column: Iterable[object]) -> float:
    letters = texts = 0
    for value in column:
        if isinstance(value, str):
            letters, texts = letters + len(value), texts + 1
    return letters / max(texts, 1)


def _name(value: object, fold: bool) -> str | None:
    if _is_missing(value):
        return None
    told = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if fold:
        return normalise(told) or None
    return told.encode("utf-8", "replace").decode() if told.strip() else None


def _is_missing(value: Any) -> bool:
    import pandas as pd

    if isinstance(value, str):
        return False
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))
