"""The distinct texts of a column, without having them all in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.corpus.columns import MANY, ROWS, values
from topics.data import Texts, distinct_texts, normalise, text_key
from topics.strings import strings_on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray


def distinct_of(column: pd.Series) -> tuple[NDArray[np.int32], Texts]:
    """The row of each text among the distinct ones, -1 where there is none; those of a long column lie on the disk.

    As `topics.data.distinct_texts`. The column is read twice: once for the keys of its texts, once for the texts in
    the order of these.
    """
    if len(column) <= MANY:
        return distinct_texts(column.tolist())[1:]
    keys = np.empty(len(column), dtype="S32")
    for row, value in enumerate(values(column)):
        text = normalise(value) if isinstance(value, str) else ""
        keys[row] = text_key(text) if text else ""
    ordered, first, rows = np.unique(keys, return_index=True, return_inverse=True)
    if not ordered[0]:  # no text, which sorts before any, becomes row -1
        ordered, first, rows = ordered[1:], first[1:], rows - 1
    texts = Texts(strings_on_disk(_taken(column, first)), ordered)
    return rows.astype(np.int32), texts


def _taken(column: pd.Series, rows: NDArray[np.int64]) -> Iterator[str]:
    for start in range(0, len(rows), ROWS):
        for value in column.iloc[rows[start : start + ROWS]].tolist():
            yield normalise(value)
