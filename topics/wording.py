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


def class_tfidf(topic_counts: sparse.csr_array) -> sparse.csr_array:
    """Weigh terms by how much a topic over-uses them (c-TF-IDF, Grootendorst 2022, arXiv:2203.05794).

    Parameters
    ----------
    topic_counts : csr_array of shape (k, v)
        Occurrences of each term in each topic.

    Returns
    -------
    csr_array of shape (k, v), float32
        tf[t, w] * log(1 + A / f[w]), in nats: tf sums to 1 per topic, f[w] is the term's total count
        and A the mean number of words per topic.

    Examples
    --------
    >>> from scipy import sparse
    >>> class_tfidf(sparse.csr_array([[2, 0, 2], [0, 2, 2]])).toarray().round(3).tolist()
    [[0.5490000247955322, 0.0, 0.34700000286102295], [0.0, 0.5490000247955322, 0.34700000286102295]]
    """
    from scipy import sparse

    words = np.asarray(topic_counts.sum(axis=1), dtype=np.float64)
    total = np.asarray(topic_counts.sum(axis=0), dtype=np.float64)
    tf = sparse.diags_array(1 / np.maximum(words, 1)) @ topic_counts
    idf = np.log1p(words.mean() / np.maximum(total, 1)) if len(words) else np.zeros(len(total))
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
