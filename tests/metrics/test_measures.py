"""The measures every run has."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from fakes import embeddings_of, themed_corpus
from scipy import sparse

from topics.assignment import settle
from topics.data import NOISE, Clusters, Corpus, Embeddings, Graph
from topics.description import describe
from topics.graph.consensus import build_graph
from topics.graph.neighbors import find_neighbors
from topics.metrics import class_measures, document_labels, measure
from topics.words.terms import count_terms

_OF_TOPICS = ("npmi", "u_mass", "embedding_coherence", "diversity", "inverted_rbo", "stability", "silhouette")


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
    want = class_measures(corpus.meta["class"].to_numpy()[filled], document_labels(corpus, settled)[filled])
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


def test_the_order_of_the_documents_changes_no_number():
    texts, about = themed_corpus(60, themes=3, mixed=0.2)
    found = []
    for order in (range(60), np.random.default_rng(1).permutation(60)):
        corpus = Corpus.from_texts([texts[row] for row in order], order)
        labels = np.empty(60, dtype=np.int32)
        labels[corpus.rows] = [about[row] for row in order]
        embeddings = embeddings_of(corpus.texts)
        neighbors = find_neighbors(embeddings, 10)
        settled = settle(Clusters(labels, np.ones(60, np.float32)), embeddings, neighbors, corpus.copies, "auto")
        counts = count_terms(corpus.texts)
        topics = describe(settled, counts, embeddings, corpus.copies, 10, 5)
        found.append(measure(corpus, settled, topics, counts, embeddings, build_graph(neighbors, 3, 0)).overall)
    assert found[0] == found[1]


def test_copies_of_a_text_have_one_label_and_documents_without_text_none():
    corpus, settled, *_ = scene()
    labels = document_labels(corpus, settled)
    assert labels[90:92].tolist() == labels[:2].tolist()
    assert labels[92:].tolist() == [NOISE, NOISE]
    assert document_labels(Corpus.from_texts([None]), scene(coverage=0.0)[1]).tolist() == [NOISE]


def test_without_topics_there_is_little_to_measure():
    found = measure(*scene(coverage=0.0, classes=True))
    assert (found.overall["topics"], found.overall["coverage"], found.overall["outliers"]) == (0, 0, 92)
    assert [found.overall[name] for name in _OF_TOPICS] == [None] * 7
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
