"""Geometry: whether topics are apart in the space they were found in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.labels import members
from topics.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ROWS = 8192  # texts compared with all topics at once
_CELLS = 1 << 22  # texts x topics at a time: fewer rows where there are many topics
_DBCV = 20_000
_BLOCK = 512  # rows of distances at once


def silhouette(vectors: NDArray[np.float32], labels: NDArray[np.int32]) -> float | None:
    """Mean silhouette (Rousseeuw 1987) by cosine in the embedding space, in [-1, 1]; outliers left out.

    (b - a) / max(a, b), with a the mean distance of a text to the others of its topic, b the least of its mean
    distances to another topic; 0 for a text alone in its topic. The mean cosine distance of a unit vector to many is
    1 less its product with their mean, so no pair of texts is looked at. None with fewer than two topics.
    """
    inside = np.flatnonzero(labels != NOISE)
    names, own_number, sizes = np.unique(labels[inside], return_inverse=True, return_counts=True)
    member = own_number.astype(np.int32)
    if not 2 <= len(names) < len(inside):
        return None
    sums = np.zeros((len(names), vectors.shape[1]))
    for start in range(0, len(inside), _ROWS):
        part = inside[start : start + _ROWS]
        sums += members(member[start : start + _ROWS], len(names)) @ vectors[part].astype(np.float64)
    size = min(_ROWS, max(1, _CELLS // len(names)))
    means = (sums / sizes[:, None]).T
    parts = (slice(start, start + size) for start in range(0, len(inside), size))
    total = sum(_silhouettes(vectors[inside[part]].astype(np.float64), member[part], means, sizes) for part in parts)
    return float(total / len(inside))


def _silhouettes(
    rows: NDArray[np.float64], own: NDArray[np.int32], means: NDArray[np.float64], sizes: NDArray[np.int64]
) -> float:
    """The sum of the silhouettes of some texts."""
    distances = rows @ means
    np.subtract(1, distances, out=distances)
    at = np.arange(len(own))
    itself = 1 - np.einsum("ij,ij->i", rows, rows)
    a = (distances[at, own] * sizes[own] - itself) / np.maximum(sizes[own] - 1, 1)
    distances[at, own] = np.inf
    b = distances.min(axis=1)
    larger = np.maximum(a, b)
    counts = (sizes[own] > 1) & (larger > 0)
    return float(np.divide(b - a, larger, out=np.zeros(len(own)), where=counts).sum())


def dbcv(points: NDArray[np.float32], labels: NDArray[np.int32]) -> float | None:
    """Density-based clustering validation (Moulavi et al. 2014) by Euclidean distance, in [-1, 1].

    With the core distance of a point, the mean of (1 / distance)^d to the others of its cluster to the power
    -1/d; reachability, the largest of two points' distance and their core distances; and for every cluster the
    minimum spanning tree of its points by reachability, in which points with more than one edge are internal:
    sparseness is the longest edge between internal points (of all edges where there is none), separation the least
    reachability between internal points of two clusters. A cluster counts (separation - sparseness) over the
    larger of the two, a single point 0; the value is their mean, weighted by size, and outliers weigh as a cluster
    that counts 0. (The function of the hdbscan package takes any of several such trees: its value changes with the
    order of the points, by .1 and more.)

    Parameters
    ----------
    points : ndarray of shape (u, d)
        The layout that was clustered; distances in hundreds of dimensions hardly differ, and tell nothing.
    labels : ndarray of shape (u,)
        -1 for outliers.

    Returns
    -------
    float or None
        On an even sample of 20,000 points where there are more; None with fewer than two clusters.
    """
    chosen = _even(len(labels), _DBCV)
    places, labels = np.asarray(points[chosen], dtype=np.float64), labels[chosen]
    names = np.unique(labels[labels != NOISE])
    if len(names) < 2:
        return None
    core = np.zeros(len(places))
    internal = np.zeros(len(places), dtype=bool)
    sparseness = np.zeros(len(names))
    for number, name in enumerate(track(names, len(names), "Density", "topics")):
        rows = np.flatnonzero(labels == name)
        if len(rows) > 1:
            core[rows] = _core_distances(places[rows])
            sparseness[number], internal[rows] = _spanning_tree(places[rows], core[rows])
        else:
            internal[rows] = True
    separation = _separation(places[internal], core[internal], labels[internal], names)
    larger = np.maximum(separation, sparseness)
    validity = np.divide(separation - sparseness, larger, out=np.zeros(len(names)), where=larger > 0)
    sizes = np.array([(labels == name).sum() for name in names])
    return float((np.where(sizes > 1, validity, 0) * sizes).sum() / len(labels))


def _even(number: int, most: int) -> NDArray[np.int64]:
    """At most so many numbers from 0 on, evenly spread. Texts are in the order of their hashes: a fair sample."""
    return np.linspace(0, number - 1, min(number, most)).astype(np.int64)


def _distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    from scipy.spatial.distance import cdist

    for start in range(0, len(points), _BLOCK):
        rows = slice(start, start + _BLOCK)
        yield rows, cdist(points[rows], others)


def _core_distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the points of one cluster; those in the same place do not count as neighbours."""
    core = np.zeros(len(points))
    for rows, distances in _distances(points, points):
        distances[distances == 0] = np.inf
        least = distances.min(axis=1)  # taken out, or a power of a small distance would overflow
        least[np.isinf(least)] = 0
        share = (least[:, None] / distances) ** points.shape[1]
        total = share.sum(axis=1) / (len(points) - 1)
        core[rows] = least * np.power(total, -1 / points.shape[1], out=np.zeros(len(total)), where=total > 0)
    return core


def _spanning_tree(points: NDArray[np.float64], core: NDArray[np.float64]) -> tuple[float, NDArray[np.bool_]]:
    """The longest internal edge of a cluster's minimum spanning tree (Prim 1957), and which points are internal.

    Many edges are equally long, since a point's core distance is the length of all that are shorter. Of those the
    tree takes the one with the least distance; without that it would depend on the order of the points.
    """
    from scipy.spatial.distance import cdist

    u = len(points)
    nearest, outside = np.zeros(u, dtype=np.int64), np.ones(u, dtype=bool)
    reach, near = np.full(u, np.inf), np.full(u, np.inf)
    edges, lengths = np.zeros((u - 1, 2), dtype=np.int64), np.zeros(u - 1)
    latest = 0
    for edge in range(u - 1):
        outside[latest], reach[latest] = False, np.inf
        distance = cdist(points[[latest]], points)[0]
        length = np.maximum(distance, np.maximum(core, core[latest]))
        closer = outside & ((length < reach) | ((length == reach) & (distance < near)))
        nearest[closer], reach[closer], near[closer] = latest, length[closer], distance[closer]
        least = np.flatnonzero(reach == reach.min())
        latest = int(least[np.argmin(near[least])])
        edges[edge], lengths[edge] = (nearest[latest], latest), reach[latest]
    internal = np.bincount(edges.ravel(), minlength=u) > 1
    if not internal.any():
        internal[:] = True
    between = internal[edges].all(axis=1)
    return float(lengths[between if between.any() else slice(None)].max()), internal


def _separation(
    points: NDArray[np.float64], core: NDArray[np.float64], labels: NDArray[np.int32], names: NDArray[np.int32]
) -> NDArray[np.float64]:
    """The least reachability from each cluster's internal points to those of any other."""
    least = np.full(len(points), np.inf)
    for rows, distances in _distances(points, points):
        reach = np.maximum(distances, np.maximum(core[rows, None], core))
        reach[labels[rows, None] == labels] = np.inf
        least[rows] = reach.min(axis=1)
    return np.array([least[labels == name].min() for name in names])
