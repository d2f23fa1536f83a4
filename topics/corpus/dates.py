"""Dates as people and programs write them. The same text is the same moment, whatever day it is read."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

#: Digits before the point -> unit of a number that counts from 1970.
_EPOCHS = {9: "s", 10: "s", 12: "ms", 13: "ms", 15: "us", 16: "us", 18: "ns", 19: "ns"}
_NUMBER = re.compile(r"(\d+)(\.\d+)?")
_DAYS = ("%d.%m.%Y", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%b %Y", "%B %Y")
_DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S %z", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_WHOLE = ("%Y%m", "%Y%m%d%H%M%S", "%b %d %H:%M:%S %z %Y", "%Y/%m")
_WEEKDAY = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_NUMERIC = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4}|\d{2})\b")


def parse_dates(values: Sequence[str | None], name: str) -> tuple[pd.Series, tuple[str, ...]]:
    """Read dates in ISO 8601, in common written forms, or as seconds since 1970.

    Where day and month could be either, the other values of the column decide; if they do not, the
    month comes first, and this is said. Without a time zone a moment is taken as UTC.

    Parameters
    ----------
    values : sequence of n str or None
    name : str
        Of the column, for messages.

    Returns
    -------
    Series of n datetime64[us, UTC], tuple of str
        Missing where nothing or nothing readable is; sentences about what was assumed or lost.

    Raises
    ------
    InvalidInput
        If none can be read.

    Examples
    --------
    >>> parse_dates(["2024-02-29", "March 3, 2024", None, "soon"], "when")
    (0   2024-02-29 00:00:00+00:00
    1   2024-03-03 00:00:00+00:00
    2                         NaT
    3                         NaT
    dtype: datetime64[us, UTC], ("Values of the column 'when' that are no date: 1, such as 'soon'.",))
    """
    import pandas as pd

    distinct = sorted({value for value in values if value is not None})
    # Without a digit it is no date; pandas takes "now" and "today" for one.
    written = pd.Series([value for value in distinct if re.search(r"\d", value)], dtype="object")
    tidy = written.map(_tidy)
    parsed = _parse_numbers(written)
    notes = [f"Numbers in the column {name!r} are taken to count from 1970."] if parsed.notna().any() else []
    parsed = _fill(parsed, tidy, ["ISO8601"])
    if parsed.isna().any():
        first, assumed = _order(tidy[parsed.isna()])
        notes += [f"{note} in the column {name!r}." for note in assumed]
        parsed = _fill(parsed, tidy, [day + time for day, time in product((*_DAYS, *first), _TIMES)])
        parsed = _fill(parsed, tidy, _WHOLE)
    known: dict[str | None, Any] = dict(zip(written, parsed, strict=True))
    moments = pd.Series([known.get(value, pd.NaT) for value in values], dtype="datetime64[us, UTC]")
    lost = [value for value in values if value is not None and pd.isna(known.get(value, pd.NaT))]
    if not moments.notna().any():
        examples = f": {', '.join(map(repr, sorted(set(lost))[:3]))}" if lost else ", all are empty"
        raise InvalidInput(
            f"no value in the column {name!r} is a readable date{examples}. "
            "Write dates as 2024-01-31, or name no date column."
        )
    if lost:
        notes.append(f"Values of the column {name!r} that are no date: {len(lost)}, such as {min(lost)[:80]!r}.")
    return moments, tuple(notes)


def _parse_numbers(written: pd.Series) -> pd.Series:
    """Moments of the numbers that count from 1970; missing for everything else."""
    import pandas as pd

    parsed = pd.Series(pd.NaT, index=written.index, dtype="datetime64[us, UTC]")
    units = written.map(lambda value: _EPOCHS.get(len(m[1])) if (m := _NUMBER.fullmatch(value)) else None)
    for unit in sorted(set(units.dropna())):
        chosen = units == unit
        moments = pd.to_datetime(pd.to_numeric(written[chosen]), unit=unit, utc=True, errors="coerce")
        parsed[chosen] = moments.dt.as_unit("us")
    return parsed


def _fill(parsed: pd.Series, written: pd.Series, formats: Sequence[str]) -> pd.Series:
    """Read what is still missing in the first format that fits."""
    import pandas as pd

    parsed = parsed.copy()
    for form in formats:
        missing = parsed.isna()
        if not missing.any():
            break
        parsed[missing] = pd.to_datetime(written[missing], format=form, utc=True, errors="coerce").dt.as_unit("us")
    return parsed


def _tidy(value: str) -> str:
    """Without weekday, commas, the dot of "Jan.", the "th" of "5th" and names of UTC, which strptime cannot skip."""
    plain = _WEEKDAY.sub("", value).replace(",", " ")
    plain = re.sub(r"(?<=[a-z])\.|(?<=\d)(st|nd|rd|th)\b( of\b)?", "", plain)
    return " ".join(re.sub(r" (Z|UTC|GMT)$", " +0000", plain).split())


def _order(tidy: pd.Series) -> tuple[tuple[str, ...], list[str]]:
    """Whether day or month comes first in dates of three numbers: what the larger numbers say."""
    pairs = [(int(m[1]), int(m[2])) for m in map(_NUMERIC.match, tidy) if m]
    if any(first > 12 for first, _ in pairs):
        return _DAY_FIRST, []
    if pairs and not any(second > 12 for _, second in pairs):
        return _MONTH_FIRST, ["The month is taken to come before the day"]
    return _MONTH_FIRST, []
