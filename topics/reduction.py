"""Few coordinates for many: UMAP's layout of a graph."""

from __future__ import annotations

import warnings

import numpy as np

from topics.data import Embeddings, Graph, Reduction
from topics.umap_learn import counted_epochs, umap_functions

_SPECTRAL = 50  # texts; below, eigenvectors of the graph say little and ARPACK may refuse


def reduce(
    graph: Graph, embeddings: Embeddings, n_components: int, min_dist: float, n_epochs: int, seed: int
) -> Reduction:
    """Lay the graph out (McInnes, Healy and Melville 2018), spectral start, seeded, one thread.

    Parameters
    ----------
    graph : Graph
        Over u texts.
    embeddings : Embeddings
        Place the parts of a graph that is not connected.
    n_components : int
        r; u - 1 where there are fewer texts.
    min_dist : float
        How close points may come; 0 packs clusters densely, .1 reads better on a map.
    n_epochs, seed : int

    Returns
    -------
    Reduction
        Of shape (u, r). The same bits whatever the number of threads.
    """
    u = len(embeddings.vectors)
    r = min(n_components, max(u - 1, 1))
    if u <= r + 1 or not graph.weights.nnz:
        # Too few to lay out: the vectors' own coordinates, spread evenly.
        return Reduction(np.linspace(0, 1, u, dtype=np.float32)[:, None] * np.ones((1, n_components), dtype=np.float32))
    umap = umap_functions()
    a, b = umap.find_ab_params(1.0, min_dist)
    with warnings.catch_warnings(), counted_epochs():
        warnings.simplefilter("ignore")  # of eigenvectors that did not converge: it then starts at random, seeded
        points, _ = umap.simplicial_set_embedding(
            data=np.asarray(embeddings.vectors),
            graph=graph.weights.tocoo(copy=True),  # UMAP prunes it in place
            n_components=n_components,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=n_epochs,
            init="spectral" if u >= _SPECTRAL else "random",
            random_state=np.random.RandomState(seed),
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
            parallel=False,
            verbose=False,
        )
    return Reduction(np.ascontiguousarray(points, dtype=np.float32))
