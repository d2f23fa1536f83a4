"""Leiden: as good as another's, connected, the same bits in any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import graspologic_native
import numpy as np
import pytest
from fakes import random_embeddings
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from topics.graph.fuzzy import fuzzy_weights
from topics.graph.leiden import communities, network_of
from topics.graph.moving import join_nodes, move_nodes, split_communities
from topics.graph.neighbors import find_neighbors


@pytest.fixture(scope="module")
def weights():
    return fuzzy_weights(find_neighbors(random_embeddings(500, 12), 12))


def modularity(weights, labels, resolution=1.0):
    dense = weights.toarray().astype(np.float64)
    strengths, total = dense.sum(axis=1), dense.sum()
    same = labels[:, None] == labels
    return ((dense / total - resolution * np.outer(strengths, strengths) / total**2) * same).sum()


@pytest.mark.parametrize("resolution", [0.5, 1.0, 4.0])
def test_modularity_is_that_of_another_implementation(weights, resolution):
    other = []
    for seed in range(5):
        parts = weights.indptr.astype(np.int64), weights.indices.astype(np.int32), weights.data.astype(np.float64)
        _, found = graspologic_native.leiden_csr(*parts, 500, resolution=resolution, iterations=5, seed=seed)
        other.append(modularity(weights, np.array([found[node] for node in range(500)]), resolution))
    own = [modularity(weights, communities(weights, seed, resolution), resolution) for seed in range(5)]
    assert np.mean(own) > np.mean(other) - 0.005


def test_cliques_in_a_ring_are_found():
    dense = np.kron(np.eye(12), np.ones((6, 6)))
    for clique in range(12):
        here, there = 6 * clique, (6 * clique + 7) % 72
        dense[here, there] = dense[there, here] = 1
    np.fill_diagonal(dense, 0)
    for seed in range(5):
        found = communities(sparse.csr_array(dense.astype(np.float32)), seed)
        assert len(set(found)) == 12
        assert (found.reshape(12, 6) == found.reshape(12, 6)[:, :1]).all()


def test_communities_hang_together(weights):
    found = communities(weights, 0, resolution=3.0)
    for community in range(found.max() + 1):
        inside = np.flatnonzero(found == community)
        assert connected_components(weights[inside][:, inside])[0] == 1


def test_moving_never_loses_modularity(weights):
    random = np.random.default_rng(0)
    labels = random.integers(0, 40, 500)
    before = modularity(weights, labels)
    move_nodes(network_of(weights), labels, random.permutation(500), 1.0)
    assert modularity(weights, labels) > before


def test_parts_lie_within_communities_and_hang_together(weights):
    labels = np.random.default_rng(0).integers(0, 4, 500)
    parts = split_communities(network_of(weights), labels, np.arange(500), 1.0)
    assert 4 < len(set(parts)) < 500
    for part in set(parts):
        inside = np.flatnonzero(parts == part)
        assert len(set(labels[inside])) == 1
        assert connected_components(weights[inside][:, inside])[0] == 1


def test_joining_is_a_product_of_matrices(weights):
    parts = np.random.default_rng(0).integers(0, 30, 500)
    found = join_nodes(network_of(weights), parts, 30)
    inside = sparse.csr_array((np.ones(500), (parts, np.arange(500))), shape=(30, 500))
    joined = sparse.csr_array((found.weights, found.neighbors, found.ends), shape=(30, 30))
    np.testing.assert_allclose(joined.toarray(), (inside @ weights @ inside.T).toarray(), rtol=1e-5)
    np.testing.assert_allclose(found.strengths, inside @ weights.sum(axis=1), rtol=1e-5)


def test_more_resolution_gives_more_communities(weights):
    counts = [communities(weights, 0, resolution).max() + 1 for resolution in (0.2, 1, 5, 25)]
    assert counts == sorted(set(counts))


def test_a_seed_gives_the_same_bits_in_any_thread(weights):
    alone = [communities(weights, seed).tobytes() for seed in range(6)]
    with ThreadPoolExecutor(4) as pool:
        assert [found.tobytes() for found in pool.map(lambda seed: communities(weights, seed), range(6))] == alone
    assert len(set(alone)) > 1


def test_nodes_without_edges_stay_alone():
    weights = sparse.csr_array(([1.0, 1.0], ([0, 1], [1, 0])), shape=(4, 4), dtype=np.float32)
    assert communities(weights, 0).tolist() == [0, 0, 1, 2]
    assert communities(sparse.csr_array((3, 3), dtype=np.float32), 0).tolist() == [0, 1, 2]
