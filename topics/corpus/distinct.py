"""The distinct texts of a column, without having them all in memory."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from topics.corpus.columns import BYTES, MANY, parts
from topics.corpus.shelf import Shelf
from topics.corpus.spool import LARGE
from topics.data import Texts, distinct_texts, normalise, text_key
from topics.strings import strings_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    Heap = list[tuple[int, NDArray[np.int64]]]  # numbers on a shelf, and which rows lie there

_ROWS = 1 << 16  # in a heap, where nobody knows how long the texts are


def distinct_of(column: pd.Series) -> tuple[NDArray[np.int32], Texts]:
    """The row of each text among the distinct ones, -1 where there is none; those of a large column lie on the disk.

    As `topics.data.distinct_texts`. Texts are sorted by their keys, which are hashes, on the disk: into heaps of some
    megabytes by the beginnings of the keys while the column is read, and heap by heap then.
    """
    if len(column) <= MANY and column.nbytes < LARGE:
        return distinct_texts(column.tolist())[1:]
    with Shelf() as shelf:
        keys, heaps = _heaped(column, shelf)
        ordered, first, rows = np.unique(keys, return_index=True, return_inverse=True)
        if len(ordered) and not ordered[0]:  # no text, which sorts before any, becomes row -1
            ordered, first, rows = ordered[1:], first[1:], rows - 1
        wanted = np.zeros(len(keys), dtype=bool)
        wanted[first] = True
        texts = strings_on_disk(chain.from_iterable(_sorted(heap, shelf, wanted, rows) for heap in heaps))
    return rows.astype(np.int32), Texts(texts, ordered)


def _heaped(column: pd.Series, shelf: Shelf) -> tuple[NDArray[np.bytes_], list[Heap]]:
    """The key of each text, empty where there is none, and the texts in heaps that follow each other."""
    import pyarrow as pa

    count = max(column.nbytes // BYTES, len(column) // _ROWS) + 1
    bounds = np.array([f"{(heap << 32) // count:08x}" for heap in range(1, count)], dtype="S32")
    heaps: list[Heap] = [[] for _ in range(count)]
    keys = np.empty(len(column), dtype="S32")
    for part in parts(column):
        values = column.iloc[part.start : part.stop].tolist()
        folded = [normalise(value) if isinstance(value, str) else "" for value in values]
        keys[part.start : part.stop] = [text_key(text) if text else "" for text in folded]
        texts = pa.array(folded, pa.large_string())
        for which, rows in _by(np.searchsorted(bounds, keys[part.start : part.stop], side="right")):
            heaps[which].append((shelf.put(texts.take(pa.array(rows))), rows + part.start))
    return keys, heaps


def _by(groups: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each group that occurs, and where."""
    order = np.argsort(groups, kind="stable")
    found, starts = np.unique(groups[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def _sorted(heap: Heap, shelf: Shelf, wanted: NDArray[np.bool_], order: NDArray[np.int64]) -> Iterator[str]:
    """The texts of a heap whose rows are wanted, in an order."""
    import pyarrow as pa

    if not heap:
        return
    rows = np.concatenate([rows for _, rows in heap])
    texts = pa.concat_arrays([shelf.get(number) for number, _ in heap])
    chosen = np.flatnonzero(wanted[rows])
    yield from texts.take(pa.array(chosen[np.argsort(order[rows[chosen]])])).to_pylist()
