"""Products of many vectors with many, the same bits on any number of threads.

Blocks have a fixed size and each product runs on one thread, since more threads give other bits;
the blocks run side by side instead.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BLOCK = 512  # query rows in a product
_GROUPS = 64  # candidates a group; see _largest


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
    exclude_self: bool = False,
) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.float32]]]:
    """The q most similar candidates of each query, a block of queries at a time, in order.

    Parameters
    ----------
    queries, candidates : ndarray of shape (a, d) and (b, d), float32
        Unit rows. q is at most b, less one where a query must not find itself.
    exclude_self : bool
        Queries are the candidates, in the same order, and do not count as their own neighbours.

    Yields
    ------
    (int, ndarray of shape (rows, q) int32, ndarray of shape (rows, q) float32)
        First query row of the block, candidates and inner products, largest first, ties by the lower
        index. A query's answer does not depend on the queries around it.
    """
    from threadpoolctl import threadpool_limits

    transposed = np.ascontiguousarray(candidates.T)

    def search(start: int) -> tuple[int, NDArray[np.int32], NDArray[np.float32]]:
        rows = min(_BLOCK, len(queries) - start)
        block = np.zeros((_BLOCK, queries.shape[1]), dtype=np.float32)  # full blocks only: other shapes, other bits
        block[:rows] = queries[start : start + rows]
        similarities = (block @ transposed)[:rows]
        if exclude_self:
            similarities[np.arange(rows), np.arange(start, start + rows)] = -np.inf
        return start, *_largest(similarities, q)

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        starts = iter(range(0, len(queries), _BLOCK))
        waiting = [pool.submit(search, start) for start in islice(starts, threads + 1)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(search, start) for start in islice(starts, 1)]


def _largest(similarities: NDArray[np.float32], q: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The q largest of each row, largest first, ties by the lower index.

    The q-th largest of the maxima of disjoint groups is no larger than the q-th largest of all, so
    all that reach it are looked at and nothing else: a fraction of what a partition costs.
    """
    rows, b = similarities.shape
    groups = b // _GROUPS
    if groups > q:
        maxima = similarities[:, : groups * _GROUPS].reshape(rows, _GROUPS, groups).max(axis=1)
        least = np.partition(maxima, groups - q, axis=1)[:, groups - q, None]
    else:
        least = np.partition(similarities, b - q, axis=1)[:, b - q, None]
    row, column = np.nonzero(similarities >= least)
    value = similarities[row, column]
    order = np.lexsort((column, -value, row))
    # All rows have at least q; where each begins, counted from the sorted row numbers.
    begin = np.searchsorted(row, np.arange(rows))
    chosen = order[(begin[:, None] + np.arange(q)).ravel()].reshape(rows, q)
    return column[chosen].astype(np.int32), value[chosen]
