"""The nearest among very many vectors: looked for in cells, compared exactly.

Vectors are parted into cells around means (an inverted file: Sivic and Zisserman 2003; Jegou, Douze and Schmid 2011).
A vector is compared with those in the cells nearest to it, then with the neighbours of its neighbours (Dong, Charikar
and Li 2011). Some of the nearest are missed, always the same ones: means are exact sums, cells and neighbours are
chosen by the exact comparison of `topics.vectors`. So the answer depends on the rows and their order alone, not on
threads, blocks or the processor.

u vectors, d dimensions, q neighbours, c cells.
"""

from __future__ import annotations

import math
import tempfile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topics.limits import one_thread
from topics.ordered import side_by_side
from topics.progress import track
from topics.vectors import GRID, close, gridded, largest, marked, nearest, products

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_CELLS = 2  # times the root of u
_LEARNT = 32  # vectors a cell, of which the means are learnt
_ROUNDS = 6  # of k-means
_PROBED = 32  # cells a vector is compared with
_FAN = 12  # neighbours of so many neighbours are looked at, so many of each
_BLOCK = 1024  # vectors whose neighbours are looked for at once
_WIDTH = 8192  # vectors of a cell they are compared with at once
_BITS = 32  # of a pair that are its second number


class Found(NamedTuple):
    """Neighbours of some vectors."""

    rows: NDArray[np.int32]  # (b,), whose they are
    indices: NDArray[np.int32]  # (b, q), nearest first
    similarities: NDArray[np.float32]  # (b, q)


class Cells(NamedTuple):
    """Vectors parted into cells, and stored cell by cell."""

    known: NDArray[np.float32]  # (u, d), rounded to the grid
    rows: NDArray[np.int32]  # (u,), which vector each of them is
    begin: NDArray[np.int64]  # (c + 1,), where a cell begins
    probed: NDArray[np.int32]  # (u, p), the cells nearest to each of them, nearest first
    means: NDArray[np.float32]  # (c, d)


def find_in_cells(
    vectors: NDArray[np.float32], q: int, threads: int = 1, room: int | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The nearest other vectors of each vector, but for a few.

    Parameters
    ----------
    vectors : ndarray of shape (u, d), float32
        Unit rows, in an order that has nothing to do with what they say, such as that of the keys of texts: means are
        learnt of the first ones.
    q : int
        Fewer than u, and than 1024.
    threads : int
        Blocks at once; the result does not depend on it.
    room : int, optional
        Bytes that may be taken: where a copy of the vectors takes more than half of them, it lies on the disk.

    Returns
    -------
    (ndarray of shape (u, q) int32, ndarray of shape (u, q) float32)
        Neighbours and their inner products, largest first, ties by the lower row.
    """
    cells = parted(vectors, threads, room)
    with one_thread():
        indices, similarities = _gathered(lambda start: _search(cells, start, q), cells, q, threads, "Finding")
        place = np.empty(len(vectors), dtype=np.int32)
        place[cells.rows] = np.arange(len(vectors), dtype=np.int32)
        return _gathered(
            lambda start: _refined(cells, start, place, indices, similarities), cells, q, threads, "Comparing"
        )


def parted(vectors: NDArray[np.float32], threads: int = 1, room: int | None = None) -> Cells:
    """Part vectors into cells around means that k-means finds for the first of them."""
    u = len(vectors)
    c = max(1, min(round(_CELLS * math.sqrt(u)), u))
    means = _means(gridded(vectors[: _LEARNT * c]), c, threads)
    probed = np.empty((u, min(_PROBED, c)), dtype=np.int32)
    blocks = nearest(vectors, means, probed.shape[1], threads)
    for start, cells, _ in track(blocks, u, "Parting", "documents", lambda block: len(block[1])):
        probed[start : start + len(cells)] = cells
    rows = np.argsort(probed[:, 0], kind="stable").astype(np.int32)
    probed = probed[rows]
    known = _empty(vectors.shape, room is not None and 2 * vectors.nbytes > room)
    for start in range(0, u, _WIDTH):
        known[start : start + _WIDTH] = gridded(vectors[rows[start : start + _WIDTH]])
    return Cells(known, rows, np.searchsorted(probed[:, 0], np.arange(c + 1)), probed, means)


def _empty(shape: tuple[int, ...], on_disk: bool) -> NDArray[np.float32]:
    """An array to be filled, of float32; on the disk it lies in a file without a name, which goes with it."""
    if not on_disk:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)


def _means(vectors: NDArray[np.float32], c: int, threads: int) -> NDArray[np.float32]:
    """Spherical k-means (Dhillon and Modha 2001), begun at the first vectors; an empty cell keeps its mean."""
    means = vectors[:c].copy()
    for _ in track(range(_ROUNDS), _ROUNDS, "Finding cells", "rounds"):
        cell = np.concatenate([best[:, 0] for _, best, _ in nearest(vectors, means, 1, threads)])
        order = np.argsort(cell, kind="stable")
        full, begin, many = np.unique(cell[order], return_index=True, return_counts=True)
        # Sums of what lies on the grid are exact; and so are squares of their means, once these lie on it too.
        total = np.add.reduceat(vectors[order].astype(np.float64), begin, axis=0)
        mean = np.rint(total / many[:, None] * GRID) / GRID
        lengths = np.sqrt(np.square(mean).sum(axis=1))
        means[full] = gridded((mean / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32))
    return means


def _gathered(
    work: Callable[[int], Found], cells: Cells, q: int, threads: int, task: str
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """What the work finds in all blocks, a few of them at once."""
    u = len(cells.rows)
    indices, similarities = np.empty((u, q), dtype=np.int32), np.empty((u, q), dtype=np.float32)
    blocks = side_by_side(work, range(0, u, _BLOCK), threads)
    for found in track(blocks, u, f"{task} neighbours", "documents", lambda found: len(found.rows)):
        indices[found.rows], similarities[found.rows] = found.indices, found.similarities
    return indices, similarities


def _search(cells: Cells, start: int, q: int) -> Found:
    """The q nearest of each vector of a block, among those of the block and of the cells it probes."""
    queries, u = cells.known[start : start + _BLOCK], len(cells.known)
    b = len(queries)
    # How near the q-th is in the block tells how near it must be elsewhere; the last block is too short to tell.
    low = max(min(start, u - _BLOCK), 0)
    near = queries @ cells.known[low : low + _BLOCK].T
    near[np.arange(b), np.arange(start - low, start - low + b)] = -np.inf
    # Products are off by no more than half the margin; see `topics.vectors.nearest`.
    margin = np.float32(2 * queries.shape[1]) / GRID
    least = np.partition(near, near.shape[1] - q, axis=1)[:, near.shape[1] - q, None] - margin
    row, column = marked(near >= least)
    pairs, values = [row << _BITS | column + low], [near[row, column]]
    for cell, mine in visits(cells.probed[start : start + _BLOCK]):
        for first in range(cells.begin[cell], cells.begin[cell + 1], _WIDTH):
            part = cells.known[first : min(first + _WIDTH, int(cells.begin[cell + 1]))]
            near = queries[mine] @ part.T
            row, column = marked(near >= least[mine])
            pairs.append(mine[row] << _BITS | column + first)
            values.append(near[row, column])
    every, once = np.unique(np.concatenate(pairs), return_index=True)
    row, column, value = every >> _BITS, every & (1 << _BITS) - 1, np.concatenate(values)[once]
    other = column != row + start
    row, column = close(row[other], column[other], value[other], q, margin)
    return Found(
        cells.rows[start : start + b],
        *largest(row, cells.rows[column], products(queries, cells.known, row, column), q),
    )


def visits(probed: NDArray[np.int32]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each cell that any vector probes, and the vectors that do."""
    order = np.argsort(probed, axis=None, kind="stable")
    cells, begin = np.unique(probed.ravel()[order], return_index=True)
    return zip(cells.tolist(), np.split(order // probed.shape[1], begin[1:]), strict=True)


def _refined(
    cells: Cells,
    start: int,
    place: NDArray[np.int32],
    indices: NDArray[np.int32],
    similarities: NDArray[np.float32],
) -> Found:
    """The neighbours of a block of vectors, and of these the neighbours: the q nearest of all."""
    queries, rows = cells.known[start : start + _BLOCK], cells.rows[start : start + _BLOCK]
    own, q = indices[rows], indices.shape[1]
    further = indices[own[:, :_FAN]][:, :, :_FAN].reshape(len(rows), -1)
    each = np.arange(len(rows))[:, None] << _BITS
    codes = np.setdiff1d(each | further, np.concatenate([each | own, each | rows[:, None]], axis=1))
    row, column = codes >> _BITS, codes & (1 << _BITS) - 1
    margin = np.float32(2 * queries.shape[1]) / GRID
    reached = np.concatenate(
        [
            np.einsum("ij,ij->i", queries[row[part]], cells.known[place[column[part]]])
            >= similarities[rows[row[part]], -1] - margin
            for part in (slice(first, first + _WIDTH) for first in range(0, max(len(row), 1), _WIDTH))
        ]
    )
    row, column = row[reached], column[reached]
    values = products(queries, cells.known, row, place[column])
    old = np.repeat(np.arange(len(rows)), q)
    rows_of, columns = np.concatenate([old, row]), np.concatenate([own.ravel(), column])
    value = np.concatenate([similarities[rows].ravel(), values])
    order = np.argsort(rows_of, kind="stable")
    return Found(rows, *largest(rows_of[order], columns[order], value[order], q))
