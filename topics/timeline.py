"""Topics over time, and in classes: how many documents each has there, and the words they use.

n documents, u texts, k topics, v terms; c cells, each of a topic and a period, or a topic and a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Timeline
from topics.errors import InvalidConfig
from topics.words.wording import class_tfidf, distinct_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import TermCounts, Topics

PERIODS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}  #: lengths, as pandas calls them
_MOST = 60  # periods, where nobody asks for a length
_SPARE = 2  # times as many candidates as terms are wanted: some say the same


def over_time(
    rows: NDArray[np.int32],
    labels: NDArray[np.int32],
    dates: pd.Series[pd.Timestamp],
    counts: TermCounts,
    topics: Topics,
    periods: str | None,
    n_terms: int,
) -> Timeline:
    """Tell the topics of each period.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Text of each document, -1 for none.
    labels : ndarray of shape (n,)
        Its topic, -1 for none.
    dates : Series of n datetime64
        Documents without a date are in no period.
    counts : TermCounts
        Of shape (u, v).
    topics : Topics
        Of k topics over the same vocabulary.
    periods : str or None
        day, week, month, quarter or year; None for the shortest of which there are 60 at most.
    n_terms : int
        Of a topic in a period; fewer where its documents have fewer.

    Returns
    -------
    Timeline

    Raises
    ------
    InvalidConfig
        If there is no such length.
    """
    length, groups, names = into_periods(dates, periods)
    return in_groups(rows, labels, groups, names, counts, topics, n_terms, length)


def into_periods(dates: pd.Series[pd.Timestamp], periods: str | None) -> tuple[str, NDArray[np.int64], Sequence[str]]:
    """The length of the periods, the period of each date, -1 for none, and the first day of every period.

    Examples
    --------
    >>> import pandas as pd
    >>> into_periods(pd.Series(pd.to_datetime(["2024-02-29", None, "2024-04-01"])), "month")
    ('month', array([ 0, -1,  2]), ('2024-02-01', '2024-03-01', '2024-04-01'))
    """
    import pandas as pd

    if periods is not None and periods not in PERIODS:
        raise InvalidConfig(f"periods={periods!r}: must be one of {', '.join(PERIODS)}.")
    known = dates.notna().to_numpy()
    days = pd.DatetimeIndex(dates[known])
    days = days.tz_convert(None) if days.tz is not None else days
    groups = np.full(len(dates), -1, dtype=np.int64)
    if not len(days):
        return periods or "day", groups, ()
    for length in [periods] if periods else PERIODS:
        found = days.to_period(PERIODS[length])
        every = pd.period_range(found.min(), found.max(), freq=PERIODS[length])
        if len(every) <= _MOST:
            break
    groups[known] = every.get_indexer(found)
    return length, groups, tuple(str(period.start_time.date()) for period in every)


def in_groups(
    rows: NDArray[np.int32],
    labels: NDArray[np.int32],
    groups: NDArray[np.int64],
    names: Sequence[str],
    counts: TermCounts,
    topics: Topics,
    n_terms: int,
    kind: str,
) -> Timeline:
    """Tell the topics of each group of documents.

    Half of what orders a topic's terms in a group is their c-TF-IDF among all cells, half is their c-TF-IDF in the
    whole topic, each as shares: in cells of few documents chance would have too much of a say otherwise.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Number of each document's group, -1 for none.
    names : sequence of str
        Of the groups.
    kind : str
        What they are.

    Returns
    -------
    Timeline
        Of cells with at least one document, by topic, then by group.
    """
    from scipy import sparse

    many, u = len(names), counts.counts.shape[0]
    totals = np.bincount(groups[groups >= 0], minlength=many)
    kept = np.flatnonzero((labels >= 0) & (groups >= 0) & (rows >= 0))
    cells, place, documents = np.unique(
        labels[kept].astype(np.int64) * many + groups[kept], return_inverse=True, return_counts=True
    )
    inside = sparse.csr_array((np.ones(len(kept), np.int32), (place, rows[kept])), shape=(len(cells), u))
    of = cells // max(many, 1)
    columns = _best(sparse.csr_array(inside @ counts.counts), topics.weights, of, _SPARE * n_terms)
    return Timeline(
        kind=kind,
        names=tuple(names),
        totals=totals.astype(np.int64),
        topics=of.astype(np.int32),
        groups=(cells - of * many).astype(np.int32),
        documents=documents.astype(np.int64),
        terms=tuple(tuple(distinct_terms([counts.vocabulary[c] for c in row], n_terms)) for row in columns),
    )


def _best(
    found: sparse.csr_array, weights: sparse.csr_array, of: NDArray[np.int64], most: int
) -> list[NDArray[np.int32]]:
    """The columns that say most about each cell of counts, best first, ties by the lower column."""
    if not found.shape[0]:
        return []
    found.sort_indices()
    own, lengths = class_tfidf(found), np.diff(found.indptr)
    own.sort_indices()
    cell = np.repeat(np.arange(len(of)), lengths)
    score = own.data / np.maximum(np.bincount(cell, own.data, minlength=len(of)), 1e-12)[cell]
    score += _looked_up(weights, of[cell], found.indices) / np.maximum(weights.sum(axis=1), 1e-12)[of[cell]]
    # Scores are at most 2: by cell first, then the highest, in one sort.
    order = np.argsort(3.0 * cell - score, kind="stable")
    firsts = [order[start : start + min(length, most)] for start, length in zip(found.indptr, lengths, strict=False)]
    return [found.indices[first] for first in firsts]


def _looked_up(matrix: sparse.csr_array, rows: NDArray[np.int64], columns: NDArray[np.int32]) -> NDArray[np.float32]:
    """The entries of a sparse matrix at some places, 0 where it has none."""
    matrix = matrix if matrix.has_sorted_indices else matrix.sorted_indices()
    k, v = matrix.shape
    there = np.repeat(np.arange(k, dtype=np.int64), np.diff(matrix.indptr)) * v + matrix.indices
    if not len(there):
        return np.zeros(len(rows), dtype=np.float32)
    wanted = rows * v + columns
    place = np.minimum(np.searchsorted(there, wanted), len(there) - 1)
    return np.where(there[place] == wanted, matrix.data[place], np.float32(0))
