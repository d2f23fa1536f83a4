"""Coherence: whether the terms of a topic belong together.

Of a topic's terms a and b, p(a) is the share of documents or windows that hold a, p(a, b) of those that hold both,
and e = 1e-12. `c_npmi`, `c_uci`, `c_v` and `u_mass` have the names that gensim's `CoherenceModel` has for them, and
its numbers to 1e-6; the one difference is told at `c_npmi`. Every function gives one number for each topic, nan for
a topic of which fewer than two terms occur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.metrics.occurrences import in_documents
from topics.store import let_go
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import TermCounts
    from topics.metrics.occurrences import Occurrences

_E = 1e-12
_BLOCK = 65_536  # texts whose vectors are added up at once


def npmi(found: Occurrences) -> NDArray[np.float64]:
    """Normalised pointwise mutual information (Bouma 2009), in [-1, 1].

    The mean over all pairs of ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), and -1 for a pair never seen together.
    """
    return _each(found, lambda both: _pairs(_npmi(both)))


def topic_npmi(counts: TermCounts, terms: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """`npmi` where two terms occur together when one document holds both.

    Returns
    -------
    ndarray of shape (k,), float32
        nan for a topic with fewer than two terms.
    """
    return npmi(in_documents(counts, terms)).astype(np.float32)


def c_npmi(found: Occurrences) -> NDArray[np.float64]:
    """C_NPMI (Aletras and Stevenson 2013; Roeder, Both and Hinneburg 2015), in windows of 10 tokens, in [-1, 1].

    The mean over all pairs of ln((p(a, b) + e) / (p(a) p(b))) / -ln(p(a, b) + e). Unlike in `npmi` a pair never
    seen together does not count -1, but the more the rarer its terms. Two terms that are in every window
    count 1, the limit, where gensim divides by -e and gets -1.
    """
    return _each(found, lambda both: _pairs(_smooth_npmi(both)))


def c_uci(found: Occurrences) -> NDArray[np.float64]:
    """C_UCI (Newman et al. 2010, as in Roeder et al. 2015), in windows of 10 tokens.

    The mean over all pairs of ln((p(a, b) + e) / (p(a) p(b))).
    """
    return _each(found, lambda both: _pairs(np.log((both + _E) / np.outer(both.diagonal(), both.diagonal()))))


def u_mass(found: Occurrences) -> NDArray[np.float64]:
    """UMass (Mimno et al. 2011, smoothed as in Roeder et al. 2015), in whole documents; at most 0, up to e.

    The mean over all pairs, b before a in the topic, of ln((p(a, b) + e) / p(b)).
    """
    return _each(
        found, lambda both: float(np.log((both + _E) / both.diagonal())[np.tril_indices(len(both), -1)].mean())
    )


def c_v(found: Occurrences) -> NDArray[np.float64]:
    """C_V (Roeder, Both and Hinneburg 2015), in windows of 110 tokens, in [-1, 1].

    With the vectors v(a) of the smoothed NPMI, as in `c_npmi`, of a with each of the topic's terms, itself too:
    the mean over the terms of the cosine between v(a) and the sum of all.
    """
    return _each(found, lambda both: _to_the_sum(_smooth_npmi(both)))


def embedding_coherence(vectors: NDArray[np.float32], topics: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Mean cosine of all pairs of a topic's terms (Fang et al. 2016), in [-1, 1].

    Parameters
    ----------
    vectors : ndarray of shape (m, d)
        Unit rows, one a term.
    topics : sequence of k sequences of int
        Rows of `vectors`: the terms of each topic.
    """
    values = np.full(len(topics), np.nan)
    for topic, rows in enumerate(topics):
        if len(rows) > 1:
            own = np.asarray(vectors[list(rows)], dtype=np.float64)
            values[topic] = _pairs(np.einsum("id,jd->ij", own, own))
    return values


def term_vectors(held: sparse.csc_array, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean direction of the texts that hold a term: what it means here, without encoding it.

    Parameters
    ----------
    held : csc_array of shape (u, m)
        1.0 where a text holds a term.
    vectors : ndarray of shape (u, d), float32
        Unit rows.

    Returns
    -------
    ndarray of shape (m, d), float32
        Unit rows.
    """
    from scipy import sparse

    rows = sparse.csr_array(held)
    total = np.zeros((rows.shape[1], vectors.shape[1]))
    for start in range(0, rows.shape[0], _BLOCK):
        total += rows[start : start + _BLOCK].T @ np.asarray(vectors[start : start + _BLOCK], dtype=np.float64)
        let_go(vectors)
    return unit_rows(total)


def _each(found: Occurrences, value: Callable[[NDArray[np.float64]], float]) -> NDArray[np.float64]:
    """A number for each topic, from the shares that hold two terms, shape (m, m)."""
    return np.array(
        [value(both / found.total) if len(both) > 1 else np.nan for both in found.together], dtype=np.float64
    )


def _pairs(values: NDArray[np.float64]) -> float:
    return float(values[np.triu_indices(len(values), 1)].mean())


def _npmi(both: NDArray[np.float64]) -> NDArray[np.float64]:
    alone = both.diagonal()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(both / np.outer(alone, alone)) / -np.log(both)
    value[both == 0] = -1
    value[both >= 1] = 1  # in every document: the limit
    return value


def _smooth_npmi(both: NDArray[np.float64]) -> NDArray[np.float64]:
    alone = both.diagonal()
    value: NDArray[np.float64] = np.log((both + _E) / np.outer(alone, alone)) / -np.log(both + _E)
    value[both >= 1] = 1  # in every window: the limit
    return value


def _to_the_sum(context: NDArray[np.float64]) -> float:
    whole = context.sum(axis=0)
    lengths = np.sqrt((context**2).sum(axis=1) * (whole**2).sum())
    return float((np.einsum("ij,j->i", context, whole) / lengths).mean())
