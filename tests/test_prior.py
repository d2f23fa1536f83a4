"""What a fit takes from the run before: votes on the graph, and places in the layout."""

from __future__ import annotations

import numpy as np
from scattered import A, B, scattered

from topics.data import NOISE, Embeddings, Graph, Prior
from topics.graph.consensus import build_graph
from topics.graph.neighbors import find_neighbors
from topics.layout.reduction import reduce
from topics.vectors import unit_rows

U = 80


def texts() -> Embeddings:
    draw = np.random.default_rng(2)
    return Embeddings(unit_rows(np.repeat([A, B], U // 2, axis=0) + draw.normal(0, 0.3, (U, 12))), "", "")


def prior(labels: np.ndarray, layout: np.ndarray | None = None) -> Prior:
    nowhere = np.full((U, 2), np.nan, dtype=np.float32)
    keys = np.array([f"{row:032d}" for row in range(U)], dtype="S32")
    return Prior(keys, labels.astype(np.int32), nowhere if layout is None else layout, nowhere)


def test_a_prior_of_other_texts_knows_those_it_knows() -> None:
    whole = prior(np.arange(U) % 3, np.ones((U, 2), dtype=np.float32))
    some = whole.of(np.append(whole.keys[[3, 7]], b"z" * 32))
    assert some.labels.tolist() == [0, 1, NOISE]
    assert np.isnan(some.layout[2]).all()
    assert np.isfinite(some.layout[:2]).all()


def test_the_topics_of_before_vote_three_times() -> None:
    near = find_neighbors(texts(), 12)
    plain = build_graph(near, consensus=4, seed=0)
    weights = build_graph(near, consensus=0, seed=0).weights
    before = np.arange(U) % 2  # of no help to any text
    with_it = build_graph(near, consensus=4, seed=0, prior=prior(before))
    share = np.sqrt(_dense(plain) / np.where(_dense(weights) > 0, _dense(weights), 1))
    want = _dense(weights) * ((share + 3 * (before[:, None] == before)) / 4) ** 2
    assert np.allclose(_dense(with_it), want, atol=1e-5)
    nothing = build_graph(near, consensus=4, seed=0, prior=prior(np.full(U, NOISE)))
    assert np.array_equal(_dense(nothing), _dense(plain))


def _dense(graph: Graph | object) -> np.ndarray:
    weights = graph.weights if isinstance(graph, Graph) else graph
    return weights.toarray().astype(np.float64)  # type: ignore[attr-defined]


def test_a_layout_starts_where_texts_lay() -> None:
    graph = scattered((A, U // 2), (B, U // 2))
    draw = np.random.default_rng(0)
    start = np.repeat([[0.0, 9.0], [9.0, 0.0]], U // 2, axis=0) + draw.normal(0, 0.5, (U, 2))
    start[[5, 60]] = np.nan  # these came since
    before = prior(np.full(U, NOISE), start.astype(np.float32))
    points = reduce(graph, texts(), 2, 0.0, 50, 0, prior=before).points
    again = reduce(graph, texts(), 2, 0.0, 50, 0, threads=2, prior=before).points
    assert np.array_equal(points, again)
    one, other = points[: U // 2].mean(axis=0), points[U // 2 :].mean(axis=0)
    assert one[0] < other[0]
    assert one[1] > other[1]
    assert np.linalg.norm(points[5] - one) < np.linalg.norm(points[5] - other)


def test_a_layout_of_other_width_or_of_few_texts_is_not_heeded() -> None:
    graph = scattered((A, U // 2), (B, U // 2))
    alone = reduce(graph, texts(), 3, 0.0, 20, 0).points
    flat = prior(np.full(U, NOISE), np.ones((U, 2), dtype=np.float32))
    assert np.array_equal(reduce(graph, texts(), 3, 0.0, 20, 0, prior=flat).points, alone)
    few = np.full((U, 3), np.nan, dtype=np.float32)
    few[:4] = np.arange(12).reshape(4, 3)
    assert np.array_equal(reduce(graph, texts(), 3, 0.0, 20, 0, prior=prior(np.full(U, NOISE), few)).points, alone)
