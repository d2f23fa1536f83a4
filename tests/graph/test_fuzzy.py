"""Fuzzy weights: UMAP's, without UMAP."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from fakes import random_embeddings

from topics.data import Neighbors
from topics.graph.fuzzy import fuzzy_weights, memberships
from topics.graph.neighbors import find_neighbors


def umaps_weights(neighbors):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap.umap_ import fuzzy_simplicial_set
    u, q = neighbors.indices.shape
    # To UMAP a point is its own first neighbour.
    weights, _, _ = fuzzy_simplicial_set(
        np.empty((u, 1), dtype=np.float32),
        q + 1,
        np.random.RandomState(0),
        "precomputed",
        knn_indices=np.column_stack([np.arange(u, dtype=np.int32), neighbors.indices]),
        knn_dists=np.column_stack([np.zeros(u, dtype=np.float32), neighbors.distances]),
    )
    return weights.toarray()


def crowded(u=120, q=9):
    """Neighbourhoods with copies: distances of zero, ties, and whole rows of them."""
    rng = np.random.default_rng(0)
    indices = np.array([rng.choice(np.delete(np.arange(u), row), q, replace=False) for row in range(u)])
    distances = np.sort(rng.choice([0, 0, 0.1, 0.1, 0.2, 0.5], (u, q)), axis=1)
    distances[:5] = 0
    distances[5:10] = 0.3
    return Neighbors(indices.astype(np.int32), distances.astype(np.float32))


@pytest.mark.parametrize(
    "neighbors",
    [find_neighbors(random_embeddings(200, 10), q) for q in (1, 2, 5, 30)] + [crowded()],
    ids=["1", "2", "5", "30", "crowded"],
)
def test_they_are_umaps(neighbors):
    np.testing.assert_allclose(fuzzy_weights(neighbors).toarray(), umaps_weights(neighbors), atol=1e-5)


def test_the_memberships_of_a_row_sum_to_the_logarithm_of_its_neighbours():
    found = memberships(find_neighbors(random_embeddings(300, 10), 20).distances, 0.5)
    np.testing.assert_allclose(found.sum(axis=1), np.log2(21), rtol=1e-5)


def test_a_row_does_not_know_of_the_others():
    distances = find_neighbors(random_embeddings(100, 10), 20).distances
    together = memberships(distances, 0.5)
    alone = np.concatenate([memberships(row[None], 0.5) for row in distances])
    assert together.tobytes() == alone.tobytes()
