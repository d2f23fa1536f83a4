"""Others are placed among many known vectors by cells: nearly as by comparing all, each by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics import assignment
from topics.assignment import approach
from topics.executors import Processes
from topics.graph import seeking
from topics.graph.cells import parted
from topics.graph.seeking import seek
from topics.vectors import nearest, unit_rows

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray


def themed(many: int, seed: int, d: int = 32) -> NDArray[np.float32]:
    means = np.random.default_rng(0).normal(size=(60, d))
    draw = np.random.default_rng(seed)
    return unit_rows(means[draw.integers(0, 60, many)] + draw.normal(0, 0.7, (many, d)))


def exact(vectors: NDArray[np.float32], known: NDArray[np.float32], q: int) -> tuple[NDArray, NDArray]:
    blocks = list(nearest(vectors, known, q))
    return np.concatenate([rows for _, rows, _ in blocks]), np.concatenate([values for _, _, values in blocks])


def test_nearly_all_are_found_and_compared_exactly() -> None:
    known, others = themed(12_000, 1), themed(3000, 2)
    found, values = seek(others, parted(known), 15)
    wanted, best = exact(others, known, 15)
    shared = np.mean([len(np.intersect1d(one, other)) for one, other in zip(found, wanted, strict=True)]) / 15
    assert shared > 0.98
    same = (found == wanted).all(axis=1)
    assert same.mean() > 0.8
    np.testing.assert_array_equal(values[same], best[same])  # to the last bit
    assert (values <= best).all()


def test_with_all_cells_probed_it_is_the_exact_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeking, "PROBED", 10_000)
    known, others = themed(2000, 1), themed(500, 2)
    known[1000:1100] = known[:100]  # ties go to the lower row
    for got, want in zip(seek(others, parted(known), 10), exact(others, known, 10), strict=True):
        np.testing.assert_array_equal(got, want)


def test_an_answer_depends_on_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    known, others = themed(5000, 1), themed(700, 2)
    cells = parted(known)
    whole = seek(others, cells, 10)
    alone = [seek(others[row : row + 1], cells, 10) for row in range(0, 700, 70)]
    monkeypatch.setattr(seeking, "_BLOCK", 64)
    monkeypatch.setattr(seeking, "_WIDTH", 16)
    turned = np.random.default_rng(0).permutation(700)
    again = seek(others[turned], cells, 10, threads=3)
    for part in (0, 1):
        np.testing.assert_array_equal(np.concatenate([one[part] for one in alone]), whole[part][::70])
        np.testing.assert_array_equal(again[part], whole[part][turned])


def test_where_the_nearest_cells_hold_too_few_all_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeking, "PROBED", 1)
    known, others = themed(300, 1), themed(50, 2)
    for got, want in zip(seek(others, parted(known), 200), exact(others, known, 200), strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_fit_on_many_looks_in_cells_here_and_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.concatenate([themed(3000, 1), themed(900, 2)])
    plain = approach(vectors, 3000)
    monkeypatch.setattr(assignment, "EXACT", 2000)
    monkeypatch.setattr(assignment, "SHARD", 1 << 14)
    here, there = approach(vectors, 3000, threads=2), approach(vectors, 3000, executor=Processes(1))
    np.testing.assert_array_equal(here.indices, there.indices)
    np.testing.assert_array_equal(here.similarities, there.similarities)
    assert (here.indices == plain.indices).mean() > 0.9
