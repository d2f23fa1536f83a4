"""The nearest among many vectors, with the same bits on any number of threads, in any batch, on any processor.

A product of matrices rounds by the shape and the place of its rows, differently on every kind of processor. It only
proposes; those it proposes are compared exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.limits import one_thread
from topics.ordered import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy import sparse

_BLOCK = 512  # query rows in a product, at most
_ROOM = 1 << 28  # bytes of a product, unless it is said how many
_PAIRS = 512  # rows compared exactly at a time: they stay in the processor's cache
GRID = np.float32(2**24)  #: coordinates are rounded to its parts, so that sums of their products are exact in 53 bits
_SUMMED = 65536  # rows added up at a time; fixed, others round otherwise
_POSITIVE = 0x7FFFFFFF  # the bits of a float32 but for its sign
_GROUPS = 64  # candidates a group; see largest


def unit_rows(vectors: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale rows to length 1; a row of zeros stays.

    Examples
    --------
    >>> unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    lengths[lengths == 0] = 1
    scaled: NDArray[np.float32] = (vectors / lengths[:, None]).astype(np.float32)
    return scaled


def nearest(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    q: int,
    threads: int = 1,
    room: int | None = None,
) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.float32]]]:
    """The q most similar candidates of each query, a block of queries at a time, in order.

    Parameters
    ----------
    queries, candidates : ndarray of shape (a, d) and (b, d), float32
        Unit rows. q is at most b.
    room : int, optional
        Bytes that products may take, all threads together; by default 256 MiB a thread. They take a row at least.

    Yields
    ------
    (int, ndarray of shape (rows, q) int32, ndarray of shape (rows, q) float32)
        First query row of the block, candidates and inner products, largest first, ties by the lower
        index. A query's answer does not depend on the queries around it. Coordinates are rounded to
        2**-24; the inner products of what they are then are exact to the last bit.
    """
    few = 2 * q * len(queries) < len(candidates)  # then those compared are rounded one by one, and no copy is made
    known = candidates if few else gridded(candidates)
    rows = _rows(len(candidates), _ROOM if room is None else room // (threads + 1))
    # A float32 product is off by no more than d / 2**24 (Higham 2002, section 3.1); so is the one it is compared with.
    # Rounding the candidates moves either by no more than half the root of that d.
    margin = np.float32((3 if few else 2) * queries.shape[1]) / GRID

    def search(start: int) -> tuple[int, NDArray[np.int32], NDArray[np.float32]]:
        block = gridded(queries[start : start + rows])
        similarities = block @ known.T
        row, column = marked(similarities >= reached(similarities, q)[:, None] - margin)
        return start, *largest(row, column, products(block, known, row, column, few), q)

    with one_thread():
        yield from side_by_side(search, range(0, len(queries), rows), threads)


def similarities(query: NDArray[np.float32], candidates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inner products of a unit vector with each row, as exact as those of `nearest`; shape (b,).

    Examples
    --------
    >>> similarities(np.float32([0.6, 0.8]), np.float32([[1, 0], [0, 1]])).round(3).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    every = np.arange(len(candidates))
    return products(gridded(query[None]), candidates, np.zeros_like(every), every, rounds=True)


def _rows(candidates: int, room: int) -> int:
    """Query rows of a product that takes no more than some bytes, with what is found in it: 512 at most, 1 at least."""
    return max(1, min(_BLOCK, room // (8 * max(candidates, 1))))


def sums_of(weights: sparse.csr_array, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The product of a sparse matrix and vectors that may be mapped from a file: a part of them is in memory at a time.

    Parameters
    ----------
    weights : csr_array of shape (m, b)
    vectors : ndarray of shape (b, d), float32

    Returns
    -------
    ndarray of shape (m, d), float64

    Examples
    --------
    >>> from scipy import sparse
    >>> sums_of(sparse.csr_array([[1, 0, 1]]), np.float32([[1, 2], [3, 4], [5, 6]])).tolist()
    [[6.0, 8.0]]
    """
    from scipy import sparse

    columns = sparse.csc_array(weights) if len(vectors) > _SUMMED else weights
    total = np.zeros((weights.shape[0], vectors.shape[1]))
    for start in range(0, len(vectors), _SUMMED):
        part = slice(start, start + _SUMMED)
        total += sparse.csr_array(columns[:, part]) @ np.asarray(vectors[part], dtype=np.float64)
    return total


def gridded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors with coordinates that are multiples of 2**-24."""
    rounded: NDArray[np.float32] = np.rint(vectors * GRID)
    rounded /= GRID
    return rounded


def reached(similarities: NDArray[np.float32], q: int) -> NDArray[np.float32]:
    """What at least q of each row reach, and few others: all of the q largest do.

    The q-th largest of the maxima of disjoint groups is no larger than the q-th largest of all, and takes a fraction
    of the time.
    """
    rows, b = similarities.shape
    groups = b // _GROUPS
    if groups > q:
        similarities = similarities[:, : groups * _GROUPS].reshape(rows, _GROUPS, groups).max(axis=1)
    columns = similarities.shape[1]
    least: NDArray[np.float32] = np.partition(similarities, columns - q, axis=1)[:, columns - q]
    return least


def marked(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of what is true in a matrix, row by row; where little is, ten times as fast as `np.nonzero`.

    Examples
    --------
    >>> [places.tolist() for places in marked(np.array([[False, True], [True, True]]))]
    [[0, 1, 1], [1, 0, 1]]
    """
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column


def close(
    row: NDArray[Any], column: NDArray[Any], value: NDArray[np.float32], q: int, margin: np.float32
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The pairs that may be among the q of the largest values of their row, row by row; each row has at least q.

    `margin` is what the difference of two values may be off.
    """
    falling = _falling(row, value)
    falling.sort()
    last = np.cumsum(np.bincount(row)) - np.bincount(row) + q - 1
    least = _values_of(falling[last]) - margin
    near = np.flatnonzero(value >= least[row])
    near = near[np.argsort(row[near], kind="stable")]
    return row[near], column[near]


def _falling(row: NDArray[Any], value: NDArray[np.float32]) -> NDArray[np.int64]:
    """Numbers that sort by row, and in a row by value, the largest first: sorting these is ten times as fast."""
    bits = (value + np.float32(0)).view(np.int32).astype(np.int64)  # -0 is 0
    bits ^= (bits >> 63) & _POSITIVE  # as the values grow
    return np.asarray((row.astype(np.int64) << 32) + (_POSITIVE - bits))


def _values_of(falling: NDArray[np.int64]) -> NDArray[np.float32]:
    """The values in such numbers."""
    bits = _POSITIVE - (falling & 0xFFFFFFFF)
    bits ^= (bits >> 63) & _POSITIVE
    return bits.astype(np.int32).view(np.float32)


def products(
    block: NDArray[np.float32],
    known: NDArray[np.float32],
    row: NDArray[np.int64],
    column: NDArray[np.int64],
    rounds: bool = False,
) -> NDArray[np.float32]:
    """Inner products of pairs of gridded rows, summed without a rounding and rounded once.

    `rounds` says that rows of `known` have to be put on the grid first.
    """
    found = np.empty(len(row), dtype=np.float32)
    for start in range(0, len(row), _PAIRS):
        part = slice(start, start + _PAIRS)
        others = gridded(known[column[part]]) if rounds else known[column[part]]
        found[part] = np.einsum("ij,ij->i", block[row[part]], others, dtype=np.float64)
    return found


def largest(
    row: NDArray[np.int64], column: NDArray[Any], value: NDArray[np.float32], q: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The q largest values of each row, largest first, ties by the lower column; rows ascend and have at least q."""
    order = np.lexsort((column, _falling(row, value)))
    begin = np.searchsorted(row, np.arange(row[-1] + 1))
    chosen = order[(begin[:, None] + np.arange(q)).ravel()].reshape(-1, q)
    return column[chosen].astype(np.int32), value[chosen]
