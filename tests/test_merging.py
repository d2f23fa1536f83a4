"""Fewer topics from many, by the graph between them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from topics.data import NOISE, Clusters, Graph
from topics.errors import InvalidInput
from topics.merging import merge, merges


def random_world(seed, u=60, k=7):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(-1, k, u - k)]).astype(np.int32)
    weights = np.triu(rng.random((u, u)) * (rng.random((u, u)) < 0.3), 1)
    return Clusters(labels, np.ones(u, np.float32)), Graph(
        sparse.csr_array((weights + weights.T).astype(np.float32)), np.ones(u, np.float32)
    )


def modularity(labels, weights):
    """By the book: the share of weight inside, less what chance would put there; outliers left out."""
    inside = labels != NOISE
    weights, labels = weights[np.ix_(inside, inside)] / weights[np.ix_(inside, inside)].sum(), labels[inside]
    degree = weights.sum(axis=1)
    same = labels[:, None] == labels[None, :]
    return float(((weights - np.outer(degree, degree)) * same).sum())


@pytest.mark.parametrize("seed", range(5))
def test_each_merge_is_the_one_modularity_likes_best(seed):
    clusters, graph = random_world(seed)
    weights, labels = graph.weights.toarray().astype(float), clusters.labels.copy()
    for kept, gone in merges(clusters.labels, graph, 7):
        there = np.unique(labels[labels != NOISE])
        after = {(a, b): modularity(np.where(labels == b, a, labels), weights) for a in there for b in there if a < b}
        assert after[kept, gone] == pytest.approx(max(after.values()), abs=1e-12)
        labels[labels == gone] = kept
    assert len(np.unique(labels[labels != NOISE])) == 1


@pytest.mark.parametrize("topics", range(1, 8))
def test_there_are_exactly_as_many_as_asked_for_and_outliers_stay(topics):
    clusters, graph = random_world(1)
    merged = merge(clusters, graph, topics)
    assert sorted(set(merged.labels.tolist()) - {NOISE}) == list(range(topics))
    assert ((merged.labels == NOISE) == (clusters.labels == NOISE)).all()
    assert (np.diff(np.bincount(merged.labels[merged.labels != NOISE])) <= 0).all()


def test_coarser_topics_are_unions_of_finer_ones():
    clusters, graph = random_world(2)
    fine, coarse = merge(clusters, graph, 5).labels, merge(clusters, graph, 3).labels
    assert all(len(np.unique(coarse[fine == topic])) == 1 for topic in range(5))


def test_more_than_there_are_is_refused():
    clusters, graph = random_world(3)
    with pytest.raises(InvalidInput, match=r"topics=8: only 7 can be told apart"):
        merge(clusters, graph, 8)
