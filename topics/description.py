"""What each topic is about: its terms, its name, its representative documents.

u texts, k topics, v terms, d dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Embeddings, Settled, TermCounts, Topics
from topics.labels import members
from topics.vectors import nearest
from topics.words.ranking import best_columns, marginal_relevance, rank_terms
from topics.words.wording import class_tfidf, distinct_terms, name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

_CENTRAL = 50  # texts nearest to the centroid that representatives are chosen from
_TRADE = 0.5  # weight of being central, against being unlike those chosen already


def describe(
    settled: Settled,
    counts: TermCounts,
    embeddings: Embeddings,
    copies: NDArray[np.int64],
    n_terms: int,
    n_representatives: int,
    weighting: str = "plain",
    ranking: str = "coherence",
) -> Topics:
    """Find the words and documents that show what a topic is about.

    Parameters
    ----------
    settled : Settled
        Labels of u texts, centroids of k topics. Outliers are no topic here.
    counts : TermCounts
        Of shape (u, v).
    embeddings : Embeddings
        Of shape (u, d).
    copies : ndarray of shape (u,)
        Documents that carry each text.
    n_terms, n_representatives : int
        How many of each; fewer where a topic has fewer.
    weighting : str
        Of c-TF-IDF, as in `wording.class_tfidf`.
    ranking : str
        "coherence" orders terms as `ranking.rank_terms` does, "ctfidf" by their weights.

    Returns
    -------
    Topics
    """
    k = len(settled.centroids)
    inside = members(settled.labels, k)
    weights = class_tfidf((inside @ counts.counts).tocsr(), weighting)
    if ranking == "ctfidf":
        ranked = [best_columns(weights, topic) for topic in range(k)]
    else:
        ranked = rank_terms(inside, counts.counts, embeddings, settled.centroids)
    terms = [distinct_terms([counts.vocabulary[column] for column in columns], n_terms) for columns in ranked]
    place = {term: column for column, term in enumerate(counts.vocabulary)}
    return Topics(
        names=tuple(name_of(words) for words in terms),
        sizes=(inside @ copies).astype(np.int64),
        terms=tuple(tuple(words) for words in terms),
        term_weights=tuple(
            tuple(float(weights[topic, place[word]]) for word in words) for topic, words in enumerate(terms)
        ),
        representatives=tuple(
            tuple(_representatives(inside, topic, settled, embeddings, n_representatives)) for topic in range(k)
        ),
        weights=weights,
        vocabulary=counts.vocabulary,
    )


def _representatives(
    inside: sparse.csr_array, topic: int, settled: Settled, embeddings: Embeddings, most: int
) -> list[int]:
    """Central texts unlike each other (maximal marginal relevance, Carbonell and Goldstein 1998).

    Of all texts of the topic the nearest to its centroid are considered, 50 or as many as are wanted; ties by
    their keys. Similarities are exact to the last bit.
    """
    rows = np.sort(inside.indices[inside.indptr[topic] : inside.indptr[topic + 1]])
    wanted = min(max(_CENTRAL, most), len(rows))
    [(_, [central], [similarity])] = nearest(settled.centroids[topic, None], embeddings.vectors[rows], wanted)
    rows = rows[central]
    return [int(rows[place]) for place in marginal_relevance(similarity, embeddings.vectors[rows], most, _TRADE)]
