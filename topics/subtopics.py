"""Finer topics within the topics: communities of each topic's own part of the graph, where they hold up.

u texts, v terms, p sub-topics, d dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE, Parts
from topics.graph.leiden import agreed, communities, inner_shares, network_of
from topics.labels import by_size, centroids_of, members
from topics.ordered import side_by_side
from topics.progress import track
from topics.vectors import similarities
from topics.words.ranking import best_columns, own_terms, presence_of
from topics.words.wording import distinct_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import Embeddings, Graph, Settled, TermCounts

_RUNS = 5  # of community detection, which vote on what belongs together
_FEWEST, _LEAST = 10, 0.05  # texts of a sub-topic; at least so many, and that share of the topic
_STEADY = 0.65  # of the ties within a topic that the runs keep inside its parts; below, it does not fall apart
_MODULAR = 0.3  # modularity from which on there is structure (Newman and Girvan 2004, arXiv:cond-mat/0308217)
_TERMS = 5


def find_parts(
    settled: Settled,
    graph: Graph,
    counts: TermCounts,
    embeddings: Embeddings,
    copies: NDArray[np.int64],
    seed: int,
    resolution: float = 1.0,
    threads: int = 1,
) -> Parts:
    """Take every topic apart, as far as it falls apart by itself.

    The texts of a topic, and UMAP's weights between them, are grouped by modularity (Leiden: Traag, Waltman and van
    Eck 2019), five times with different seeds; weights are sharpened by how often both ends came together, as those
    of the whole are (`graph.build_graph`), and grouped once more. A topic has no sub-topics where the modularity of
    these groups is below .3, or the runs keep less than 65 % of the ties inside them; groups of fewer than ten texts,
    or 5 % of the topic, are none. Words are those that more documents of a sub-topic hold than those of its topic would
    let expect (`ranking.over_representation`).

    Parameters
    ----------
    settled : Settled
        Labels of u texts.
    graph : Graph
        UMAP's weights over the texts that topics were found in, the first ones; not sharpened. Texts after them, and
        those of groups too small, are in no sub-topic.
    counts : TermCounts
        Of shape (u, v).
    embeddings : Embeddings
        Of shape (u, d).
    copies : ndarray of shape (u,)
        Documents that carry each text.
    seed : int
        The runs use `seed`, `seed + 1`, ...
    resolution : float
        More gives more and smaller sub-topics.
    threads : int
        Topics taken apart at once; the result does not depend on it.

    Returns
    -------
    Parts
        By topic, the largest first.
    """
    fitted = settled.labels[: graph.weights.shape[0]]
    k = len(settled.centroids)
    texts = [np.flatnonzero(fitted == topic) for topic in range(k)]

    def fall(rows: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        return _apart(graph.weights[rows][:, rows].tocsr(), seed, resolution)

    apart = list(track(side_by_side(fall, texts, threads), k, "Sub-topics", "topics"))
    topics, sizes, shares, steady, terms, central = [], [], [], [], [], []
    for topic, (rows, (part, held)) in enumerate(zip(texts, apart, strict=True)):
        p = int(part.max(initial=NOISE)) + 1
        part = by_size(part, copies[rows].astype(np.float64))
        inside = members(part, p)
        surprise = own_terms(inside, presence_of(counts.counts[rows]))
        centroids = centroids_of(embeddings.vectors[rows], part, p)
        for number in range(p):
            own = part == number
            topics.append(topic)
            sizes.append(int(copies[rows[own]].sum()))
            shares.append(sizes[-1] / int(copies[rows].sum()))
            steady.append(float(held[own].mean()))
            words = best_columns(surprise, number)
            terms.append(tuple(distinct_terms((counts.vocabulary[column] for column in words), _TERMS)))
            near = similarities(centroids[number], embeddings.vectors[rows[own]])
            central.append(int(rows[own][near.argmax()]))
    return Parts(
        topics=np.array(topics, dtype=np.int32),
        sizes=np.array(sizes, dtype=np.int64),
        shares=np.array(shares, dtype=np.float64),
        stability=np.array(steady, dtype=np.float32),
        terms=tuple(terms),
        central=np.array(central, dtype=np.int32),
    )


def _apart(weights: sparse.csr_array, seed: int, resolution: float) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The group of each text, -1 for none; and the share of its weight that stays inside when groups are made again."""
    from scipy import sparse

    u = weights.shape[0]
    none = np.full(u, NOISE, dtype=np.int32)
    least = max(_FEWEST, round(_LEAST * u))
    if u < 2 * least or not weights.nnz:
        return none, np.ones(u, dtype=np.float32)
    network = network_of(weights)
    runs = (communities(weights, run, resolution, network) for run in range(seed, seed + _RUNS))
    share = agreed(weights, runs, _RUNS)
    held = inner_shares(weights, share, alone=1).astype(np.float32)
    sharpened = sparse.csr_array((weights.data * share**2, weights.indices.copy(), weights.indptr.copy()), shape=(u, u))
    sharpened.eliminate_zeros()
    group = communities(sharpened, seed, resolution)
    large = np.bincount(group)[group] >= least
    found = np.where(large, group, NOISE).astype(np.int32)
    if len(np.unique(found[large])) < 2 or held[large].mean() < _STEADY or _modularity(weights, group) < _MODULAR:
        return none, held
    return by_size(found), held


def _modularity(weights: sparse.csr_array, group: NDArray[np.int64]) -> float:
    """How much more of the weight lies inside groups than if ends were joined at random."""
    source = np.repeat(np.arange(len(group)), np.diff(weights.indptr))
    total = weights.data.sum(dtype=np.float64)
    degrees = np.bincount(group[source], weights.data) / total
    inside = weights.data.sum(where=group[source] == group[weights.indices], dtype=np.float64) / total
    return float(inside - (degrees * degrees).sum())
