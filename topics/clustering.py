"""Groups of texts become topics: dense regions of the layout, communities of the graph, or cells around means."""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE, Clusters, Embeddings, Graph, Reduction
from topics.errors import InvalidConfig, InvalidInput
from topics.graph.leiden import agreed, communities, inner_shares
from topics.labels import by_size, members
from topics.vectors import sums_of, unit_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from topics.data import Prior

log = logging.getLogger(__name__)

_COLLAPSED = 0.5  # fewer topics than so many of the graph's communities are a collapse ...
_AGREED = 0.7  # ... where the runs of the consensus agree on these


def check_clusterer(name: str, topics: int | None) -> None:
    """Say what is missing before anything is computed.

    Raises
    ------
    InvalidConfig
        If the clusterer's package is not installed, or it needs a number of topics.
    """
    if name in ("fast_hdbscan", "evoc") and find_spec(name) is None:
        _package(name)
    if name == "kmeans" and topics is None:
        raise InvalidConfig("clusterer=kmeans finds no number of topics by itself; give topics=K (--topics K).")


def default_min_cluster_size(u: int, resolution: float = 1.0) -> int:
    """max(10, sqrt(u) / 2) / sqrt(resolution), from 5 to a quarter of a small corpus.

    Fixed sizes give topics by the hundred on large corpora; measured over eleven corpora.

    Examples
    --------
    >>> [default_min_cluster_size(u) for u in (3, 12, 100, 18_000, 1_000_000)]
    [2, 3, 10, 67, 500]
    >>> [default_min_cluster_size(18_000, resolution) for resolution in (0.25, 4, 1000)]
    [134, 34, 5]
    """
    size = max(10, round(math.sqrt(u) / 2))
    return max(2, min(max(5, round(size / math.sqrt(resolution))), u // 4))


def cluster(
    reduction: Reduction,
    graph: Graph,
    found: Clusters | None,
    min_cluster_size: int | None,
    min_samples: int,
    resolution: float = 1.0,
    fast: bool = False,
) -> Clusters:
    """Cluster by density (HDBSCAN*, Campello, Moulavi and Sander 2013; excess of mass).

    Now and then the excess of mass prefers a few huge regions to all that is in them. Where that leaves
    less than half the topics that the graph's communities are, and the consensus agrees on these, the
    communities are taken.

    Parameters
    ----------
    reduction : Reduction
        Of shape (u, r).
    graph : Graph
        It was laid out.
    found : Clusters or None
        Its communities, from `find_communities`; None if there was no consensus.
    min_cluster_size : int or None
        Fewest texts of a cluster; None for `default_min_cluster_size`.
    min_samples : int
        Neighbours that make a point dense, at resolution 1; at a higher one fewer, as topics are smaller.
    resolution : float
        As in `find_communities`; the layout knows it already.
    fast : bool
        Take the package fast_hdbscan.

    Returns
    -------
    Clusters
        Labels by size. Where no density stands out, everything is one cluster: a corpus about one
        thing has one topic, not none.

    Raises
    ------
    InvalidInput
        If there are fewer texts than `min_cluster_size` asks for.
    InvalidConfig
        If fast_hdbscan is asked for and not installed.
    """
    u = len(reduction.points)
    if (size := _size(u, min_cluster_size, resolution)) is None:
        return _one(u)
    dense = max(min(min_samples, 5), round(min_samples / math.sqrt(max(resolution, 1))))
    settings: dict[str, Any] = {"min_cluster_size": size, "min_samples": min(dense, u - 1)}
    if fast:
        model = _package("fast_hdbscan").HDBSCAN(**settings)
    else:
        import hdbscan

        model = hdbscan.HDBSCAN(**settings, core_dist_n_jobs=1)
    with _one_thread() if fast else nullcontext():
        labels = model.fit_predict(np.asarray(reduction.points, dtype=np.float64))
    if found is not None and float(np.mean(graph.agreement)) >= _AGREED:
        whole = partition(found, min_cluster_size, resolution)
        few, there = int(labels.max()) + 1, int(whole.labels.max()) + 1
        if few < _COLLAPSED * there and there > 2:
            log.warning("HDBSCAN found %d topics where the graph has %d communities: these are taken.", few, there)
            return whole
    if (labels == NOISE).all():
        log.warning("No density stands out among %d documents: they form one topic.", u)
        return _one(u)
    return Clusters(by_size(labels), model.probabilities_.astype(np.float32))


def find_communities(graph: Graph, resolution: float = 1.0, seed: int = 0) -> Clusters:
    """Find the communities of the sharpened graph (consensus Leiden; see `build_graph`), down to single texts.

    Parameters
    ----------
    graph : Graph
        Over u texts.
    resolution : float
        More gives more and smaller communities.
    seed : int

    Returns
    -------
    Clusters
        Strengths are the shares of a text's weight that stay inside its community.
    """
    labels = by_size(communities(graph.weights, seed, resolution))
    strengths = inner_shares(graph.weights, agreed(graph.weights, [labels], 1), alone=0)
    return Clusters(labels, strengths.astype(np.float32))


def partition(found: Clusters, min_cluster_size: int | None, resolution: float = 1.0) -> Clusters:
    """Cluster by communities.

    Parameters
    ----------
    found : Clusters
        Communities of u texts, from `find_communities`.
    min_cluster_size : int or None
        Smaller communities are noise; None for `default_min_cluster_size`.
    resolution : float
        They were found at.

    Raises
    ------
    InvalidInput
        If there are fewer texts than `min_cluster_size` asks for.
    """
    u = len(found.labels)
    if (size := _size(u, min_cluster_size, resolution)) is None:
        return _one(u)
    labels = np.where(np.bincount(found.labels)[found.labels] >= size, found.labels, np.int32(NOISE))
    if (labels == NOISE).all():
        log.warning("No community has %d documents: all %d form one topic.", size, u)
        return _one(u)
    return Clusters(labels, np.where(labels == NOISE, np.float32(0), found.strengths))


def cells(embeddings: Embeddings, topics: int, seed: int = 0, prior: Prior | None = None) -> Clusters:
    """Cluster by k-means on the unit vectors (Dhillon and Modha 2001, spherical up to the norm of the means).

    Parameters
    ----------
    embeddings : Embeddings
        Of shape (u, d).
    topics : int
        Number of clusters, at most u.
    seed : int
    prior : Prior, optional
        Topics of a previous run. If there are as many, the means of their texts are where the clusters start, instead
        of the best of four starts by `seed`.

    Returns
    -------
    Clusters
        Without outliers; strengths are cosines with the cluster's mean, 0 where negative.

    Raises
    ------
    InvalidInput
        If it is more than u.
    """
    u = len(embeddings.vectors)
    if topics > u:
        raise InvalidInput(f"topics={topics} is more than the {u} distinct, non-empty documents there are.")
    from sklearn.cluster import KMeans

    vectors = np.asarray(embeddings.vectors)
    start = None if prior is None else _means_of(vectors, prior.labels, topics)
    how: dict[str, Any] = {"n_init": 4} if start is None else {"init": start, "n_init": 1}
    model = KMeans(topics, random_state=seed, **how).fit(vectors)
    strengths = np.einsum("ij,ij->i", vectors, unit_rows(model.cluster_centers_)[model.labels_])
    return Clusters(by_size(model.labels_), np.maximum(strengths, 0).astype(np.float32))


def _means_of(vectors: NDArray[np.float32], labels: NDArray[np.int32], topics: int) -> NDArray[np.float32] | None:
    """The mean of each topic's vectors; None if there are not as many topics that have any."""
    sizes = np.bincount(labels[labels != NOISE], minlength=topics)
    if len(sizes) != topics or not sizes.all():
        return None
    return np.asarray(sums_of(members(labels, topics), vectors) / sizes[:, None], dtype=np.float32)


def evoc(embeddings: Embeddings, min_cluster_size: int | None, resolution: float = 1.0, seed: int = 0) -> Clusters:
    """Cluster by EVoC (McInnes, github.com/TutteInstitute/evoc), on the vectors; it needs the package.

    Raises
    ------
    InvalidConfig
        If the package is not installed.
    InvalidInput
        If there are fewer texts than `min_cluster_size` asks for.
    """
    u = len(embeddings.vectors)
    if (size := _size(u, min_cluster_size, resolution)) is None:
        return _one(u)
    model = _package("evoc").EVoC(base_min_cluster_size=size, random_state=seed)
    with _one_thread():
        return _labelled(model.fit_predict(np.array(embeddings.vectors)), u, "EVoC")


def cluster_by(clusterer: Any, reduction: Reduction) -> Clusters:
    """Cluster the layout by any object of scikit-learn's kind: a clone is fitted, the object stays as it is.

    Parameters
    ----------
    clusterer : object
        With `fit_predict(X)`, shape (u, r), giving u whole numbers; -1 is noise.
    reduction : Reduction

    Raises
    ------
    InvalidConfig
        If it has no `fit_predict`.
    InvalidInput
        If it gives anything but u whole numbers.
    """
    from sklearn.base import clone

    if not callable(getattr(clusterer, "fit_predict", None)) or isinstance(clusterer, type):
        raise InvalidConfig(
            f"clusterer={clusterer!r:.80} has no fit_predict; give a name, such as leiden, or an object like "
            "sklearn.cluster.KMeans(20)."
        )
    model = clone(clusterer, safe=False)
    return _labelled(model.fit_predict(np.array(reduction.points)), len(reduction.points), type(clusterer).__name__)


def _labelled(labels: Any, u: int, name: str) -> Clusters:
    found: NDArray[Any] = np.asarray(labels)
    if found.shape != (u,) or found.dtype.kind not in "iu":
        raise InvalidInput(
            f"{name} gave labels of shape {found.shape} and type {found.dtype} for {u} documents; expected {u} whole "
            "numbers, -1 for outliers."
        )
    found = np.where(found < 0, NOISE, found)
    if (found == NOISE).all():
        log.warning("%s found no cluster among %d documents: they form one topic.", name, u)
        return _one(u)
    return Clusters(by_size(found), (found != NOISE).astype(np.float32))


def _size(u: int, asked: int | None, resolution: float) -> int | None:
    """Fewest texts of a cluster; None where there are too few texts for two."""
    if asked is not None and asked > u:
        raise InvalidInput(
            f"min_cluster_size={asked} is more than the {u} distinct, non-empty documents there are; "
            "give more documents or a smaller min_cluster_size."
        )
    size = asked or default_min_cluster_size(u, resolution)
    if u < max(2 * size, 5):
        log.warning("%d distinct documents are too few to be told apart: they form one topic.", u)
        return None
    return size


def _package(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        name = module.replace("_", "-")
        raise InvalidConfig(
            f"clusterer={module} needs the package {name}: pip install {name}. Or take hdbscan, or leiden."
        ) from None


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep numba to one thread: with two, EVoC's labels are others."""
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def _one(u: int) -> Clusters:
    return Clusters(np.zeros(u, dtype=np.int32), np.ones(u, dtype=np.float32))
