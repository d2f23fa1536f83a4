"""Documents counted by period, and which topics gained or lost between the halves of the time they cover."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from topics.report.values import Timeline, Trend

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# Days a span may have for a unit, which gives at most about seventy periods.
_UNITS = (("hour", 3), ("day", 70), ("week", 480), ("month", 2_200), ("quarter", 6_500), ("year", math.inf))
_NAMES = {"hour": "%Y-%m-%d %H:00", "month": "%Y-%m", "year": "%Y"}
_STEPS = {"hour": "h", "day": "D", "week": "7D", "month": "MS", "quarter": "QS", "year": "YS"}


def dates_of(documents: pd.DataFrame) -> pd.Series[pd.Timestamp] | None:
    """Dates in UTC without their zone, NaT where there is none; None if no document has any."""
    dates = documents.get("date")
    if dates is None or dates.dtype.kind != "M" or not dates.notna().any():
        return None
    return dates if dates.dt.tz is None else dates.dt.tz_convert("UTC").dt.tz_localize(None)


def count_periods(
    documents: pd.DataFrame, labels: NDArray[np.int64], k: int
) -> tuple[Timeline, NDArray[np.int64]] | None:
    """Count the documents of every topic by hour, day, week, month, quarter or year, as the time they cover suggests.

    Parameters
    ----------
    documents : DataFrame of n rows
        Column "date".
    labels : ndarray of shape (n,), int64
    k : int

    Returns
    -------
    (Timeline, ndarray of shape (k, p) int64), or None
        None where there are no dates, or only one period of them. Periods without documents are there, too.
    """
    import pandas as pd

    dates = dates_of(documents)
    if dates is None:
        return None
    dated = dates.notna().to_numpy()
    known, topics = dates[dated], labels[dated]
    unit = next(unit for unit, most in _UNITS if (known.max() - known.min()).days <= most)
    starts = _starts(known, unit)
    periods = pd.date_range(starts.min(), starts.max(), freq=_STEPS[unit])
    if len(periods) < 2:
        return None
    place = periods.get_indexer(pd.DatetimeIndex(starts))
    counts = np.zeros((k + 1, len(periods)), dtype=np.int64)
    np.add.at(counts, (topics, place), 1)  # outliers, -1, are counted in the last row
    shown = _NAMES.get(unit, "%Y-%m-%d")
    names = [f"{start.year}-Q{start.quarter}" if unit == "quarter" else start.strftime(shown) for start in periods]
    timeline = Timeline(
        unit,
        tuple(names),
        tuple(int(total) for total in counts.sum(axis=0)),
        int((~dated).sum()),
    )
    return timeline, counts[:k]


def _starts(dates: pd.Series[pd.Timestamp], unit: str) -> pd.Series[pd.Timestamp]:
    """The beginning of the period each date lies in; weeks begin on Monday."""
    import pandas as pd

    if unit == "hour":
        return dates.dt.floor("h")
    days = dates.dt.floor("D")
    if unit == "day":
        return days
    if unit == "week":
        return days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    return days.dt.to_period({"month": "M", "quarter": "Q", "year": "Y"}[unit]).dt.start_time


def trends(counts: NDArray[np.int64], totals: NDArray[np.int64]) -> list[Trend | None]:
    """The share of every topic in the first and second half of the periods; None if a half has no documents.

    Parameters
    ----------
    counts : ndarray of shape (k, p), int64
    totals : ndarray of shape (p,), int64

    Returns
    -------
    list of k
        `z` is that of two proportions, pooled.
    """
    half = len(totals) // 2
    n, m = int(totals[:half].sum()), int(totals[half:].sum())
    if not n or not m:
        return [None] * len(counts)
    found: list[Trend | None] = []
    for first, second in zip(counts[:, :half].sum(axis=1), counts[:, half:].sum(axis=1), strict=True):
        before, after = float(first / n), float(second / m)
        pooled = float((first + second) / (n + m))
        error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        found.append(Trend(before, after, (after - before) / error if error else 0.0))
    return found
