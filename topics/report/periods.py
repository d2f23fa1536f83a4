"""Documents counted by period, and which topics gained or lost between the halves of the time they cover."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from topics.report.values import Timeline, Trend
from topics.timeline import into_periods

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_SHORT = {"month": 7, "year": 4}  # characters of the first day that name a period


def dates_of(documents: pd.DataFrame) -> pd.Series[pd.Timestamp] | None:
    """Dates in UTC without their zone, NaT where there is none; None if no document has any."""
    dates = documents.get("date")
    if dates is None or dates.dtype.kind != "M" or not dates.notna().any():
        return None
    return dates if dates.dt.tz is None else dates.dt.tz_convert("UTC").dt.tz_localize(None)


def count_periods(
    documents: pd.DataFrame, labels: NDArray[np.int64], k: int, periods: str | None = None
) -> tuple[Timeline, NDArray[np.int64]] | None:
    """Count the documents of every topic in the periods of `timeline.into_periods`.

    Parameters
    ----------
    documents : DataFrame of n rows
        Column "date".
    labels : ndarray of shape (n,), int64
    k : int
    periods : str, optional
        As in `Config`.

    Returns
    -------
    (Timeline, ndarray of shape (k, p) int64), or None
        None where there are no dates, or only one period of them. Periods without documents are there, too.
    """
    dates = dates_of(documents)
    if dates is None:
        return None
    unit, place, days = into_periods(dates, periods)
    if len(days) < 2:
        return None
    dated = place >= 0
    counts = np.zeros((k + 1, len(days)), dtype=np.int64)
    np.add.at(counts, (labels[dated], place[dated]), 1)  # outliers, -1, are counted in the last row
    timeline = Timeline(
        unit,
        tuple(period_name(day, unit) for day in days),
        tuple(int(total) for total in counts.sum(axis=0)),
        int((~dated).sum()),
    )
    return timeline, counts[:k]


def period_name(day: str, unit: str) -> str:
    """What to call the period that begins on a day.

    Examples
    --------
    >>> period_name("2024-04-01", "quarter"), period_name("2024-04-01", "month"), period_name("2024-04-01", "week")
    ('2024-Q2', '2024-04', '2024-04-01')
    """
    if unit == "quarter":
        return f"{day[:4]}-Q{(int(day[5:7]) + 2) // 3}"
    return day[: _SHORT.get(unit, len(day))]


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
