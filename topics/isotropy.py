"""How far vectors use their dimensions: moments of many rows, and two numbers that follow from them.

Vectors of a language model tend to lie in a narrow cone (Ethayarajh, "How Contextual are Contextualized
Word Representations?", EMNLP 2019): any two texts are then similar, and a few directions carry most of
what tells texts apart. m rows that are not zero, d dimensions.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topics.data import Isotropy
from topics.limits import one_thread
from topics.store import let_go

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 4096  # rows in a product; fixed, other shapes give other bits
_SAME = 1e-10  # variance of unit rows below which they are all the same, but for float32


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over rows, from which means and covariances follow. Rows of zeros do not count."""

    rows: int  # m
    total: NDArray[np.float64]  # (d,), sum of the rows
    products: NDArray[np.float64]  # (d, d), sum of their outer products

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean row; shape (d,)."""
        return self.total / max(self.rows, 1)

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the m rows themselves, not an estimate for others; shape (d, d)."""
        return self.products / max(self.rows, 1) - np.outer(self.mean, self.mean)


def moments(vectors: NDArray[np.float32], threads: int = 1) -> Moments:
    """Sum rows and their outer products.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32
        May be mapped from a file: a block for each thread is in memory, and as many d x d products.
    threads : int
        Blocks at once; the result does not depend on it.

    Returns
    -------
    Moments

    Examples
    --------
    >>> found = moments(np.array([[3, 0], [0, 0], [1, 2]], dtype=np.float32))
    >>> found.rows, found.mean.tolist(), found.covariance.tolist()
    (2, [2.0, 1.0], [[1.0, -1.0], [-1.0, 1.0]])
    """
    n, d = vectors.shape
    rows, total, products = 0, np.zeros(d), np.zeros((d, d))

    def of_block(start: int) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        block = vectors[start : start + _BLOCK].astype(np.float64)
        return int(block.any(axis=1).sum()), block.sum(axis=0), block.T @ block

    with one_thread(), ThreadPoolExecutor(threads) as pool:
        for first in range(0, n, _BLOCK * threads):
            starts = range(first, min(first + _BLOCK * threads, n), _BLOCK)
            for many, one, two in pool.map(of_block, starts):  # added up in their order, whoever was first
                rows, total, products = rows + many, total + one, products + two
            let_go(vectors)
    return Moments(rows, total, products)


def isotropy(vectors: NDArray[np.float32], threads: int = 1) -> Isotropy:
    """Measure how far vectors use their dimensions.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32
        Unit rows; rows of zeros do not count.
    threads : int
        The result does not depend on it.

    Returns
    -------
    Isotropy
        Exact, at a cost of n * d^2.
    """
    found = moments(vectors, threads)
    return Isotropy(effective_dimension(found), mean_cosine(found))


def effective_dimension(found: Moments) -> float | None:
    """Participation ratio of the covariance's eigenvalues: (sum of l)^2 / sum of l^2, from 1 to d.

    It is d where the variance is the same in all directions, and k where it is the same in k of them and
    none in the others (Gao et al., "A theory of multineuronal dimensionality, dynamics and measurement",
    bioRxiv 214262, 2017). With few rows it is low: never above m - 1. The sums are the covariance's trace
    and the sum of its squared entries, so that no eigenvalue has to be found.

    Returns
    -------
    float or None
        None where there are fewer than two rows or they are all the same.

    Examples
    --------
    >>> cross = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=np.float32)
    >>> effective_dimension(moments(cross)), effective_dimension(moments(cross[::2]))
    (2.0, 1.0)
    """
    covariance = found.covariance
    trace = float(covariance.trace())
    if found.rows < 2 or trace < _SAME:
        return None
    return trace * trace / float((covariance * covariance).sum())


def mean_cosine(found: Moments) -> float | None:
    """Mean cosine of two different rows, over all pairs, from the sum of the unit rows; None with fewer than two.

    Near 0 where the rows point everywhere, near 1 where they lie in a narrow cone.

    Examples
    --------
    >>> mean_cosine(moments(np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32))) == 1 / 3
    True
    """
    m = found.rows
    if m < 2:
        return None
    return (float(found.total @ found.total) - float(found.products.trace())) / (m * (m - 1))
