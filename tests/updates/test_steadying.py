"""Clusters that go on from a previous run change where the ties say so clearly, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scattered import A, B, C, scattered

from topics.data import Clusters, Prior
from topics.updates.steadying import steady

if TYPE_CHECKING:
    from numpy.typing import NDArray


def prior(labels: NDArray[np.int64]) -> Prior:
    u = len(labels)
    nowhere = np.full((u, 2), np.nan, dtype=np.float32)
    return Prior(np.arange(u).astype("S32"), labels.astype(np.int32), nowhere, nowhere)


def clusters(labels: NDArray[np.int64]) -> Clusters:
    return Clusters(labels.astype(np.int32), np.ones(len(labels), dtype=np.float32))


def same(one: NDArray[np.int32], other: NDArray[np.int64]) -> bool:
    """Whether two partitions are one but for the numbers."""
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def test_what_did_not_change_stays() -> None:
    graph = scattered((A, 60), (B, 50), (C, 40))
    labels = np.repeat([0, 1, 2], [60, 50, 40])
    assert same(steady(clusters(labels), graph, prior(labels), 5).labels, labels)


def test_a_cut_through_the_middle_of_a_topic_is_not_made() -> None:
    graph = scattered((A, 60), (B, 50))
    labels = np.repeat([0, 1], [60, 50])
    cut = np.where((labels == 0) & (np.arange(110) % 2 == 0), 2, labels)
    assert same(steady(clusters(cut), graph, prior(labels), 5).labels, labels)
    assert same(steady(clusters(labels), graph, prior(cut), 5).labels, labels)  # but halves of one thing are joined


def test_two_topics_that_are_apart_are_not_one() -> None:
    graph = scattered((A, 60), (B, 50))
    labels = np.repeat([0, 1], [60, 50])
    assert same(steady(clusters(np.zeros(110, dtype=int)), graph, prior(labels), 5).labels, labels)
    assert same(steady(clusters(labels), graph, prior(np.zeros(110, dtype=int)), 5).labels, labels)


def test_a_cluster_of_new_texts_is_a_new_topic() -> None:
    graph = scattered((A, 60), (B, 50), (C, 30))
    labels, before = np.repeat([0, 1, 2], [60, 50, 30]), np.repeat([0, 1, -1], [60, 50, 30])
    before[110:115] = 0  # a few of them were there, for want of a better place
    assert same(steady(clusters(labels), graph, prior(before), 5).labels, labels)


def test_a_text_moves_when_the_other_topic_pulls_much_more() -> None:
    graph = scattered((A, 60), (B, 50))
    labels = np.repeat([0, 1], [60, 50])
    before = labels.copy()
    before[0] = 1
    assert same(steady(clusters(labels), graph, prior(before), 5).labels, labels)


def test_new_texts_go_to_the_topic_they_are_tied_to() -> None:
    graph = scattered((A, 60), (B, 50))
    labels, before = np.repeat([0, 1], [60, 50]), np.repeat([0, 1], [60, 50])
    before[[3, 70]] = -1
    one = steady(clusters(np.zeros(110, dtype=int)), graph, prior(before), 5).labels
    assert same(one, labels)


def test_a_topic_too_small_to_go_on_ends() -> None:
    graph = scattered((A, 60), (B, 50))
    labels, before = np.repeat([0, 1], [60, 50]), np.repeat([0, 1, 2], [60, 46, 4])
    assert same(steady(clusters(labels), graph, prior(before), 8).labels, labels)


def test_where_a_number_was_asked_for_it_is_kept() -> None:
    graph = scattered((A, 60), (B, 50))
    one, two = np.zeros(110, dtype=int), np.repeat([0, 1], [60, 50])
    assert same(steady(clusters(one), graph, prior(two), 5, topics=1).labels, one)
    three, other = np.repeat([0, 1, 2], [60, 25, 25]), np.repeat([0, 1, 2], [40, 20, 50])
    assert len(set(steady(clusters(other), graph, prior(three), 8).labels.tolist())) == 2
    kept = steady(clusters(other), graph, prior(three), 8, topics=3).labels
    assert len(set(kept.tolist())) == 3
    assert (kept == three).mean() > 0.8


@pytest.mark.parametrize("before", [np.full(110, -1), np.repeat([0, 1], [60, 50])])
def test_nothing_to_go_by(before: NDArray[np.int64]) -> None:
    graph = scattered((A, 60), (B, 50))
    nothing = clusters(np.full(110, -1))
    assert steady(nothing, graph, prior(before), 5) is nothing
    labels = np.repeat([0, 1], [60, 50])
    assert same(steady(clusters(labels), graph, prior(np.full(110, -1)), 5).labels, labels)
