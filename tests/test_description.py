"""Terms that tell topics apart, documents that show them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import THEMES
from fakes import embeddings_of, random_embeddings, themed_corpus
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from topics.assignment import settle
from topics.data import NOISE, Clusters, Corpus, Embeddings, TermCounts
from topics.description import describe, name_of
from topics.graph.neighbors import find_neighbors
from topics.labels import members
from topics.words.ranking import in_company, over_representation, rank_terms
from topics.words.terms import count_terms
from topics.words.wording import class_tfidf, distinct_phrases, distinct_terms


def scene(n=200, themes=4, n_terms=10, n_representatives=5, coverage="auto", duplicates=0):
    """A corpus settled by its themes, and its description."""
    texts, about = themed_corpus(n, themes=themes)
    texts, about = texts + texts[:duplicates], about + about[:duplicates]
    corpus = Corpus.from_texts(texts)
    labels = np.full(len(corpus.texts), NOISE, dtype=np.int32)
    labels[corpus.rows] = about
    embeddings = embeddings_of(corpus.texts)
    clusters = Clusters(labels, np.ones(len(labels), np.float32))
    settled = settle(clusters, embeddings, find_neighbors(embeddings, 15), corpus.copies, coverage)
    counts = count_terms(corpus.texts)
    return (
        corpus,
        settled,
        counts,
        embeddings,
        describe(settled, counts, embeddings, corpus.copies, n_terms, n_representatives),
    )


# --- c-TF-IDF and over-representation -----------------------------------------------------------


def random_counts(k=4, v=30, seed=0):
    return sparse.csr_array(np.random.default_rng(seed).poisson(0.8, (k, v)).astype(np.int32))


def test_class_tfidf_agrees_with_the_formula_in_loops():
    counts = random_counts().toarray()
    got = class_tfidf(random_counts()).toarray()
    mean_words = counts.sum() / len(counts)
    for topic, term in np.ndindex(counts.shape):
        total = counts[:, term].sum()
        want = counts[topic, term] / counts[topic].sum() * math.log(1 + mean_words / total) if total else 0
        assert got[topic, term] == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("weighting", ["plain", "bm25", "sqrt", "bm25+sqrt"])
def test_weightings_agree_with_their_formulas_in_loops_and_are_never_negative(weighting):
    counts = random_counts(k=3, v=12, seed=5).toarray()
    counts[:, 0] = 40  # more often than a topic is long
    got = class_tfidf(sparse.csr_array(counts), weighting).toarray()
    mean_words = counts.sum() / len(counts)
    assert counts[:, 0].sum() > mean_words + 0.5
    for topic, term in np.ndindex(counts.shape):
        total, tf = counts[:, term].sum(), counts[topic, term] / counts[topic].sum()
        idf = mean_words / total if total else 0
        if "bm25" in weighting:
            idf = max((mean_words - total + 0.5) / (total + 0.5), 0)
        want = (math.sqrt(tf) if "sqrt" in weighting else tf) * math.log(1 + idf)
        assert got[topic, term] == pytest.approx(want, rel=1e-6)
    assert got.min() == 0
    assert (got[:, 0] > 0).all() != ("bm25" in weighting)


def test_class_tfidf_of_nothing_is_nothing():
    assert class_tfidf(sparse.csr_array((0, 5), dtype=np.int32)).shape == (0, 5)
    assert class_tfidf(sparse.csr_array((2, 0), dtype=np.int32)).shape == (2, 0)
    got = class_tfidf(sparse.csr_array(np.array([[0, 0], [0, 3]], dtype=np.int32)))
    assert np.isfinite(got.toarray()).all()
    assert got.dtype == np.float32


def test_class_tfidf_leaves_its_input_alone():
    counts = random_counts()
    counts.data.flags.writeable = False
    class_tfidf(counts)


def test_over_representation_agrees_with_the_formula_in_loops():
    rng = np.random.default_rng(1)
    labels = rng.integers(-1, 3, 60).astype(np.int32)
    presence = (rng.random((60, 20)) < 0.3).astype(np.float64)
    got = over_representation(members(labels, 3), sparse.csr_array(presence)).toarray()
    inside = labels != NOISE
    for topic, term in np.ndindex(3, 20):
        found = presence[labels == topic, term].sum()
        expected = (labels == topic).sum() * presence[inside, term].sum() / inside.sum()
        want = found * math.log(found / expected) if found > expected else 0
        assert got[topic, term] == pytest.approx(want)


# --- terms --------------------------------------------------------------------------------------


def test_topics_are_described_by_the_words_of_their_theme():
    corpus, settled, _, _, topics = scene()
    _, about = themed_corpus(200, themes=4)
    themes = set()
    for topic, terms in enumerate(topics.terms):
        mine = [theme for theme, row in zip(about, corpus.rows, strict=True) if settled.labels[row] == topic]
        theme = max(set(mine), key=mine.count)
        themes.add(theme)
        assert set(terms) <= set(THEMES[theme]) | {"note"}
    assert len(themes) == len(topics.terms) == 4


def test_the_weight_shown_beside_a_term_is_its_class_tfidf():
    _, settled, counts, _, topics = scene()
    want = class_tfidf((members(settled.labels, 4) @ counts.counts).tocsr()).toarray()
    place = {term: column for column, term in enumerate(counts.vocabulary)}
    for topic, (terms, weights) in enumerate(zip(topics.terms, topics.term_weights, strict=True)):
        assert list(weights) == [float(want[topic, place[term]]) for term in terms]
    np.testing.assert_array_equal(topics.weights.toarray(), want)
    assert topics.vocabulary == counts.vocabulary


@pytest.mark.parametrize("n_terms", [1, 3, 100])
def test_there_are_as_many_terms_as_asked_for_or_as_there_are(n_terms):
    *_, topics = scene(n_terms=n_terms)
    assert all(1 <= len(terms) <= n_terms for terms in topics.terms)
    assert all(len(set(terms)) == len(terms) for terms in topics.terms)
    if n_terms <= 3:
        assert {len(terms) for terms in topics.terms} == {n_terms}


def test_ranking_is_the_same_again_and_does_not_depend_on_the_order_of_the_terms():
    _, settled, counts, embeddings, _ = scene()
    inside = members(settled.labels, len(settled.centroids))
    ranked = rank_terms(inside, counts.counts, embeddings, settled.centroids)
    again = rank_terms(inside, counts.counts, embeddings, settled.centroids)
    assert [columns.tolist() for columns in ranked] == [columns.tolist() for columns in again]
    order = np.random.default_rng(0).permutation(len(counts.vocabulary))
    moved = rank_terms(inside, sparse.csr_array(counts.counts[:, order]), embeddings, settled.centroids)
    for columns, others in zip(ranked, moved, strict=True):
        # Near ties may turn round, as sums are made in another order; the best terms do not.
        assert columns[:5].tolist() == order[others[:5]].tolist()


def slow_ranking(inside, counts, vectors, centroids):
    """The score of every term in dense algebra: G max(cos, 0)^2 sqrt(s)."""
    presence = (counts > 0).astype(float)
    held, sizes = inside @ presence, inside.sum(axis=1, keepdims=True)
    expected = sizes * held.sum(axis=0) / sizes.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(held > expected, held * np.log(held / expected), 0)
    meaning = presence.T @ vectors
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    tfidf = counts * (np.log(len(counts) / presence.sum(axis=0)) + 1)
    tfidf /= np.maximum(np.linalg.norm(tfidf, axis=1, keepdims=True), 1e-300)
    for topic in range(len(inside)):
        leading = np.abs(np.linalg.svd(tfidf[inside[topic] > 0], full_matrices=False)[2][0])
        cosine = np.maximum(meaning @ centroids[topic], 0)
        yield surprise[topic] * cosine**2 * np.sqrt(leading / leading.sum())


def test_terms_are_ranked_by_the_score_that_is_written_down():
    _, settled, counts, embeddings, _ = scene()
    inside = members(settled.labels, 4)
    ranked = rank_terms(inside, counts.counts, embeddings, settled.centroids)
    slow = slow_ranking(
        inside.toarray(), counts.counts.toarray(), embeddings.vectors.astype(float), settled.centroids.astype(float)
    )
    presence = counts.counts.toarray() > 0
    for columns, score in zip(ranked, slow, strict=True):
        falling = columns[np.lexsort((columns, -score[columns]))]
        assert score[falling] == pytest.approx(np.sort(score)[::-1][: len(columns)], rel=1e-3)
        wanted = falling[slow_company(score[falling], presence[:, falling])]
        assert columns[:5].tolist() == wanted[:5].tolist()


def slow_company(scores, presence):
    """Term by term and pair by pair: ln(score) + 4 * mean NPMI with the first ten that are there."""

    def npmi(one, other):
        n = len(presence)
        chance = presence[:, one].mean() * presence[:, other].mean()
        seen = ((presence[:, one] & presence[:, other]).sum() + chance) / (n + 1)
        return math.log(seen / chance) / -math.log(seen) if seen < 1 else 1

    order = [0]
    while len(order) < len(scores):
        left = [term for term in range(len(scores)) if term not in order]
        said = order[:10]
        liking = {t: math.log(max(scores[t], 1e-12)) + 4 * sum(npmi(t, o) for o in said) / len(said) for t in left}
        order.append(max(left, key=lambda term: (liking[term], -term)))
    return order


@pytest.mark.parametrize("m", [1, 2, 30])
def test_terms_are_put_in_company_as_it_is_written_down(m):
    rng = np.random.default_rng(m)
    presence = rng.random((40, m)) < rng.uniform(0.1, 0.9, size=m)
    presence[0] = True
    scores = np.sort(rng.uniform(0, 9, size=m))[::-1]
    got = in_company(scores, sparse.csc_array(presence.astype(float)))
    assert got.tolist() == slow_company(scores, presence)


def test_a_term_that_never_meets_the_others_comes_after_those_that_do():
    presence = np.zeros((30, 4))
    presence[:10, [0, 2, 3]] = 1
    presence[10:20, 1] = 1
    assert in_company(np.array([9.0, 8.0, 7.0, 6.0]), sparse.csc_array(presence)).tolist() == [0, 2, 3, 1]


def test_terms_that_every_text_holds_are_in_company():
    assert in_company(np.array([2.0, 1.0]), sparse.csc_array(np.ones((5, 2)))).tolist() == [0, 1]


@pytest.mark.parametrize("weighting", ["plain", "bm25", "sqrt", "bm25+sqrt"])
def test_terms_by_weight_alone_are_in_its_order_and_the_weights_are_kept_either_way(weighting):
    corpus, settled, counts, embeddings, _ = scene()
    inputs = settled, counts, embeddings, corpus.copies, 10, 5, weighting
    plain, ranked = describe(*inputs, "ctfidf"), describe(*inputs, "coherence")
    want = class_tfidf((members(settled.labels, 4) @ counts.counts).tocsr(), weighting)
    for topics in (plain, ranked):
        np.testing.assert_array_equal(topics.weights.toarray(), want.toarray())
    for row, (terms, weights) in enumerate(zip(plain.terms, plain.term_weights, strict=True)):
        dense = want.toarray()[row]
        order = sorted(range(len(dense)), key=lambda column: (-dense[column], column))
        assert list(terms) == distinct_terms([counts.vocabulary[column] for column in order], 10)
        assert list(weights) == sorted(weights, reverse=True)


def test_a_topic_alone_has_words_too():
    corpus = Corpus.from_texts(["red apples fall", "green apples grow", "blue apples roll"])
    embeddings = embeddings_of(corpus.texts)
    one = Clusters(np.zeros(3, np.int32), np.ones(3, np.float32))
    settled = settle(one, embeddings, find_neighbors(embeddings, 2), corpus.copies, "auto")
    topics = describe(settled, count_terms(corpus.texts), embeddings, corpus.copies, 10, 5)
    assert topics.terms[0][0] == "apples"
    assert set(topics.terms[0]) == {"apples", "red", "green", "blue", "fall", "grow", "roll"}
    assert topics.names[0].startswith("apples, ")


@pytest.mark.parametrize("u", [0, 1, 3])
def test_texts_without_words_have_topics_without_words(u):
    embeddings = random_embeddings(u)
    one = Clusters(np.zeros(u, np.int32), np.ones(u, np.float32))
    copies = np.ones(u, np.int64)
    settled = settle(one, embeddings, find_neighbors(embeddings, 2), copies, "auto")
    counts = TermCounts(sparse.csr_array((u, 0), dtype=np.int32), (), ())
    topics = describe(settled, counts, embeddings, copies, 10, 5)
    assert list(topics.names) == ["(no words)"] * min(u, 1)
    assert list(topics.terms) == [()] * min(u, 1)
    assert topics.sizes.tolist() == ([u] if u else [])


def test_constant_and_zero_vectors_are_no_obstacle():
    corpus, settled, counts, _, _ = scene(60, themes=2)
    for value in (0, 0.5):
        embeddings = Embeddings(np.full((60, 4), value, np.float32), "", "")
        flat = settle(
            Clusters(settled.labels, settled.strengths),
            embeddings,
            find_neighbors(embeddings, 5),
            corpus.copies,
            "auto",
        )
        topics = describe(flat, counts, embeddings, corpus.copies, 10, 5)
        assert all(topics.terms)
        assert all(np.isfinite(weights).all() for weights in topics.term_weights)


@settings(deadline=None)
@given(st.lists(st.text("abs ", min_size=1, max_size=6), max_size=12), st.integers(0, 6))
def test_distinct_terms_are_some_of_those_given_in_their_order(terms, most):
    chosen = distinct_terms(terms, most)
    assert len(chosen) <= most
    places = [terms.index(term) for term in chosen]
    assert places == sorted(places)
    assert distinct_terms(chosen, most) == chosen


@pytest.mark.parametrize(
    ("terms", "want"),
    [
        (["neural network", "network", "neural", "model"], ["neural network", "model"]),
        (["network", "neural network"], ["network"]),
        (["city", "cities", "City"], ["city", "City"]),
        (["gas", "gases"], ["gas"]),
        (["movies", "movie", "wolf", "wolves"], ["movies", "wolf"]),
        (["women", "woman", "people", "person"], ["women", "people"]),
        (["matrices", "matrix", "analyses", "analysis"], ["matrices", "analyses"]),
        (["naïve", "naive", "cafés", "cafe"], ["naïve", "cafés"]),
    ],
)
def test_plurals_and_parts_are_not_told_twice(terms, want):
    assert distinct_terms(terms, 9) == want


@pytest.mark.parametrize(
    "terms",
    ["planes plan", "news newspaper", "ios io", "glass gas", "photo photography", "new newton", "año ano", "がき かき"],
)
def test_words_that_only_look_alike_are_both_told(terms):
    assert distinct_terms(terms.split(), 9) == terms.split()


def test_phrases_may_share_a_word_and_not_all_of_them():
    told = ["new york", "york city", "new york city", "deep learning", "learning deep models", "deep learnings", "city"]
    assert distinct_phrases(told, 9) == ["new york", "york city", "deep learning"]
    assert distinct_phrases(told, 1) == ["new york"]


def test_a_name_is_the_first_three_terms():
    assert name_of(["a", "b", "c", "d"]) == "a, b, c"
    assert name_of([]) == "(no words)"


# --- sizes and representatives ------------------------------------------------------------------


def test_sizes_count_documents_and_not_texts():
    corpus, settled, _, _, topics = scene(duplicates=50)
    labels = settled.labels[corpus.rows]
    assert topics.sizes.tolist() == [int((labels == topic).sum()) for topic in range(4)]
    assert topics.sizes.sum() == (labels != NOISE).sum() > 200
    assert topics.sizes.dtype == np.int64


@pytest.mark.parametrize("n_representatives", [1, 5, 100])
@pytest.mark.parametrize("coverage", ["auto", 0.3, 1.0])
def test_representatives_are_members_each_once_and_the_most_central_comes_first(n_representatives, coverage):
    _, settled, _, embeddings, topics = scene(coverage=coverage, n_representatives=n_representatives)
    for topic, rows in enumerate(topics.representatives):
        assert (settled.labels[list(rows)] == topic).all()
        inside = np.flatnonzero(settled.labels == topic)
        assert len(set(rows)) == len(rows) == min(n_representatives, len(inside))
        central = embeddings.vectors[inside] @ settled.centroids[topic]
        assert embeddings.vectors[rows[0]] @ settled.centroids[topic] == pytest.approx(central.max())


def test_representatives_are_central_and_unlike_those_chosen_already():
    _, settled, _, embeddings, topics = scene(n_representatives=8)
    for topic, rows in enumerate(topics.representatives):
        inside = np.flatnonzero(settled.labels == topic)
        central = dict(zip(inside.tolist(), embeddings.vectors[inside] @ settled.centroids[topic], strict=True))
        chosen = [max(central, key=central.__getitem__)]
        while len(chosen) < 8:

            def score(row):
                alike = max(float(embeddings.vectors[row] @ embeddings.vectors[other]) for other in chosen)  # noqa: B023
                return 0.5 * central[row] - 0.5 * max(alike, 0)  # noqa: B023

            chosen.append(max(set(central) - set(chosen), key=score))
        assert list(rows) == chosen


def test_what_comes_in_is_left_as_it_was():
    corpus, settled, counts, embeddings, topics = scene()
    for array in (settled.labels, settled.centroids, counts.counts.data, embeddings.vectors, corpus.copies):
        array.flags.writeable = False
    again = describe(settled, counts, embeddings, corpus.copies, 10, 5)
    assert again.terms == topics.terms
    assert again.representatives == topics.representatives
