"""Shards of counts add up to what counting everything at once gives."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from topics.data import Corpus
from topics.words.counting import add_up, count_shard, shards
from topics.words.terms import count_terms, terms_of, words_left_out

WORDS = [*"whale ship sea the of", "don't", "o'brien", "c++", "東京大学", "mp3", "d41d8cd98f00b204", "été", "_private_"]
documents = st.lists(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), max_size=12)


def at_once(texts, left_out, ngrams, fewest):
    """The plain way: a Counter for each text, all terms in one dictionary."""
    counted = [Counter(terms_of(text, left_out, ngrams)) for text in texts]
    held = Counter(term for one in counted for term in one)
    vocabulary = sorted(term for term, many in held.items() if many >= fewest)
    dense = np.array([[one[term] for term in vocabulary] for one in counted], dtype=np.int32)
    return dense.reshape(len(texts), len(vocabulary)), tuple(vocabulary)


@given(documents, st.integers(1, 3), st.integers(1, 3), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_the_size_of_shards_changes_nothing(texts, ngrams, fewest, size):
    from topics.words.terms import words_of

    left_out = {"the", "of"}
    counted = [count_shard(part, words_of, left_out, ngrams) for part in shards(texts, size)]
    counts, vocabulary = add_up(counted, fewest)
    want, terms = at_once(texts, left_out, ngrams, fewest)
    assert vocabulary == terms
    assert np.array_equal(counts.toarray(), want)
    assert counts.dtype == np.int32
    assert counts.has_sorted_indices
    assert counts.indices.dtype == np.int32 or not counts.nnz
    assert (counts.data > 0).all()


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_counts_of_a_corpus_are_those_of_the_plain_way(ngrams):
    draw = np.random.default_rng(0)
    words = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300)]
    weights = 1 / np.arange(1, 301)
    texts = [" ".join(draw.choice(words, 30, p=weights / weights.sum())) for _ in range(400)]
    corpus = Corpus.from_texts(texts).texts
    found = count_terms(corpus, "en", ngrams=ngrams)
    want, terms = at_once(corpus.texts, words_left_out(["en"]), ngrams, 2)
    assert tuple(found.vocabulary) == terms
    assert np.array_equal(found.counts.toarray(), want)


def test_who_counts_changes_nothing():
    corpus = Corpus.from_texts([f"ships and whales number {chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200)])
    plain = count_terms(corpus.texts, "en", ngrams=2)
    with ThreadPoolExecutor(2) as pool:
        counting = count_terms(corpus.texts, "en", ngrams=2, over=pool.map)
    assert plain.vocabulary == counting.vocabulary
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(plain.counts, part), getattr(counting.counts, part))


def test_nothing_is_no_term():
    counts, vocabulary = add_up([], 1)
    assert counts.shape == (0, 0)
    assert vocabulary == ()
    counted = partial(count_shard, words_of=str.split, left_out={"a"}, ngrams=2)
    counts, vocabulary = add_up([counted(["a a", ""]), counted([""])], 1)
    assert isinstance(counts, sparse.csr_array)
    assert counts.shape == (3, 0)
    assert vocabulary == ()
