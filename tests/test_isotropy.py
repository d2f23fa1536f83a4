"""How far vectors use their dimensions: against eigenvalues and all pairs, one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from fakes import random_embeddings

from topics import isotropy as module
from topics.isotropy import isotropy, moments


def cone(u=200, d=12, seed=0):
    """Unit rows about a common direction, of which some vary much more than others."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(u, d)) * np.geomspace(1, 0.1, d) + 0.8
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slowly(vectors):
    rows = vectors[vectors.any(axis=1)].astype(np.float64)
    variances = np.linalg.eigvalsh(np.cov(rows.T, bias=True))
    cosines = [one @ other for one, other in combinations(rows, 2)]
    return variances.sum() ** 2 / (variances**2).sum(), np.mean(cosines)


@pytest.mark.parametrize("vectors", [cone(), cone(5, 40), random_embeddings(300, 7).vectors, cone(2)])
def test_both_numbers_agree_with_eigenvalues_and_all_pairs(vectors):
    found = isotropy(vectors)
    assert (found.effective_dimension, found.mean_cosine) == pytest.approx(slowly(vectors), rel=1e-6, abs=1e-7)


def test_rows_of_zeros_do_not_count():
    vectors = cone()
    with_zeros = np.insert(vectors, [0, 7, 7, 200], 0, axis=0)
    assert isotropy(with_zeros).mean_cosine == pytest.approx(isotropy(vectors).mean_cosine)
    assert isotropy(with_zeros).effective_dimension == pytest.approx(isotropy(vectors).effective_dimension)


@pytest.mark.parametrize(
    ("vectors", "want"),
    [
        (np.zeros((0, 3)), (None, None)),
        (np.zeros((4, 3)), (None, None)),
        (np.eye(3)[:1], (None, None)),
        (np.tile(cone(1), (9, 1)), (None, 1)),
        (np.eye(3), (2, 0)),
    ],
    ids=["no row", "nothing but zeros", "one row", "copies of one row", "a row for each dimension"],
)
def test_at_the_ends(vectors, want):
    found = isotropy(vectors.astype(np.float32))
    assert (found.effective_dimension, found.mean_cosine) == pytest.approx(want)


def test_threads_and_files_change_no_bit(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_BLOCK", 64)
    vectors = cone(1000)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    want = moments(vectors)
    for found in (moments(vectors, 3), moments(vectors, 40), moments(mapped, 2)):
        assert found.rows == want.rows
        assert found.total.tobytes() == want.total.tobytes()
        assert found.products.tobytes() == want.products.tobytes()
