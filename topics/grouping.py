"""From vectors to clusters: the stages between, and how many clusters they are to find."""

from __future__ import annotations

import hashlib
import logging
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from topics.clustering import cluster_by, default_min_cluster_size
from topics.config import Config
from topics.data import NOISE
from topics.errors import InvalidInput
from topics.steps import CELLS, CLUSTER, COMMUNITIES, EVOC, FAST, GRAPH, MERGE, NEIGHBORS, PARTITION, STEADY, reduce_by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from topics.store import Ref
    from topics.workshop import Workshop

log = logging.getLogger(__name__)

_DENSE = ("hdbscan", "fast_hdbscan")  # clusterers of a layout
_WITHOUT = ("leiden", "kmeans", "evoc")  # those of the graph, and of the vectors
_LEAST = 10  # texts of a topic in a part of a corpus
_FINEST = 256  # times the resolution asked for: how far a search for more topics goes


class Grouping(NamedTuple):
    """References to what grouping vectors comes to."""

    near: Ref
    plain: Ref  # UMAP's graph
    graph: Ref  # the same, sharpened
    layout: Ref | None  # what was clustered, if it was a layout
    clusters: Ref


def group(
    vectors: Ref,
    config: Config,
    workshop: Workshop,
    step: Callable[..., Ref],
    clusterer: Any = None,
    prior: Ref | None = None,
    begin: Callable[..., object] = lambda stage, *inputs, **params: None,
    laid_out: Callable[[Ref], object] = lambda plain: None,
) -> Grouping:
    """Find as many clusters as there are, or as are asked for.

    Where there are fewer than asked for, the resolution is doubled until there are enough, or the graph falls to
    crumbs; then the most entangled ones are merged. Where no density tells so many apart, as among few documents, the
    communities of the graph are taken. A prior is that of a previous run, for these texts: graph, layout and clusters
    go on from it. What is needed later is begun by `begin`, and `laid_out` is told UMAP's graph as soon as a layout is
    made, before that is clustered.

    Raises
    ------
    InvalidInput
        If fewer can be told apart, or `min_cluster_size` is more than there are texts.
    """
    known = () if prior is None else (prior,)
    near = step(NEIGHBORS, vectors, n_neighbors=config.n_neighbors)
    plain = step(GRAPH, near, consensus=0, seed=config.seed, resolution=1.0)
    resolution, most = config.resolution, (0, Grouping(near, plain, plain, None, plain))

    def steadied(made: Grouping) -> Grouping:
        if prior is None:
            return made
        how = {"min_cluster_size": config.min_cluster_size, "resolution": config.resolution, "topics": config.topics}
        return made._replace(clusters=step(STEADY, made.clusters, plain, prior, **how))

    while True:
        graph = step(GRAPH, near, *known, consensus=config.consensus, seed=config.seed, resolution=resolution)
        layout = None
        if config.clusterer not in _WITHOUT:
            if config.clusterer in _DENSE and config.consensus:
                _communities(graph, config, resolution, begin)
            layout = _lay_out(graph, vectors, config, step, known)
            laid_out(plain)
        clusters = _cluster(layout, graph, vectors, config, resolution, workshop, step, clusterer, known)
        if config.topics is None or config.clusterer == "kmeans":
            return steadied(Grouping(near, plain, graph, layout, clusters))
        found = int(workshop.load(clusters).labels.max(initial=NOISE)) + 1
        most = max(most, (found, Grouping(near, plain, graph, layout, clusters)), key=itemgetter(0))
        crumbs = 2 * found < most[0] or resolution >= _FINEST * config.resolution
        if crumbs and most[0] < config.topics and clusterer is None and config.clusterer in _DENSE:
            log.warning("HDBSCAN tells %d of %d topics apart: communities are taken.", most[0], config.topics)
            return group(vectors, config.model_copy(update={"clusterer": "leiden"}), workshop, step, prior=prior)
        if found >= config.topics or crumbs or clusterer is not None:
            return steadied(most[1]._replace(clusters=step(MERGE, most[1].clusters, plain, topics=config.topics)))
        resolution *= 2


def of_a_part(config: Config, part: int, whole: int) -> Config:
    """Settings that find in a part of some texts the topics that are there in all: as small, as a share of the texts.

    Measured on 20,000 abstracts: topics found in 5,000 of them agree with the classes by an AMI of .42, of .40 with
    the size that is the rule for 5,000; those found in all by .45.
    """
    if config.fit_on is None or config.min_cluster_size is not None or part >= whole:
        return config
    size = default_min_cluster_size(whole, config.resolution) * part / whole
    return Config.of(**{**config.model_dump(), "min_cluster_size": max(_LEAST, round(size))})


def _communities(graph: Ref, config: Config, resolution: float, step: Callable[..., Any]) -> Any:
    return step(COMMUNITIES, graph, resolution=resolution, seed=config.seed)


def _lay_out(graph: Ref, vectors: Ref, config: Config, step: Callable[..., Ref], prior: Sequence[Ref]) -> Ref:
    settings = {"n_components": config.n_components, "n_epochs": config.n_epochs, "seed": config.seed}
    return step(reduce_by(config), graph, vectors, *prior, min_dist=0.0, **settings)


def _cluster(
    layout: Ref | None,
    graph: Ref,
    vectors: Ref,
    config: Config,
    resolution: float,
    workshop: Workshop,
    step: Callable[..., Ref],
    clusterer: Any,
    prior: Sequence[Ref],
) -> Ref:
    """Reference to the clusters: of the layout, where there is one."""
    seed, how = {"seed": config.seed}, {"min_cluster_size": config.min_cluster_size, "resolution": resolution}
    if config.clusterer == "leiden":
        return step(PARTITION, _communities(graph, config, resolution, step), **how)
    if config.clusterer == "kmeans":
        return step(CELLS, vectors, *prior, topics=config.topics, **seed)
    if layout is None:
        return step(EVOC, vectors, **how, **seed)
    if clusterer is not None:
        found = cluster_by(clusterer, workshop.load(layout))
        return workshop.hold("clusters", hashlib.sha256(found.labels.tobytes()).hexdigest()[:40], found)
    if config.clusterer.startswith("<"):
        raise InvalidInput(f"{config.clusterer} was a clusterer object; pass it again as clusterer=...")
    stage = FAST if config.clusterer == "fast_hdbscan" else CLUSTER
    communities = (_communities(graph, config, resolution, step),) if config.consensus else ()
    return step(stage, layout, graph, *communities, **how, min_samples=config.min_samples)
