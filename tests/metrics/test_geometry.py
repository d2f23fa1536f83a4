"""Silhouette and density, against slow versions and another implementation."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from fakes import random_embeddings

from topics.data import NOISE
from topics.metrics import dbcv, geometry, silhouette


def test_silhouette_agrees_with_the_formula_in_loops():
    vectors = random_embeddings(40, 5).vectors.astype(float)
    labels = np.arange(40, dtype=np.int32) % 4 - 1
    values = []
    for i in np.flatnonzero(labels != NOISE):
        mean = {}
        for topic in range(3):
            others = [j for j in np.flatnonzero(labels == topic) if j != i]
            mean[topic] = np.mean([1 - vectors[i] @ vectors[j] for j in others])
        own, next_best = mean.pop(labels[i]), min(mean.values())
        values.append((next_best - own) / max(own, next_best))
    assert silhouette(vectors.astype(np.float32), labels) == pytest.approx(np.mean(values), rel=1e-4)


@pytest.mark.parametrize("labels", [[], [0], [0, 0, 0], [-1, -1], [0, 1], [0, -1, -1]])
def test_silhouette_needs_two_topics_and_more_texts_than_that(labels):
    assert silhouette(random_embeddings(len(labels)).vectors, np.array(labels, dtype=np.int32)) is None


@pytest.mark.parametrize("rows", [7, 8192])
def test_silhouette_is_that_of_scikit_learn_without_looking_at_pairs(monkeypatch, rows):
    from sklearn.metrics import silhouette_score

    monkeypatch.setattr(geometry, "_ROWS", rows)
    vectors, labels = random_embeddings(301, 24).vectors, np.random.default_rng(0).integers(-1, 6, 301).astype(np.int32)
    labels[0] = 6  # alone in its topic
    want = silhouette_score(vectors[labels >= 0].astype(np.float64), labels[labels >= 0], metric="cosine")
    assert silhouette(vectors, labels) == pytest.approx(want, abs=1e-9)


def blobs(sizes, spread=0.3, dimensions=3, seed=0):
    """Points around corners of a cube and noise between; points of shape (sum of sizes, d), labels."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2, (len(sizes), dimensions)) * 3 + np.arange(len(sizes))[:, None] * 2
    parts = [rng.normal(centre, spread, (size, dimensions)) for centre, size in zip(centres, sizes, strict=True)]
    labels = np.repeat(np.arange(len(sizes)) - 1, sizes).astype(np.int32)
    points = np.concatenate(parts)
    points[labels == NOISE] += rng.normal(0, 2, (sizes[0], dimensions))
    return points.astype(np.float32), labels


def slow_dbcv(points, labels):
    """The definition in loops: Kruskal's tree, of equally long edges the nearer points first."""
    points, names = points.astype(float), [int(name) for name in np.unique(labels[labels != NOISE])]
    core, internal, sparseness = {}, {}, {}
    for name in names:
        mine = np.flatnonzero(labels == name)
        for i in mine:
            apart = [np.linalg.norm(points[i] - points[j]) for j in mine if j != i]
            core[i] = np.mean([(1 / d) ** points.shape[1] for d in apart]) ** (-1 / points.shape[1])
        edges = []
        for i, j in combinations(mine, 2):
            distance = np.linalg.norm(points[i] - points[j])
            edges.append((max(core[i], core[j], distance), distance, i, j))
        group, tree = {i: {i} for i in mine}, []
        for length, _, i, j in sorted(edges):
            if group[i] is not group[j]:
                group[i] |= group[j]
                for member in group[j]:
                    group[member] = group[i]
                tree.append((length, i, j))
        degree = Counter(end for _, i, j in tree for end in (i, j))
        internal[name] = [i for i in mine if degree[i] > 1] or list(mine)
        inner = [length for length, i, j in tree if i in internal[name] and j in internal[name]]
        sparseness[name] = max(inner or [length for length, _, _ in tree])
    value = 0.0
    for name in names:
        separation = min(
            max(core[i], core[j], np.linalg.norm(points[i] - points[j]))
            for other in names
            if other != name
            for i in internal[name]
            for j in internal[other]
        )
        validity = (separation - sparseness[name]) / max(separation, sparseness[name])
        value += (labels == name).mean() * validity
    return value


@pytest.mark.parametrize("dimensions", [2, 5])
@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_dbcv_agrees_with_the_definition_in_loops(dimensions, spread):
    points, labels = blobs([9, 12, 25, 2], spread, dimensions)
    found = dbcv(points, labels)
    assert found == pytest.approx(slow_dbcv(points, labels), abs=1e-9)
    assert -1 <= found <= 1


def test_dbcv_is_near_that_of_hdbscan_which_depends_on_the_order_of_the_points():
    from hdbscan.validity import validity_index

    points, labels = blobs([20, 40, 60, 25], 0.2, 5)
    orders = [np.random.default_rng(seed).permutation(len(points)) for seed in range(3)]
    theirs = [validity_index(points[order].astype(np.float64), labels[order]) for order in orders]
    assert len(set(np.round(theirs, 4))) > 1
    assert [dbcv(points[order], labels[order]) for order in orders] == pytest.approx([dbcv(points, labels)] * 3)
    assert dbcv(points, labels) == pytest.approx(np.mean(theirs), abs=0.05)


def dbcv_on_a_line(points, labels):
    """Two clusters of three points on a line, by hand: one internal point each, in the middle."""
    core = {}
    for name in (0, 1):
        mine = points[labels == name, 0]
        for i, x in enumerate(mine):
            others = np.abs(np.delete(mine, i) - x)
            core[float(x)] = 1 / np.mean(1 / others)
    value = 0.0
    middles = [float(points[labels == name, 0][1]) for name in (0, 1)]
    apart = max(abs(middles[0] - middles[1]), *(core[x] for x in middles))
    for name in (0, 1):
        a, b, c = map(float, points[labels == name, 0])
        sparse = max(max(b - a, core[a], core[b]), max(c - b, core[b], core[c]))
        value += 3 / len(labels) * (apart - sparse) / max(apart, sparse)
    return value


def test_dbcv_agrees_with_the_formula_by_hand():
    points = np.array([[0], [1], [2.5], [9], [10], [12], [5]], dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1, NOISE], dtype=np.int32)
    assert dbcv(points, labels) == pytest.approx(dbcv_on_a_line(points, labels))


def test_dbcv_knows_good_clusters_from_bad_ones():
    points, labels = blobs([5, 50, 50, 50], 0.1)
    shuffled = np.random.default_rng(0).permutation(labels)
    assert dbcv(points, labels) > 0.7
    assert dbcv(points, shuffled) < -0.3


def test_dbcv_depends_on_no_order_no_names_and_no_scale():
    points, labels = blobs([10, 30, 40])
    want = dbcv(points, labels)
    order = np.random.default_rng(3).permutation(80)
    assert dbcv(points[order], labels[order]) == pytest.approx(want)
    assert dbcv(points, np.where(labels == NOISE, NOISE, 5 - labels)) == pytest.approx(want)
    assert dbcv(points * np.float32(2**-20), labels) == pytest.approx(want)


def test_dbcv_does_not_depend_on_the_size_of_its_blocks(monkeypatch):
    points, labels = blobs([10, 30, 40])
    want = dbcv(points, labels)
    monkeypatch.setattr(geometry, "_BLOCK", 7)
    assert dbcv(points, labels) == want


def test_dbcv_of_many_points_is_that_of_an_even_sample(monkeypatch):
    points, labels = blobs([11, 40, 50])
    monkeypatch.setattr(geometry, "_DBCV", 51)
    found = dbcv(points, labels)
    assert found == dbcv(points[::2], labels[::2])


def test_points_in_one_place_and_single_points_are_no_reason_to_fail():
    points = np.zeros((9, 2), dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1, 2, NOISE, NOISE], dtype=np.int32)
    assert dbcv(points, labels) == 0
    points[3:6] = 1
    assert dbcv(points, labels) == pytest.approx(3 / 9)  # the topic in one place is as dense as can be
    points[6] = 5
    assert dbcv(points, labels) == pytest.approx(6 / 9)


@pytest.mark.parametrize("labels", [[], [0], [0, 0, 0], [-1, -1], [0, -1, -1]])
def test_dbcv_needs_two_topics(labels):
    assert dbcv(np.zeros((len(labels), 2), np.float32), np.array(labels, dtype=np.int32)) is None
