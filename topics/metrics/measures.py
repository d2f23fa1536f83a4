"""The measures every run has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE, Corpus, Embeddings, Graph, Measures, Settled, TermCounts, Topics
from topics.metrics.agreement import class_measures
from topics.metrics.coherence import embedding_coherence, npmi, term_vectors, u_mass
from topics.metrics.diversity import diversity, inverted_rbo
from topics.metrics.geometry import silhouette
from topics.metrics.occurrences import in_documents, presence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def measure(
    corpus: Corpus, settled: Settled, topics: Topics, counts: TermCounts, embeddings: Embeddings, graph: Graph
) -> Measures:
    """The cheap measures of a run; those that need labels only where the corpus has classes."""
    labels = document_labels(corpus, settled)
    filled = corpus.rows >= 0
    found = in_documents(counts, topics.terms)
    coherence = npmi(found).astype(np.float32)
    fitted = settled.labels[: len(graph.agreement)]  # the texts that topics were found in are the first ones
    stability = np.array(
        [graph.agreement[fitted == topic].mean() for topic in range(len(topics.sizes))], dtype=np.float32
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
        "npmi": mean(coherence),
        "u_mass": mean(u_mass(found).astype(np.float32)),  # like npmi: processors differ in the last bit of a logarithm
        "embedding_coherence": mean(_embedding_coherence(counts, topics.terms, embeddings).astype(np.float32)),
        "diversity": diversity(topics.terms),
        "inverted_rbo": inverted_rbo(topics.terms),
        "stability": mean(graph.agreement[fitted != NOISE]),
        "silhouette": silhouette(embeddings.vectors, settled.labels),
    }
    if len(fitted) < len(settled.labels):
        overall["fitted"] = int(corpus.copies[: len(fitted)].sum())
        overall["placed"] = written - overall["fitted"]
    if "class" in corpus.meta:
        overall |= class_measures(corpus.meta["class"].to_numpy()[filled], labels[filled])
    return Measures(overall, coherence, stability)


def document_labels(corpus: Corpus, settled: Settled) -> NDArray[np.int32]:
    """The label of every document; shape (n,); -1 where there is no text."""
    return np.append(settled.labels, np.int32(NOISE))[corpus.rows]


def mean(values: NDArray[Any]) -> float | None:
    """The mean of those that are not nan, None if all are."""
    known = values[~np.isnan(values)]
    return float(known.astype(np.float64).mean()) if len(known) else None


def _embedding_coherence(
    counts: TermCounts, terms: Sequence[Sequence[str]], embeddings: Embeddings
) -> NDArray[np.float64]:
    wanted = set().union(*terms)
    columns = np.array([number for number, term in enumerate(counts.vocabulary) if term in wanted], dtype=np.int64)
    place = {counts.vocabulary[number]: row for row, number in enumerate(columns)}
    vectors = term_vectors(presence(counts, columns), embeddings.vectors)
    return embedding_coherence(vectors, [[place[term] for term in words] for words in terms])
