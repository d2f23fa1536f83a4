"""The layout: seeded, finite, the same bits everywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import embeddings_of, random_embeddings, themed_corpus

from topics.data import Corpus, Embeddings
from topics.graph.consensus import build_graph
from topics.graph.neighbors import find_neighbors
from topics.layout.reduction import principal_components, reduce
from topics.progress import watched

HERE = Path(__file__).resolve().parent


def laid_out(embeddings, n_components=5, seed=0, consensus=3, n_epochs=30, package=False):
    graph = build_graph(find_neighbors(embeddings, 10), consensus, 0)
    return reduce(graph, embeddings, n_components, min_dist=0.0, n_epochs=n_epochs, seed=seed, package=package).points


@pytest.mark.parametrize("n_components", [2, 5])
@pytest.mark.parametrize("u", [0, 1, 2, 3, 7, 8, 49, 51])
def test_every_text_has_finite_coordinates_however_few_there_are(u, n_components):
    points = laid_out(random_embeddings(u), n_components)
    assert points.shape == (u, n_components)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == u


@pytest.mark.parametrize("value", [0, 0.5])
@pytest.mark.parametrize("u", [3, 30, 70])
def test_constant_vectors_are_laid_out_as_well(u, value):
    points = laid_out(Embeddings(np.full((u, 4), value, np.float32), "", ""))
    assert points.shape == (u, 5)
    assert np.isfinite(points).all()


def test_a_graph_in_many_pieces_is_laid_out():
    rng = np.random.default_rng(0)
    centres = np.eye(6, dtype=np.float32)
    vectors = (centres.repeat(20, axis=0) + 0.05 * rng.normal(size=(120, 6))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    points = laid_out(Embeddings(vectors, "", ""), 2)
    assert np.isfinite(points).all()


@pytest.mark.parametrize("package", [False, True])
def test_neighbours_stay_neighbours(package):
    texts, about = themed_corpus(200, themes=3, mixed=0)
    corpus = Corpus.from_texts(texts)
    theme = np.empty(200, dtype=int)
    theme[corpus.rows] = about
    points = laid_out(embeddings_of(corpus.texts), 2, package=package)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = theme[np.argsort(distances, axis=1)[:, :5]]
    assert (nearest == theme[:, None]).mean() > 0.95


@pytest.mark.parametrize("package", [False, True])
def test_the_seed_and_nothing_else_moves_the_layout(package):
    embeddings = random_embeddings(120)
    first, again, other = (laid_out(embeddings, seed=seed, package=package) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_other_processes_with_other_numbers_of_threads_find_the_same_bits(tmp_path):
    script = tmp_path / "lay_out.py"
    script.write_text(
        "import hashlib, sys\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "from fakes import random_embeddings\n"
        "from test_reduction import laid_out\n"
        "print(hashlib.sha256(laid_out(random_embeddings(700, 20)).tobytes()).hexdigest())\n"
    )
    here = hashlib.sha256(laid_out(random_embeddings(700, 20)).tobytes()).hexdigest()
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    processes = [
        subprocess.Popen(
            [sys.executable, script, HERE.parent.parent, HERE.parent, HERE],
            env={**os.environ, **dict.fromkeys(names, threads)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads in "12"
    ]
    assert [process.communicate()[0].strip() for process in processes] == [here, here]


def test_the_graph_and_the_vectors_are_left_as_they_were():
    embeddings = random_embeddings(80)
    graph = build_graph(find_neighbors(embeddings, 10), 2, 0)
    # Values that come from the store may be mapped, and then cannot be written to.
    for array in (graph.weights.data, graph.weights.indices, graph.weights.indptr, embeddings.vectors):
        array.flags.writeable = False
    before = graph.weights.toarray()
    for package in (False, True):
        reduce(graph, embeddings, 2, min_dist=0.1, n_epochs=20, seed=0, package=package)
    np.testing.assert_array_equal(graph.weights.toarray(), before)


@pytest.mark.parametrize("package", [False, True])
def test_epochs_are_counted(package):
    seen = []

    class Watcher:
        def start(self, task, total, unit):
            seen.append((task, total, unit))

        def advance(self, amount):
            seen.append(amount)

        def finish(self):
            seen.append("done")

    with watched(Watcher()):
        laid_out(random_embeddings(80), 2, consensus=0, n_epochs=12, package=package)
    assert seen[-14:] == [("Laying out", 12, "epochs"), *[1] * 12, "done"]


def test_principal_components_are_those_of_a_full_decomposition():
    vectors = random_embeddings(300, 12).vectors
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    found = principal_components(vectors, 4)
    np.testing.assert_allclose(np.abs(found), np.abs(left * values)[:, :4], atol=1e-6)
    assert found.tobytes() == principal_components(vectors, 4, threads=2).tobytes()


def test_of_vectors_with_fewer_dimensions_the_others_are_zero():
    found = principal_components(random_embeddings(60, 3).vectors, 5)
    assert found.shape == (60, 5)
    assert not found[:, 3:].any()
