"""Few coordinates for many: the layout of a graph.

u texts, d dimensions, r axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import Embeddings, Graph, Reduction
from topics.isotropy import moments
from topics.layout.umap import lay_out
from topics.layout.umap_learn import lay_out_by_package

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.data import Prior

_BLOCK = 4096  # rows in a product; fixed, other shapes give other bits
_KNOWN = 0.1  # share of the texts that have to have had a place, for a layout to start from there
_NOISE = 1e-4  # of the width: what tells texts apart that start in one place


def reduce(
    graph: Graph,
    embeddings: Embeddings,
    n_components: int,
    min_dist: float,
    n_epochs: int,
    seed: int,
    threads: int = 1,
    prior: Prior | None = None,
    package: bool = False,
) -> Reduction:
    """Lay the graph out (McInnes, Healy and Melville 2018), from the vectors' principal components on.

    Parameters
    ----------
    graph : Graph
        Over u texts.
    embeddings : Embeddings
        Of shape (u, d). The texts start where their first r principal components are.
    n_components : int
        r.
    min_dist : float
        How close points may come; 0 packs clusters densely, .1 reads better on a map.
    n_epochs, seed : int
    threads : int
        The result does not depend on it.
    prior : Prior, optional
        Where a previous run had the texts: the layout starts there, new texts amid their neighbours, if it had as
        many components.
    package : bool
        Let umap-learn do it, on one thread.

    Returns
    -------
    Reduction
        Of shape (u, r).
    """
    u = len(embeddings.vectors)
    if u <= n_components + 1 or not graph.weights.nnz:
        # Too few to lay out: the vectors' own coordinates, spread evenly.
        return Reduction(np.linspace(0, 1, u, dtype=np.float32)[:, None] * np.ones((1, n_components), dtype=np.float32))
    before = _positions(prior, n_components)
    start = principal_components(embeddings.vectors, n_components, threads) if before is None else _amid(graph, before)
    widths = np.ptp(start, axis=0)
    noise = np.random.default_rng(seed).normal(size=start.shape)
    start += _NOISE * np.where(widths > 0, widths, 1) * noise
    if package:
        return Reduction(lay_out_by_package(graph.weights, start, min_dist, n_epochs, seed))
    return Reduction(lay_out(graph.weights, start, min_dist, n_epochs, seed, threads))


def principal_components(vectors: NDArray[np.float32], r: int, threads: int = 1) -> NDArray[np.float64]:
    """Coordinates of rows along the r directions in which they differ most; 0 beyond d.

    Parameters
    ----------
    vectors : ndarray of shape (u, d), float32
        May be mapped from a file: a block of it is in memory at a time.
    r : int
    threads : int
        The result does not depend on it.

    Returns
    -------
    ndarray of shape (u, r), float64
        Of each direction the sign is chosen: its largest part is positive.
    """
    found = moments(vectors, threads)
    _, directions = np.linalg.eigh(found.covariance)
    axes = directions[:, ::-1][:, :r]
    axes *= np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0))
    coordinates = np.zeros((len(vectors), r))
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK] - found.mean
        coordinates[start : start + _BLOCK, : axes.shape[1]] = block @ axes
    return coordinates


def _positions(prior: Prior | None, r: int) -> NDArray[np.float32] | None:
    """Where texts lay in a layout of r components, nan where they did not; None if there was none, or of too few."""
    found = () if prior is None else (prior.layout, prior.drawn)
    fitting = [points for points in found if points.shape[1] == r]
    return next((points for points in fitting if np.isfinite(points).all(axis=1).mean() >= _KNOWN), None)


def _amid(graph: Graph, before: NDArray[np.float32]) -> NDArray[np.float64]:
    """Texts that lay nowhere are put amid the neighbours that did, step by step; those without any in the middle."""
    placed = np.asarray(np.isfinite(before).all(axis=1))
    points: NDArray[np.float64] = np.where(placed[:, None], before, 0).astype(np.float64)
    weights: Any = graph.weights.astype(np.float64)
    while not placed.all():
        total: NDArray[np.float64] = weights @ placed.astype(np.float64)
        reached = np.asarray(~placed & (total > 0))
        if not reached.any():
            points[~placed] = points[placed].mean(axis=0)
            break
        points[reached] = (weights @ points)[reached] / total[reached, None]
        placed |= reached
    return points
