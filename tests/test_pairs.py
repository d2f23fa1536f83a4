"""The nearest others: what sorting every pair gives, however the pairs are cut into products."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from fakes import random_embeddings

from topics import pairs
from topics.pairs import nearest_others
from topics.vectors import unit_rows


def brute(points, q):
    """Sort everything; sums of products on the grid are exact."""
    exact = np.rint(points.astype(np.float64) * 2**24) / 2**24
    similarities = (exact @ exact.T).astype(np.float32)
    np.fill_diagonal(similarities, -np.inf)
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :q]
    return rows, np.take_along_axis(similarities, rows, axis=1)


def lattice(rows, dimension=6, seed=0):
    """Vectors whose products are exact in float32 and often equal."""
    return np.random.default_rng(seed).integers(-1, 2, (rows, dimension)).astype(np.float32)


def assert_same(got, want):
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(params=[None, (16, 40), (32, 32), (64, 1)], ids=["as it is", "16 of 40", "32 of 32", "64 of 1"])
def cut(request, monkeypatch):
    """How large blocks are and with how many vectors all are compared first."""
    if request.param:
        monkeypatch.setattr(pairs, "_BLOCK", request.param[0])
        monkeypatch.setattr(pairs, "_FIRST", request.param[1])


@pytest.mark.parametrize(("u", "q"), [(0, 0), (1, 0), (2, 1), (9, 8), (300, 299), (600, 4), (1100, 10)])
def test_it_is_what_sorting_all_pairs_gives_ties_by_the_lower_row(u, q, cut):
    points = lattice(u)
    got = nearest_others(points, q, threads=2)
    assert_same(got, brute(points, q))
    assert [part.dtype for part in got] == [np.int32, np.float32]


def test_real_vectors_have_the_neighbours_that_sorting_finds(cut):
    points = random_embeddings(900, 48).vectors
    assert_same(nearest_others(points, 12), brute(points, 12))


def test_beyond_the_first_block_of_many_vectors_too():
    points = random_embeddings(6000, 24).vectors
    assert_same(nearest_others(points, 15, threads=2), brute(points, 15))


def test_vectors_in_order_of_what_they_say_have_the_same_neighbours(cut):
    points = unit_rows(np.repeat(np.eye(12, 24), 60, axis=0) + np.random.default_rng(0).normal(0, 0.02, (720, 24)))
    assert_same(nearest_others(points, 9), brute(points, 9))


def test_a_product_is_exact_whatever_the_processor():
    points = random_embeddings(70, 384).vectors
    rows, values = nearest_others(points, 69)
    exact = np.rint(points.astype(np.float64) * 2**24) / 2**24
    for query in range(0, 70, 7):
        for other, value in zip(rows[query], values[query], strict=True):
            assert value == np.float32(math.fsum((exact[query] * exact[other]).tolist()))


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(threads, cut):
    points = random_embeddings(1700, 33).vectors
    one, many = nearest_others(points, 9, 1), nearest_others(points, 9, threads)
    assert [part.tobytes() for part in one] == [part.tobytes() for part in many]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_are_alike_the_first_ones_win(value, cut):
    points = np.full((300, 4), value / 2, dtype=np.float32)
    rows, values = nearest_others(points, 3)
    np.testing.assert_array_equal(rows[3:], np.tile([0, 1, 2], (297, 1)))
    assert rows[:3].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3]]
    assert np.unique(values).tolist() == [value]


def test_many_that_are_alike_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(pairs, "_BLOCK", 64)
    monkeypatch.setattr(pairs, "_FIRST", 64)
    points = np.full((4000, 4), 0.5, dtype=np.float32)
    tracemalloc.start()
    rows, _ = nearest_others(points, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows[-1].tolist() == [0, 1, 2]
    assert peak < 40e6  # all pairs are 16 million


def test_it_leaves_the_products_of_others_alone():
    from threadpoolctl import threadpool_info

    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    nearest_others(random_embeddings(1500).vectors, 3, 2)
    assert threads() == before
