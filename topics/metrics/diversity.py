"""Diversity: whether topics differ in their terms."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PERSISTENCE = 0.9  # the usual p: the first ten ranks weigh 86 %


def diversity(terms: Sequence[Sequence[str]]) -> float | None:
    """Share of distinct ones among all topics' terms (Dieng, Ruiz and Blei 2020), in (0, 1].

    Examples
    --------
    >>> diversity([["a", "b"], ["a", "c"]])
    0.75
    """
    every = [term for words in terms for term in words]
    return len(set(every)) / len(every) if every else None


def inverted_rbo(terms: Sequence[Sequence[str]], p: float = _PERSISTENCE) -> float | None:
    """1 less the mean rank-biased overlap of all pairs of topics (Bianchi, Terragni and Hovy 2021), in [0, 1].

    Unlike `diversity` it asks how far up the terms are that topics share. Its cost grows with those, not with
    the number of pairs. None with fewer than two topics that have terms.

    Parameters
    ----------
    terms : sequence of k sequences of str
        Distinct terms of each topic, best first.
    p : float
        Of the overlap; see `rbo`.
    """
    told = [words for words in terms if len(words)]
    if len(told) < 2:
        return None
    holders: dict[str, list[tuple[int, int]]] = {}
    for topic, words in enumerate(told):
        for rank, word in enumerate(words):
            holders.setdefault(word, []).append((topic, rank))
    lengths = np.array([len(words) for words in told])
    total = 0.0
    for shared in holders.values():
        topic, rank = np.array(shared).T
        one, other = np.triu_indices(len(topic), 1)
        deeper = np.maximum(rank[one], rank[other])
        sizes = np.sort(np.column_stack([lengths[topic[one]], lengths[topic[other]]]), axis=1)
        for short, long in np.unique(sizes, axis=0):
            total += float(_weights(int(short), int(long), p)[deeper[(sizes == (short, long)).all(axis=1)]].sum())
    pairs = len(told) * (len(told) - 1) / 2
    return min(max(1 - total / pairs, 0.0), 1.0)


def rbo(one: Sequence[str], other: Sequence[str], p: float = _PERSISTENCE) -> float:
    """Rank-biased overlap of two rankings, extrapolated (Webber, Moffat and Zobel 2010, equation 32), in [0, 1].

    Parameters
    ----------
    one, other : sequence of str
        Distinct, best first, neither empty.
    p : float
        In (0, 1): how likely a reader who has read so far goes on by one rank. The smaller, the more the
        first ranks weigh.

    Examples
    --------
    >>> round(rbo(["a", "b", "c"], ["a", "b", "c"]), 6), rbo(["a", "b"], ["c", "d"])
    (1.0, 0.0)
    >>> rbo(["a", "b", "c"], ["a", "c", "b"]) > rbo(["a", "b", "c"], ["b", "a", "c"])
    True
    """
    place = {word: rank for rank, word in enumerate(other)}
    weights = _weights(*sorted((len(one), len(other))), p)
    return float(sum(weights[max(rank, place[word])] for rank, word in enumerate(one) if word in place))


@cache
def _weights(short: int, long: int, p: float) -> NDArray[np.float64]:
    """What a term two rankings share adds to their overlap, by the lower of its two ranks; shape (long,).

    The overlap is a sum over depths of the number of terms shared so far, so each term adds to all depths from
    its own on; one within the shorter ranking also to what is extrapolated beyond that one's end.
    """
    depth = np.arange(1, long + 1)
    fading = (1 - p) / p * p**depth
    weights: NDArray[np.float64] = np.cumsum((fading / depth)[::-1])[::-1] + p**long / long
    beyond = (fading * (depth - short) / (short * depth))[short:].sum() + (1 / short - 1 / long) * p**long
    weights[:short] += beyond
    weights.flags.writeable = False
    return weights
