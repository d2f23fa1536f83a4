"""Nothing of texts x topics or of topics x terms is ever made: every stage after the graph, measured byte by byte."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from topics import assignment, layers, metrics, timeline
from topics.data import Clusters, Corpus, Embeddings, Graph, Neighbors, Settled, TermCounts, Texts, Topics
from topics.description import describe
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

U, K, V, Q, WORDS = 75_000, 800, 50_000, 15, 5
LIMIT = 55_000_000  # bytes, less than the smallest dense array: one byte for each text and topic would take 60 MB


class Found(NamedTuple):
    """What is there before: nothing in it is larger than texts x neighbours, or than the words the texts hold."""

    corpus: Corpus
    embeddings: Embeddings
    neighbors: Neighbors
    graph: Graph
    clusters: Clusters
    counts: TermCounts
    settled: Settled
    topics: Topics


@pytest.fixture(scope="module")
def found() -> Found:
    draw = np.random.default_rng(0)
    labels = (draw.permutation(U) % K).astype(np.int32)
    vectors = unit_rows(unit_rows(draw.normal(size=(K, 8)))[labels] + draw.normal(0, 0.1, (U, 8)))
    order = np.argsort(labels, kind="stable").astype(np.int32)
    near = np.empty((U, Q), dtype=np.int32)
    for step in range(Q):  # those before and after it in its topic, mostly
        near[order, step] = np.roll(order, step + 1)
    neighbors = Neighbors(near, np.tile(np.linspace(0.01, 0.2, Q, dtype=np.float32), (U, 1)))
    ties = sparse.csr_array((np.full(U * Q, 0.5, np.float32), near.ravel(), np.arange(0, U * Q + 1, Q)), shape=(U, U))
    graph = Graph(sparse.csr_array(ties.maximum(ties.T)), np.full(U, 0.9, dtype=np.float32))
    words = np.sort((labels[:, None] * 20 + draw.integers(0, V, (U, WORDS)) // 400) % V, axis=1).astype(np.int32)
    counts = sparse.csr_array((np.ones(U * WORDS, np.int32), words.ravel(), np.arange(0, U * WORDS + 1, WORDS)), (U, V))
    counts.sum_duplicates()
    told = TermCounts(counts, tuple(f"word{number:05}" for number in range(V)), ("en",))
    keys = np.array([f"{row:032}" for row in range(U)], dtype="S32")
    meta = pd.DataFrame({"date": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 700, U), "D")})
    corpus = Corpus(tuple(map(str, range(U))), np.arange(U, dtype=np.int32), Texts(("",) * U, keys), meta)
    embeddings, clusters = Embeddings(vectors, "", ""), Clusters(labels, np.ones(U, dtype=np.float32))
    settled = assignment.settle(clusters, embeddings, neighbors, corpus.copies, "auto", graph.agreement)
    topics = describe(settled, told, embeddings, corpus.copies, 10, 1)
    return Found(corpus, embeddings, neighbors, graph, clusters, told, settled, topics)


def settle(at: Found) -> object:
    return assignment.settle(at.clusters, at.embeddings, at.neighbors, at.corpus.copies, "auto", at.graph.agreement)


def place(at: Found) -> object:
    """All texts as if they were new, and few had a vote."""
    vectors, few = at.embeddings.vectors, slice(U // 20)
    voters, centroids = at.settled.voters[few], at.settled.centroids
    return assignment.place(vectors, vectors[few], voters, centroids, at.settled.calibration)


def describe_topics(at: Found) -> object:
    return describe(at.settled, at.counts, at.embeddings, at.corpus.copies, 10, 1)


def measure(at: Found) -> object:
    return metrics.measure(at.corpus, at.settled, at.topics, at.counts, at.embeddings, at.graph)


def nest(at: Found) -> object:
    return layers.nest(at.settled, at.graph, at.topics, 10)


def over_time(at: Found) -> object:
    labels: NDArray[np.int32] = at.settled.labels
    return timeline.over_time(at.corpus.rows, labels, at.corpus.meta["date"], at.counts, at.topics, "month", 5)


@pytest.mark.parametrize("stage", [settle, place, describe_topics, measure, nest, over_time])
def test_no_stage_takes_as_much_as_a_dense_array_would(stage: Callable[[Found], object], found: Found) -> None:
    if stage is not describe_topics:  # which came before
        stage(found)  # what is loaded once does not count
    tracemalloc.start()
    try:
        stage(found)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < LIMIT < U * K < K * V * 4, f"{most / 1e6:.0f} MB"


def test_a_dense_array_would_be_noticed() -> None:
    tracemalloc.start()
    try:
        np.empty((U, K), dtype=bool)
        assert tracemalloc.get_traced_memory()[1] > LIMIT
    finally:
        tracemalloc.stop()
