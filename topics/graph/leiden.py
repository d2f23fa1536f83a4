"""Communities of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray
    from scipy import sparse

    from topics.graph.moving import Network

_ITERATIONS = 5  # rounds a run; one is less steady
_ROWS = 1 << 16  # of a matrix that are looked at at once


def communities(
    weights: sparse.csr_array, seed: int, resolution: float = 1.0, network: Network | None = None
) -> NDArray[np.int64]:
    """One partition by modularity (Leiden: Traag, Waltman and van Eck 2019, arXiv:1810.08473).

    Parameters
    ----------
    weights : csr_array of shape (u, u)
        Symmetric, positive.
    seed : int
        Of the order in which nodes are looked at.
    resolution : float
        More gives more and smaller communities (Reichardt and Bornholdt 2006).
    network : Network, optional
        `network_of` the weights, which runs may share.

    Returns
    -------
    ndarray of shape (u,)
        Community numbers from 0, without meaning. No other thread is held up, and none can change them.
    """
    network = network or network_of(weights)
    found = np.arange(weights.shape[0])
    random = np.random.default_rng(seed)
    for _ in range(_ITERATIONS if weights.nnz else 0):
        found = _numbered(_round(network, found, random, resolution))
    return found


def network_of(weights: sparse.csr_array) -> Network:
    """The graph of a symmetric matrix as the compiled steps take it."""
    from topics.graph.moving import Network

    ends = weights.indptr.astype(np.int64)
    strong = np.append(0, np.cumsum(weights.data, dtype=np.float64))[ends]
    return Network(ends, weights.indices.astype(np.int32), weights.data.astype(np.float64), np.diff(strong))


def agreed(weights: sparse.csr_array, partitions: Iterable[NDArray[np.int64]], many: int) -> NDArray[np.float64]:
    """Of each entry of the matrix the share of so many partitions that put both its ends together."""
    together = np.zeros(weights.nnz, dtype=np.int32)
    for community in partitions:
        for _, source, entries in _blocks(weights):
            together[entries] += community[source] == community[weights.indices[entries]]
    return together / many


def inner_shares(
    weights: sparse.csr_array, inside: NDArray[np.bool_] | NDArray[np.float64], alone: float
) -> NDArray[np.float64]:
    """Of each node the share of its weight that lies inside, as far as each entry does; `alone` where it has none."""
    shares = np.full(weights.shape[0], alone, dtype=np.float64)
    for rows, source, entries in _blocks(weights):
        own, size = source - rows.start, rows.stop - rows.start
        kept = np.bincount(own, weights.data[entries] * inside[entries], minlength=size)
        total = np.bincount(own, weights.data[entries], minlength=size)
        np.divide(kept, total, out=shares[rows], where=total > 0)
    return shares


def _blocks(weights: sparse.csr_array) -> Iterator[tuple[slice, NDArray[np.int64], slice]]:
    """Some rows of a matrix, the row of each of their entries, and the entries, so that little is in memory at once."""
    ends = weights.indptr
    for start in range(0, weights.shape[0], _ROWS):
        rows = slice(start, min(start + _ROWS, weights.shape[0]))
        many = np.diff(ends[start : rows.stop + 1])
        yield rows, np.repeat(np.arange(rows.start, rows.stop), many), slice(int(ends[start]), int(ends[rows.stop]))


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
