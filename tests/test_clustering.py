"""Dense regions become topics, and never too small ones."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from topics.clustering import (
    cells,
    check_clusterer,
    cluster,
    cluster_by,
    default_min_cluster_size,
    evoc,
    find_communities,
    partition,
)
from topics.data import NOISE, Embeddings, Graph, Prior, Reduction
from topics.errors import InvalidConfig, InvalidInput


def dense(reduction, *settings, **more):
    """Clusters of a layout alone: of its graph nothing is known."""
    u = len(reduction.points)
    return cluster(Reduction(reduction.points), no_graph(u), None, *settings, **more)


def no_graph(u):
    return Graph(sparse.csr_array((u, u), dtype=np.float32), np.full(u, np.nan, np.float32))


def cliques(sizes, bridge=0.0, agreement=1.0):
    """Fully connected groups in a row, each tied to the next by one edge."""
    u = sum(sizes)
    weights = np.zeros((u, u), np.float32)
    starts = np.cumsum([0, *sizes])
    for start, end in itertools.pairwise(starts):
        weights[start:end, start:end] = 1
    for end in starts[1:-1]:
        weights[end - 1, end] = weights[end, end - 1] = bridge
    np.fill_diagonal(weights, 0)
    return Graph(sparse.csr_array(weights), np.full(u, agreement, np.float32))


def blobs(sizes, spread=0.05, noise=0, seed=0):
    """Points around corners of a grid, and some anywhere."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal([3 * number, number % 2], spread, (size, 2)) for number, size in enumerate(sizes)]
    return Reduction(np.concatenate([*parts, rng.uniform(-2, 3 * len(sizes), (noise, 2))]).astype(np.float32))


@pytest.mark.parametrize("min_cluster_size", [2, 5, 12, 30, 60])
@pytest.mark.parametrize("min_samples", [1, 15, 500])
def test_no_topic_is_smaller_than_asked_for(min_cluster_size, min_samples):
    found = dense(blobs([60, 40, 25, 8], spread=0.4, noise=20), min_cluster_size, min_samples)
    assert np.bincount(found.labels[found.labels != NOISE]).min() >= min_cluster_size


def test_blobs_are_found_and_numbered_by_size():
    found = dense(blobs([20, 60, 35]), 10, 5)
    sizes = np.bincount(found.labels + 1, minlength=4)
    assert sizes[1] > sizes[2] > sizes[3]
    assert (sizes[1:] > np.array([50, 30, 15])).all()
    assert np.argmax(np.bincount(found.labels[20:80] + 1)) - 1 == 0


def test_strengths_lie_between_0_and_1_and_noise_has_none():
    found = dense(blobs([50, 50], noise=30), 10, 5)
    assert (found.labels.dtype, found.strengths.dtype) == (np.int32, np.float32)
    assert found.strengths.min() >= 0
    assert found.strengths.max() <= 1
    assert (found.strengths[found.labels == NOISE] == 0).all()
    assert (found.labels == NOISE).any()


def test_the_same_points_get_the_same_topics_again():
    first, again = (dense(blobs([50, 30], noise=20), None, 15) for _ in range(2))
    assert first.labels.tobytes() == again.labels.tobytes()
    assert first.strengths.tobytes() == again.strengths.tobytes()


def test_where_no_density_stands_out_all_are_one_topic(caplog):
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    found = dense(Reduction(points), 60, 15)
    assert found.labels.tolist() == [0] * 200
    assert found.strengths.tolist() == [1] * 200
    assert "No density stands out among 200 documents" in caplog.text


@pytest.mark.parametrize("u", [0, 1, 2, 3, 4])
def test_too_few_to_be_told_apart_are_one_topic(u, caplog):
    found = dense(Reduction(np.arange(u, dtype=np.float32)[:, None] * np.ones(5, np.float32)), None, 15)
    assert found.labels.tolist() == [0] * u
    assert f"{u} distinct documents are too few" in caplog.text


@pytest.mark.parametrize("u", [5, 30, 300])
def test_points_all_in_one_place_are_one_topic(u):
    found = dense(Reduction(np.zeros((u, 5), dtype=np.float32)), None, 15)
    assert found.labels.tolist() == [0] * u
    assert np.isfinite(found.strengths).all()


def test_two_places_are_two_topics():
    points = np.repeat(np.array([[0, 0], [9, 9]], dtype=np.float32), [20, 30], axis=0)
    found = dense(Reduction(points), 5, 5)
    assert found.labels.tolist() == [1] * 20 + [0] * 30
    assert np.isfinite(found.strengths).all()


def test_more_asked_for_than_there_are_says_how_to_go_on():
    with pytest.raises(
        InvalidInput, match=r"min_cluster_size=31 is more than the 30 distinct, non-empty .*; give more.*or a smaller"
    ):
        dense(blobs([30]), 31, 15)


def test_exactly_as_many_as_there_are_is_one_topic():
    assert dense(blobs([30]), 30, 15).labels.tolist() == [0] * 30


def test_the_default_grows_with_the_corpus_and_leaves_room_for_two_topics():
    sizes = [default_min_cluster_size(u) for u in range(2, 30_000)]
    assert sizes == sorted(sizes)
    assert all(2 <= size <= max(2, u // 4) for u, size in enumerate(sizes, 2))


# --- communities of the graph --------------------------------------------------------------------


def test_cliques_are_communities_by_size_and_small_ones_are_noise():
    found = partition(find_communities(cliques([20, 40, 4, 30], bridge=0.1)), 10)
    assert found.labels.tolist() == [2] * 20 + [0] * 40 + [NOISE] * 4 + [1] * 30
    assert (found.strengths[found.labels == NOISE] == 0).all()
    assert found.strengths[5] == 1
    assert 0.9 < found.strengths[19] < 1  # it has an edge that leaves


def test_a_higher_resolution_gives_more_communities():
    graph = cliques([12] * 12, bridge=0.9)
    few, more = (
        int(partition(find_communities(graph, resolution), 4, resolution).labels.max()) + 1 for resolution in (0.02, 2)
    )
    assert few < more == 12


def test_a_graph_without_edges_or_with_crumbs_only_is_one_topic(caplog):
    assert partition(find_communities(no_graph(50)), None).labels.tolist() == [0] * 50
    assert partition(find_communities(cliques([4] * 20)), 10).labels.tolist() == [0] * 80
    assert "No community has 10 documents" in caplog.text


def test_where_density_collapses_the_communities_are_taken(caplog):
    # Eight groups in two far-away heaps: the excess of mass sees two.
    layout = blobs([80, 80], spread=0.01)
    graph = cliques([20] * 8, bridge=0.01)
    found = cluster(layout, graph, find_communities(graph), 10, 5)
    assert found.labels.tolist() == np.repeat(range(8), 20).tolist()
    assert "2 topics where the graph has 8 communities" in caplog.text


def test_communities_nobody_agrees_on_are_no_reason_to_doubt_the_density():
    graph = cliques([20] * 8, bridge=0.01, agreement=0.3)
    found = cluster(blobs([80, 80], spread=0.01), graph, find_communities(graph), 10, 5)
    assert int(found.labels.max()) == 1


# --- cells around means, and clusterers of others ------------------------------------------------


def directions(sizes, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.eye(len(sizes))[[row] * size] for row, size in enumerate(sizes)])
    rows += rng.normal(scale=0.05, size=rows.shape)
    return Embeddings((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), "", "")


@pytest.mark.parametrize("topics", [1, 3, 7])
def test_kmeans_gives_as_many_topics_as_asked_for(topics):
    found = cells(directions([30, 20, 25]), topics)
    assert len(np.unique(found.labels)) == topics
    assert (np.diff(np.bincount(found.labels)) <= 0).all()
    assert 0 <= found.strengths.min() <= found.strengths.max() <= 1 + 1e-6


def test_kmeans_finds_what_is_there_and_needs_enough_texts():
    assert cells(directions([30, 20, 25]), 3).labels.tolist() == [0] * 30 + [2] * 20 + [1] * 25
    with pytest.raises(InvalidInput, match="topics=76 is more than the 75 distinct"):
        cells(directions([30, 20, 25]), 76)


def test_kmeans_starts_from_as_many_topics_of_a_previous_run():
    given = directions([30, 20, 25])
    draw = np.random.default_rng(0)
    before = draw.permutation(np.arange(75) % 5).astype(np.int32)
    before[:4] = NOISE  # came since
    nowhere = np.full((75, 2), np.nan, dtype=np.float32)
    keys = np.array([f"{row:032d}" for row in range(75)], dtype="S32")
    prior = Prior(keys, cells(given, 5).labels, nowhere, nowhere)
    again = cells(given, 5, seed=9, prior=prior)  # the seed has no part in it
    assert again.labels.tolist() == prior.labels.tolist()
    assert cells(given, 5, prior=replace(prior, labels=before)).labels.max() == 4
    for others in (before % 4, np.full(75, NOISE, dtype=np.int32), np.where(before == 2, NOISE, before)):
        alone = cells(given, 5, prior=replace(prior, labels=others))
        assert alone.labels.tolist() == cells(given, 5).labels.tolist()


def test_kmeans_without_a_number_and_packages_that_are_not_there_are_said_at_once(monkeypatch):
    with pytest.raises(InvalidConfig, match=r"clusterer=kmeans .* give topics=K"):
        check_clusterer("kmeans", None)
    monkeypatch.setitem(__import__("sys").modules, "evoc", None)
    monkeypatch.setattr("topics.clustering.find_spec", lambda name: None)
    with pytest.raises(InvalidConfig, match="clusterer=evoc needs the package evoc: pip install evoc"):
        check_clusterer("evoc", None)
    with pytest.raises(InvalidConfig, match="needs the package evoc"):
        evoc(directions([30, 20, 25]), 5)


def test_any_object_of_scikit_learn_clusters_the_layout_and_stays_as_it_is():
    from sklearn.cluster import DBSCAN

    theirs = DBSCAN(eps=0.5)
    found = cluster_by(theirs, blobs([20, 60, 35], noise=5))
    assert not hasattr(theirs, "labels_")
    assert (np.diff(np.bincount(found.labels + 1)[1:]) <= 0).all()
    assert set(found.strengths[found.labels == NOISE]) <= {0}


def test_an_object_that_cannot_cluster_or_answers_nonsense_is_named():
    class Wrong:
        def fit_predict(self, X):
            return ["a"] * len(X)

    with pytest.raises(InvalidInput, match=r"Wrong gave labels of shape \(30,\) and type <U1 for 30 documents"):
        cluster_by(Wrong(), blobs([30]))
    with pytest.raises(InvalidConfig, match="has no fit_predict"):
        cluster_by(object(), blobs([30]))
