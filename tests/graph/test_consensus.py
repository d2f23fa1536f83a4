"""The neighbour graph and what the consensus makes of it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from fakes import embeddings_of, random_embeddings, themed_corpus

from topics.data import Corpus, Embeddings
from topics.graph.consensus import build_graph, fuzzy_weights
from topics.graph.leiden import communities
from topics.graph.neighbors import find_neighbors


@pytest.fixture(scope="module")
def neighbors():
    texts, _ = themed_corpus(240, themes=4, mixed=0.3)
    return find_neighbors(embeddings_of(Corpus.from_texts(texts).texts), 12)


@pytest.mark.parametrize("consensus", [0, 1, 5])
def test_weights_are_symmetric_positive_at_most_one_and_without_loops(neighbors, consensus):
    weights = build_graph(neighbors, consensus, seed=0).weights
    dense = weights.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert weights.dtype == np.float32
    assert weights.data.min() > 0
    assert weights.data.max() <= 1
    assert not dense.diagonal().any()
    assert weights.has_sorted_indices


def test_without_consensus_the_graph_is_the_one_umap_makes(neighbors):
    import umap

    texts, _ = themed_corpus(240, themes=4, mixed=0.3)
    vectors = embeddings_of(Corpus.from_texts(texts).texts).vectors
    # UMAP takes a neighbourhood that begins with the point itself.
    indices = np.column_stack([np.arange(240), neighbors.indices])
    distances = np.column_stack([np.zeros(240, np.float32), neighbors.distances])
    model = umap.UMAP(
        n_neighbors=13, metric="cosine", precomputed_knn=(indices, distances), random_state=0, transform_mode="graph"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have its own index as well
        model.fit(vectors)
    np.testing.assert_allclose(build_graph(neighbors, 0, seed=0).weights.toarray(), model.graph_.toarray(), atol=1e-5)


def test_without_runs_there_is_no_agreement_to_speak_of(neighbors):
    assert np.isnan(build_graph(neighbors, 0, seed=0).agreement).all()


def test_consensus_only_ever_takes_away(neighbors):
    plain, sharp = build_graph(neighbors, 0, seed=0).weights.toarray(), build_graph(neighbors, 6, seed=0)
    assert (sharp.weights.toarray() <= plain).all()
    assert sharp.weights.nnz < np.count_nonzero(plain)


def test_weights_and_agreement_follow_the_share_of_runs_that_agree():
    neighbors = find_neighbors(random_embeddings(150), 10)  # no clear communities: the runs differ
    plain = fuzzy_weights(neighbors).toarray()
    runs = [communities(fuzzy_weights(neighbors), seed) for seed in (3, 4, 5)]
    u = len(plain)
    weights, agreement = np.zeros((u, u)), np.ones(u)
    for i in range(u):
        kept = 0.0
        for j in np.flatnonzero(plain[i]):
            share = sum(run[i] == run[j] for run in runs) / 3
            weights[i, j] = plain[i, j] * share**2
            kept += plain[i, j] * share
        agreement[i] = kept / plain[i].sum()
    shares = weights[plain > 0] / plain[plain > 0]
    assert {round(float(share) * 9) for share in shares} == {0, 1, 4, 9}
    found = build_graph(neighbors, 3, seed=3)
    np.testing.assert_allclose(found.weights.toarray(), weights, rtol=1e-6)
    np.testing.assert_allclose(found.agreement, agreement, rtol=1e-5)


def test_threads_do_not_change_a_bit_and_neither_does_asking_again(neighbors):
    one, two = build_graph(neighbors, 6, seed=0), build_graph(neighbors, 6, seed=0, threads=2)
    for part in ("data", "indices", "indptr"):
        assert getattr(one.weights, part).tobytes() == getattr(two.weights, part).tobytes()
    assert one.agreement.tobytes() == two.agreement.tobytes()


def test_the_neighbourhood_is_left_as_it_was(neighbors):
    neighbors.indices.flags.writeable = neighbors.distances.flags.writeable = False
    try:
        build_graph(neighbors, 2, seed=0)
    finally:
        neighbors.indices.flags.writeable = neighbors.distances.flags.writeable = True


@pytest.mark.parametrize("consensus", [0, 3])
@pytest.mark.parametrize("u", [0, 1, 2, 3])
def test_tiny_corpora_have_tiny_graphs(u, consensus):
    graph = build_graph(find_neighbors(random_embeddings(u), 5), consensus, seed=0)
    assert graph.weights.shape == (u, u)
    assert graph.weights.nnz == (u * (u - 1) if u > 1 else 0)
    np.testing.assert_array_equal(graph.agreement, np.full(u, 1 if consensus and u > 1 else np.nan))


@pytest.mark.parametrize("value", [0, 0.5])
def test_constant_vectors_make_a_graph_all_the_same(value):
    embeddings = Embeddings(np.full((20, 4), value, np.float32), "", "")
    graph = build_graph(find_neighbors(embeddings, 5), 3, seed=0)
    assert np.isfinite(graph.weights.data).all()
    assert ((graph.agreement >= 0) & (graph.agreement <= 1)).all()
