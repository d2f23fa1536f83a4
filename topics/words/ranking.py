"""In which order the terms of a topic say what it is about.

u texts, k topics, v terms, d dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.progress import track
from topics.vectors import similarities, sums_of, unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import Embeddings

_CANDIDATES = 50  # terms a topic re-ranks
_POWER_STEPS = 30  # of the power iteration for a topic's leading direction
_PULL = 4.0  # what going together counts beside the logarithm of a score
_SAID = 10  # terms of a topic that later ones are to go with
_BLOCK = 0.8  # Jaccard similarity of the documents of two terms, from which on they are one block


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


def own_terms(inside: sparse.csr_array, presence: sparse.csr_array) -> sparse.csr_array:
    """`over_representation`; where a topic has none, as in a corpus of one topic, the documents that hold a term."""
    from scipy import sparse

    surprise = over_representation(inside, presence)
    plain = np.diff(surprise.indptr) == 0
    if plain.any():
        surprise = sparse.csr_array(surprise + sparse.diags_array(plain.astype(np.float64)) @ (inside @ presence))
    return surprise


def presence_of(counts: sparse.csr_array) -> sparse.csr_array:
    """1 where a text holds a term; shape (u, v), float64."""
    from scipy import sparse

    return sparse.csr_array((np.ones(counts.nnz), counts.indices, counts.indptr), shape=counts.shape)


def meanings_of(presence: sparse.csr_array, columns: NDArray[np.int64], embeddings: Embeddings) -> NDArray[np.float32]:
    """The mean direction of the texts that hold a term; a unit row for each of `columns`."""
    from scipy import sparse

    held = sparse.csc_array(presence)[:, columns]
    return unit_rows(np.asarray(sums_of(sparse.csr_array(held.T), embeddings.vectors), np.float32))


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
    Then the term that goes best with those before it comes next; see `in_company`.

    Returns
    -------
    list of k ndarrays of columns
    """
    from scipy import sparse

    presence = presence_of(counts)
    surprise = own_terms(inside, presence)
    rows = [best_columns(surprise, topic, _CANDIDATES) for topic in range(inside.shape[0])]
    columns = np.unique(np.concatenate([*rows, np.empty(0, np.int64)])).astype(np.int64)
    meanings = meanings_of(presence, columns, embeddings)  # terms nobody considers need none
    idf = np.log(len(embeddings.vectors) / np.maximum(np.bincount(counts.indices, minlength=counts.shape[1]), 1)) + 1
    tfidf = counts @ sparse.diags_array(idf)
    lengths = np.sqrt(np.asarray((tfidf * tfidf).sum(axis=1)))
    tfidf = sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ tfidf)
    held = sparse.csc_array(presence)
    ordered = []
    for topic, candidates in track(list(enumerate(rows)), len(rows), "Describing", "topics"):
        own = inside.indices[inside.indptr[topic] : inside.indptr[topic + 1]]
        together = _leading(tfidf[own])[candidates]
        cosine = meanings[np.searchsorted(columns, candidates)] @ centroids[topic]
        score = surprise[[topic]].toarray()[0, candidates] * np.maximum(cosine, 0) ** 2 * np.sqrt(together)
        best = np.lexsort((candidates, -score))
        best = best[in_company(score[best], held[:, candidates[best]])]
        ordered.append(candidates[best[_blocks_last(presence[own][:, candidates[best]])]])
    return ordered


def in_company(scores: NDArray[np.float64], presence: sparse.csc_array) -> NDArray[np.int64]:
    """Order terms so that each goes with those before it: the one with most of ln(score) + 4 * NPMI comes next.

    NPMI (Bouma 2009) is the mean over the first ten, from the documents that hold both; one document more holds them
    as if by chance, so that rare terms are not taken at their word.

    Parameters
    ----------
    scores : ndarray of shape (m,)
        Positive or 0, falling. The first term stays first.
    presence : csc_array of shape (u, m)
        0/1, which texts hold a term.

    Returns
    -------
    ndarray of shape (m,), int64
    """
    u, m = presence.shape
    both = (presence.T @ presence).toarray()
    share = both.diagonal() / max(u, 1)
    chance = np.outer(share, share)
    seen = (both + chance) / (u + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        npmi = np.where(seen < 1, np.log(seen / chance) / -np.log(seen), 1.0)
    liking = np.log(np.maximum(scores, 1e-12))
    order: list[int] = []
    left, company = np.ones(m, dtype=bool), np.zeros(m)
    while len(order) < m:
        said = max(min(len(order), _SAID), 1)
        term = int(np.argmax(np.where(left, liking + _PULL * company / said, -np.inf)))
        if len(order) < _SAID:
            company += npmi[:, term]
        order.append(term)
        left[term] = False
    return np.array(order, dtype=np.int64)


def best_columns(scores: sparse.csr_array, row: int, most: int | None = None) -> NDArray[np.int64]:
    """The columns of a row that hold something, the largest first, ties by the lower column."""
    part = slice(scores.indptr[row], scores.indptr[row + 1])
    columns, values = scores.indices[part], scores.data[part]
    return np.asarray(columns[np.lexsort((columns, -values))[:most]], dtype=np.int64)


def marginal_relevance(
    relevance: NDArray[np.float32], vectors: NDArray[np.float32], most: int, trade: float
) -> list[int]:
    """Choose rows that are relevant and unlike those chosen already (Carbonell and Goldstein 1998).

    Parameters
    ----------
    relevance : ndarray of shape (a,)
    vectors : ndarray of shape (a, d)
        Unit rows.
    most : int
        How many to choose; all where there are fewer.
    trade : float
        Lambda: each choice maximises lambda * relevance - (1 - lambda) * its largest cosine, at least
        0, with one that is chosen already. 1 is relevance alone.

    Returns
    -------
    list of int
        Rows in the order of their choice; ties go to the first.
    """
    chosen: list[int] = []
    likeness = np.zeros(len(relevance))
    left = np.ones(len(relevance), dtype=bool)
    while len(chosen) < min(most, len(relevance)):
        score = np.where(left, trade * relevance - (1 - trade) * likeness, -np.inf)
        best = int(np.argmax(score))
        chosen.append(best)
        left[best] = False
        likeness = np.maximum(likeness, similarities(vectors[best], vectors))
    return chosen


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


def _leading(rows: sparse.csr_array) -> NDArray[np.float64]:
    """Leading right singular vector of a non-negative matrix, summing to 1; by power iteration."""
    vector = np.asarray(rows.sum(axis=0), dtype=np.float64)
    for _ in range(_POWER_STEPS):
        vector = rows.T @ (rows @ vector)
        vector /= max(float(vector.sum()), 1e-300)
    return vector
