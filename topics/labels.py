"""Labels of topics: 0..k-1 by size, -1 for none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.vectors import sums_of, unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def by_size(labels: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Number clusters by size, 0 the largest; ties keep the order of their first member.

    Parameters
    ----------
    labels : ndarray of shape (u,)
        -1 is noise and stays noise.
    sizes : ndarray of shape (u,), optional
        How much each counts; 1 by default.

    Examples
    --------
    >>> by_size(np.array([7, -1, 3, 3])).tolist()
    [1, -1, 0, 0]
    """
    names, first, member = np.unique(labels, return_index=True, return_inverse=True)
    size = np.bincount(member, weights=sizes)
    order = np.lexsort((first, -size))
    order = order[names[order] != NOISE]
    renamed = np.full(len(names), NOISE, dtype=np.int32)
    renamed[order] = np.arange(len(order))
    return renamed[member]


def members(labels: NDArray[np.int32], k: int) -> sparse.csr_array:
    """Which texts are in which topic, as a 0/1 matrix of shape (k, u), int32."""
    from scipy import sparse

    inside = np.flatnonzero(labels != NOISE)
    ones = np.ones(len(inside), dtype=np.int32)
    return sparse.csr_array((ones, (labels[inside], inside)), shape=(k, len(labels)))


def centroids_of(vectors: NDArray[np.float32], labels: NDArray[np.int32], k: int) -> NDArray[np.float32]:
    """Mean direction of each topic's texts; shape (k, d), unit rows."""
    return unit_rows(np.asarray(sums_of(members(labels, k), vectors), dtype=np.float32))
