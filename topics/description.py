"""What each topic is about: its terms, its name, its representative documents.

u texts, k topics, v terms, d dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Embeddings, Settled, TermCounts, Topics
from topics.labels import members
from topics.progress import track
from topics.vectors import nearest, unit_rows
from topics.wording import class_tfidf, distinct_terms, name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

_CANDIDATES = 50  # terms a topic re-ranks
_POWER_STEPS = 30  # of the power iteration for a topic's leading direction
_BLOCK = 0.8  # Jaccard similarity of the documents of two terms, from which on they are one block
_CENTRAL = 50  # texts nearest to the centroid that representatives are chosen from
_DIVERSITY = 0.5  # weight of being unlike those chosen already


def describe(
    settled: Settled,
    counts: TermCounts,
    embeddings: Embeddings,
    copies: NDArray[np.int64],
    n_terms: int,
    n_representatives: int,
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

    Returns
    -------
    Topics
    """
    k = len(settled.centroids)
    inside = members(settled.labels, k)
    weights = class_tfidf((inside @ counts.counts).tocsr())
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


def over_representation(inside: sparse.csr_array, presence: sparse.csr_array) -> sparse.csr_array:
    """How surprisingly many documents of a topic hold a term: G = D ln(D / E) where D > E, else 0.

    The signed log-likelihood ratio (Dunning 1993) on document frequencies: D documents of the topic
    hold the term, E would if topics did not matter.

    Parameters
    ----------
    inside : csr_array of shape (k, u)
        0/1 membership.
    presence : csr_array of shape (u, v)
        0/1, which terms a text holds.

    Returns
    -------
    csr_array of shape (k, v), float64
    """
    from scipy import sparse

    held = sparse.coo_array(inside @ presence)
    sizes = np.asarray(inside.sum(axis=1), dtype=np.float64)
    frequency = np.asarray(held.sum(axis=0), dtype=np.float64)
    row, column = held.coords
    expected = sizes[row] * frequency[column] / max(sizes.sum(), 1)
    surprise = np.where(held.data > expected, held.data * np.log(held.data / expected), 0)
    found = sparse.csr_array((surprise, (row, column)), shape=held.shape)
    found.eliminate_zeros()
    return found


def rank_terms(
    inside: sparse.csr_array, counts: sparse.csr_array, embeddings: Embeddings, centroids: NDArray[np.float32]
) -> list[NDArray[np.int64]]:
    """Order each topic's candidate terms, best first.

    Candidates are its 50 most over-represented terms; their score is G * max(cos, 0)^2 * sqrt(s),
    with cos between the topic's centroid and the mean vector of the texts that hold the term, and s
    the term's share in the leading right singular vector of the topic's own TF-IDF rows: terms that
    go together, mean what the topic means and are used there more than elsewhere. Where nothing is
    over-represented, as in a corpus of one topic, the documents that hold a term count for G. On held-out halves
    of five corpora this raised NPMI from -.03 to .02 and diversity from .88 to .90 over plain c-TF-IDF.

    Returns
    -------
    list of k ndarrays of columns
    """
    from scipy import sparse

    presence = sparse.csr_array((np.ones(counts.nnz), counts.indices, counts.indptr), shape=counts.shape)
    surprise = over_representation(inside, presence)
    plain = np.diff(surprise.indptr) == 0
    if plain.any():
        surprise = sparse.csr_array(surprise + sparse.diags_array(plain.astype(np.float64)) @ (inside @ presence))
    rows = [_top(surprise, topic) for topic in range(inside.shape[0])]
    columns = np.unique(np.concatenate([*rows, np.empty(0, np.int64)])).astype(np.int64)
    # Terms nobody considers need no vector.
    held = sparse.csc_array(presence)[:, columns]
    meanings = unit_rows(np.asarray(held.T @ np.asarray(embeddings.vectors, np.float64), np.float32))
    idf = np.log(len(embeddings.vectors) / np.maximum(np.bincount(counts.indices, minlength=counts.shape[1]), 1)) + 1
    tfidf = counts @ sparse.diags_array(idf)
    lengths = np.sqrt(np.asarray((tfidf * tfidf).sum(axis=1)))
    tfidf = sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ tfidf)
    ordered = []
    for topic, candidates in track(list(enumerate(rows)), len(rows), "Describing", "topics"):
        own = inside.indices[inside.indptr[topic] : inside.indptr[topic + 1]]
        together = _leading(tfidf[own])[candidates]
        cosine = meanings[np.searchsorted(columns, candidates)] @ centroids[topic]
        score = surprise[[topic]].toarray()[0, candidates] * np.maximum(cosine, 0) ** 2 * np.sqrt(together)
        best = candidates[np.lexsort((candidates, -score))]
        ordered.append(best[_blocks_last(presence[own][:, best])])
    return ordered


def _blocks_last(presence: sparse.csr_array) -> NDArray[np.int64]:
    """An order that puts the third and later terms of a block last, and leaves the rest as it is.

    Terms that only ever come together are a signature or boilerplate, not a theme; two may be a name.
    """
    together = (presence.T @ presence).toarray()
    alone = together.diagonal()
    alike = together >= _BLOCK * (alone[:, None] + alone - together)  # Jaccard
    first: list[int] = []
    for term in range(len(alone)):
        if alike[term, first].sum() < 2:
            first.append(term)
    return np.array([*first, *(term for term in range(len(alone)) if term not in set(first))], dtype=np.int64)


def _top(surprise: sparse.csr_array, topic: int) -> NDArray[np.int64]:
    part = slice(surprise.indptr[topic], surprise.indptr[topic + 1])
    columns, values = surprise.indices[part], surprise.data[part]
    return np.asarray(columns[np.lexsort((columns, -values))[:_CANDIDATES]], dtype=np.int64)


def _leading(rows: sparse.csr_array) -> NDArray[np.float64]:
    """Leading right singular vector of a non-negative matrix, summing to 1; by power iteration."""
    vector = np.asarray(rows.sum(axis=0), dtype=np.float64)
    for _ in range(_POWER_STEPS):
        vector = rows.T @ (rows @ vector)
        vector /= max(float(vector.sum()), 1e-300)
    return vector


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
    vectors = embeddings.vectors[rows]
    alike = np.empty((len(rows), len(rows)))
    for start, found, cosines in nearest(vectors, vectors, len(rows)):
        np.put_along_axis(alike[start : start + len(found)], found, cosines, axis=1)
    chosen: list[int] = []
    likeness = np.zeros(len(rows))
    left = np.ones(len(rows), dtype=bool)
    while len(chosen) < min(most, len(rows)):
        score = np.where(left, (1 - _DIVERSITY) * similarity - _DIVERSITY * likeness, -np.inf)
        best = int(np.argmax(score))
        chosen.append(best)
        left[best] = False
        likeness = np.maximum(likeness, alike[best])
    return [int(rows[place]) for place in chosen]
