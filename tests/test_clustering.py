"""Dense regions become topics, and never too small ones."""

from __future__ import annotations

import numpy as np
import pytest

from topics.clustering import cluster, default_min_cluster_size
from topics.data import NOISE, Reduction
from topics.errors import InvalidInput


def blobs(sizes, spread=0.05, noise=0, seed=0):
    """Points around corners of a grid, and some anywhere."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal([3 * number, number % 2], spread, (size, 2)) for number, size in enumerate(sizes)]
    return Reduction(np.concatenate([*parts, rng.uniform(-2, 3 * len(sizes), (noise, 2))]).astype(np.float32))


@pytest.mark.parametrize("min_cluster_size", [2, 5, 12, 30, 60])
@pytest.mark.parametrize("min_samples", [1, 15, 500])
def test_no_topic_is_smaller_than_asked_for(min_cluster_size, min_samples):
    found = cluster(blobs([60, 40, 25, 8], spread=0.4, noise=20), min_cluster_size, min_samples)
    assert np.bincount(found.labels[found.labels != NOISE]).min() >= min_cluster_size


def test_blobs_are_found_and_numbered_by_size():
    found = cluster(blobs([20, 60, 35]), 10, 5)
    sizes = np.bincount(found.labels + 1, minlength=4)
    assert sizes[1] > sizes[2] > sizes[3]
    assert (sizes[1:] > np.array([50, 30, 15])).all()
    assert np.argmax(np.bincount(found.labels[20:80] + 1)) - 1 == 0


def test_strengths_lie_between_0_and_1_and_noise_has_none():
    found = cluster(blobs([50, 50], noise=30), 10, 5)
    assert (found.labels.dtype, found.strengths.dtype) == (np.int32, np.float32)
    assert found.strengths.min() >= 0
    assert found.strengths.max() <= 1
    assert (found.strengths[found.labels == NOISE] == 0).all()
    assert (found.labels == NOISE).any()


def test_the_same_points_get_the_same_topics_again():
    first, again = (cluster(blobs([50, 30], noise=20), None, 15) for _ in range(2))
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.strengths.tobytes() == again.strengths.tobytes()


def test_where_no_density_stands_out_all_are_one_topic(caplog):
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    found = cluster(Reduction(points), 60, 15)
    assert found.labels.tolist() == [0] * 200
    assert found.strengths.tolist() == [1] * 200
    assert "No density stands out among 200 documents" in caplog.text


@pytest.mark.parametrize("u", [0, 1, 2, 3, 4])
def test_too_few_to_be_told_apart_are_one_topic(u, caplog):
    found = cluster(Reduction(np.arange(u, dtype=np.float32)[:, None] * np.ones(5, np.float32)), None, 15)
    assert found.labels.tolist() == [0] * u
    assert f"{u} distinct documents are too few" in caplog.text


@pytest.mark.parametrize("u", [5, 30, 300])
def test_points_all_in_one_place_are_one_topic(u):
    found = cluster(Reduction(np.zeros((u, 5), dtype=np.float32)), None, 15)
    assert found.labels.tolist() == [0] * u
    assert np.isfinite(found.strengths).all()


def test_two_places_are_two_topics():
    points = np.repeat(np.array([[0, 0], [9, 9]], dtype=np.float32), [20, 30], axis=0)
    found = cluster(Reduction(points), 5, 5)
    assert found.labels.tolist() == [1] * 20 + [0] * 30
    assert np.isfinite(found.strengths).all()


def test_more_asked_for_than_there_are_says_how_to_go_on():
    with pytest.raises(
        InvalidInput, match=r"min_cluster_size=31 is more than the 30 distinct, non-empty .*; give more.*or a smaller"
    ):
        cluster(blobs([30]), 31, 15)


def test_exactly_as_many_as_there_are_is_one_topic():
    assert cluster(blobs([30]), 30, 15).labels.tolist() == [0] * 30


def test_the_default_grows_with_the_corpus_and_leaves_room_for_two_topics():
    sizes = [default_min_cluster_size(u) for u in range(2, 30_000)]
    assert sizes == sorted(sizes)
    assert all(2 <= size <= max(2, u // 4) for u, size in enumerate(sizes, 2))
