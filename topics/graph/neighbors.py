"""The nearest texts of every text: exactly, or among very many nearly all of them."""

from __future__ import annotations

import numpy as np

from topics.data import Embeddings, Neighbors
from topics.graph.cells import find_in_cells
from topics.pairs import nearest_others

#: Texts up to which neighbours are exact. In cells they take as long at 20,000, half at 50,000.
EXACT = 30_000


def find_neighbors(embeddings: Embeddings, n_neighbors: int, threads: int = 1, room: int | None = None) -> Neighbors:
    """Find the nearest other texts by cosine.

    Up to 30,000 texts all pairs are compared. Among more, neighbours are looked for in cells
    (`topics.graph.cells`), where 98 to 99 of a hundred are found; their distances are as exact.

    Parameters
    ----------
    embeddings : Embeddings
        Unit rows of shape (u, d), in the order of the keys of their texts.
    n_neighbors : int
        q; u - 1 where the corpus is smaller than that.
    threads : int
        How many blocks to work on at once; the result does not depend on it.
    room : int, optional
        Bytes that may be taken beside vectors and result; the result does not depend on it.

    Returns
    -------
    Neighbors
        Of shape (u, q).
    """
    u = len(embeddings.vectors)
    q = max(min(n_neighbors, u - 1), 0)
    find = find_in_cells if u > EXACT else nearest_others
    indices, similarities = find(embeddings.vectors, q, threads, room)
    return Neighbors(indices, np.clip(1 - similarities, 0, 2))
