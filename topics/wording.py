"""Words for topics: what a word weighs in one, and which say the same.

k topics, v terms.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scipy import sparse

_NAMED = 3  # terms in a name


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
    """The first terms that do not repeat an earlier one as plural or part.

    Examples
    --------
    >>> distinct_terms(["graphs", "graph", "edge", "directed graph", "edges", "query", "queries"], 4)
    ['graphs', 'edge', 'query']
    """
    chosen: list[str] = []
    seen: set[str] = set()
    for term in terms:
        words = [singular(word) for word in term.split()]
        if len(chosen) == most:
            break
        if words and not any(word in seen for word in words):
            chosen.append(term)
            seen.update(words)
    return chosen


def distinct_phrases(phrases: Iterable[str], most: int) -> list[str]:
    """The first phrases that are no part of an earlier one and hold none.

    Unlike terms they may share a word.

    Examples
    --------
    >>> distinct_phrases(["machine learning", "learning machines", "deep machine learning", "deep learning"], 4)
    ['machine learning', 'deep learning']
    """
    chosen: dict[frozenset[str], str] = {}
    for phrase in phrases:
        if len(chosen) == most:
            break
        words = frozenset(singular(word) for word in phrase.split())
        if not any(words <= other or words >= other for other in chosen):
            chosen[words] = phrase
    return list(chosen.values())


def singular(word: str) -> str:
    """Fold an English plural, roughly; other words stay as they are.

    Examples
    --------
    >>> [singular(word) for word in ("cities", "boxes", "graphs", "class", "bus", "series")]
    ['city', 'box', 'graph', 'class', 'bus', 'sery']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(?:x|ch|sh|ss)es$", word):
        return word[:-2]
    return word[:-1] if len(word) > 3 and re.search(r"[^sui]s$", word) else word


def name_of(terms: Sequence[str]) -> str:
    """A name made of the first terms."""
    return ", ".join(terms[:_NAMED]) or "(no words)"
