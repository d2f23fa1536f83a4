"""Texts around some directions, and how they hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Embeddings
from topics.graph.consensus import build_graph
from topics.graph.neighbors import find_neighbors
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.data import Graph

A, B, C = np.eye(3, 12)


def scattered(*groups: tuple[NDArray[np.float64], int], width: float = 0.12) -> Graph:
    """The graph of texts around some directions, so many each."""
    draw = np.random.default_rng(4)
    rows = [centre + draw.normal(0, width, (size, 12)) for centre, size in groups]
    vectors = unit_rows(np.concatenate(rows))
    return build_graph(find_neighbors(Embeddings(vectors, "", ""), 15), consensus=0, seed=0)
