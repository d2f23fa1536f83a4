"""The method, from documents to topics. The one place that composes the stages.

Each step is a pure function of the values before it and a few settings. A `Workshop` runs it, or
finds in its store that it was run before; who wants the steps to run elsewhere - a flow, another
machine - passes a function of his own as `run_stage` and gets the same bits.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics import embedding, postprocessing
from topics.assembly import assemble
from topics.clustering import check_clusterer
from topics.corpus import MEMORY, STDIN, Source
from topics.data import Corpus, Embeddings, Intake, Lengths, Texts
from topics.embedding import precomputed
from topics.errors import InvalidConfig, InvalidInput, StoreDamaged
from topics.facets import Known, check_aspects, describe_aspects
from topics.grouping import group, of_a_part
from topics.memory import check_fits
from topics.run import Run, StageRecord
from topics.steps import (
    ACTIVATE,
    APPROACH,
    BUILTIN,
    EMBED,
    ENCODER,
    FIRST,
    GRAPH,
    ISOTROPY,
    LENGTHS,
    POSTPROCESS,
    POSTPROCESSING,
    PRECOMPUTED,
    PRIOR,
    READ,
    SCATTER,
    SETTLE,
    SPREAD,
    reduce_by,
)
from topics.store import Ref
from topics.telling import Found, count_terms, describe_topics, measure_topics
from topics.updates.continuation import check_encoder_of, keep_prior

if TYPE_CHECKING:
    from collections.abc import Callable

    from topics.config import Config
    from topics.workshop import Params, RunStage, Stage, Workshop

log = logging.getLogger(__name__)

_BESIDE = 250_000  # texts up to which stages run beside each other; of more, two at once would take much memory
_DRAWN = 4  # times the epochs of the layout that is clustered: two axes have less room to untangle in


def fit_topics(
    documents: Source | Corpus,
    config: Config,
    workshop: Workshop,
    run_stage: RunStage | None = None,
    encoder: Any = None,
    embeddings: Any = None,
    clusterer: Any = None,
    previous: Run | None = None,
) -> Run:
    """Documents in, topics out.

    Parameters
    ----------
    documents : Source or Corpus
        Where to read them, or they themselves.
    config : Config
    workshop : Workshop
        Keeps what is computed; a second run with nothing changed computes nothing.
    run_stage : callable, optional
        Runs one stage instead of `workshop.run`; must leave the result in the workshop's store.
    encoder : object, optional
        What `embedding.as_encoder` takes, in place of the encoder `config.encoder` names. The run remembers it.
    embeddings : array_like of shape (n, d), optional
        Vectors of the documents, in place of an encoder; see `embedding.precomputed.embed_documents`.
    clusterer : object, optional
        What `clustering.cluster_by` takes, in place of the clusterer `config.clusterer` names.
    previous : Run, optional
        The run this one goes on from: graph and layout start from it, and its topics keep their ids.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput
        If there is no document with text, or fewer than `min_cluster_size`; or the previous run is of another encoder.
    ModelNotFound
        If there is no such encoder.
    """
    check_clusterer(config.clusterer, config.topics)
    check_aspects(config, encodes=embeddings is None)
    stages: list[StageRecord] = []

    def record(name: str, stage: Stage, inputs: tuple[Ref, ...], params: Params) -> Ref:
        outcome = (run_stage or workshop.run)(stage, inputs, params)
        stages.append(StageRecord(name, outcome.ref.key, outcome.cached, outcome.seconds, outcome.memory))
        return outcome.ref

    def step(stage: Stage, *inputs: Ref, **params: Any) -> Ref:
        return record(told_name(stage, params), stage, inputs, params)

    def step_of_words(stage: Stage, *inputs: Ref, **params: Any) -> Ref:
        return record(f"{told_name(stage, params)} of words", stage, inputs, params)

    corpus, texts, intake = take_in(documents, workshop, step)
    beside = run_stage is None and len(workshop.load(texts)) <= _BESIDE

    def begin(stage: Stage, *inputs: Ref, **params: Any) -> None:
        if beside:
            workshop.begin(stage, inputs, params)

    if encoder is not None:
        encoder = embedding.fitted(encoder, workshop.load(texts))
    count_terms(texts, config, begin)
    location = documents.location if isinstance(documents, Source) else MEMORY
    made = embed_corpus(corpus, texts, config, workshop, step, encoder, embeddings, location)
    vectors, fitted = made.vectors, None
    spreads = [step(ISOTROPY, vectors, processed=False)]
    if config.postprocess != postprocessing.NONE:
        fitted = step(POSTPROCESSING, vectors, steps=config.postprocess)
        vectors = step(POSTPROCESS, vectors, fitted)
        spreads.append(step(ISOTROPY, vectors, processed=True))
    prior = None
    if previous is not None:
        check_encoder_of(previous, *_identity(workshop.load(vectors)))
        prior = step(PRIOR, keep_prior(previous, workshop), texts)
    if workshop.memory is not None:
        _check_memory(workshop.memory, workshop.load(texts), workshop.load(vectors), config.fit_on)
    chosen, apart, sized = vectors, None, config
    fitted_on = None if config.fit_on is None or config.fit_on >= len(workshop.load(texts)) else config.fit_on
    if fitted_on is not None:
        chosen = step(FIRST, vectors, most=fitted_on)
        sized = of_a_part(config, fitted_on, len(workshop.load(texts)))
        prior = None if prior is None else step(FIRST, prior, most=fitted_on)

    def draw(plain: Ref, by: Callable[..., Any]) -> Any:
        # The map shows the neighbourhood as it is; on the sharpened graph topics would shrink to dots.
        before = () if prior is None else (prior,)
        how = {"n_components": 2, "min_dist": 0.1, "n_epochs": _DRAWN * config.n_epochs, "seed": config.seed}
        return by(reduce_by(config), plain, chosen, *before, **how)

    near, plain, graph, layout, clusters = group(
        chosen, sized, workshop, step, clusterer, prior, begin, laid_out=lambda plain: draw(plain, begin)
    )
    settled = step(SETTLE, clusters, chosen, near, corpus, graph, coverage=config.coverage)
    if fitted_on is not None:
        apart = step(APPROACH, vectors, fitted=fitted_on, voting=config.n_neighbors)
        settled = step(SPREAD, settled, vectors, apart, corpus, coverage=config.coverage)
    found = Found(corpus, texts, vectors, settled, plain, graph)
    counts = count_terms(texts, config, step)
    described = describe_topics(found, counts, config, step)

    def embed_words(words: Ref) -> Ref:
        encoded = embed_texts(words, config, workshop, step_of_words, encoder, measured=False).vectors
        return step_of_words(POSTPROCESS, encoded, fitted) if fitted else encoded

    known = Known(texts, vectors, settled, counts, described, made.vectors.within)
    aspects = describe_aspects(known, config, workshop, step, embed_words)
    drawn = draw(plain, step)
    drawn = drawn if apart is None else step(SCATTER, drawn, apart)
    timed, nested, parted, measured = measure_topics(found, counts, described, config, workshop, step)

    return assemble(
        *map(
            workshop.load, (corpus, vectors, settled, counts, described, nested, parted, drawn, measured, made.lengths)
        ),
        isotropy=[workshop.load(ref) for ref in spreads],
        postprocessing=workshop.load(fitted) if fitted else None,
        config=config,
        intake=intake,
        location=location_of(documents),
        stages=tuple(stages),
        encoder=encoder,
        aspects={name: workshop.load(ref) for name, ref in aspects.items()},
        layout=workshop.load(layout) if layout else None,
        timed=workshop.load(timed) if timed else None,
        previous=previous,
        fitted_on=fitted_on,
    )


def _check_memory(memory: int, texts: Texts, vectors: Embeddings, fit_on: int | None) -> None:
    u, d = vectors.vectors.shape
    check_fits(memory, sum(map(len, texts.texts)), u, d, fit_on)


def _identity(vectors: Embeddings) -> tuple[str, str, int]:
    return vectors.encoder, vectors.fingerprint, vectors.vectors.shape[1]


def take_in(documents: Source | Corpus, workshop: Workshop, step: Callable[..., Ref]) -> tuple[Ref, Ref, Intake]:
    """References to the corpus and to its texts, and how they were read."""
    if isinstance(documents, Source):
        columns = {"text": documents.text, "id": documents.id, "date": documents.date, "class": documents.class_}
        read_ref = step(READ, location=documents.location, **columns)
        intake: Intake = workshop.load(read_ref)
        corpus = Ref("corpus", intake.corpus)
        try:
            workshop.load(corpus)
        except (KeyError, StoreDamaged) as error:  # pruned or damaged, while the record of its reading was not
            log.warning("%s Reading %s again.", error, documents.location)
            READ.compute(workshop, {"location": documents.location, **columns})
    else:
        intake = Intake(documents.key, documents.texts.fingerprint[:40], {}, ())
        corpus = workshop.hold("corpus", intake.corpus, documents)
        with suppress(OSError):  # for updates, which may need the texts; without them they say so
            workshop.store.save(corpus, documents, note=f"{len(documents)} documents")
    return corpus, Ref("texts", intake.texts, within=corpus), intake


@dataclass(frozen=True)
class Embedded:
    """References to the vectors of texts and to the lengths of these."""

    vectors: Ref
    lengths: Ref


def embed_corpus(
    corpus: Ref,
    texts: Ref,
    config: Config,
    workshop: Workshop,
    step: Callable[..., Ref],
    encoder: Any = None,
    embeddings: Any = None,
    location: str = MEMORY,
) -> Embedded:
    """Vectors of the texts: given for the documents, as an array or a file, or by an encoder."""
    in_file = encoder is None and config.encoder.startswith(precomputed.SCHEME)
    if config.long == "split" and (embeddings is not None or in_file):
        raise InvalidConfig("long=split: vectors were given, and no text is left to split. Leave it out.")
    unknown = workshop.hold("lengths", texts.key, Lengths.unknown())
    if embeddings is not None:
        given = precomputed.embed_documents(workshop.load(corpus), embeddings, config.encoder)
        return Embedded(hold_vectors(given, workshop), unknown)
    if in_file:
        return Embedded(step(PRECOMPUTED, corpus, name=config.encoder, location=location), unknown)
    return embed_texts(texts, config, workshop, step, encoder)


def embed_texts(
    texts: Ref,
    config: Config,
    workshop: Workshop,
    step: Callable[..., Ref],
    encoder: Any = None,
    measured: bool = True,
) -> Embedded:
    """Vectors of the texts by the encoder of the configuration, or by the object given; if `measured`, lengths too."""
    if encoder is None:
        check_encoder(config.encoder)
    lengths = workshop.hold("lengths", texts.key, Lengths.unknown())
    # Truncating is what encoders do by themselves: it has no part in the key.
    long = {"long": config.long} if config.long == "split" else {}
    sparse = hasattr(encoder, "packed") if encoder is not None else embedding.is_sparse(config.encoder)
    if long and sparse:
        raise InvalidConfig(
            f"long=split: the terms that {config.encoder} finds in passages are not pooled. Take long=truncate, or an "
            "encoder whose vectors are dense."
        )
    if encoder is None:
        prepared = step(ENCODER, name=embedding.base_of(config.encoder))
        if measured and not sparse:
            lengths = step(LENGTHS, prepared, texts, name=config.encoder)
            _say_longer(workshop.load(lengths), config.long)
        return Embedded(
            _vectors(step(ACTIVATE if sparse else EMBED, prepared, texts, name=config.encoder, **long)), lengths
        )
    if workshop.executor is not None:
        log.info("The encoder is an object: it encodes in this process. By its name it would do so in others.")
    encoder = embedding.as_encoder(encoder, len(workshop.load(texts)))
    if measured:
        lengths = workshop.hold("lengths", texts.key, embedding.measure(encoder, workshop.load(texts).texts))
        _say_longer(workshop.load(lengths), config.long)
    if long:
        encoder = embedding.reading_all(encoder, config.encoder)
    fingerprint = str(getattr(encoder, "fingerprint", ""))
    if fingerprint:
        stage, make = (ACTIVATE, embedding.activate) if sparse else (EMBED, embedding.embed)
        given = replace(
            stage, compute=lambda at, params, texts: make(texts, encoder, config.encoder, at.store), libraries=()
        )
        return Embedded(_vectors(step(given, texts, name=config.encoder, fingerprint=fingerprint, **long)), lengths)
    # Nobody knows what an object computes: its vectors are known by themselves.
    return Embedded(hold_vectors(embedding.embed(workshop.load(texts), encoder, config.encoder), workshop), lengths)


def check_encoder(name: str) -> None:
    """Refuse the name of what made vectors and is not here to make more.

    Raises
    ------
    InvalidInput
    """
    if name.startswith((precomputed.SCHEME, precomputed.ARRAY)):
        raise InvalidInput(
            f"{name}: vectors that were given, and no encoder that could make more. Pass those of these "
            "documents, made alike: embeddings=array in Python, --embeddings FILE for `topics assign`."
        )
    if name.startswith("<"):
        raise InvalidInput(f"{name} was an encoder object; pass it again as encoder=...")


def _say_longer(lengths: Lengths, long: str) -> None:
    for told in embedding.longer(lengths, long):
        log.info(told)


def _vectors(made: Ref) -> Ref:
    """The vectors in what a stage made, where that is more."""
    return Ref(EMBED.name, made.key, within=made) if made.stage == ACTIVATE.name else made


def hold_vectors(found: Embeddings, workshop: Workshop) -> Ref:
    """A reference to vectors that no stage made: known by themselves."""
    return workshop.hold("embeddings", hashlib.sha256(found.vectors.tobytes()).hexdigest()[:40], found)


def location_of(documents: Any) -> str:
    """Where documents can be read again, from any working directory."""
    location = documents.location if isinstance(documents, Source) else documents
    if not isinstance(location, str | os.PathLike):
        return MEMORY
    if location in (BUILTIN, STDIN, MEMORY):
        return str(location)
    return str(Path(location).expanduser().absolute())


def told_name(stage: Stage, params: Params) -> str:
    """What to call a step where people read it: three stages are used twice."""
    if params.get("min_dist"):
        return "map"
    if stage is ISOTROPY and params["processed"]:
        return "isotropy after"
    return "plain graph" if stage is GRAPH and not params["consensus"] else stage.name
