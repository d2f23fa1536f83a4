"""Neighbours found in cells: nearly all of them, compared exactly, the same ones however the work is cut."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import random_embeddings

from topics.data import Embeddings
from topics.graph import cells
from topics.graph.cells import find_in_cells, parted
from topics.graph.neighbors import EXACT, find_neighbors
from topics.pairs import nearest_others
from topics.vectors import unit_rows


def themed(u, d=32, themes=40, seed=0):
    draw = np.random.default_rng(seed)
    means = draw.normal(size=(themes, d))
    return unit_rows(means[draw.integers(0, themes, u)] + draw.normal(0, 0.7, (u, d)))


def shared(found, wanted):
    return np.mean([len(np.intersect1d(one, other)) for one, other in zip(found, wanted, strict=True)]) / len(found[0])


def test_most_neighbours_are_found_and_what_is_found_is_compared_exactly():
    points = themed(9000)
    found, values = find_in_cells(points, 15)
    wanted, best = nearest_others(points, 15)
    assert shared(found, wanted) > 0.97
    want = np.einsum("ijd,id->ij", points[found].astype(np.float64), points.astype(np.float64))
    np.testing.assert_allclose(values, want, atol=1e-6)
    assert (values <= best + 1e-6).all()
    assert (found.dtype, values.dtype) == (np.int32, np.float32)


@pytest.mark.parametrize("u", [4, 40, 1024, 1025, 1300])
def test_in_few_vectors_all_neighbours_are_found(u):
    points = random_embeddings(u, 12).vectors
    found, values = find_in_cells(points, 3)
    wanted, best = nearest_others(points, 3)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(values, best)


def test_nobody_is_his_own_neighbour_nor_twice_anothers():
    points = themed(3000, themes=3)
    found, values = find_in_cells(points, 20)
    assert not (found == np.arange(3000)[:, None]).any()
    assert all(len(np.unique(row)) == 20 for row in found)
    assert (np.diff(values, axis=1) <= 0).all()


def test_threads_do_not_change_a_bit():
    points = themed(5000)
    (one, products), (two, others) = find_in_cells(points, 10, 1), find_in_cells(points, 10, 3)
    assert one.tobytes() == two.tobytes()
    assert products.tobytes() == others.tobytes()


def test_products_that_round_otherwise_do_not_change_a_bit(monkeypatch):
    points = themed(4000)
    plain = find_in_cells(points, 10)
    # Columns in another order are added up in another order, as on another processor.
    turned = np.random.default_rng(1).permutation(points.shape[1])
    other = find_in_cells(np.ascontiguousarray(points[:, turned]), 10)
    np.testing.assert_array_equal(plain[0], other[0])
    np.testing.assert_array_equal(plain[1], other[1])


def test_every_vector_is_in_one_cell_and_probes_its_own_first():
    points = themed(2000)
    found = parted(points)
    assert sorted(found.rows.tolist()) == list(range(2000))
    np.testing.assert_array_equal(np.repeat(np.arange(len(found.begin) - 1), np.diff(found.begin)), found.probed[:, 0])
    np.testing.assert_allclose(found.known, points[found.rows], atol=1e-6)


def test_vectors_that_are_all_the_same_have_neighbours():
    points = np.ones((2500, 4), dtype=np.float32) / 2
    found, values = find_in_cells(points, 5)
    assert (values == 1).all()
    assert not (found == np.arange(2500)[:, None]).any()


def test_large_cells_are_compared_part_by_part(monkeypatch):
    points = themed(3000, themes=2)
    whole = find_in_cells(points, 10)
    monkeypatch.setattr(cells, "_WIDTH", 64)
    parts = find_in_cells(points, 10)
    np.testing.assert_array_equal(whole[0], parts[0])
    np.testing.assert_array_equal(whole[1], parts[1])


def test_neighbours_are_looked_for_in_cells_above_a_size(monkeypatch):
    assert EXACT >= 10_000
    monkeypatch.setattr("topics.graph.neighbors.EXACT", 1999)
    points = themed(2000)
    found = find_neighbors(Embeddings(points, "", ""), 10)
    indices, similarities = find_in_cells(points, 10)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, np.clip(1 - similarities, 0, 2))
