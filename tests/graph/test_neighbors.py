"""Neighbours: exact, ordered, never oneself."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import HashingEncoder, random_embeddings

from topics.data import Embeddings
from topics.graph.neighbors import find_neighbors


@pytest.mark.parametrize("u", [0, 1, 2, 3, 40])
def test_there_are_as_many_neighbours_as_asked_for_or_as_there_are_others(u):
    found = find_neighbors(random_embeddings(u), 7)
    assert found.indices.shape == found.distances.shape == (u, min(7, max(u - 1, 0)))
    assert (found.indices.dtype, found.distances.dtype) == (np.int32, np.float32)


def test_distances_rise_lie_between_0_and_2_and_are_those_of_the_neighbours():
    embeddings = random_embeddings(600, 5)
    found = find_neighbors(embeddings, 599)
    assert (np.diff(found.distances, axis=1) >= 0).all()
    assert found.distances.min() >= 0
    assert found.distances.max() <= 2
    want = 1 - np.einsum("id,ijd->ij", embeddings.vectors, embeddings.vectors[found.indices])
    np.testing.assert_allclose(found.distances, want, atol=1e-6)


def test_everybody_is_everybodys_neighbour_once_but_never_his_own():
    found = find_neighbors(random_embeddings(50), 49)
    np.testing.assert_array_equal(
        np.sort(np.column_stack([np.arange(50), found.indices]), axis=1), np.tile(np.arange(50), (50, 1))
    )


def test_threads_do_not_change_a_bit():
    embeddings = random_embeddings(1300, 24)
    one, two = find_neighbors(embeddings, 10, 1), find_neighbors(embeddings, 10, 2)
    assert one.indices.tobytes() == two.indices.tobytes()
    assert one.distances.tobytes() == two.distances.tobytes()


@pytest.mark.parametrize(("vectors", "distance"), [(np.ones((30, 4)) / 2, 0), (np.zeros((30, 4)), 1)])
def test_constant_vectors_have_the_first_texts_as_neighbours(vectors, distance):
    found = find_neighbors(Embeddings(vectors.astype(np.float32), "", ""), 3)
    assert found.indices[5].tolist() == [0, 1, 2]
    assert np.unique(found.distances).tolist() == [distance]


def test_texts_about_the_same_find_each_other():
    encoder = HashingEncoder()
    texts = ["whale and krill", "krill of a whale", "bank and rate", "rate of the bank"]
    found = find_neighbors(Embeddings(encoder.encode(texts), "fake", encoder.fingerprint), 1)
    assert found.indices[:, 0].tolist() == [1, 0, 3, 2]
