"""Communities of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from scipy import sparse

    from topics.graph.moving import Network

_ITERATIONS = 5  # rounds a run; one is less steady


def communities(weights: sparse.csr_array, seed: int, resolution: float = 1.0) -> NDArray[np.int64]:
    """One partition by modularity (Leiden: Traag, Waltman and van Eck 2019, arXiv:1810.08473).

    Parameters
    ----------
    weights : csr_array of shape (u, u)
        Symmetric, positive.
    seed : int
        Of the order in which nodes are looked at.
    resolution : float
        More gives more and smaller communities (Reichardt and Bornholdt 2006).

    Returns
    -------
    ndarray of shape (u,)
        Community numbers from 0, without meaning. No other thread is held up, and none can change them.
    """
    from topics.graph.moving import Network

    ends = weights.indptr.astype(np.int64)
    strong = np.append(0, np.cumsum(weights.data, dtype=np.float64))
    network = Network(
        ends, weights.indices.astype(np.int32), weights.data.astype(np.float64), strong[ends[1:]] - strong[ends[:-1]]
    )
    found = np.arange(weights.shape[0])
    random = np.random.default_rng(seed)
    for _ in range(_ITERATIONS if weights.nnz else 0):
        found = _numbered(_round(network, found, random, resolution))
    return found


def agreed(weights: sparse.csr_array, partitions: Iterable[NDArray[np.int64]], many: int) -> NDArray[np.float64]:
    """Of each entry of the matrix the share of so many partitions that put both its ends together."""
    source = _source(weights)
    together = np.zeros(weights.nnz, dtype=np.int32)
    for community in partitions:
        together += community[source] == community[weights.indices]
    return together / many


def inner_shares(
    weights: sparse.csr_array, inside: NDArray[np.bool_] | NDArray[np.float64], alone: float
) -> NDArray[np.float64]:
    """Of each node the share of its weight that lies inside, as far as each entry does; `alone` where it has none."""
    u, source = weights.shape[0], _source(weights)
    kept = np.bincount(source, weights.data * inside, minlength=u)
    total = np.bincount(source, weights.data, minlength=u)
    shares: NDArray[np.float64] = np.divide(kept, total, out=np.full(u, alone, dtype=np.float64), where=total > 0)
    return shares


def _source(weights: sparse.csr_array) -> NDArray[np.int64]:
    """The row of each entry of a matrix."""
    return np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))


def _round(
    network: Network, communities: NDArray[np.int64], random: np.random.Generator, resolution: float
) -> NDArray[np.int64]:
    """Move nodes, then the parts their communities fall into, then the parts of those, until nothing falls apart."""
    from topics.graph.moving import join_nodes, move_nodes, split_communities

    whose = np.arange(len(communities))  # node of the present graph that each node of the first is in
    while True:
        n = len(communities)
        communities = communities.copy()
        move_nodes(network, communities, random.permutation(n), resolution)
        parts = _numbered(split_communities(network, communities, random.permutation(n), resolution))
        k = int(parts.max()) + 1
        if k == n:
            return communities[whose]
        above = np.empty(k, dtype=np.int64)
        above[parts] = communities
        network, communities, whose = join_nodes(network, parts, k), _numbered(above), parts[whose]


def _numbered(names: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups with numbers from 0, none left out."""
    return np.asarray((np.cumsum(np.bincount(names) > 0) - 1)[names])
