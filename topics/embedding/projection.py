"""Many sparse dimensions to few dense ones, by signs and places that are hashed from the number of a term.

n rows, V terms, d dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

PARTS = 8  #: places a term has, one in each of so many equal parts of a row
_BLOCK = 4096  # rows at once: what limits the memory, not the bits


def project(weights: sparse.csr_array, dimensions: int) -> NDArray[np.float32]:
    """Project sparse rows so that their cosines stay, nearly; a row of zeros stays one.

    A term adds its weight, with a sign, to `PARTS` of the d numbers. A cosine c comes out unbiased but
    for the scaling to length 1, with a standard deviation of about sqrt((1 + c^2) / d) (feature hashing,
    Weinberger et al. 2009, arXiv:0902.2206; several places for a term, which heavy terms need, Kane and
    Nelson 2014, arXiv:1012.1577; the idea of signs, Achlioptas 2003). Nothing is learnt, and a row is
    summed term by term: its vector depends on that row alone.

    Parameters
    ----------
    weights : csr_array of shape (n, V)
        Indices ascend within a row.
    dimensions : int
        d, a multiple of `PARTS`.

    Returns
    -------
    ndarray of shape (n, d), float32
        Unit rows.

    Examples
    --------
    >>> from scipy import sparse
    >>> first, second, neither = project(sparse.csr_array([[3.0, 4.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), 4096)
    >>> round(float(first @ second), 1), float(neither @ neither)
    (0.6, 0.0)
    """
    table = _table(weights.shape[1], dimensions)
    vectors = np.empty((weights.shape[0], dimensions), dtype=np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = weights[start : start + _BLOCK].astype(np.float64)
        vectors[start : start + _BLOCK] = unit_rows((block @ table).toarray())
    return vectors


def _table(terms: int, dimensions: int) -> sparse.csr_array:
    """The signs of every term at its places; shape (V, d)."""
    from scipy import sparse

    width = dimensions // PARTS
    hashed = _mixed(np.arange(terms * PARTS, dtype=np.uint64))
    places = (hashed >> np.uint64(1)) % np.uint64(width) + np.tile(np.arange(PARTS, dtype=np.uint64), terms) * width
    signs = np.where(hashed & np.uint64(1), 1.0, -1.0)
    ends = np.arange(terms + 1) * PARTS
    return sparse.csr_array((signs, places.astype(np.int64), ends), shape=(terms, dimensions))


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014): the same on every machine, which no library's generator promises."""
    mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)
