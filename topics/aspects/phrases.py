"""Words that stand together more often than chance, and in one topic more than in others.

u texts, k topics, v terms, t tokens, p phrases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Aspect, Settled
from topics.labels import members
from topics.words.ranking import best_columns, own_terms
from topics.words.wording import distinct_phrases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

_LEAST = 2  # texts that hold a phrase
_WITHIN = 0.8  # share of the texts of two words that hold a third beside them, from which on the two are half a phrase


def phrases(
    columns: NDArray[np.int32],
    rows: NDArray[np.int32],
    settled: Settled,
    vocabulary: Sequence[str],
    n_terms: int,
) -> Aspect:
    """Two and three words in a row that hold together and are a topic's own.

    Phrases of two texts or more are scored by G * max(n, 0): G is how much the topic over-uses the phrase
    (`ranking.over_representation`), n the normalised pointwise mutual information of its parts as neighbours
    (Bouma 2009), ln(p(x, y) / (p(x) p(y))) / -ln p(x, y), p being shares of all tokens. A phrase of three words has
    the smaller n of its two cuts. Two words that hardly ever stand without the third are told with it.

    Parameters
    ----------
    columns : ndarray of shape (t,), int32
        The tokens of all texts in reading order: columns of the vocabulary, -1 for words that are no terms, which
        phrases do not reach across.
    rows : ndarray of shape (t,), int32
        The text of each token, ascending.
    settled : Settled
        Labels of u texts, centroids of k topics.
    vocabulary : sequence of v str
    n_terms : int
        How many to list; fewer where a topic has fewer.

    Returns
    -------
    Aspect
    """
    from scipy import sparse

    u, v, t = len(settled.labels), len(vocabulary), len(columns)
    words = columns.astype(np.int64)
    follows = np.append((rows[1:] == rows[:-1]) & (words[1:] >= 0) & (words[:-1] >= 0), False)
    pair_at, pairs = _number(np.where(follows, words * v + np.roll(words, -1), -1), rows, u)
    follows = np.append((pair_at[1:] >= 0) & (pair_at[:-1] >= 0), False)
    triple_at, triples = _number(np.where(follows, pair_at * v + np.roll(words, -2), -1), rows, u)

    first, second = pairs // max(v, 1), pairs % max(v, 1)
    head, last = triples // max(v, 1), triples % max(v, 1)  # of three words: the pair they begin with, and the third
    tail = np.searchsorted(pairs, second[head] * v + last)  # ... and the pair they end with
    of_word, of_pair, of_triple = (
        np.bincount(at[at >= 0], minlength=many)
        for at, many in ((words, v), (pair_at, len(pairs)), (triple_at, len(triples)))
    )
    holding = _npmi(of_pair, of_word[first], of_word[second], t)
    cuts = _npmi(of_triple, of_pair[head], of_word[last], t), _npmi(of_triple, of_word[first[head]], of_pair[tail], t)
    by_pair, by_triple = _presence(pair_at, rows, (u, len(pairs))), _presence(triple_at, rows, (u, len(triples)))
    texts, whole = by_pair.sum(axis=0), by_triple.sum(axis=0)
    for half in (head, tail):
        holding[half[whole >= _WITHIN * texts[half]]] = 0

    cohesion = np.maximum(np.concatenate([holding, np.minimum(*cuts)]), 0)
    inside = members(settled.labels, len(settled.centroids))
    surprise = own_terms(inside, sparse.csr_array(sparse.hstack([by_pair, by_triple])))
    scores = sparse.csr_array(surprise @ sparse.diags_array(cohesion))
    scores.eliminate_zeros()

    def spelled(column: int) -> str:
        parts = [column] if column < len(pairs) else [head[column - len(pairs)]]
        third = [last[column - len(pairs)]] if column >= len(pairs) else []
        return " ".join(vocabulary[word] for word in (first[parts[0]], second[parts[0]], *third))

    ranked = (best_columns(scores, topic) for topic in range(len(settled.centroids)))
    return Aspect(tuple(tuple(distinct_phrases(map(spelled, best), n_terms)) for best in ranked))


def _number(codes: NDArray[np.int64], rows: NDArray[np.int32], u: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the different codes that are in enough texts, in their order; -1 stays.

    Returns
    -------
    (ndarray of shape (t,), ndarray of shape (p,))
        The number at each token, and the code of each number.
    """
    there = np.flatnonzero(codes >= 0)
    different, number = np.unique(codes[there], return_inverse=True)
    texts = np.unique(number * max(u, 1) + rows[there]) // max(u, 1)  # each once for every text
    frequent = np.bincount(texts, minlength=len(different)) >= _LEAST
    renumbered = np.where(frequent, np.cumsum(frequent) - 1, -1)
    at = np.full(len(codes), -1, dtype=np.int64)
    at[there] = renumbered[number]
    return at, different[frequent]


def _presence(at: NDArray[np.int64], rows: NDArray[np.int32], shape: tuple[int, int]) -> sparse.csr_array:
    from scipy import sparse

    there = at >= 0
    held = sparse.csr_array((np.ones(int(there.sum())), (rows[there], at[there])), shape=shape)
    held.sum_duplicates()
    held.data[:] = 1
    return held


def _npmi(
    both: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64], tokens: int
) -> NDArray[np.float64]:
    share = both / max(tokens, 1)
    return np.asarray(np.log(share * tokens / one * tokens / other) / -np.log(share), dtype=np.float64)
