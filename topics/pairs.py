"""The nearest others of each among some ten thousand vectors: a pair is multiplied once, and both of it are served.

u vectors of d dimensions, q neighbours.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from topics.limits import one_thread
from topics.ordered import side_by_side
from topics.progress import track
from topics.vectors import GRID, close, gridded, largest, marked, products, reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    #: The number of a block of rows; rows of the block, what may be their neighbours, and about how near that is.
    Proposed = tuple[int, NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]

_BLOCK = 512  # rows and columns of a product, at most
_FIRST = 4096  # vectors that all are compared with first, to know how near a neighbour has to be
_ENOUGH = 64  # times q: as many proposals of a row, on average, are sifted while more come in


def nearest_others(
    vectors: NDArray[np.float32], q: int, threads: int = 1, room: int | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The q most similar others of each vector.

    Parameters
    ----------
    vectors : ndarray of shape (u, d), float32
        Unit rows. Fastest in an order that has nothing to do with what they say.
    q : int
        Fewer than u.
    threads : int
        Products at once; the result does not depend on it.
    room : int, optional
        Bytes that products may take, all threads together; by default a few MB a thread. They have eight rows at least.

    Returns
    -------
    (ndarray of shape (u, q) int32, ndarray of shape (u, q) float32)
        Rows and inner products, largest first, ties by the lower row; exact as those of `vectors.nearest` are.

    Examples
    --------
    >>> nearest_others(np.float32([[1, 0], [0.6, 0.8], [0, 1]]), 1)[0].tolist()
    [[1], [2], [1]]
    """
    indices = np.empty((len(vectors), q), dtype=np.int32)
    similarities = np.empty((len(vectors), q), dtype=np.float32)
    if q:
        with one_thread():
            for rows, found, values in _Search(vectors, q, threads, room).run():
                indices[rows], similarities[rows] = found, values
    return indices, similarities


class _Search:
    """All products of blocks of vectors; what may be among the nearest of a row waits until all was seen.

    A row's proposals are those as similar as the q-th of the first vectors, less what products may be off.
    """

    def __init__(self, vectors: NDArray[np.float32], q: int, threads: int, room: int | None) -> None:
        u, d = vectors.shape
        self.known, self.q, self.threads = gridded(vectors), q, threads
        self.margin = np.float32(2 * d) / GRID  # see `vectors.nearest`
        # A product, a mask of it, and what is found in it.
        first = max(_FIRST, 8 * q)
        size = _BLOCK if room is None else max(8, min(_BLOCK, room // (8 * first * (threads + 1))))
        self.blocks = [slice(start, min(start + size, u)) for start in range(0, u, size)]
        self.first = -(-first // size)  # blocks
        self.least = np.empty(u, dtype=np.float32)
        self.waiting: list[list[Proposed]] = [[] for _ in self.blocks]

    def run(self) -> Iterator[tuple[slice, NDArray[np.int32], NDArray[np.float32]]]:
        numbers = range(len(self.blocks))
        first, others = numbers[: self.first], numbers[self.first :]
        pairs = [(one, other) for one in others for other in others if one <= other]
        found = chain(
            side_by_side(self._begin, first, self.threads),  # bounds, before others are compared with these
            side_by_side(self._begin, others, self.threads),
            side_by_side(self._multiply, pairs, self.threads),
        )
        for proposed in track(found, len(numbers) + len(pairs), "Finding neighbours", "products"):
            for each in proposed:
                self._note(each)
        yield from side_by_side(self._sifted, numbers, self.threads)

    def _begin(self, one: int) -> list[Proposed]:
        """Compare a block with the first vectors: for all its rows a bound, and for the first ones proposals."""
        rows, first = self.blocks[one], self.blocks[: self.first]
        similar = self.known[rows] @ self.known[: first[-1].stop].T
        if one < self.first:
            np.fill_diagonal(similar[:, rows], -np.inf)  # itself
        self.least[rows] = reached(similar, self.q) - self.margin
        found = [self._proposed(one, similar, 0)]
        if one >= self.first:
            found += [self._mirrored(other, similar[:, columns], rows.start) for other, columns in enumerate(first)]
        return found

    def _multiply(self, pair: tuple[int, int]) -> list[Proposed]:
        one, other = pair
        similar = self.known[self.blocks[one]] @ self.known[self.blocks[other]].T
        if one == other:
            np.fill_diagonal(similar, -np.inf)
            return [self._proposed(one, similar, self.blocks[one].start)]
        columns = self.blocks[other].start
        return [self._proposed(one, similar, columns), self._mirrored(other, similar, self.blocks[one].start)]

    def _proposed(self, one: int, similar: NDArray[np.float32], columns: int) -> Proposed:
        """What rows of a block may have among the columns of a product, which begin there."""
        row, column = marked(similar >= self.least[self.blocks[one], None])
        return one, row.astype(np.int32), (column + columns).astype(np.int32), similar[row, column]

    def _mirrored(self, other: int, similar: NDArray[np.float32], rows: int) -> Proposed:
        """What its columns, a block, may have among its rows."""
        row, column = marked(similar >= self.least[self.blocks[other]])
        return other, column.astype(np.int32), (row + rows).astype(np.int32), similar[row, column]

    def _note(self, proposed: Proposed) -> None:
        one = proposed[0]
        self.waiting[one].append(proposed)
        rows = self.blocks[one].stop - self.blocks[one].start
        if sum(len(part[1]) for part in self.waiting[one]) > _ENOUGH * self.q * rows:  # many are alike
            where, found, values = self._sifted(one)
            self.least[where] = values[:, -1] - self.margin
            row = np.repeat(np.arange(rows, dtype=np.int32), self.q)
            self.waiting[one] = [(one, row, found.ravel(), values.ravel())]

    def _sifted(self, one: int) -> tuple[slice, NDArray[np.int32], NDArray[np.float32]]:
        """The nearest among the proposals of a block, compared exactly."""
        parts = self.waiting[one]
        row, column, value = (np.concatenate([part[place] for part in parts]) for place in (1, 2, 3))
        row, column = close(row, column, value, self.q, self.margin)
        rows = self.blocks[one]
        return rows, *largest(row, column, products(self.known[rows], self.known, row, column), self.q)
