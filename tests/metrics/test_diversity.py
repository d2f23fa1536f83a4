"""Diversity, against the definitions in loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.metrics import diversity, inverted_rbo, rbo

rankings = st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=10, unique=True)


def slow_rbo(one, other, p):
    """Equation 32 of Webber, Moffat and Zobel 2010, term by term."""
    short, long = sorted((one, other), key=len)
    s, l = len(short), len(long)  # noqa: E741 - as in the paper
    shared = [len(set(short[:d]) & set(long[:d])) for d in range(l + 1)]
    told = sum(shared[d] / d * p**d for d in range(1, l + 1))
    beyond = sum(shared[s] * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    return (1 - p) / p * (told + beyond) + ((shared[l] - shared[s]) / l + shared[s] / s) * p**l


@pytest.mark.parametrize(
    ("terms", "want"), [([["a", "b"], ["c"]], 1), ([["a"], ["a"], ["a"]], 1 / 3), ([], None), ([[]], None)]
)
def test_diversity_is_the_share_of_distinct_terms(terms, want):
    assert diversity(terms) == want


@given(rankings, rankings, st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_rbo_agrees_with_the_paper(one, other, p):
    assert rbo(one, other, p) == pytest.approx(slow_rbo(one, other, p), abs=1e-9)
    assert rbo(one, other, p) == pytest.approx(rbo(other, one, p), abs=1e-12)
    assert -1e-12 <= rbo(one, other, p) <= 1 + 1e-12


@given(rankings)
def test_rbo_is_one_of_the_same_and_nothing_of_strangers(words):
    assert rbo(words, words) == pytest.approx(1)
    assert rbo(words, [word.upper() for word in words]) == 0


def test_rbo_of_ten_terms_shared_first_and_last():
    one, other = list("abcdefghij"), list("aBCDEFGHIJ")
    assert rbo(one, other) == pytest.approx(0.1 / 0.9 * sum(0.9**d / d for d in range(1, 11)) + 0.9**10 / 10)
    assert rbo(one, other) > 5 * rbo(one[::-1], other[::-1])


@given(st.lists(st.one_of(rankings, st.just([])), max_size=8))
def test_inverted_rbo_is_one_less_the_mean_over_pairs(topics):
    told = [words for words in topics if words]
    if len(told) < 2:
        assert inverted_rbo(topics) is None
    else:
        pairs = [slow_rbo(one, other, 0.9) for one, other in combinations(told, 2)]
        assert inverted_rbo(topics) == pytest.approx(1 - np.mean(pairs), abs=1e-9)
        assert 0 <= inverted_rbo(topics) <= 1
        assert inverted_rbo(topics[::-1]) == pytest.approx(inverted_rbo(topics), abs=1e-12)


def test_inverted_rbo_at_its_ends():
    assert inverted_rbo([["a", "b"], ["c", "d"], ["e"]]) == 1
    assert inverted_rbo([["a", "b"], ["a", "b"]]) == pytest.approx(0, abs=1e-12)
