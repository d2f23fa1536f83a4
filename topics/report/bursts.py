"""Bursts: periods in a row in which a topic was much more frequent than on the whole."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from topics.report.periods import period_name
from topics.report.plain import plain
from topics.report.values import Burst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from topics.report.values import Timeline
    from topics.run import Run

RATIO = 2.0  #: times its share on the whole that a topic has in a burst
HESITATION = 1.0  #: what entering a burst costs, in units of the logarithm of the number of periods
_WORD, _WORDS = 60, 4  # characters of a word, words of a burst
_MOST = 0.9999  # share a burst may mean


def find_bursts(counts: NDArray[np.int64], totals: NDArray[np.int64]) -> tuple[tuple[Burst, ...], ...]:
    """Find the bursts of every topic by Kleinberg's automaton of two states, for documents that come in batches.

    A topic is either as frequent as on the whole or twice as frequent; the likeliest course through the two states is
    found, entering the second costing the logarithm of the number of periods. (Kleinberg 2003, "Bursty and
    hierarchical structure in streams", Data Mining and Knowledge Discovery 7, section 4.)

    Parameters
    ----------
    counts : ndarray of shape (k, p), int64
        Documents of each topic in each period.
    totals : ndarray of shape (p,), int64
        All documents of each period.

    Returns
    -------
    tuple of k tuples of Burst
        In the order of time.

    Examples
    --------
    >>> find_bursts(np.array([[2, 1, 9, 8, 1, 2]]), np.full(6, 20))
    ((Burst(first=2, last=3, documents=17, weight=..., words=()),),)
    """
    k, p = counts.shape
    whole = int(totals.sum())
    if not k or not whole:
        return tuple(() for _ in range(k))
    usual = counts.sum(axis=1, keepdims=True) / whole
    raised = np.minimum(RATIO * usual, _MOST)
    # The binomial coefficient is the same in both states; a topic without documents has no cost, and no bursts.
    calm, burst = _cost(counts, totals, usual), _cost(counts, totals, raised)
    states = _cheapest(calm, burst, HESITATION * math.log(p) if p > 1 else 0.0)
    return tuple(_runs(states[row], counts[row], calm[row] - burst[row]) for row in range(k))


def with_words(
    run: Run,
    timeline: Timeline | None,
    counts: NDArray[np.int64],
    bursts: Sequence[Sequence[Burst]],
) -> list[tuple[Burst, ...]]:
    """The same bursts, with the words the run tells of the period in which each has most documents."""
    if timeline is None or run.periods is None:
        return [tuple(row) for row in bursts]
    told = run.periods
    days = {period_name(day, timeline.unit): day for day in told["start"].astype(str).str[:10].unique()}
    words = dict(zip(zip(told["topic"], told["start"].astype(str).str[:10], strict=True), told["terms"], strict=True))

    def worded(topic: int, burst: Burst) -> Burst:
        fullest = burst.first + int(counts[topic, burst.first : burst.last + 1].argmax())
        found = words.get((topic, days.get(timeline.periods[fullest], "")), ())
        return replace(burst, words=tuple(plain(word, _WORD) for word in found[:_WORDS]))

    return [tuple(worded(topic, burst) for burst in row) for topic, row in enumerate(bursts)]


def _cost(counts: NDArray[np.int64], totals: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the log-likelihood of the counts under a share, without the binomial coefficient; shape (k, p)."""
    inside = np.clip(share, 1e-300, _MOST)
    return -(counts * np.log(inside) + (totals - counts) * np.log1p(-inside))


def _cheapest(calm: NDArray[np.float64], burst: NDArray[np.float64], entry: float) -> NDArray[np.bool_]:
    """Whether each topic is in a burst in each period, on its cheapest course; shape (k, p)."""
    k, p = calm.shape
    low, high = np.zeros(k), np.full(k, math.inf)  # it starts calm
    came_down, came_up = np.empty((p, k), dtype=bool), np.empty((p, k), dtype=bool)
    for period in range(p):
        came_down[period], came_up[period] = high < low, low + entry < high
        low, high = (
            np.where(came_down[period], high, low) + calm[:, period],
            np.where(came_up[period], low + entry, high) + burst[:, period],
        )
    states = np.empty((k, p), dtype=bool)
    state = high < low
    for period in range(p - 1, -1, -1):
        states[:, period] = state
        state = np.where(state, ~came_up[period], came_down[period])
    return states


def _runs(states: NDArray[np.bool_], counts: NDArray[np.int64], gain: NDArray[np.float64]) -> tuple[Burst, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], states, [False]])))
    return tuple(
        Burst(int(first), int(end) - 1, int(counts[first:end].sum()), round(float(gain[first:end].sum()), 4))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
    )
