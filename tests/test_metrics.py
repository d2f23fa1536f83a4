"""Numbers about a result, each against a slow and obvious version."""

from __future__ import annotations

import json
import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fakes import embeddings_of, random_embeddings, themed_corpus
from scipy import sparse

from topics.assignment import settle
from topics.data import NOISE, Clusters, Corpus, Embeddings, Graph, TermCounts
from topics.description import describe
from topics.graph import build_graph
from topics.metrics import agreement, diversity, document_labels, measure, silhouette, topic_npmi
from topics.neighbors import find_neighbors
from topics.terms import count_terms


def scene(classes=False, consensus=3, coverage="auto"):
    """A measured result: two copies, two documents without text, some mixed ones."""
    texts, about = themed_corpus(90, themes=3, mixed=0.2)
    texts, about = [*texts, texts[0], texts[1], None, ""], [*about, about[0], about[1], None, None]
    meta = pd.DataFrame({"class": pd.array([None if theme is None else f"c{theme}" for theme in about], dtype="str")})
    corpus = Corpus.from_texts(texts, range(len(texts)), meta if classes else None)
    labels = np.full(len(corpus.texts), NOISE, dtype=np.int32)
    labels[corpus.rows[:92]] = about[:92]
    embeddings = embeddings_of(corpus.texts)
    neighbors = find_neighbors(embeddings, 10)
    settled = settle(Clusters(labels, np.ones(90, np.float32)), embeddings, neighbors, corpus.copies, coverage)
    counts = count_terms(corpus.texts)
    topics = describe(settled, counts, embeddings, corpus.copies, 10, 5)
    graph = build_graph(neighbors, consensus, 0)
    return corpus, settled, topics, counts, embeddings, graph


def test_npmi_agrees_with_the_formula_in_loops():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.7, (80, 12))
    counts[:, 3] = counts[:, 4] + counts[:, 5] == 0  # a term that never meets some others
    terms = TermCounts(sparse.csr_array(counts.astype(np.int32)), tuple("abcdefghijkl"), ())
    topics = [list("abcd"), list("defgh"), list("kl")]
    got = topic_npmi(terms, topics)
    for topic, words in enumerate(topics):
        values = []
        for one, other in combinations(words, 2):
            first, second = (counts[:, "abcdefghijkl".index(word)] > 0 for word in (one, other))
            both = (first & second).mean()
            values.append(math.log(both / first.mean() / second.mean()) / -math.log(both) if both else -1)
        assert got[topic] == pytest.approx(np.mean(values), rel=1e-5)


def test_npmi_at_its_ends():
    counts = TermCounts(sparse.csr_array(np.array([[3, 1, 0, 1], [0, 0, 2, 1]], dtype=np.int32)), tuple("abcd"), ())
    got = topic_npmi(counts, [["a", "b"], ["a", "c"], ["d", "d"], ["a"], []])
    assert got[:3].tolist() == [1, -1, 1]
    assert np.isnan(got[3:]).all()
    assert topic_npmi(counts, []).shape == (0,)


def test_npmi_leaves_the_counts_alone():
    counts = TermCounts(sparse.csr_array(np.array([[3, 1], [0, 2]], dtype=np.int32)), ("a", "b"), ())
    topic_npmi(counts, [["a", "b"]])
    assert counts.counts.toarray().tolist() == [[3, 1], [0, 2]]


@pytest.mark.parametrize(
    ("terms", "want"), [([["a", "b"], ["c"]], 1), ([["a"], ["a"], ["a"]], 1 / 3), ([], None), ([[]], None)]
)
def test_diversity_is_the_share_of_distinct_terms(terms, want):
    assert diversity(terms) == want


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


def test_silhouette_of_many_texts_is_that_of_an_even_sample(monkeypatch):
    from topics import metrics

    vectors, labels = random_embeddings(101).vectors, np.arange(101, dtype=np.int32) % 2
    monkeypatch.setattr(metrics, "_SILHOUETTE", 51)
    assert silhouette(vectors, labels * 0 + (np.arange(101) > 50)) == silhouette(
        vectors[::2], (np.arange(101) > 50)[::2].astype(np.int32)
    )


def test_agreement_does_not_depend_on_names_and_is_one_where_topics_are_the_classes():
    classes = np.array(["x", "y", "y", "z", "z", "z"], dtype=object)
    labels = np.array([2, 0, 0, 1, 1, 1], dtype=np.int32)
    assert agreement(classes, labels) == pytest.approx({"nmi": 1, "ami": 1, "ari": 1, "purity": 1})


def test_documents_without_a_class_do_not_count_and_outliers_are_one_more_topic():
    classes = np.array(["x", None, "y", np.nan, "y", "x"], dtype=object)
    labels = np.array([0, 1, NOISE, 0, NOISE, 1], dtype=np.int32)
    known = [0, 2, 4, 5]
    assert agreement(classes, labels) == agreement(classes[known], labels[known])
    assert agreement(classes, labels)["purity"] == 1
    assert agreement(np.array([None, np.nan], dtype=object), np.zeros(2, np.int32)) == {}


def test_purity_is_the_share_in_the_majority_of_its_topic():
    classes = np.array(list("aabbbc"), dtype=object)
    assert agreement(classes, np.array([0, 0, 0, 1, 1, 1], np.int32))["purity"] == pytest.approx(4 / 6)


def test_the_numbers_add_up():
    corpus, settled, topics, *_ = values = scene()
    found = measure(*values).overall
    labels = document_labels(corpus, settled)
    assert (found["documents"], found["distinct"], found["duplicates"], found["empty"]) == (94, 90, 2, 2)
    assert found["topics"] == len(topics.names) == 3
    assert found["outliers"] + topics.sizes.sum() + found["empty"] == 94
    assert found["coverage"] == pytest.approx((labels != NOISE).sum() / 92)
    assert found["clustered"] == settled.clustered
    assert "nmi" not in found


def test_with_classes_the_agreement_is_measured_over_documents_with_text():
    corpus, settled, *_ = values = scene(classes=True)
    found = measure(*values).overall
    filled = corpus.rows >= 0
    want = agreement(corpus.meta["class"].to_numpy()[filled], document_labels(corpus, settled)[filled])
    assert {name: found[name] for name in want} == want
    assert found["purity"] > 0.8


def test_numbers_are_plain_and_fit_into_json():
    overall = measure(*scene(classes=True)).overall
    assert json.loads(json.dumps(overall)) == overall
    assert {type(value) for value in overall.values()} <= {int, float, type(None)}


def test_stability_is_the_mean_agreement_inside_a_topic():
    corpus, settled, topics, counts, embeddings, _ = scene()
    share = np.linspace(0, 1, 90).astype(np.float32)
    found = measure(
        corpus, settled, topics, counts, embeddings, Graph(sparse.csr_array((90, 90), dtype=np.float32), share)
    )
    for topic in range(3):
        assert found.stability[topic] == pytest.approx(share[settled.labels == topic].mean(), rel=1e-5)
    assert found.overall["stability"] == pytest.approx(share[settled.labels != NOISE].mean(), rel=1e-5)


def test_without_a_consensus_nothing_is_said_of_stability():
    found = measure(*scene(consensus=0))
    assert found.overall["stability"] is None
    assert np.isnan(found.stability).all()


def test_copies_of_a_text_have_one_label_and_documents_without_text_none():
    corpus, settled, *_ = scene()
    labels = document_labels(corpus, settled)
    assert labels[90:92].tolist() == labels[:2].tolist()
    assert labels[92:].tolist() == [NOISE, NOISE]
    assert document_labels(Corpus.from_texts([None]), scene(coverage=0.0)[1]).tolist() == [NOISE]


def test_without_topics_there_is_little_to_measure():
    found = measure(*scene(coverage=0.0, classes=True))
    assert (found.overall["topics"], found.overall["coverage"], found.overall["outliers"]) == (0, 0, 92)
    assert [found.overall[name] for name in ("npmi", "diversity", "stability", "silhouette")] == [None] * 4
    assert found.npmi.shape == found.stability.shape == (0,)


@pytest.mark.parametrize("texts", [[], ["one whale"], ["a whale", "a snail"], ["1", "2", "3"]])
@pytest.mark.parametrize("value", [0, 0.5])
def test_tiny_corpora_of_constant_vectors_can_be_measured(texts, value):
    corpus = Corpus.from_texts(texts)
    u = len(corpus.texts)
    embeddings = Embeddings(np.full((u, 4), value, np.float32), "", "")
    neighbors = find_neighbors(embeddings, 5)
    one = Clusters(np.zeros(u, np.int32), np.ones(u, np.float32))
    settled = settle(one, embeddings, neighbors, corpus.copies, "auto")
    counts = count_terms(corpus.texts)
    topics = describe(settled, counts, embeddings, corpus.copies, 10, 5)
    found = measure(corpus, settled, topics, counts, embeddings, build_graph(neighbors, 3, 0))
    assert found.overall["documents"] == u
    assert found.overall["topics"] == min(u, 1)
