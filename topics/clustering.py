"""Dense regions of the layout become topics."""

from __future__ import annotations

import logging
import math

import numpy as np

from topics.data import NOISE, Clusters, Reduction
from topics.errors import InvalidInput
from topics.labels import by_size

log = logging.getLogger(__name__)


def default_min_cluster_size(u: int) -> int:
    """max(10, sqrt(u) / 2), and at most a quarter of a small corpus.

    Fixed sizes give topics by the hundred on large corpora; measured over eleven corpora.

    Examples
    --------
    >>> [default_min_cluster_size(u) for u in (3, 12, 100, 18_000, 1_000_000)]
    [2, 3, 10, 67, 500]
    """
    return max(2, min(max(10, round(math.sqrt(u) / 2)), u // 4))


def cluster(reduction: Reduction, min_cluster_size: int | None, min_samples: int) -> Clusters:
    """Cluster by density (HDBSCAN*, Campello, Moulavi and Sander 2013; excess of mass).

    Parameters
    ----------
    reduction : Reduction
        Of shape (u, r).
    min_cluster_size : int or None
        Fewest texts of a cluster; None for `default_min_cluster_size`.
    min_samples : int
        Neighbours that make a point dense; u - 1 where there are fewer texts.

    Returns
    -------
    Clusters
        Labels by size. Where no density stands out, everything is one cluster: a corpus about one
        thing has one topic, not none.

    Raises
    ------
    InvalidInput
        If there are fewer texts than `min_cluster_size` asks for.
    """
    u = len(reduction.points)
    if min_cluster_size is not None and min_cluster_size > u:
        raise InvalidInput(
            f"min_cluster_size={min_cluster_size} is more than the {u} distinct, non-empty documents there are; "
            "give more documents or a smaller min_cluster_size."
        )
    size = min_cluster_size or default_min_cluster_size(u)
    if u < max(2 * size, 5):
        log.warning("%d distinct documents are too few to be told apart: they form one topic.", u)
        return _one(u)
    import hdbscan

    model = hdbscan.HDBSCAN(min_cluster_size=size, min_samples=min(min_samples, u - 1), core_dist_n_jobs=1)
    labels = model.fit_predict(np.asarray(reduction.points, dtype=np.float64))
    if (labels == NOISE).all():
        log.warning("No density stands out among %d documents: they form one topic.", u)
        return _one(u)
    return Clusters(by_size(labels), model.probabilities_.astype(np.float32))


def _one(u: int) -> Clusters:
    return Clusters(np.zeros(u, dtype=np.int32), np.ones(u, dtype=np.float32))
