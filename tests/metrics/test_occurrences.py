"""Counting in documents and windows, against the rules told in loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from topics.data import TermCounts
from topics.metrics import in_documents, in_windows, locate, occurrences

corpora = st.lists(st.lists(st.sampled_from("abcdexyz"), max_size=12), min_size=1, max_size=6)
TOPICS = [["a", "b", "c"], ["c", "d"], ["e", "nowhere"], []]


def slow_windows(texts, size):
    """The sets of words in sight: one leaves with the first token, one enters with the last, as gensim has it."""
    windows = []
    for words in texts:
        sight = set(words[:size])
        windows.append(set(sight))
        for start in range(1, len(words) - size + 1):
            sight.discard(words[start - 1])
            sight.add(words[start + size - 1])
            windows.append(set(sight))
    return windows


def slow_together(sets, topics):
    known = {word for words in sets for word in words}
    return [
        [[sum(one in held and other in held for held in sets) for one in terms] for other in terms]
        for terms in ([word for word in topic if word in known] for topic in topics)
    ]


@given(corpora, st.integers(1, 14))
def test_windows_are_counted_as_if_one_by_one(texts, size):
    windows = slow_windows(texts, size)
    found = in_windows(locate(texts, [term for terms in TOPICS for term in terms]), TOPICS, size)
    assert found.total == len(windows)
    assert [both.tolist() for both in found.together] == slow_together(windows, TOPICS)


@given(st.lists(st.permutations("abcdexyz"), min_size=1, max_size=5), st.integers(1, 10))
def test_without_repetitions_a_window_holds_what_is_in_it(texts, size):
    windows = [set(words[start : start + size]) for words in texts for start in range(max(len(words) - size + 1, 1))]
    found = in_windows(locate(texts, "abcde"), TOPICS, size)
    assert [both.tolist() for both in found.together] == slow_together(windows, TOPICS)


@given(corpora)
def test_a_window_longer_than_any_text_is_the_document(texts):
    vocabulary = tuple(sorted({word for words in texts for word in words}))
    counts = np.array([[words.count(word) for word in vocabulary] for words in texts], np.int32)
    counts = TermCounts(sparse.csr_array(counts.reshape(len(texts), -1)), vocabulary, ())
    whole = in_documents(counts, TOPICS)
    found = in_windows(locate(texts, "abcde"), TOPICS, 100)
    assert whole.total == found.total == len(texts)
    assert [both.tolist() for both in whole.together] == [both.tolist() for both in found.together]


@given(corpora, st.randoms())
def test_the_order_of_the_texts_changes_nothing(texts, random):
    shuffled = random.sample(texts, len(texts))
    for size in (1, 3, 100):
        one, other = (in_windows(locate(each, "abcde"), TOPICS, size) for each in (texts, shuffled))
        assert one.total == other.total
        assert all(np.array_equal(*both) for both in zip(one.together, other.together, strict=True))


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    texts = [list(rng.choice(list("abcdexyz"), rng.integers(0, 30))) for _ in range(40)]
    names = ["a", "b", "c", "d", "e", "a b", "c a e"]
    want = locate(texts, names)
    counted = in_windows(want, [names], 5)
    monkeypatch.setattr(occurrences, "_TOKENS", 50)
    monkeypatch.setattr(occurrences, "_EVENTS", 13)
    found = locate(iter(texts), names)
    for part in ("lengths", "term", "text", "place"):
        assert np.array_equal(getattr(found, part), getattr(want, part))
    assert np.array_equal(in_windows(found, [names], 5).together[0], counted.together[0])


@given(corpora)
def test_terms_and_phrases_are_found_where_they_stand(texts):
    names = ["a", "b", "a b", "a a", "b a c"]
    want = [
        (number, text, place)
        for number, name in enumerate(names)
        for text, words in enumerate(texts)
        for place in range(len(words))
        if words[place : place + len(name.split())] == name.split()
    ]
    found = locate(texts, names)
    assert [*zip(found.term.tolist(), found.text.tolist(), found.place.tolist(), strict=True)] == want
    assert found.lengths.tolist() == [len(words) for words in texts]


def test_terms_asked_for_twice_are_found_once():
    assert locate([["a"]], ["a", "b", "a"]).terms == ("a", "b")


@pytest.mark.parametrize("texts", [[], [[]], [["x"]]])
def test_where_nothing_is_found_nothing_is_counted(texts):
    found = in_windows(locate(texts, "abcde"), TOPICS, 10)
    assert found.total == len(texts)
    assert [both.shape for both in found.together] == [(0, 0)] * 4


def test_counting_leaves_the_counts_alone():
    counts = TermCounts(sparse.csr_array(np.array([[3, 1], [0, 2]], dtype=np.int32)), ("a", "b"), ())
    in_documents(counts, [["a", "b"]])
    assert counts.counts.toarray().tolist() == [[3, 1], [0, 2]]
