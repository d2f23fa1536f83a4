"""Other choices and orders of a topic's own words.

u texts, k topics, v terms, d dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Aspect, Candidates, Corpus, Embeddings, Settled, TermCounts, Topics, normalise, text_key
from topics.labels import members
from topics.words.ranking import best_columns, marginal_relevance, meanings_of, presence_of, rank_terms
from topics.words.wording import distinct_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAMBDA = 0.7  #: weight of meaning what the topic means, against being unlike the words chosen already
_CANDIDATES = 30  # words that are compared with one another
_ALL = 1_000_000  # more than a topic can have


def by_weight(described: Topics, n_terms: int) -> Aspect:
    """The words of the largest c-TF-IDF, as `Topics.weights` tells it; nothing re-ranks them.

    Returns
    -------
    Aspect
        At most `n_terms` a topic, as in every aspect.
    """
    ranked = (best_columns(described.weights, topic) for topic in range(len(described.names)))
    words = (distinct_terms((described.vocabulary[column] for column in columns), n_terms) for columns in ranked)
    return Aspect(tuple(map(tuple, words)))


def choose_candidates(settled: Settled, counts: TermCounts, embeddings: Embeddings) -> Candidates:
    """The words that aspects choose from: the best that `ranking.rank_terms` knows, each said once.

    Parameters
    ----------
    settled : Settled
        Labels of u texts, centroids of k topics.
    counts : TermCounts
        Of shape (u, v).
    embeddings : Embeddings
        Of shape (u, d).

    Returns
    -------
    Candidates
    """
    inside = members(settled.labels, len(settled.centroids))
    ranked = rank_terms(inside, counts.counts, embeddings, settled.centroids)
    words = tuple(tuple(distinct_terms((counts.vocabulary[c] for c in columns), _ALL)) for columns in ranked)
    return Candidates(words, Corpus.from_texts(sorted({word for told in words for word in told})).texts)


def by_marginal_relevance(
    candidates: Candidates,
    settled: Settled,
    counts: TermCounts,
    embeddings: Embeddings,
    n_terms: int,
    trade: float = LAMBDA,
) -> Aspect:
    """Words that mean what the topic means, and each something else (Carbonell and Goldstein 1998).

    What a word means is the mean direction of the texts that hold it: no encoder runs again. Words are
    chosen among the 30 best candidates one after another; each has the largest trade * (its cosine with the
    centroid) - (1 - trade) * (its largest cosine with a word chosen already).

    Parameters
    ----------
    candidates : Candidates
    settled : Settled
    counts : TermCounts
        Of shape (u, v).
    embeddings : Embeddings
        Of shape (u, d).
    n_terms : int
    trade : float
        From 0, as unlike each other as can be, to 1, the nearest to the topic.

    Returns
    -------
    Aspect
    """
    place = {term: column for column, term in enumerate(counts.vocabulary)}
    presence = presence_of(counts.counts)
    told = []
    for topic, words in enumerate(candidates.terms):
        words = words[:_CANDIDATES]
        meanings = meanings_of(presence, np.array([place[word] for word in words], np.int64), embeddings)
        chosen = marginal_relevance(meanings @ settled.centroids[topic], meanings, n_terms, trade)
        told.append(tuple(words[row] for row in chosen))
    return Aspect(tuple(told))


def by_meaning(candidates: Candidates, encoded: Embeddings, settled: Settled, n_terms: int) -> Aspect:
    """The candidates whose own vectors are nearest to the topic (KeyBERT, Grootendorst 2020).

    Parameters
    ----------
    candidates : Candidates
    encoded : Embeddings
        Of `candidates.texts`, made as those of the documents were.
    settled : Settled
    n_terms : int

    Returns
    -------
    Aspect
        Words nearest to the centroid first; equally near ones in the order of the candidates.
    """
    told = []
    for topic, words in enumerate(candidates.terms):
        near = encoded.vectors[_rows(candidates, topic)] @ settled.centroids[topic]
        told.append(tuple(words[row] for row in np.argsort(-near, kind="stable")[:n_terms]))
    return Aspect(tuple(told))


def _rows(candidates: Candidates, topic: int) -> NDArray[np.int64]:
    keys = np.array([text_key(normalise(word)) for word in candidates.terms[topic]], dtype="S32")
    return np.searchsorted(candidates.texts.keys, keys)
