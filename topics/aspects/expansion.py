"""The words a sparse encoder activates in them.

u texts, k topics, V terms of the model's vocabulary, w words among them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from topics.data import Activations, Aspect, Settled
from topics.labels import members
from topics.words.wording import class_tfidf, distinct_terms

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from scipy import sparse


def expansions(activations: Activations, settled: Settled, left_out: Collection[str], n_terms: int) -> Aspect:
    """Find the words a sparse encoder activates in a topic's texts, and less elsewhere.

    They need not occur in the texts: such models are trained to add what a text implies. Words are
    ordered by c-TF-IDF of their weights (Grootendorst 2022, arXiv:2203.05794), times the part of the
    weight that is beyond what the topic's size lets expect: with few topics c-TF-IDF alone hardly tells
    what is theirs from what is everywhere.

    Parameters
    ----------
    activations : Activations
        Of u texts.
    settled : Settled
        Labels of u texts, centroids of k topics. Outliers do not count.
    left_out : collection of str
        Words that are never listed.
    n_terms : int
        How many to list; fewer where a topic has fewer.

    Returns
    -------
    Aspect
    """
    inside = members(settled.labels, len(settled.centroids))
    words, columns = word_columns(activations.words, left_out)
    weights = inside @ (activations.weights.astype(np.float64) @ columns)
    scores = class_tfidf(weights) * beyond_expected(weights)
    scores.eliminate_zeros()
    parts = pairwise(scores.indptr)
    ranked = (_best(scores.indices[start:end], scores.data[start:end]) for start, end in parts)
    return Aspect(tuple(tuple(distinct_terms((words[column] for column in best), n_terms)) for best in ranked))


def word_columns(words: Sequence[str], left_out: Collection[str]) -> tuple[list[str], sparse.csr_array]:
    """The different words of a vocabulary, and which of its terms each is.

    Parameters
    ----------
    words : sequence of V str
        Empty for a term that is no word; terms that differ in case alone have the same.
    left_out : collection of str
        Words that do not count.

    Returns
    -------
    (list of w str, csr_array of shape (V, w))
        Words ascend; the matrix is 1 where the word is that of the term, else 0.

    Examples
    --------
    >>> words, columns = word_columns(["", "rate", "the", "bank", "rate"], {"the"})
    >>> words, columns.toarray().astype(int).tolist()
    (['bank', 'rate'], [[0, 0], [0, 1], [0, 0], [1, 0], [0, 1]])
    """
    from scipy import sparse

    different = sorted(set(words) - {"", *left_out})
    place = {word: column for column, word in enumerate(different)}
    terms = [term for term, word in enumerate(words) if word in place]
    columns = [place[words[term]] for term in terms]
    shape = (len(words), len(different))
    return different, sparse.csr_array((np.ones(len(terms)), (terms, columns)), shape=shape)


def beyond_expected(weights: sparse.csr_array) -> sparse.csr_array:
    """Which part of a word's weight in a topic is more than it would be if topics did not matter.

    Parameters
    ----------
    weights : csr_array of shape (k, w)
        Positive where there is anything.

    Returns
    -------
    csr_array of shape (k, w)
        From 0 to 1; with one topic, where nothing can be more than expected, 1 for every word.

    Examples
    --------
    >>> from scipy import sparse
    >>> beyond_expected(sparse.csr_array([[5.0, 1.0, 0.0], [6.0, 0.0, 0.0]])).toarray().tolist()
    [[0.0, 0.5, 0.0], [0.08333333333333337, 0.0, 0.0]]
    """
    from scipy import sparse

    held = weights.tocoo()
    topic, word = held.coords
    of_topic, of_word = weights.sum(axis=1), weights.sum(axis=0)
    expected = of_topic[topic] * of_word[word] / of_topic.sum() if weights.shape[0] > 1 else np.zeros(held.nnz)
    return sparse.csr_array((np.maximum(1 - expected / held.data, 0), (topic, word)), shape=weights.shape)


def _best(columns: NDArray[np.int32], scores: NDArray[np.float32]) -> NDArray[np.int32]:
    return columns[np.lexsort((columns, -scores))]
