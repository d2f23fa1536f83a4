"""Blocked products: exact, ordered, and the same bits however the work is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fakes import random_embeddings

from topics import vectors
from topics.vectors import close, largest, nearest, unit_rows


def gathered(*arguments, **options):
    blocks = list(nearest(*arguments, **options))
    starts = np.cumsum([0, *(len(rows) for _, rows, _ in blocks)])
    assert [start for start, _, _ in blocks] == starts[:-1].tolist()
    return np.concatenate([rows for _, rows, _ in blocks]), np.concatenate([values for _, _, values in blocks])


def brute(queries, candidates, q):
    similarities = queries.astype(np.float64) @ candidates.T.astype(np.float64)
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :q]
    return rows, np.take_along_axis(similarities, rows, axis=1)


def lattice(rows, dimension=6, seed=0):
    """Vectors whose products are exact in float32 and often equal."""
    return np.random.default_rng(seed).integers(-1, 2, (rows, dimension)).astype(np.float32)


# Above 64 candidates a neighbour another way is taken; above 512 queries there is more than one block.
@pytest.mark.parametrize(
    ("a", "b", "q"), [(1, 1, 1), (3, 7, 7), (100, 40, 5), (513, 700, 10), (30, 2000, 15), (5, 64, 1)]
)
def test_nearest_is_what_sorting_everything_gives_ties_by_the_lower_index(a, b, q):
    queries, candidates = lattice(a, seed=1), lattice(b, seed=2)
    rows, values = gathered(queries, candidates, q)
    want_rows, want_values = brute(queries, candidates, q)
    np.testing.assert_array_equal(rows, want_rows)
    np.testing.assert_array_equal(values, want_values)
    assert (rows.dtype, values.dtype) == (np.int32, np.float32)


def test_real_vectors_agree_with_sorting_up_to_rounding():
    points = random_embeddings(900, 48).vectors
    _, values = gathered(points, points, 12)
    np.testing.assert_allclose(values, brute(points, points, 12)[1], atol=1e-6)


def test_a_product_is_exact_whatever_the_processor():
    points = random_embeddings(70, 384).vectors
    rows, values = gathered(points, points, 70)
    exact = np.rint(points.astype(np.float64) * 2**24) / 2**24
    for query in range(0, 70, 7):
        for other, value in zip(rows[query], values[query], strict=True):
            assert value == np.float32(math.fsum((exact[query] * exact[other]).tolist()))


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(threads):
    points = random_embeddings(1700, 33).vectors
    one, many = gathered(points, points, 9, 1), gathered(points, points, 9, threads)
    assert [part.tobytes() for part in one] == [part.tobytes() for part in many]


def test_an_answer_does_not_depend_on_the_other_queries():
    candidates, queries = random_embeddings(1000, 384).vectors, random_embeddings(700, 384, seed=1).vectors
    rows, values = gathered(queries, candidates, 7)
    order = np.random.default_rng(0).permutation(len(queries))
    for some in (order, order[:513], *(order[i : i + 1] for i in range(20))):
        again_rows, again_values = gathered(queries[some], candidates, 7)
        assert again_rows.tobytes() == rows[some].tobytes()
        assert again_values.tobytes() == values[some].tobytes()


def test_the_outcome_does_not_depend_on_how_much_fits_a_block(monkeypatch):
    points = lattice(150)
    want = gathered(points, points, 5)
    monkeypatch.setattr(vectors, "_BLOCK", 7)
    monkeypatch.setattr(vectors, "_GROUPS", 4)
    for got, expected in zip(gathered(points, points, 5), want, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_no_queries_no_blocks():
    assert list(nearest(np.empty((0, 3), np.float32), lattice(4, 3), 2)) == []


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_are_alike_the_first_ones_win(value):
    points = np.full((300, 4), value / 2, dtype=np.float32)
    rows, values = gathered(points, points, 3)
    np.testing.assert_array_equal(rows, np.tile([0, 1, 2], (300, 1)))
    assert np.unique(values).tolist() == [value]


def test_stopping_early_leaves_the_products_of_others_alone():
    from threadpoolctl import threadpool_info

    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    blocks = nearest(random_embeddings(1500).vectors, random_embeddings(50).vectors, 3, 2)
    next(blocks)
    blocks.close()
    assert threads() == before


def test_unit_rows_keep_their_direction_and_zeros_stay():
    given = np.array([[3, 4], [0, 0], [1e-30, 0], [-1e30, 1e30]], dtype=np.float32)
    before = given.copy()
    got = unit_rows(given)
    np.testing.assert_allclose(got, [[0.6, 0.8], [0, 0], [1, 0], [-(0.5**0.5), 0.5**0.5]], rtol=1e-6)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(given, before)


def test_few_queries_are_answered_without_a_copy_and_with_the_same_bits():
    rng = np.random.default_rng(0)
    known, queries = (unit_rows(rng.normal(size=(size, 24))) for size in (4000, 300))
    known[2000:2100] = known[:100]
    many = [part for _, *part in nearest(queries, known, 9)]
    alone = [part for row in range(300) for _, *part in nearest(queries[row : row + 1], known, 9)]
    for which in (0, 1):
        got, want = (np.concatenate([part[which] for part in found]) for found in (alone, many))
        np.testing.assert_array_equal(got, want)


def test_pairs_of_values_that_are_equal_negative_or_zeros_of_either_sign_are_ordered_as_by_sorting():
    random = np.random.default_rng(3)
    row = np.repeat(np.arange(40), 30)
    column = np.concatenate([random.permutation(30) for _ in range(40)])
    value = random.choice(np.float32([-1, -0.5, -1e-30, -0.0, 0.0, 1e-30, 0.25, 1]), len(row))
    columns, values = largest(row, column, value, 12)
    kept_row, kept_column = close(row, column, value, 12, np.float32(0))
    for each in range(40):
        own = row == each
        order = np.lexsort((column[own], -value[own]))
        np.testing.assert_array_equal(columns[each], column[own][order[:12]])
        np.testing.assert_array_equal(values[each], value[own][order[:12]])
        reached = value[own] >= value[own][order[11]]
        assert set(kept_column[kept_row == each]) == set(column[own][reached])
