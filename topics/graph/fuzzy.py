"""How strongly neighbours belong together: UMAP's fuzzy weights.

u texts, q neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import Neighbors

_BLOCK = 65_536  # rows worked on at once
_STEPS = 64  # of Newton's method; a dozen is the rule
_EXACT = 1e-6  # how far the sum of a row's memberships may be off
_NARROWEST = 1e-3  # of the mean distance: no row is narrower


def fuzzy_weights(neighbors: Neighbors) -> sparse.csr_array:
    """Weigh a neighbourhood as UMAP does (McInnes, Healy and Melville 2018, section 3.1).

    A neighbour belongs to a text by exp(-(distance - nearest) / width); each text's width is such that the
    memberships of its q neighbours sum to log2(q + 1). Of the memberships a and b two texts have in each
    other's neighbourhood a + b - ab is the weight.

    Parameters
    ----------
    neighbors : Neighbors
        Of shape (u, q).

    Returns
    -------
    csr_array of shape (u, u), float32
        Symmetric, in (0, 1], indices ascend.
    """
    from scipy import sparse

    u, q = neighbors.indices.shape
    if not q:
        return sparse.csr_array(np.zeros((u, u), dtype=np.float32))  # of one text, or none
    mean = float(np.mean(neighbors.distances, dtype=np.float64)) * q / (q + 1)  # to UMAP a point is its own neighbour
    parts = [memberships(neighbors.distances[start : start + _BLOCK], mean) for start in range(0, u, _BLOCK)]
    ends = np.arange(0, u * q + 1, q)
    one = sparse.csr_array((np.concatenate(parts).ravel(), neighbors.indices.ravel().copy(), ends), shape=(u, u))
    one.sort_indices()
    other = one.T.tocsr()
    weights = sparse.csr_array(one + other - one * other, dtype=np.float32)
    np.minimum(weights.data, np.float32(1), out=weights.data)
    weights.eliminate_zeros()
    weights.sort_indices()
    return weights


def memberships(distances: NDArray[np.float32], mean: float) -> NDArray[np.float32]:
    """How far each neighbour belongs to its text; shape (u, q), in [0, 1].

    Parameters
    ----------
    distances : ndarray of shape (u, q), float32
        Rows ascend.
    mean : float
        Mean distance of all texts, which bounds the width of one whose neighbours are all where it is.

    Examples
    --------
    >>> found = memberships(np.array([[0.1, 0.2, 0.2, 0.3]], dtype=np.float32), mean=0.2)
    >>> [round(float(value), 3) for value in found[0]]
    [1.0, 0.524, 0.524, 0.274]
    """
    far = distances.astype(np.float64)
    q = far.shape[1]
    nearest = np.where(far > 0, far, np.inf).min(axis=1)
    nearest[np.isinf(nearest)] = 0
    gaps = np.maximum(far - nearest[:, None], 0)
    typical = np.where(nearest > 0, far.sum(axis=1) / (q + 1), mean)
    steepest = 1 / np.maximum(_NARROWEST * typical, np.finfo(np.float64).tiny)
    inside: NDArray[np.float64] = np.exp(-gaps * _slopes(gaps, np.log2(q + 1), steepest)[:, None])
    return inside.astype(np.float32)


def _slopes(gaps: NDArray[np.float64], wanted: float, steepest: NDArray[np.float64]) -> NDArray[np.float64]:
    """One over the width of each row, by Newton's method: the sum is convex in it and falls, so that from 0 each step
    comes nearer and none goes too far.
    """
    slopes = np.zeros(len(gaps))
    rows = np.arange(len(gaps))
    for _ in range(_STEPS):
        inside = np.exp(-gaps[rows] * slopes[rows, None])
        excess = inside.sum(axis=1) - wanted
        falling = (inside * gaps[rows]).sum(axis=1)
        going = (excess > _EXACT) & (falling > 0) & (slopes[rows] < steepest[rows])
        rows = rows[going]
        if not len(rows):
            break
        slopes[rows] = np.minimum(slopes[rows] + excess[going] / falling[going], steepest[rows])
    return slopes
