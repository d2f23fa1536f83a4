"""The fit of word vectors to a teacher: against the slow, obvious solution, and against teachers that are known."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from fakes import HashingEncoder, themed_corpus
from scipy import sparse

from topics.embedding.distillation import bags, count_words, distil, fidelity, ridge
from topics.embedding.words import words_of
from topics.errors import InvalidInput
from topics.vectors import unit_rows

TEXTS = ["the cat and the dog", "the cat", "The dog", "a cat, a dog, a bird", "bird", "", "the bird", "x" * 41] * 3


def random_problem(n=30, v=50, d=4, seed=0):
    random = np.random.default_rng(seed)
    matrix = sparse.random_array((n, v), density=0.2, rng=random, format="csr")
    return matrix, random.normal(size=(v, d)), random.normal(size=(n, d))


# --- words ---------------------------------------------------------------------------------------


def test_words_are_those_of_three_texts_most_frequent_first_and_frequent_ones_weigh_less():
    times = Counter(word for text in TEXTS for word in words_of(text))
    expected = ["the", "bird", "cat", "dog", "a", "and"]  # in 12, 9, 9, 9, 3 and 3 texts; the longest is no word
    found = count_words(TEXTS, 100)
    assert list(found.words) == expected
    chances = [times[word] / sum(times.values()) for word in expected]
    np.testing.assert_allclose(found.weights, [0.001 / (0.001 + chance) for chance in chances])
    assert count_words(TEXTS, 2).words == ("the", "bird")
    assert count_words(TEXTS[::-1], 100).words == found.words


def test_without_a_word_in_three_texts_there_is_no_model():
    with pytest.raises(InvalidInput, match="no word is in 3 of the 2 documents"):
        count_words(["one text", "another one"], 10)


def test_a_bag_is_the_weighted_share_of_each_word():
    vocabulary = count_words(TEXTS, 100)
    weight = dict(zip(vocabulary.words, vocabulary.weights, strict=True))
    found = bags(TEXTS, vocabulary).toarray()
    for row, text in enumerate(TEXTS):
        known = [word for word in words_of(text) if word in weight]
        total = sum(weight[word] for word in known)
        expected = [known.count(word) * weight[word] / total if total else 0 for word in vocabulary.words]
        np.testing.assert_allclose(found[row], expected)


# --- the fit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
@pytest.mark.parametrize(("n", "v"), [(30, 50), (50, 12)])
def test_the_dual_solution_is_that_of_ordinary_least_squares_with_a_penalty(n, v, penalty):
    matrix, start, targets = random_problem(n, v)
    dense, centred = matrix.toarray(), start - start.mean(axis=0)
    s, t = (np.square(some).sum() / n for some in (dense, dense @ centred))
    features = np.hstack([dense / math.sqrt(s), dense @ centred / math.sqrt(t)])
    rows = np.vstack([features, math.sqrt(penalty) * np.eye(features.shape[1])])
    wanted = np.vstack([targets - dense @ start, np.zeros((features.shape[1], targets.shape[1]))])
    solution = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    expected = start + solution[:v] / math.sqrt(s) + centred @ solution[v:] / math.sqrt(t)
    np.testing.assert_allclose(ridge(matrix, start, targets)(penalty), expected, atol=1e-8)


def test_a_heavy_penalty_leaves_the_start_and_a_light_one_meets_the_targets():
    matrix, start, targets = random_problem()
    solve = ridge(matrix, start, targets)
    np.testing.assert_allclose(solve(1e12), start, atol=1e-6)
    np.testing.assert_allclose(matrix @ solve(1e-9), targets, atol=1e-4)


def test_words_that_all_start_alike_are_told_apart():
    matrix, _, targets = random_problem()
    found = ridge(matrix, np.ones((50, 4)), targets)(1e-9)
    np.testing.assert_allclose(matrix @ found, targets, atol=1e-4)


def test_fidelity_is_that_of_counting_by_hand():
    random = np.random.default_rng(0)
    mine, theirs = random.normal(size=(2, 40, 5))
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (mine, theirs)]
    nearest = [[set(np.argsort(-np.where(np.arange(40) == i, -9, u @ u[i]))[:10]) for i in range(40)] for u in units]
    found = fidelity(mine, theirs)
    assert found.cosine == pytest.approx((units[0] * units[1]).sum(axis=1).mean(), abs=1e-6)
    assert found.neighbors == pytest.approx(np.mean([len(a & b) / 10 for a, b in zip(*nearest, strict=True)]))


def linear_teacher(texts, vocabulary, d=8, seed=0):
    """A teacher that is itself a weighted mean of word vectors."""
    vectors = np.random.default_rng(seed).normal(size=(len(vocabulary.words), d))
    return unit_rows(bags(texts, vocabulary) @ vectors), vectors


def test_a_teacher_that_is_a_bag_of_words_is_recovered_from_its_texts_alone():
    texts = themed_corpus(900, themes=6)[0]
    vocabulary = count_words(texts, 1000)
    teacher, _ = linear_teacher(texts, vocabulary)
    wrong = unit_rows(np.random.default_rng(9).normal(size=(len(vocabulary.words), 8)))  # words alone tell nothing
    student = distil(texts, teacher, vocabulary, wrong)
    assert student.before.cosine < 0.3
    assert student.after.cosine > 0.95
    assert student.after.neighbors > student.before.neighbors
    assert student.held_out == 180
    assert student.rows.dtype == np.float32


def test_words_no_text_of_the_sample_has_move_with_the_others():
    """A teacher that sees all words turned: what the texts tell of some words holds for the rest."""
    texts = themed_corpus(900, themes=6)[0]
    vocabulary = count_words(texts, 1000)
    unseen = len(vocabulary.words) - 20
    rare = set(vocabulary.words[unseen:])
    texts = [" ".join(word for word in words_of(text) if word not in rare) for text in texts]
    teacher, vectors = linear_teacher(texts, vocabulary)
    start = vectors @ np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    student = distil(texts, teacher, vocabulary, start.astype(np.float32))
    before, after = (
        (unit_rows(rows[unseen:]) * unit_rows(vectors[unseen:])).sum(axis=1).mean() for rows in (start, student.rows)
    )
    assert before < 0.5
    assert after > 0.8


def test_threads_change_no_bit_and_texts_without_a_known_word_do_not_count():
    texts = themed_corpus(300)[0]
    teacher = HashingEncoder()
    vocabulary = count_words(texts, 1000)
    words = teacher.encode(list(vocabulary.words))
    one = distil(texts, teacher.encode(texts), vocabulary, words, threads=1)
    more = [*texts, "qqq", "..."]
    many = distil(more, teacher.encode(more), vocabulary, words, threads=3)
    assert one.rows.tobytes() == many.rows.tobytes()
    assert (one.before, one.after) == (many.before, many.after)


def test_too_few_texts_with_a_known_word_are_told():
    texts = [*themed_corpus(60)[0], *["qqq"] * 60]
    vocabulary = count_words(texts[:60], 1000)
    with pytest.raises(InvalidInput, match=r"60 of 120 documents have words .* at least 100"):
        distil(texts, HashingEncoder().encode(texts), vocabulary, HashingEncoder().encode(list(vocabulary.words)))
