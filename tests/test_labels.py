"""Numbering topics, gathering their members."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.data import NOISE
from topics.labels import by_size, centroids_of, members

LABELS = st.lists(st.integers(-1, 5), max_size=40).map(lambda labels: np.array(labels, dtype=np.int32))


@settings(deadline=None)
@given(LABELS)
def test_numbers_run_from_zero_by_falling_size_and_noise_stays_noise(labels):
    named = by_size(labels)
    assert named.dtype == np.int32
    np.testing.assert_array_equal(named == NOISE, labels == NOISE)
    sizes = Counter(named[named != NOISE].tolist())
    assert sorted(sizes) == list(range(len(sizes)))
    ordered = [sizes[number] for number in range(len(sizes))]
    assert ordered == sorted(ordered, reverse=True)


@settings(deadline=None)
@given(LABELS)
def test_who_is_together_stays_together(labels):
    named = by_size(labels)
    np.testing.assert_array_equal(named[:, None] == named, labels[:, None] == labels)


@settings(deadline=None)
@given(LABELS, st.permutations(range(6)))
def test_numbers_do_not_depend_on_those_the_clusterer_chose(labels, names):
    renamed = np.append(np.array(names, dtype=np.int32) * 7, NOISE)[labels]
    np.testing.assert_array_equal(by_size(labels), by_size(renamed))


def test_of_clusters_of_one_size_that_with_the_first_member_comes_first():
    assert by_size(np.array([3, 1, 3, 1, 0])).tolist() == [0, 1, 0, 1, 2]


def test_weights_decide_what_is_large():
    assert by_size(np.array([4, 4, 9]), np.array([1, 1, 5])).tolist() == [1, 1, 0]


def test_members_are_ones_where_the_label_is():
    labels = np.array([1, -1, 0, 1], dtype=np.int32)
    inside = members(labels, 3)
    assert inside.toarray().tolist() == [[0, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    assert inside.dtype == np.int32


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_no_topics_have_no_members_and_no_centroids(labels):
    labels = np.array(labels, dtype=np.int32)
    assert members(labels, 0).shape == (0, len(labels))
    assert centroids_of(np.ones((len(labels), 3), np.float32), labels, 0).shape == (0, 3)


def test_a_centroid_is_the_direction_of_the_mean_of_its_members():
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    labels = np.arange(20, dtype=np.int32) % 4 - 1
    for topic, centroid in enumerate(centroids_of(vectors, labels, 3)):
        mean = np.mean([row for row, label in zip(vectors, labels, strict=True) if label == topic], axis=0)
        np.testing.assert_allclose(centroid, mean / np.linalg.norm(mean), rtol=1e-5)


def test_opposite_members_have_no_direction_but_no_nan_either():
    vectors = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert centroids_of(vectors, np.zeros(2, np.int32), 1).tolist() == [[0, 0]]
