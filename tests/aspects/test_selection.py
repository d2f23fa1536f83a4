"""Other choices and orders of a topic's own words."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import HashingEncoder, embeddings_of, themed_corpus

from topics.aspects import by_marginal_relevance, by_meaning, by_weight, choose_candidates
from topics.aspects.selection import LAMBDA
from topics.assignment import settle
from topics.data import NOISE, Clusters, Corpus, Embeddings
from topics.description import describe
from topics.graph.neighbors import find_neighbors
from topics.labels import members
from topics.words.ranking import marginal_relevance, rank_terms
from topics.words.terms import count_terms
from topics.words.wording import distinct_terms, spellings


@pytest.fixture(scope="module")
def scene():
    texts, about = themed_corpus(200, themes=4)
    corpus = Corpus.from_texts(texts)
    labels = np.full(len(corpus.texts), NOISE, dtype=np.int32)
    labels[corpus.rows] = about
    embeddings = embeddings_of(corpus.texts)
    clusters = Clusters(labels, np.ones(len(labels), np.float32))
    settled = settle(clusters, embeddings, find_neighbors(embeddings, 15), corpus.copies, "auto")
    return corpus, settled, count_terms(corpus.texts), embeddings


def test_candidates_are_the_ranked_terms_each_said_once(scene):
    _, settled, counts, embeddings = scene
    found = choose_candidates(settled, counts, embeddings)
    ranked = rank_terms(members(settled.labels, 4), counts.counts, embeddings, settled.centroids)
    assert [list(words) for words in found.terms] == [
        distinct_terms([counts.vocabulary[column] for column in columns], 50) for columns in ranked
    ]
    assert sorted(found.texts.texts) == sorted({word for words in found.terms for word in words})


def slowly(words, settled, counts, embeddings, topic, most, trade):
    """Maximal marginal relevance, word by word."""
    dense, place = counts.counts.toarray() > 0, list(counts.vocabulary)
    meaning = {}
    for word in words:
        mean = embeddings.vectors[dense[:, place.index(word)]].astype(np.float64).mean(axis=0)
        meaning[word] = mean / np.linalg.norm(mean)
    chosen = []
    while len(chosen) < min(most, len(words)):

        def score(word):
            alike = max([0, *(float(meaning[word] @ meaning[other]) for other in chosen)])
            return trade * float(meaning[word] @ settled.centroids[topic]) - (1 - trade) * alike

        chosen.append(max((word for word in words if word not in chosen), key=score))
    return chosen


@pytest.mark.parametrize("trade", [0.0, 0.3, LAMBDA, 1.0])
def test_marginal_relevance_is_that_of_its_definition(scene, trade):
    _, settled, counts, embeddings = scene
    candidates = choose_candidates(settled, counts, embeddings)
    got = by_marginal_relevance(candidates, settled, counts, embeddings, 6, trade)
    for topic, words in enumerate(got.terms):
        assert list(words) == slowly(candidates.terms[topic][:30], settled, counts, embeddings, topic, 6, trade)


def test_less_relevance_is_more_difference():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = vectors @ vectors[0]

    def likeness(trade):
        rows = marginal_relevance(relevance, vectors, 6, trade)
        assert len(set(rows)) == 6
        return np.triu(vectors[rows] @ vectors[rows].T, 1).max()

    assert likeness(0.2) < likeness(0.6) <= likeness(1.0)
    assert marginal_relevance(relevance, vectors, 99, 1.0) == np.argsort(-relevance, kind="stable").tolist()
    assert marginal_relevance(relevance[:0], vectors[:0], 3, 0.5) == []


def test_by_meaning_words_are_ordered_by_their_own_vectors(scene):
    _, settled, counts, embeddings = scene
    candidates = choose_candidates(settled, counts, embeddings)
    encoder = HashingEncoder()
    encoded = Embeddings(encoder.encode(list(candidates.texts.texts)), "", "")
    got = by_meaning(candidates, encoded, settled, 8)
    for topic, words in enumerate(got.terms):
        near = {word: float(encoder.encode([word])[0] @ settled.centroids[topic]) for word in candidates.terms[topic]}
        assert [near[word] for word in words] == pytest.approx(sorted(near.values(), reverse=True)[:8])
        assert len(set(words)) == len(words) == 8


@pytest.mark.parametrize("weighting", ["plain", "bm25+sqrt"])
def test_by_weight_is_what_a_run_ranked_by_weight_would_say(scene, weighting):
    corpus, settled, counts, embeddings = scene
    settings = settled, counts, embeddings, corpus.copies, 10, 5, weighting
    assert by_weight(describe(*settings), 10).terms == describe(*settings, "ctfidf").terms


def test_no_aspect_says_a_word_and_its_plural(scene):
    corpus, settled, counts, embeddings = scene
    candidates = choose_candidates(settled, counts, embeddings)
    described = describe(settled, counts, embeddings, corpus.copies, 10, 5)
    for aspect in (by_weight(described, 50), by_marginal_relevance(candidates, settled, counts, embeddings, 50)):
        for words in aspect.terms:
            told = [spelling for word in words for spelling in spellings(word)]
            assert len(told) == len(set(told))


def test_without_topics_or_words_there_is_nothing():
    nothing = Corpus.from_texts(["42", "7"]).texts
    embeddings = Embeddings(np.eye(2, dtype=np.float32), "", "")
    for labels in ([0, 0], [-1, -1]):
        clusters = Clusters(np.array(labels, np.int32), np.ones(2, np.float32))
        settled = settle(clusters, embeddings, find_neighbors(embeddings, 1), np.ones(2, np.int64), 0.0)
        k, counts = len(settled.centroids), count_terms(nothing)
        candidates = choose_candidates(settled, counts, embeddings)
        none = Embeddings(np.empty((0, 2), np.float32), "", "")
        assert candidates.terms == ((),) * k
        assert by_marginal_relevance(candidates, settled, counts, embeddings, 5).terms == ((),) * k
        assert by_meaning(candidates, none, settled, 5).terms == ((),) * k
