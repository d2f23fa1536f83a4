"""The steps of the method: what each computes, from which settings, and whose releases can change a bit of it.

Raise `version` when the code of a stage changes its results; stored ones are then made anew.
"""

from __future__ import annotations

import uuid
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import current_process
from typing import TYPE_CHECKING, Any

from topics import (
    aspects,
    assignment,
    clustering,
    description,
    embedding,
    layers,
    merging,
    metrics,
    postprocessing,
    subtopics,
    timeline,
)
from topics.corpus import Source, file_digest, read
from topics.data import Intake
from topics.embedding import precomputed
from topics.executors import SERIAL, Processes
from topics.graph import consensus as graphs
from topics.graph import neighbors
from topics.isotropy import isotropy
from topics.layout import reduction
from topics.store import Ref
from topics.updates import steadying
from topics.words import terms
from topics.words.prose import prose
from topics.workshop import Params, Stage, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

    from topics.config import Config
    from topics.data import (
        Activations,
        Aspect,
        ConvertedEncoder,
        Embeddings,
        Lengths,
        Prior,
        Settled,
        TermCounts,
        Texts,
    )
    from topics.executors import Executor
    from topics.protocols import Encoder

_SHARDS, _LETTERS = 8192, 8_000_000  # of texts that are counted here: two shards, or two seconds
BUILTIN = "builtin:docstrings"  #: the location of the corpus that is always there


def _read(at: Workshop, params: Params, *_: Any) -> Intake:
    notes: tuple[str, ...]
    columns: dict[str, str | None]
    if params["location"] == BUILTIN:
        from topics.builtin import docstrings

        corpus, notes, columns = docstrings(), ("The built-in corpus: docstrings of installed packages.",), {}
    else:
        reading = read(_source(params))
        corpus, notes, used = reading.corpus, reading.notes, reading.source
        columns = {"text": used.text, "id": used.id, "date": used.date, "class": used.class_}
    ref = Ref("corpus", corpus.key)
    at.store.save(ref, corpus, note=f"{len(corpus)} documents")
    at.at_hand[ref] = at.store.left_on_disk(ref, corpus)
    return Intake(ref.key, corpus.texts.fingerprint[:40], columns, notes)


def _source(params: Params) -> Source:
    return Source(params["location"], params["text"], params["id"], params["date"], params["class"])


def _with_digest(params: Params) -> Params:
    if params["location"] == BUILTIN:
        from topics.builtin import versions

        return {**params, "digest": versions()}
    # Standard input has no digest and is something else every time.
    return {**params, "digest": file_digest(_source(params)) or uuid.uuid4().hex}


def _with_release(distribution: str) -> Callable[[Params], Params]:
    """For packages that need not be there: an absent one has no release, and the stage says what to install."""

    def resolve(params: Params) -> Params:
        return {**params, "release": version(distribution) if find_spec(distribution.replace("-", "_")) else ""}

    return resolve


def _plain(params: Params) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "release"}


def _measure(at: Workshop, params: Params, prepared: ConvertedEncoder, texts: Texts) -> Lengths:
    encoder = _opened(at, params, prepared)
    at.at_hand[_left_open(params, prepared)] = encoder  # loading it may take seconds, and the next stage needs it
    if elsewhere := _elsewhere(at, params, prepared):
        return elsewhere.measure(texts, params["name"], encoder)
    return embedding.measure(encoder, texts.texts)


def _embed(at: Workshop, params: Params, prepared: ConvertedEncoder, texts: Texts) -> Embeddings:
    name, encoder = params["name"], _opened(at, params, prepared)
    reading = embedding.reading_all(encoder, name) if "long" in params else encoder
    return embedding.embed(texts, reading, name, at.store, _elsewhere(at, params, prepared))


def _activate(at: Workshop, params: Params, prepared: ConvertedEncoder, texts: Texts) -> Activations:
    encoder = embedding.open_sparse(params["name"], at.threads, at.batch_size)
    return embedding.activate(texts, encoder, params["name"], at.store, _elsewhere(at, params, prepared))


def _elsewhere(at: Workshop, params: Params, prepared: ConvertedEncoder) -> embedding.Elsewhere | None:
    # A service is asked from here, or its limits would be another's: the encoder keeps to them, not the workers.
    if at.executor is None or params["name"].startswith("remote:"):
        return None
    return embedding.Elsewhere(at.executor, prepared, at.batch_size, "long" in params)


def _counting(at: Workshop, texts: Texts) -> Executor:
    """Where terms are counted: threads would wait for each other, processes take a moment to start."""
    if at.executor is not None:
        return at.executor
    # A worker of somebody else's pool may have no processes of its own.
    worth = at.threads > 1 and len(texts) > _SHARDS and not current_process().daemon
    worth = worth and sum(map(len, texts.texts)) > _LETTERS
    return Processes(at.threads) if worth else SERIAL


def _opened(at: Workshop, params: Params, prepared: ConvertedEncoder) -> Encoder:
    encoder: Encoder | None = at.at_hand.pop(_left_open(params, prepared), None)
    return encoder or embedding.open_encoder(prepared, params["name"], at.threads, at.batch_size)


def _left_open(params: Params, prepared: ConvertedEncoder) -> Ref:
    return Ref("opened", f"{prepared.digest} {params['name']}")


def _nouns(params: Params, texts: Texts, settled: Settled, counts: TermCounts, embeddings: Embeddings) -> Aspect:
    rows = aspects.central_texts(settled, embeddings)
    return aspects.noun_phrases(
        [prose(texts.texts[row]) for row in rows],
        settled.labels[rows],
        len(settled.centroids),
        aspects.open_tagger(params["model"]),
        terms.words_left_out(counts.languages, params["stop_words"]),
        params["n_terms"],
    )


def _known(prior: tuple[Prior, ...]) -> dict[str, Any]:
    return {"prior": prior[0]} if prior else {}


READ = Stage("intake", _read, resolve=_with_digest, outside=True)
ENCODER = Stage(
    "encoder",
    lambda at, params: embedding.prepare(params["name"]),
    version=2,
    libraries=("openvino", "tokenizers", "sentence-transformers", "torch"),
    resolve=lambda params: {**params, **embedding.decisive(params["name"])},
    outside=True,
)
LENGTHS = Stage("lengths", _measure, libraries=("tokenizers",))
EMBED = Stage(
    "embeddings",
    _embed,
    version=2,
    libraries=("openvino", "tokenizers"),
    resolve=lambda params: {**params, "releases": embedding.releases()} if "long" in params else params,
)
ACTIVATE = Stage(
    "activations",
    _activate,
    libraries=("scipy",),
)
PRECOMPUTED = Stage(
    "precomputed",
    lambda at, params, corpus: precomputed.embed_file(corpus, params["name"], params["location"]),
    libraries=("numpy",),
    resolve=lambda params: {**params, "digest": precomputed.digest(params["name"], params["location"])},
    outside=True,
)
POSTPROCESSING = Stage(
    "postprocessing",
    lambda at, params, embeddings: postprocessing.fit_postprocessing(embeddings.vectors, params["steps"], at.threads),
    libraries=("numpy",),
)
POSTPROCESS = Stage(
    "postprocessed",
    lambda at, params, embeddings, fitted: postprocessing.postprocess_embeddings(embeddings, fitted, at.threads),
    libraries=("numpy",),
)
ISOTROPY = Stage(
    "isotropy", lambda at, params, embeddings: isotropy(embeddings.vectors, at.threads), libraries=("numpy",)
)
PRIOR = Stage("prior", lambda at, params, previous, texts: previous.of(texts.keys))
# Texts are in the order of their hashes: the first ones are as good as drawn, and the same whatever else there is.
FIRST = Stage("first", lambda at, params, value: value.first(params["most"]))
NEIGHBORS = Stage(
    "neighbors",
    lambda at, params, embeddings: neighbors.find_neighbors(embeddings, params["n_neighbors"], at.threads, at.room),
    version=3,
    libraries=("numpy",),
)
GRAPH = Stage(
    "graph",
    lambda at, params, found, *prior: graphs.build_graph(
        found, params["consensus"], params["seed"], params["resolution"], at.threads, *prior
    ),
    version=3,
    libraries=("scipy", "numba"),
)
REDUCE = Stage(
    "reduction",
    lambda at, params, graph, embeddings, *prior: reduction.reduce(
        graph, embeddings, **params, threads=at.threads, **_known(prior)
    ),
    version=3,
    libraries=("numba", "scipy"),
)
#: The same by the package umap-learn; `reduce_by` chooses.
UMAP_LEARN = Stage(
    "umap-learn reduction",
    lambda at, params, graph, embeddings, *prior: reduction.reduce(
        graph, embeddings, **params, package=True, **_known(prior)
    ),
    libraries=("umap-learn", "numba", "scipy"),
)
CLUSTER = Stage(
    "clusters",
    lambda at, params, reduced, graph, found=None: clustering.cluster(reduced, graph, found, **params),
    version=4,
    libraries=("hdbscan", "scikit-learn"),
)
COMMUNITIES = Stage(
    "communities", lambda at, params, graph: clustering.find_communities(graph, **params), libraries=("numba",)
)
PARTITION = Stage("partition", lambda at, params, found: clustering.partition(found, **params), version=3)
CELLS = Stage(
    "cells",
    lambda at, params, vectors, *prior: clustering.cells(vectors, **params, **_known(prior)),
    libraries=("scikit-learn",),
)
EVOC = Stage(
    "evoc", lambda at, params, vectors: clustering.evoc(vectors, **_plain(params)), resolve=_with_release("evoc")
)
FAST = Stage(
    "fast clusters",
    lambda at, params, reduced, graph, found=None: clustering.cluster(
        reduced, graph, found, fast=True, **_plain(params)
    ),
    version=3,
    resolve=_with_release("fast-hdbscan"),
)
MERGE = Stage("merged", lambda at, params, clusters, graph: merging.merge(clusters, graph, **params))
STEADY = Stage(
    "steadied",
    lambda at, params, clusters, graph, prior: steadying.steady(
        clusters,
        graph,
        prior,
        (params["min_cluster_size"] or clustering.default_min_cluster_size(len(prior.keys), params["resolution"])) // 2,
        params["topics"],
    ),
    version=2,
    libraries=("scipy",),
)
SETTLE = Stage(
    "settled",
    lambda at, params, clusters, embeddings, found, corpus, graph: assignment.settle(
        clusters, embeddings, found, corpus.copies[: len(embeddings.vectors)], params["coverage"], graph.agreement
    ),
    version=4,
    libraries=("scikit-learn",),
)
APPROACH = Stage(
    "approach",
    lambda at, params, embeddings: assignment.approach(
        embeddings.vectors, params["fitted"], params["voting"], at.threads, at.room, at.executor
    ),
    version=4,
    libraries=("numpy",),
)
SPREAD = Stage(
    "spread",
    lambda at, params, settled, embeddings, near, corpus: assignment.spread(
        settled, embeddings, near, corpus.copies, params["coverage"], at.threads
    ),
)
SCATTER = Stage("scattered", lambda at, params, drawn, near: assignment.scatter(drawn, near))
COUNT = Stage(
    "terms",
    lambda at, params, texts: terms.count_terms(
        texts, params["language"], params["stop_words"], params["ngrams"], over=_counting(at, texts).map
    ),
    version=2,
    libraries=("icu4py", "stopwordsiso", "scikit-learn"),
)
DESCRIBE = Stage(
    "topics",
    lambda at, params, settled, counts, embeddings, corpus: description.describe(
        settled, counts, embeddings, corpus.copies, **params
    ),
    version=4,
)
EXPAND = Stage(
    "expansions",
    lambda at, params, settled, activations, counts: aspects.expansions(
        activations, settled, terms.words_left_out(counts.languages, params["stop_words"]), params["n_terms"]
    ),
    version=2,
    libraries=("scipy", "stopwordsiso", "scikit-learn"),
)
TIMELINE = Stage(
    "timeline",
    lambda at, params, corpus, settled, counts, described: timeline.over_time(
        corpus.rows, metrics.document_labels(corpus, settled), corpus.meta["date"], counts, described, **params
    ),
    libraries=("pandas",),
)
NEST = Stage("layers", lambda at, params, *values: layers.nest(*values, **params))
PARTS = Stage(
    "sub-topics",
    lambda at, params, settled, plain, counts, embeddings, corpus: subtopics.find_parts(
        settled, plain, counts, embeddings, corpus.copies, **params, threads=at.threads
    ),
    libraries=("numba", "scipy"),
)
CANDIDATES = Stage("candidates", lambda at, params, *values: aspects.choose_candidates(*values))
BY_WEIGHT = Stage("by weight", lambda at, params, described: aspects.by_weight(described, **params))
BY_RELEVANCE = Stage(
    "marginal relevance",
    lambda at, params, *values: aspects.by_marginal_relevance(*values, **params),
    libraries=("numpy",),
)
BY_MEANING = Stage(
    "by meaning", lambda at, params, *values: aspects.by_meaning(*values, **params), libraries=("numpy",)
)
PHRASES = Stage(
    "phrases",
    lambda at, params, texts, settled, counts: aspects.phrases(
        *terms.tokens_of(texts, counts.vocabulary), settled, counts.vocabulary, **params
    ),
    libraries=("icu4py",),
)
NOUNS = Stage(
    "noun phrases",
    lambda at, params, texts, settled, counts, embeddings: _nouns(params, texts, settled, counts, embeddings),
    resolve=lambda params: {**params, **aspects.decisive(params["model"])},
    libraries=("stopwordsiso", "scikit-learn"),
    outside=True,
)
MEASURE = Stage(
    "measures", lambda at, params, *values: metrics.measure(*values), version=3, libraries=("scikit-learn",)
)


def reduce_by(config: Config) -> Stage:
    """The stage that lays graphs out."""
    return UMAP_LEARN if config.reducer == "umap-learn" else REDUCE


STAGES = {
    stage.name: stage
    for stage in (
        READ,
        ENCODER,
        LENGTHS,
        EMBED,
        ACTIVATE,
        PRECOMPUTED,
        POSTPROCESSING,
        POSTPROCESS,
        ISOTROPY,
        PRIOR,
        FIRST,
        NEIGHBORS,
        GRAPH,
        REDUCE,
        UMAP_LEARN,
        CLUSTER,
        FAST,
        COMMUNITIES,
        PARTITION,
        CELLS,
        EVOC,
        MERGE,
        STEADY,
        SETTLE,
        APPROACH,
        SPREAD,
        SCATTER,
        COUNT,
        DESCRIBE,
        TIMELINE,
        NEST,
        PARTS,
        EXPAND,
        CANDIDATES,
        BY_WEIGHT,
        BY_RELEVANCE,
        BY_MEANING,
        PHRASES,
        NOUNS,
        MEASURE,
    )
}
