"""The nearest texts of every text: exactly, or among very many nearly all of them."""

from __future__ import annotations

import numpy as np

from topics.data import Embeddings, Neighbors
from topics.graph.cells import find_in_cells
from topics.progress import track
from topics.vectors import nearest

#: Texts up to which neighbours are exact. In cells they take half of the time at 30,000 texts, a sixth at 100,000.
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
    if u > EXACT:
        indices, similarities = find_in_cells(embeddings.vectors, q, threads, room)
        return Neighbors(indices, np.clip(1 - similarities, 0, 2))
    indices, distances = np.empty((u, q), dtype=np.int32), np.empty((u, q), dtype=np.float32)
    if q:
        found = nearest(embeddings.vectors, embeddings.vectors, q, threads, exclude_self=True, room=room)
        for start, rows, similarities in track(
            found, u, "Finding neighbours", "documents", lambda block: len(block[1])
        ):
            indices[start : start + len(rows)] = rows
            distances[start : start + len(rows)] = np.clip(1 - similarities, 0, 2)
    return Neighbors(indices, distances)
