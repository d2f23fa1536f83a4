"""Words for topics: what a word weighs in one, and which say the same.

k topics, v terms.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scipy import sparse

_NAMED = 3  # terms in a name
_ACCENTS = "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327"  # grave to tilde, umlaut, ring, caron, cedilla
# What a word ends in, and what it would end in otherwise.
_ENDINGS = tuple(
    (re.compile(rf"(?<=..)(?:{ending})$"), others.split(",") if others else [""])
    for ending, others in (
        ("(?<=..[^s])s", ""),
        ("(?<=[sxzo])es|(?<=[cs]h)es", ""),
        ("ies", "y"),
        ("ves", "f,fe"),
        ("ses", "sis"),
        ("ices", "ex,ix"),
        ("men", "man"),
    )
)
_IRREGULAR = dict(
    pair.split("/")
    for pair in "men/man children/child people/person feet/foot teeth/tooth mice/mouse geese/goose "
    "criteria/criterion phenomena/phenomenon".split()
)


def class_tfidf(topic_counts: sparse.csr_array, weighting: str = "plain") -> sparse.csr_array:
    """Weigh terms by how much a topic over-uses them (c-TF-IDF, Grootendorst 2022, arXiv:2203.05794).

    Parameters
    ----------
    topic_counts : csr_array of shape (k, v)
        Occurrences of each term in each topic.
    weighting : str
        "plain", "bm25", "sqrt" or "bm25+sqrt".

    Returns
    -------
    csr_array of shape (k, v), float32
        tf[t, w] * log(1 + A / f[w]), in nats: tf sums to 1 per topic, f[w] is the term's total count
        and A the mean number of words per topic. With "sqrt" the root of tf, so that a term that is
        repeated counts less; with "bm25" log(1 + max(A - f[w] + 1/2, 0) / (f[w] + 1/2)), after Okapi BM25
        (Robertson and Zaragoza 2009): a term more frequent than a topic is long weighs 0, not less.

    Examples
    --------
    >>> from scipy import sparse
    >>> class_tfidf(sparse.csr_array([[2, 0, 2], [0, 2, 2]])).toarray().round(3).tolist()
    [[0.5490000247955322, 0.0, 0.34700000286102295], [0.0, 0.5490000247955322, 0.34700000286102295]]
    """
    from scipy import sparse

    words = np.asarray(topic_counts.sum(axis=1), dtype=np.float64)
    total = np.asarray(topic_counts.sum(axis=0), dtype=np.float64)
    mean = words.mean() if len(words) else 0.0
    tf = sparse.csr_array(sparse.diags_array(1 / np.maximum(words, 1)) @ topic_counts)
    tf = tf.sqrt() if "sqrt" in weighting else tf
    bm25 = "bm25" in weighting
    idf = np.log1p(np.maximum(mean - total + 0.5, 0) / (total + 0.5) if bm25 else mean / np.maximum(total, 1))
    return sparse.csr_array(tf @ sparse.diags_array(idf), dtype=np.float32)


def distinct_terms(terms: Iterable[str], most: int) -> list[str]:
    """The first terms that say nothing an earlier one has said: no plural and no part of one.

    Examples
    --------
    >>> distinct_terms(["graphs", "graph", "edge", "directed graph", "edges", "query", "queries"], 4)
    ['graphs', 'edge', 'query']
    """
    chosen: list[str] = []
    seen: set[str] = set()
    for term in terms:
        if len(chosen) == most:
            break
        words = [spellings(word) for word in term.split()]
        if words and not any(seen & word for word in words):
            chosen.append(term)
            seen.update(*words)
    return chosen


def distinct_phrases(phrases: Iterable[str], most: int) -> list[str]:
    """The first phrases that are no part of an earlier one and hold none.

    Unlike terms they may share a word.

    Examples
    --------
    >>> distinct_phrases(["machine learning", "learning machines", "deep machine learning", "deep learning"], 4)
    ['machine learning', 'deep learning']
    """
    chosen: dict[str, list[frozenset[str]]] = {}
    for phrase in phrases:
        if len(chosen) == most:
            break
        words = [spellings(word) for word in phrase.split()]
        if not any(_part_of(words, other) or _part_of(other, words) for other in chosen.values()):
            chosen[phrase] = words
    return list(chosen)


def _part_of(words: Sequence[frozenset[str]], whole: Sequence[frozenset[str]]) -> bool:
    return all(any(word & other for other in whole) for word in words)


@lru_cache(65_536)
def spellings(word: str) -> frozenset[str]:
    """A word, and what it may be the English plural of; two words are one where they have a spelling in common.

    Also those without accents: people leave them out. Most of what is returned are no words, which does no harm.
    Verbs are left as they are: with -ed and -ing folded, coherence and diversity of three corpora were a little less.

    Examples
    --------
    >>> pairs = ("movies", "movie"), ("viruses", "virus"), ("wolves", "wolf"), ("women", "woman"), ("cafés", "cafe")
    >>> [bool(spellings(one) & spellings(other)) for one, other in pairs]
    [True, True, True, True, True]
    >>> pairs = ("glass", "glas"), ("planes", "plan"), ("bus", "business"), ("photo", "photography")
    >>> [bool(spellings(one) & spellings(other)) for one, other in pairs]
    [False, False, False, False]
    """
    found = {word, _IRREGULAR.get(word, word)}
    for ending, others in _ENDINGS:
        if match := ending.search(word):
            found.update(word[: match.start()] + other for other in others)
    return frozenset(found | {_without_accents(one) for one in found if len(one) > 3})


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(part for part in parts if part not in _ACCENTS))


def name_of(terms: Sequence[str]) -> str:
    """A name made of the first terms."""
    return ", ".join(terms[:_NAMED]) or "(no words)"
