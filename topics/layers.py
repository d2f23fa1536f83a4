"""Coarser topics above the topics: nested layers from one fit.

u texts, k topics, v terms, l layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from topics.data import Layers
from topics.labels import by_size
from topics.merging import cut, merges
from topics.words.wording import distinct_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from topics.data import Graph, Settled, Topics

_FEWEST = 3  # topics that are still a layer


def layer_sizes(k: int) -> list[int]:
    """Numbers of topics in the layers above k topics: half, a quarter, and so on, three at least.

    Examples
    --------
    >>> layer_sizes(20), layer_sizes(5), layer_sizes(200)
    ([10, 5], [], [100, 50, 25, 12, 6, 3])
    """
    sizes = []
    while (k := k // 2) >= _FEWEST:
        sizes.append(k)
    return sizes


def nest(settled: Settled, graph: Graph, topics: Topics, n_terms: int) -> Layers:
    """Find the layers, and the words of their topics.

    Topics are merged as `merging.merge` does, so every topic of a layer is made of whole topics of the finer one.
    The terms of a coarse topic are those of its parts, ranked by their c-TF-IDF in them, each part counting by its
    documents.

    Parameters
    ----------
    settled : Settled
        Labels of u texts.
    graph : Graph
        UMAP's weights over the texts that topics were found in, the first ones; not sharpened.
    topics : Topics
        Terms and c-TF-IDF of k topics.
    n_terms : int
        Of a coarse topic; fewer where its parts have fewer.

    Returns
    -------
    Layers
    """
    k, place = len(topics.sizes), {term: column for column, term in enumerate(topics.vocabulary)}
    order = merges(settled.labels[: graph.weights.shape[0]], graph, k)
    sizes = layer_sizes(k)
    members = np.array([by_size(cut(order, k, size), topics.sizes) for size in sizes], dtype=np.int32).reshape(
        len(sizes), k
    )
    return Layers(
        merges=np.array(order, dtype=np.int32).reshape(-1, 2),
        members=members,
        terms=tuple(
            tuple(tuple(_terms(topics, place, np.flatnonzero(layer == coarse), n_terms)) for coarse in range(size))
            for layer, size in zip(members, sizes, strict=True)
        ),
    )


def _terms(topics: Topics, place: Mapping[str, int], parts: NDArray[np.int64], n_terms: int) -> Sequence[str]:
    words = sorted({word for part in parts for word in topics.terms[part]})
    columns = [place[word] for word in words]
    shares = topics.sizes[parts] / max(int(topics.sizes[parts].sum()), 1)
    weights = shares @ topics.weights[parts][:, columns].toarray().astype(np.float64)
    return distinct_terms([words[row] for row in np.argsort(-weights, kind="stable")], n_terms)
