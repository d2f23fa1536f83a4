"""Coherence, against the formulas in loops."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from fakes import random_embeddings
from scipy import sparse

from topics.data import TermCounts
from topics.metrics import (
    Occurrences,
    c_npmi,
    c_uci,
    c_v,
    coherence,
    embedding_coherence,
    npmi,
    term_vectors,
    topic_npmi,
    u_mass,
)

E = 1e-12
MEASURES = [npmi, c_npmi, c_uci, c_v, u_mass]


@pytest.fixture
def seen() -> np.ndarray:
    """Which of 90 documents hold which of 6 terms; the last two never meet."""
    held = np.random.default_rng(0).random((90, 6)) < 0.3
    held[:, 5] &= ~held[:, 4]
    return held.astype(float)


def of(held: np.ndarray) -> Occurrences:
    return Occurrences(len(held), [held.T @ held])


def slow_pair(held, one, other, normalised):
    both = (held[:, one] * held[:, other]).mean()
    value = math.log((both + E) / (held[:, one].mean() * held[:, other].mean()))
    return value / -math.log(both + E) if normalised else value


def test_c_npmi_and_c_uci_are_means_over_pairs(seen):
    pairs = list(combinations(range(6), 2))
    assert c_npmi(of(seen))[0] == pytest.approx(np.mean([slow_pair(seen, *pair, True) for pair in pairs]))
    assert c_uci(of(seen))[0] == pytest.approx(np.mean([slow_pair(seen, *pair, False) for pair in pairs]))


def test_u_mass_asks_of_each_term_for_those_before_it(seen):
    values = [
        math.log(((seen[:, later] * seen[:, earlier]).mean() + E) / seen[:, earlier].mean())
        for earlier, later in combinations(range(6), 2)
    ]
    assert u_mass(of(seen))[0] == pytest.approx(np.mean(values))
    assert u_mass(of(seen[:, ::-1]))[0] != pytest.approx(np.mean(values))


def test_c_v_is_the_mean_cosine_of_contexts_with_their_sum(seen):
    context = np.array([[slow_pair(seen, one, other, True) for other in range(6)] for one in range(6)])
    whole = context.sum(axis=0)
    cosines = [row @ whole / np.linalg.norm(row) / np.linalg.norm(whole) for row in context]
    assert c_v(of(seen))[0] == pytest.approx(np.mean(cosines))


@pytest.mark.parametrize("measure", [npmi, c_npmi, c_uci, c_v])
def test_the_order_of_the_terms_does_not_count(seen, measure):
    assert measure(of(seen[:, [3, 1, 5, 0, 4, 2]]))[0] == pytest.approx(measure(of(seen))[0])


@pytest.mark.parametrize("measure", MEASURES)
def test_a_topic_does_not_depend_on_the_others(seen, measure):
    parts = [seen[:, columns] for columns in ([0, 1, 2], [3, 4, 5], [0, 5])]
    found = measure(Occurrences(90, [part.T @ part for part in parts]))
    assert found.tolist() == [measure(of(part))[0] for part in parts]


def test_all_stay_within_their_bounds():
    rng = np.random.default_rng(3)
    for _ in range(200):
        held = (rng.random((30, 5)) < rng.random()).astype(float)
        held[0] = 1
        found = {measure: measure(of(held))[0] for measure in MEASURES}
        assert -1 <= found[npmi] <= 1
        assert -1 - 1e-9 <= found[c_npmi] <= 1 + 1e-9
        assert -1 <= found[c_v] <= 1 + 1e-9
        assert found[u_mass] <= 1e-9


@pytest.mark.parametrize(("measure", "want"), [(npmi, 1), (c_npmi, 1), (c_uci, 0), (c_v, 1), (u_mass, 0)])
def test_terms_in_every_document(measure, want):
    assert measure(of(np.ones((4, 3))))[0] == pytest.approx(want, abs=1e-9)


def test_terms_that_are_always_together_and_terms_that_never_are():
    together, apart = np.array([[1, 1], [1, 1], [0, 0.0]]), np.array([[1, 0], [0, 1], [0, 0.0]])
    assert [npmi(of(together))[0], c_v(of(together))[0]] == pytest.approx([1, 1])
    assert npmi(of(apart))[0] == -1
    assert c_npmi(of(apart))[0] == pytest.approx(math.log(E * 9) / -math.log(E))
    assert c_v(of(apart))[0] < 0.3


@pytest.mark.parametrize("measure", MEASURES)
def test_fewer_than_two_terms_are_not_coherent(measure):
    found = measure(Occurrences(3, [np.empty((0, 0)), np.ones((1, 1))]))
    assert np.isnan(found).all()
    assert measure(Occurrences(0, [])).shape == (0,)


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


def test_embedding_coherence_is_the_mean_cosine_of_pairs():
    vectors = random_embeddings(7).vectors
    topics = [[0, 1, 2, 3], [4, 6], [5], []]
    found = embedding_coherence(vectors, topics)
    for topic in range(2):
        want = np.mean([float(vectors[i] @ vectors[j]) for i, j in combinations(topics[topic], 2)])
        assert found[topic] == pytest.approx(want, abs=1e-6)
    assert np.isnan(found[2:]).all()
    assert embedding_coherence(vectors[[0, 0]], [[0, 1]])[0] == pytest.approx(1)
    assert embedding_coherence(np.array([[1, 0], [-1, 0]], np.float32), [[0, 1]])[0] == -1


def test_the_vector_of_a_term_is_the_mean_direction_of_its_texts(monkeypatch):
    vectors = random_embeddings(50).vectors
    held = np.random.default_rng(0).random((50, 4)) < 0.2
    held[:, 3] = False
    for block in (coherence._BLOCK, 7):
        monkeypatch.setattr(coherence, "_BLOCK", block)
        found = term_vectors(sparse.csc_array(held.astype(float)), vectors)
        for term in range(3):
            want = vectors[held[:, term]].mean(axis=0)
            assert found[term] == pytest.approx(want / np.linalg.norm(want), abs=1e-6)
        assert not found[3].any()
