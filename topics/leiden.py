"""Communities of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

_ITERATIONS = 5  # Leiden cycles a run; one is less steady (agreement of seeds .85 for .93)


def communities(weights: sparse.csr_array, seed: int, resolution: float = 1.0) -> NDArray[np.int64]:
    """One partition by modularity (Leiden: Traag, Waltman and van Eck 2019, arXiv:1810.08473).

    Parameters
    ----------
    weights : csr_array of shape (u, u)
        Symmetric, not negative.
    seed : int
    resolution : float
        More gives more and smaller communities (Reichardt and Bornholdt 2006).

    Returns
    -------
    ndarray of shape (u,)
        Community numbers, without meaning.
    """
    import graspologic_native

    u = weights.shape[0]
    _, found = graspologic_native.leiden_csr(
        weights.indptr.astype(np.int64),
        weights.indices.astype(np.int32),
        weights.data.astype(np.float64),
        u,
        resolution=resolution,
        iterations=_ITERATIONS,
        seed=seed,
    )
    return np.fromiter((found[node] for node in range(u)), dtype=np.int64, count=u)
