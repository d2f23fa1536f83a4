"""The nearest of very many known vectors, of others that are not among them: looked for in cells, compared exactly.

The known ones are parted into cells (`topics.graph.cells`), and each other vector is compared with those in its nearest
cells. Which these are is decided by the vector alone: no other one that is looked for with it changes its answer.

a vectors are looked for, among u known ones in c cells; q neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.graph.cells import Cells, visits
from topics.limits import one_thread
from topics.ordered import side_by_side
from topics.vectors import GRID, close, gridded, largest, marked, nearest, products

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Answers = tuple[NDArray[np.int32], NDArray[np.float32]]

PROBED = 96  #: cells a vector is compared with
_FIRST = 2  # of these tell how near others have to be
_BLOCK = 2048  # vectors that are looked for at once
_WIDTH = 8192  # vectors of a cell they are compared with at once
_BITS = 32  # of a pair that are its second number


def seek(vectors: NDArray[np.float32], cells: Cells, q: int, threads: int = 1) -> Answers:
    """The nearest known vectors of each of others, but for a few.

    Parameters
    ----------
    vectors : ndarray of shape (a, d), float32
        Unit rows.
    cells : Cells
        The known ones, parted.
    q : int
        No more than there are.
    threads : int
        Blocks at once; the result does not depend on it.

    Returns
    -------
    (ndarray of shape (a, q) int32, ndarray of shape (a, q) float32)
        Rows of the known vectors and inner products, largest first, ties by the lower row: the largest in the nearest
        cells, or of all where these hold fewer than q.
    """
    indices = np.empty((len(vectors), q), dtype=np.int32)
    similarities = np.empty((len(vectors), q), dtype=np.float32)
    probed = np.empty((len(vectors), min(PROBED, len(cells.means))), dtype=np.int32)
    for start, near, _ in nearest(vectors, cells.means, probed.shape[1], threads):
        probed[start : start + len(near)] = near
    order = np.argsort(probed[:, 0], kind="stable")  # those of a cell probe much the same cells

    def work(start: int) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        rows = order[start : start + _BLOCK]
        return rows, *_found(gridded(vectors[rows]), cells, probed[rows], q)

    with one_thread():
        for rows, found, values in side_by_side(work, range(0, len(order), _BLOCK), threads):
            indices[rows], similarities[rows] = found, values
    return indices, similarities


def _found(queries: NDArray[np.float32], cells: Cells, probed: NDArray[np.int32], q: int) -> Answers:
    """The answers of a block."""
    indices = np.empty((len(queries), q), dtype=np.int32)
    values = np.empty((len(queries), q), dtype=np.float32)
    enough = np.diff(cells.begin)[probed].sum(axis=1) >= q
    if enough.any():
        indices[enough], values[enough] = _in_cells(queries[enough], cells, probed[enough], q)
    if not enough.all():
        # The order of the known vectors decides between equals, and they lie cell by cell.
        known = cells.known[np.argsort(cells.rows)]
        parts = list(nearest(queries[~enough], known, q))
        indices[~enough] = np.concatenate([rows for _, rows, _ in parts])
        values[~enough] = np.concatenate([found for _, _, found in parts])
    return indices, values


def _in_cells(queries: NDArray[np.float32], cells: Cells, probed: NDArray[np.int32], q: int) -> Answers:
    # Products are off by no more than half the margin; see `topics.vectors.nearest`.
    margin = np.float32(2 * queries.shape[1]) / GRID
    best = np.full((len(queries), q), -np.inf, dtype=np.float32)
    for mine, _, near in _products(queries, cells, probed[:, :_FIRST]):
        both = np.concatenate([best[mine], near], axis=1)
        best[mine] = np.partition(both, both.shape[1] - q, axis=1)[:, both.shape[1] - q :]
    least = best.min(axis=1, keepdims=True) - margin
    pairs, found = [], []
    for mine, first, near in _products(queries, cells, probed):
        row, column = marked(near >= least[mine])
        pairs.append(mine[row] << _BITS | column + first)
        found.append(near[row, column])
    codes, values = np.concatenate(pairs), np.concatenate(found)
    order = np.argsort(codes)
    codes = codes[order]
    row, column = close(codes >> _BITS, codes & (1 << _BITS) - 1, values[order], q, margin)
    return largest(row, cells.rows[column], products(queries, cells.known, row, column), q)


def _products(
    queries: NDArray[np.float32], cells: Cells, probed: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int64], int, NDArray[np.float32]]]:
    """Which queries, with which known vectors from where on, and their products."""
    for cell, mine in visits(probed):
        for first in range(int(cells.begin[cell]), int(cells.begin[cell + 1]), _WIDTH):
            part = cells.known[first : min(first + _WIDTH, int(cells.begin[cell + 1]))]
            yield mine, first, queries[mine] @ part.T
