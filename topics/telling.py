"""Which stages tell of topics that were found: their words, their periods, their layers, their parts, their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from topics.steps import COUNT, DESCRIBE, MEASURE, NEST, PARTS, TIMELINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from topics.config import Config
    from topics.store import Ref
    from topics.workshop import Workshop


class Found(NamedTuple):
    """References to documents and to the topics that were found in them."""

    corpus: Ref
    texts: Ref
    vectors: Ref  # that were clustered
    settled: Ref
    plain: Ref  # UMAP's graph
    graph: Ref  # the same, sharpened


class Told(NamedTuple):
    """References to what is told beside the words."""

    timed: Ref | None  # of documents with dates
    nested: Ref
    parted: Ref
    measured: Ref


def count_terms(texts: Ref, config: Config, step: Callable[..., Any]) -> Any:
    """Reference to the terms of the texts."""
    stop_words = sorted(set(config.stop_words))
    return step(COUNT, texts, language=config.language, stop_words=stop_words, ngrams=config.ngrams)


def describe_topics(found: Found, counts: Ref, config: Config, step: Callable[..., Ref]) -> Ref:
    """Reference to the topics, described by their terms."""
    return step(
        DESCRIBE,
        found.settled,
        counts,
        found.vectors,
        found.corpus,
        n_terms=config.n_terms,
        n_representatives=config.n_representatives,
        weighting=config.weighting,
        ranking=config.ranking,
    )


def measure_topics(
    found: Found, counts: Ref, described: Ref, config: Config, workshop: Workshop, step: Callable[..., Ref]
) -> Told:
    """References to topics over time, where there are dates, to their layers, their sub-topics and their numbers."""
    corpus, _, vectors, settled, plain, graph = found
    timed = None
    if "date" in workshop.load(corpus).meta:
        timed = step(TIMELINE, corpus, settled, counts, described, periods=config.periods, n_terms=config.n_terms)
    nested = step(NEST, settled, plain, described, n_terms=config.n_terms)
    parted = step(PARTS, settled, plain, counts, vectors, corpus, seed=config.seed, resolution=config.resolution)
    measured = step(MEASURE, corpus, settled, described, counts, vectors, graph)
    return Told(timed, nested, parted, measured)
