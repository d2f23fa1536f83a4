"""The nearest texts of every text, exactly."""

from __future__ import annotations

import numpy as np

from topics.data import Embeddings, Neighbors
from topics.progress import track
from topics.vectors import nearest


def find_neighbors(embeddings: Embeddings, n_neighbors: int, threads: int = 1) -> Neighbors:
    """Find the nearest other texts by cosine.

    Parameters
    ----------
    embeddings : Embeddings
        Unit rows of shape (u, d).
    n_neighbors : int
        q; u - 1 where the corpus is smaller than that.
    threads : int
        How many blocks to work on at once; the result does not depend on it.

    Returns
    -------
    Neighbors
        Of shape (u, q). Exact; quadratic in u, memory u * 512 floats a thread.
    """
    u = len(embeddings.vectors)
    q = max(min(n_neighbors, u - 1), 0)
    indices, distances = np.empty((u, q), dtype=np.int32), np.empty((u, q), dtype=np.float32)
    if q:
        found = nearest(embeddings.vectors, embeddings.vectors, q, threads, exclude_self=True)
        for start, rows, similarities in track(
            found, u, "Finding neighbours", "documents", lambda block: len(block[1])
        ):
            indices[start : start + len(rows)] = rows
            distances[start : start + len(rows)] = np.clip(1 - similarities, 0, 2)
    return Neighbors(indices, distances)
