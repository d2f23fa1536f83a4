"""Stability: whether topics come again when they are made again."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def pairwise_agreement(partitions: Sequence[NDArray[np.int32]]) -> dict[str, float | None]:
    """Mean ARI and AMI of all pairs of partitions of the same texts, outliers as one more topic; see `agreement`.

    Parameters
    ----------
    partitions : sequence of ndarrays of shape (u,)

    Returns
    -------
    dict
        ari, ami; None with fewer than two partitions, or no text.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    pairs = list(combinations(partitions, 2))
    if not pairs or not len(partitions[0]):
        return {"ari": None, "ami": None}
    return {
        "ari": float(np.mean([adjusted_rand_score(*pair) for pair in pairs])),
        "ami": float(np.mean([adjusted_mutual_info_score(*pair) for pair in pairs])),
    }


def recurrence(labels: NDArray[np.int32], again: NDArray[np.int32], k: int) -> NDArray[np.float64]:
    """How far each topic comes again: its Jaccard similarity with the topic most like it (Hennig 2007), in [0, 1].

    Parameters
    ----------
    labels, again : ndarray of shape (u,)
        Topics of the same texts, -1 for none.
    k : int
        Number of topics in `labels`.

    Returns
    -------
    ndarray of shape (k,)
        The mean over several `again` of .85 or more is called highly stable there, below .6 not to be trusted.
        nan for a topic that none of these texts is in.

    Examples
    --------
    >>> recurrence(np.array([0, 0, 0, 1, 1]), np.array([1, 1, -1, 0, 0]), 2).round(2).tolist()
    [0.67, 1.0]
    """
    from scipy import sparse

    many = int(again.max(initial=NOISE)) + 1
    size = np.bincount(labels[labels != NOISE], minlength=k)
    other = np.bincount(again[again != NOISE], minlength=many)
    inside = (labels != NOISE) & (again != NOISE)
    ones = np.ones(int(inside.sum()))
    both = sparse.coo_array(sparse.csr_array((ones, (labels[inside], again[inside])), shape=(k, many)))
    one, two = both.coords
    best = np.where(size > 0, 0.0, np.nan)
    np.maximum.at(best, one, both.data / (size[one] + other[two] - both.data))
    return best
