"""Finer topics within the topics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import topics
from topics.data import Embeddings, Graph, Settled, TermCounts
from topics.subtopics import find_parts
from topics.vectors import unit_rows


def world_of(groups, per=20, topic_of=None, seed=0):
    """Texts in groups whose graph joins those of a group, and hardly others; a topic holds two groups, or as told."""
    random = np.random.default_rng(seed)
    u = groups * per
    group = np.repeat(np.arange(groups), per)
    weights = (group[:, None] == group) * random.uniform(0.5, 1, (u, u)) + (random.random((u, u)) < 0.02) * 0.1
    weights = np.triu(weights, 1).astype(np.float32)
    graph = Graph(sparse.csr_array(weights + weights.T), np.ones(u, np.float32))
    counts = np.zeros((u, groups + 1), dtype=np.int32)
    counts[np.arange(u), group] = 1
    counts[:, groups] = 1
    words = [f"own{number}" for number in range(groups)] + ["shared"]
    vectors = unit_rows((np.eye(groups + 2)[group] + random.normal(0, 0.05, (u, groups + 2))).astype(np.float32))
    labels = (group // 2 if topic_of is None else topic_of[group]).astype(np.int32)
    k = int(labels.max()) + 1
    centroids = unit_rows(np.array([vectors[labels == topic].sum(0) for topic in range(k)], dtype=np.float32))
    settled = Settled(labels, *[None] * 3, centroids, *[None] * 5)
    return (
        settled,
        graph,
        TermCounts(sparse.csr_array(counts), words, ["en"]),
        Embeddings(vectors, "", ""),
        np.ones(u, dtype=np.int64),
    ), group


def test_groups_within_a_topic_are_found_with_the_words_that_tell_them_apart():
    given, group = world_of(6)
    parts = find_parts(*given, seed=0)
    assert parts.topics.tolist() == [0, 0, 1, 1, 2, 2]
    assert parts.sizes.tolist() == [20] * 6
    assert parts.shares.tolist() == [0.5] * 6
    assert [words[0] for words in parts.terms] == [f"own{group[text]}" for text in parts.central]
    assert all("shared" not in words for words in parts.terms)
    assert parts.stability.min() > 0.9


def test_threads_change_nothing():
    given, _ = world_of(6)
    one, many = (find_parts(*given, seed=0, threads=threads) for threads in (1, 3))
    assert one.central.tolist() == many.central.tolist()
    assert one.stability.tobytes() == many.stability.tobytes()


def test_documents_count_and_the_largest_comes_first():
    given, group = world_of(2)
    copies = np.where(group == 1, 3, 1)
    parts = find_parts(*given[:4], copies, seed=0)
    assert parts.sizes.tolist() == [60, 20]
    assert parts.shares.tolist() == [0.75, 0.25]
    assert [group[text] for text in parts.central] == [1, 0]


def test_a_topic_of_one_piece_or_of_crumbs_has_none():
    given, _ = world_of(4, topic_of=np.arange(4))
    assert len(find_parts(*given, seed=0).topics) == 0
    given, _ = world_of(8, per=8, topic_of=np.zeros(8, dtype=int))
    assert len(find_parts(*given, seed=0).topics) == 0


def test_what_no_two_runs_agree_on_is_no_sub_topic():
    random = np.random.default_rng(0)
    given, _ = world_of(2)
    noise = np.triu(random.random((40, 40)) < 0.2, 1).astype(np.float32)
    parts = find_parts(given[0], Graph(sparse.csr_array(noise + noise.T), np.ones(40, np.float32)), *given[2:], seed=0)
    assert len(parts.topics) == 0


def test_a_run_keeps_them_and_has_the_same_ones_again(world, tmp_path):
    run = world.fit(topics=2)
    assert set(run.subtopics["topic_id"]) <= set(run.topics["topic_id"])
    size = run.topics.set_index("topic_id")["size"]
    for topic_id, rows in run.subtopics.groupby("topic_id"):
        assert len(rows) >= 2
        assert rows["subtopic"].tolist() == list(range(len(rows)))
        assert rows["size"].is_monotonic_decreasing
        assert rows["size"].sum() <= size[topic_id]
        here = run.documents.set_index("id").loc[rows["central_id"], "topic_id"]
        assert set(here) == {topic_id}
    again = topics.load(run.save(tmp_path / "run"))
    assert again.subtopics.equals(run.subtopics)
    assert again == run


@pytest.mark.parametrize("k", [1, 2])
def test_edits_tell_of_them_anew(world, k):
    run = world.fit(topics=3)
    edited = run.reduce(k, store=world.store("shared"))
    assert set(edited.subtopics["topic_id"]) <= set(edited.topics["topic_id"])
    assert len(edited.subtopics) >= 2
