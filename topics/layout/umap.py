"""A graph laid out: UMAP's descent, on any number of threads, with the same bits.

u points, r axes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from topics.progress import track

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

_NEGATIVES = 5  # points drawn at random for each neighbour
_SPREAD = 10.0  # side of the square, or cube, that the start fills
_FEW = 2000  # points a thread is worth starting for


def lay_out(
    weights: sparse.csr_array,
    start: NDArray[np.float64],
    min_dist: float,
    n_epochs: int,
    seed: int,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Move points until those joined by weight are near and others are not.

    The objective, the sampling and the learning rate are UMAP's (McInnes, Healy and Melville 2018, section 4.2); what
    differs is when a move is seen: at the end of an epoch, not at once. So every point can move by itself, on
    whatever thread.

    Parameters
    ----------
    weights : csr_array of shape (u, u), float32
        Symmetric, positive.
    start : ndarray of shape (u, r)
    min_dist : float
        How close points may come; see `curve`.
    n_epochs, seed : int
    threads : int
        The result does not depend on it.

    Returns
    -------
    ndarray of shape (u, r), float32
    """
    from topics.layout.descent import descend

    u, r = start.shape
    shares = (weights.data / weights.data.max()).astype(np.float32)
    graph = weights.indptr.astype(np.int64), weights.indices.astype(np.int32), shares
    tables = forces(*curve(min_dist))
    old = _filling(start)
    new, zeros = np.empty_like(old), (np.float32(0),) * r
    cuts = np.linspace(0, u, max(min(threads, u // _FEW), 1) + 1).astype(int).tolist()

    def move(rows: tuple[int, int], epoch: int, old: NDArray[np.float32], new: NDArray[np.float32]) -> None:
        rate = np.float32(1 - epoch / n_epochs)
        descend(zeros, *rows, old, new, *graph, *tables, epoch, rate, seed, _NEGATIVES)

    with ThreadPoolExecutor(len(cuts) - 1) as pool:
        for epoch in track(range(n_epochs), n_epochs, "Laying out", "epochs"):
            parts = [pool.submit(move, rows, epoch, old, new) for rows in pairwise(cuts)]
            for part in parts:
                part.result()
            old, new = new, old
    return old


def _filling(start: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same points between 0 and 10 on every axis."""
    least, most = start.min(axis=0), start.max(axis=0)
    return np.ascontiguousarray(_SPREAD * (start - least) / np.where(most > least, most - least, 1), dtype=np.float32)


@cache
def curve(min_dist: float) -> tuple[float, float]:
    """Find a and b of 1 / (1 + a x^2b), the curve next to 1 up to `min_dist` and exp(min_dist - x) on.

    Examples
    --------
    >>> [round(value, 3) for value in curve(0.1)]
    [1.577, 0.895]
    """
    from scipy.optimize import curve_fit

    x = np.linspace(0, 3, 300)
    wanted = np.where(x < min_dist, 1.0, np.exp(-(x - min_dist)))
    (a, b), _ = curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), x, wanted)
    return float(a), float(b)


def forces(a: float, b: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Attraction and repulsion along the difference of two points, by their squared distance.

    Returns
    -------
    two ndarrays of shape (m,), float32
        128 entries for each doubling of the squared distance, from 2**-24 to 2**14; each is right in the middle of
        its part and off by less than one part in a hundred at its ends.
    """
    from topics.layout.descent import HIGHEST, LOWEST, STEPS

    place = (np.arange(STEPS * (HIGHEST - LOWEST)) + 0.5) / STEPS
    square = np.exp2(np.floor(place) + LOWEST) * (1 + place % 1)  # as the bits of a float32 grow
    near = 1 + a * square**b
    attraction = -2 * a * b * square ** (b - 1) / near
    repulsion = 2 * b / ((0.001 + square) * near)
    return attraction.astype(np.float32), repulsion.astype(np.float32)
