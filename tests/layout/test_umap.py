"""The descent: UMAP's forces and samples, on any number of threads, with the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import random_embeddings
from scipy import sparse

from topics.graph.fuzzy import fuzzy_weights
from topics.graph.neighbors import find_neighbors
from topics.layout import umap as layout
from topics.layout.umap import curve, forces, lay_out

MASK = 2**64 - 1


@pytest.fixture(scope="module")
def weights():
    return fuzzy_weights(find_neighbors(random_embeddings(300, 20), 8))


def start_of(u, r=3):
    return np.random.default_rng(0).normal(size=(u, r))


def slow_epoch(old, weights, min_dist, epoch, rate, seed):
    """What `descent.descend` says, in Python, with forces computed where it looks them up."""
    a, b = curve(min_dist)
    u, new = len(old), old.astype(np.float64)
    for row in range(u):
        state = (row * 0x9E3779B97F4A7C15) & MASK
        state ^= (epoch * 0xC2B2AE3D27D4EB4F + seed * 0x165667B19E3779F9) & MASK
        state ^= state >> 32
        state = (state * 0xD6E8FEB86659FD93) & MASK
        state ^= state >> 32
        for edge in range(weights.indptr[row], weights.indptr[row + 1]):
            share = weights.data[edge] / weights.data.max()
            if int(np.float32(epoch + 1) * share) == int(np.float32(epoch) * share):
                continue
            apart = nearer = new[row] - old[weights.indices[edge]]
            for _ in range(2):
                square = nearer @ nearer
                force = -2 * a * b * square ** (b - 1) / (1 + a * square**b)
                nearer = nearer + 2 * rate * np.clip(force * nearer, -4, 4)
            new[row] += (nearer - apart) / 2
            for _ in range(5):
                state = (state * 6364136223846793005 + 1442695040888963407) & MASK
                if (drawn := ((state >> 32) * u) >> 32) != row:
                    apart = new[row] - old[drawn]
                    square = apart @ apart
                    force = 2 * b / ((0.001 + square) * (1 + a * square**b))
                    new[row] += rate * np.clip(force * apart, -4, 4)
    return new


@pytest.mark.parametrize("min_dist", [0.0, 0.1])
def test_two_epochs_are_those_of_the_slow_way(weights, min_dist):
    start = start_of(300)
    found = lay_out(weights, start, min_dist, n_epochs=2, seed=7)
    slow = layout._filling(start)
    for epoch, rate in enumerate((1.0, 0.5)):
        slow = slow_epoch(slow, weights, min_dist, epoch, rate, 7).astype(np.float32)
    # Between points that nearly touch a force off by one part in a hundred moves them a little.
    assert np.abs(found - slow).mean() < 0.005
    assert np.quantile(np.abs(found - slow), 0.99) < 0.05
    assert np.abs(found - layout._filling(start)).mean() > 0.5


def test_forces_are_those_of_the_curve_within_one_part_in_a_hundred():
    a, b = curve(0.1)
    attraction, repulsion = forces(a, b)
    squares = np.float32(2) ** np.random.default_rng(0).uniform(-23, 13, 1000).astype(np.float32)
    places = (squares.view(np.int32) >> 16) - (127 - 24) * 128
    near = 1 + a * squares.astype(np.float64) ** b
    np.testing.assert_allclose(attraction[places], -2 * a * b * squares ** (b - 1) / near, rtol=0.01)
    np.testing.assert_allclose(repulsion[places], 2 * b / ((0.001 + squares) * near), rtol=0.01)


def test_the_curve_is_the_one_umap_fits():
    from umap.umap_ import find_ab_params

    for min_dist in (0.0, 0.1, 0.5):
        np.testing.assert_allclose(curve(min_dist), find_ab_params(1.0, min_dist), rtol=1e-5)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_do_not_change_a_bit(weights, threads, monkeypatch):
    monkeypatch.setattr(layout, "_FEW", 40)
    one = lay_out(weights, start_of(300), 0.0, n_epochs=20, seed=0)
    assert one.tobytes() == lay_out(weights, start_of(300), 0.0, n_epochs=20, seed=0, threads=threads).tobytes()


@pytest.mark.parametrize("r", [1, 2, 5, 12])
def test_any_number_of_axes_can_be_laid_out(weights, r):
    points = lay_out(weights, start_of(300, r), 0.1, n_epochs=12, seed=0)
    assert points.shape == (300, r)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()


def test_points_in_one_place_stay_finite():
    ring = sparse.csr_array(np.roll(np.eye(40, dtype=np.float32), 1, axis=0) + np.roll(np.eye(40), -1, axis=0))
    points = lay_out(ring.astype(np.float32), np.zeros((40, 2)), 0.0, n_epochs=10, seed=0)
    assert np.isfinite(points).all()


def test_nothing_given_is_written_to(weights):
    start = start_of(300)
    before = weights.data.copy(), start.copy()
    lay_out(weights, start, 0.0, n_epochs=10, seed=0)
    np.testing.assert_array_equal(weights.data, before[0])
    np.testing.assert_array_equal(start, before[1])
