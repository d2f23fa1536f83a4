"""How good, how sure, how complete: numbers about a result. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE, Corpus, Embeddings, Graph, Measures, Settled, TermCounts, Topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

_SILHOUETTE = 5000  # texts it is computed on at most; it is quadratic


def measure(
    corpus: Corpus, settled: Settled, topics: Topics, counts: TermCounts, embeddings: Embeddings, graph: Graph
) -> Measures:
    """The cheap measures of a run; those that need labels only where the corpus has classes."""
    labels = document_labels(corpus, settled)
    filled = corpus.rows >= 0
    npmi = topic_npmi(counts, topics.terms)
    stability = np.array(
        [graph.agreement[settled.labels == topic].mean() for topic in range(len(topics.sizes))], dtype=np.float32
    )
    written = int(filled.sum())
    overall: dict[str, Any] = {
        "documents": len(corpus),
        "distinct": len(corpus.texts),
        "duplicates": written - len(corpus.texts),
        "empty": len(corpus) - written,
        "topics": len(topics.sizes),
        "outliers": int((labels[filled] == NOISE).sum()),
        "coverage": float((labels[filled] != NOISE).mean()) if written else 0.0,
        "clustered": settled.clustered,
        "threshold": settled.threshold,
        "npmi": _mean(npmi),
        "diversity": diversity(topics.terms),
        "stability": _mean(graph.agreement[settled.labels != NOISE]),
        "silhouette": silhouette(embeddings.vectors, settled.labels),
    }
    if "class" in corpus.meta:
        overall |= agreement(corpus.meta["class"].to_numpy()[filled], labels[filled])
    return Measures(overall, npmi, stability)


def document_labels(corpus: Corpus, settled: Settled) -> NDArray[np.int32]:
    """The label of every document; shape (n,); -1 where there is no text."""
    return np.append(settled.labels, np.int32(NOISE))[corpus.rows]


def topic_npmi(counts: TermCounts, terms: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Normalised pointwise mutual information of each topic's terms (Bouma 2009), in [-1, 1].

    Two terms occur together when one document holds both; the mean over all pairs of a topic's terms
    of ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), and -1 for a pair never seen together.

    Returns
    -------
    ndarray of shape (k,), float32
        nan for a topic with fewer than two terms.
    """
    from scipy import sparse

    place = {term: column for column, term in enumerate(counts.vocabulary)}
    presence = sparse.csc_array(counts.counts, dtype=np.float64, copy=True)
    presence.data[:] = 1
    return np.array([_npmi(presence[:, [place[term] for term in words]]) for words in terms], dtype=np.float32)


def _npmi(presence: sparse.csc_array) -> float:
    u, m = presence.shape
    if m < 2 or not u:
        return float("nan")
    together = (presence.T @ presence).toarray() / u
    alone = together.diagonal()
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(together / np.outer(alone, alone)) / -np.log(together)
    value[together == 0] = -1
    value[together >= 1] = 1  # in every document: the limit
    return float(value[np.triu_indices(m, 1)].mean())


def diversity(terms: Sequence[Sequence[str]]) -> float | None:
    """Share of distinct ones among all topics' terms (Dieng, Ruiz and Blei 2020), in (0, 1].

    Examples
    --------
    >>> diversity([["a", "b"], ["a", "c"]])
    0.75
    """
    every = [term for words in terms for term in words]
    return len(set(every)) / len(every) if every else None


def silhouette(vectors: NDArray[np.float32], labels: NDArray[np.int32]) -> float | None:
    """Mean silhouette (Rousseeuw 1987) by cosine in the embedding space, in [-1, 1]; outliers left out.

    On an even sample of 5,000 texts where there are more; None with fewer than two topics.
    """
    from sklearn.metrics import silhouette_score

    inside = np.flatnonzero(labels != NOISE)
    inside = (
        inside[np.linspace(0, len(inside) - 1, min(len(inside), _SILHOUETTE)).astype(int)] if len(inside) else inside
    )
    if not 2 <= len(np.unique(labels[inside])) < len(inside):
        return None
    return float(silhouette_score(np.asarray(vectors[inside], np.float64), labels[inside], metric="cosine"))


def agreement(classes: NDArray[Any], labels: NDArray[np.int32]) -> dict[str, float]:
    """How topics match given classes: NMI, AMI (Vinh, Epps and Bailey 2010), ARI (Hubert and Arabie 1985), purity.

    Documents without a class do not count; outliers count as one more topic.
    """
    import pandas as pd
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

    known = ~pd.isna(classes)
    if not known.any():
        return {}
    given, found = pd.factorize(classes[known], sort=True)[0], labels[known]
    table = pd.crosstab(found, given).to_numpy()
    return {
        "nmi": float(normalized_mutual_info_score(given, found)),
        "ami": float(adjusted_mutual_info_score(given, found)),
        "ari": float(adjusted_rand_score(given, found)),
        "purity": float(table.max(axis=1).sum() / table.sum()),
    }


def _mean(values: NDArray[np.float32]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.astype(np.float64).mean()) if len(known) else None
