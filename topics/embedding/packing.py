"""The strongest of many weights as rows of equal length, which is how they are kept.

n texts, V terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse


def packed(weights: NDArray[np.float32], top: int) -> NDArray[np.float32]:
    """Pack the largest weights that are not zero; of equal ones those of the lower terms.

    Parameters
    ----------
    weights : ndarray of shape (n, V), float32
        V below 2**24, so that the number of a term is a float.
    top : int
        How many to keep of a row.

    Returns
    -------
    ndarray of shape (n, 2 * top), float32
        Numbers of terms, ascending, then their weights; places left over, behind the others, hold zeros.

    Examples
    --------
    >>> packed(np.array([[0, 2, 0.5, 2, 0.5], [0, 0, 0, 0, 1]], dtype=np.float32), 3).tolist()
    [[1.0, 2.0, 3.0, 2.0, 0.5, 2.0], [4.0, 0.0, 0.0, 1.0, 0.0, 0.0]]
    """
    rows = np.zeros((len(weights), 2 * top), dtype=np.float32)
    for row, dense in zip(rows, weights, strict=True):
        active = np.flatnonzero(dense)
        terms = np.sort(active[np.argsort(-dense[active], kind="stable")[:top]])
        row[: len(terms)], row[top : top + len(terms)] = terms, dense[terms]
    return rows


def unpacked(rows: NDArray[np.float32], terms: int) -> sparse.csr_array:
    """Rows as `packed` makes them, as a matrix of shape (n, V), float32, V being `terms`; indices ascend.

    Examples
    --------
    >>> unpacked(np.array([[1, 3, 0, 2, 0.5, 0]], dtype=np.float32), 5).toarray().tolist()
    [[0.0, 2.0, 0.0, 0.5, 0.0]]
    """
    from scipy import sparse

    top = rows.shape[1] // 2
    numbers, weights = rows[:, :top], rows[:, top:]
    used = weights != 0
    ends = np.append(0, np.cumsum(used.sum(axis=1)))
    return sparse.csr_array((weights[used], numbers[used].astype(np.int32), ends), shape=(len(rows), terms))
