"""Fewer topics from many: the ones most entangled in the neighbourhood become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE, Clusters, Graph
from topics.errors import InvalidInput
from topics.labels import by_size, members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def merge(clusters: Clusters, graph: Graph, topics: int) -> Clusters:
    """Merge clusters until there are so many.

    Each time the pair is merged that raises modularity most, or lowers it least (Clauset, Newman and Moore 2004,
    arXiv:cond-mat/0408187, started from the clusters): entangled for their size. Merging the nearest centroids
    instead leaves one huge topic and many dwarfs (measured on five corpora).

    Parameters
    ----------
    clusters : Clusters
        Over u texts; k clusters.
    graph : Graph
        UMAP's weights, not sharpened: between the clusters of a sharpened graph nothing is left.
    topics : int
        At most k.

    Returns
    -------
    Clusters
        Outliers stay outliers.

    Raises
    ------
    InvalidInput
        If there are fewer than `topics` clusters.
    """
    k = int(clusters.labels.max(initial=NOISE)) + 1
    if topics > k:
        raise InvalidInput(
            f"topics={topics}: only {k} can be told apart among these documents; ask for fewer, or for a smaller "
            "min_cluster_size."
        )
    merged = cut(merges(clusters.labels, graph, k), k, topics)
    labels = np.where(clusters.labels == NOISE, NOISE, merged[clusters.labels])
    return Clusters(by_size(labels), clusters.strengths)


def cut(order: Sequence[tuple[int, int]], k: int, topics: int) -> NDArray[np.int32]:
    """Which cluster each of k is in after as many merges as leave `topics`; shape (k,).

    Examples
    --------
    >>> cut([(1, 2), (0, 1)], k=3, topics=2).tolist()
    [0, 1, 1]
    """
    merged = np.arange(k, dtype=np.int32)
    for kept, gone in order[: k - topics]:
        merged[merged == gone] = kept
    return merged


def merges(labels: NDArray[np.int32], graph: Graph, k: int) -> list[tuple[int, int]]:
    """The whole way from k clusters to one: who takes in whom, in order; k - 1 pairs (lower number, higher number).

    Ties go to the pair of the lowest numbers.
    """
    inside = members(labels, k).astype(np.float64)
    between = (inside @ graph.weights.astype(np.float64) @ inside.T).toarray()
    between /= max(float(between.sum()), 1e-300)
    degree = between.sum(axis=1)
    gain = between - np.outer(degree, degree)
    gain[np.tril_indices(len(gain))] = -np.inf
    alive = np.ones(len(gain), dtype=bool)
    order = []
    for _ in range(len(gain) - 1):
        kept, gone = (int(place) for place in np.unravel_index(np.argmax(gain), gain.shape))
        order.append((kept, gone))
        between[kept] += between[gone]
        between[:, kept] += between[:, gone]
        degree[kept] += degree[gone]
        alive[gone] = False
        gain[gone], gain[:, gone] = -np.inf, -np.inf
        fresh = np.where(alive, between[kept] - degree[kept] * degree, -np.inf)
        gain[kept, kept + 1 :] = fresh[kept + 1 :]
        gain[:kept, kept] = fresh[:kept]
    return order
