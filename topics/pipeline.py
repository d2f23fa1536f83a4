"""The method, from documents to topics. The one place that composes the stages.

Each step is a pure function of the values before it and a few settings. A `Workshop` runs it, or
finds in its store that it was run before; who wants the steps to run elsewhere - a flow, another
machine - passes a function of his own as `run_stage` and gets the same bits.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import assignment, clustering, description, embedding, metrics, neighbors, reduction, terms
from topics import graph as graphs
from topics.config import Config
from topics.corpus import MEMORY, STDIN, Source, file_digest, read
from topics.data import (
    NOISE,
    Corpus,
    Embeddings,
    Intake,
    Measures,
    Reduction,
    Settled,
    TermCounts,
    Texts,
    Topics,
    read_only,
)
from topics.embedding.checkpoint import find_checkpoint
from topics.errors import InvalidInput, StoreDamaged
from topics.run import Model, Run, StageRecord
from topics.store import Ref, Store, stage_key

if TYPE_CHECKING:
    import pandas as pd

    from topics.protocols import Encoder

log = logging.getLogger(__name__)

BUILTIN = "builtin:docstrings"  #: the location of the corpus that is always there
_ENGLISH = {"all-MiniLM-L6-v2", "all-MiniLM-L12-v2", "all-mpnet-base-v2"}  # encoders that know little else
_EXCERPT = 600  # characters of a representative document that a run keeps

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One step: its name, what it computes, and what besides its inputs decides the result."""

    name: str
    compute: Callable[..., Any]  # (workshop, params, *inputs) -> a value of topics.data
    version: int = 1  # raised by hand when the code changes a result
    libraries: tuple[str, ...] = ()  # distributions whose release can change a bit
    resolve: Callable[[Params], Params] = dict  # adds what only the outside world knows, such as a file's hash
    outside: bool = False  # touches files or the network, so that trying again can help


@dataclass(frozen=True)
class Outcome:
    """What became of a step: a reference, never the value."""

    ref: Ref
    cached: bool
    seconds: float


RunStage = Callable[[Stage, Sequence[Ref], Params], Outcome]


@dataclass
class Workshop:
    """Where steps run: a store, some threads, and the values at hand."""

    store: Store
    threads: int = 1
    batch_size: int = 64
    at_hand: dict[Ref, Any] = field(default_factory=dict)

    def run(self, stage: Stage, inputs: Sequence[Ref], params: Params) -> Outcome:
        """Run a step, unless its result is in the store."""
        began = time.perf_counter()
        resolved = stage.resolve(params)
        ref = Ref(stage.name, stage_key(stage.name, stage.version, resolved, inputs, stage.libraries))
        if ref in self.at_hand:
            return Outcome(ref, True, time.perf_counter() - began)
        log.debug("%s", ref)

        def compute() -> Any:
            from threadpoolctl import threadpool_limits

            values = [self.load(given) for given in inputs]
            with threadpool_limits(1):  # more threads in one product, other bits; stages run products side by side
                return read_only(stage.compute(self, resolved, *values))

        self.at_hand[ref], cached = self.store.fetch(ref, compute)
        return Outcome(ref, cached, time.perf_counter() - began)

    def load(self, ref: Ref) -> Any:
        """The value of a reference: at hand, or from the store."""
        if ref not in self.at_hand:
            self.at_hand[ref] = getattr(self.load(ref.within), ref.stage) if ref.within else self.store.load(ref)
        return self.at_hand[ref]

    def hold(self, stage: str, key: str, value: Any) -> Ref:
        """Give a value made elsewhere a reference. It is not stored."""
        ref = Ref(stage, key)
        self.at_hand[ref] = value
        return ref


# --- the steps ---------------------------------------------------------------------------------


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
    ref = Ref("corpus", corpus.fingerprint[:40])
    at.store.save(ref, corpus, note=f"{len(corpus)} documents")
    at.at_hand[ref] = corpus
    return Intake(ref.key, corpus.texts.fingerprint[:40], columns, notes)


def _source(params: Params) -> Source:
    return Source(params["location"], params["text"], params["id"], params["date"], params["class"])


def _with_digest(params: Params) -> Params:
    if params["location"] == BUILTIN:
        from topics.builtin import versions

        return {**params, "digest": versions()}
    # Standard input has no digest and is something else every time.
    return {**params, "digest": file_digest(_source(params)) or uuid.uuid4().hex}


def _with_checkpoint(params: Params) -> Params:
    return {
        **params,
        "checkpoint": find_checkpoint(str(params["name"])).digest,
        "precision": embedding.precision(),
    }


READ = Stage("intake", _read, resolve=_with_digest, outside=True)
ENCODER = Stage(
    "encoder",
    lambda at, params: embedding.convert(find_checkpoint(params["name"])),
    libraries=("openvino", "tokenizers", "sentence-transformers", "torch"),
    resolve=_with_checkpoint,
    outside=True,
)
EMBED = Stage(
    "embeddings",
    lambda at, params, encoder, texts: embedding.embed(
        texts, embedding.open_encoder(encoder, at.threads, at.batch_size), encoder.name
    ),
    libraries=("openvino", "tokenizers"),
)
NEIGHBORS = Stage(
    "neighbors", lambda at, params, embeddings: neighbors.find_neighbors(embeddings, params["n_neighbors"], at.threads)
)
GRAPH = Stage(
    "graph",
    lambda at, params, found: graphs.build_graph(found, params["consensus"], params["seed"], at.threads),
    libraries=("umap-learn", "numba", "graspologic-native"),
)
REDUCE = Stage(
    "reduction",
    lambda at, params, graph, embeddings: reduction.reduce(graph, embeddings, **params),
    libraries=("umap-learn", "numba", "scikit-learn", "scipy"),
)
CLUSTER = Stage(
    "clusters", lambda at, params, reduced: clustering.cluster(reduced, **params), libraries=("hdbscan", "scikit-learn")
)
SETTLE = Stage(
    "settled",
    lambda at, params, clusters, embeddings, found, corpus: assignment.settle(
        clusters, embeddings, found, corpus.copies, params["coverage"]
    ),
)
COUNT = Stage(
    "terms",
    lambda at, params, texts: terms.count_terms(texts, params["language"], params["stop_words"], params["ngrams"]),
    version=3,
    libraries=("icu4py", "stopwordsiso", "scikit-learn"),
)
DESCRIBE = Stage(
    "topics",
    lambda at, params, settled, counts, embeddings, corpus: description.describe(
        settled, counts, embeddings, corpus.copies, **params
    ),
    version=2,
)
MEASURE = Stage("measures", lambda at, params, *values: metrics.measure(*values), libraries=("scikit-learn",))

STAGES = {
    stage.name: stage
    for stage in (READ, ENCODER, EMBED, NEIGHBORS, GRAPH, REDUCE, CLUSTER, SETTLE, COUNT, DESCRIBE, MEASURE)
}


# --- the method --------------------------------------------------------------------------------


def fit_topics(
    documents: Source | Corpus,
    config: Config,
    workshop: Workshop,
    run_stage: RunStage | None = None,
    encoder: Encoder | None = None,
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
    encoder : Encoder, optional
        An object with `encode`, in place of the one `config.encoder` names.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput
        If there is no document with text, or fewer than `min_cluster_size`.
    ModelNotFound
        If there is no such encoder.
    """
    stages: list[StageRecord] = []

    def step(stage: Stage, *inputs: Ref, **params: Any) -> Ref:
        outcome = (run_stage or workshop.run)(stage, inputs, params)
        stages.append(StageRecord(told_name(stage, params), outcome.ref.key, outcome.cached, outcome.seconds))
        return outcome.ref

    corpus, texts, intake = _take_in(documents, workshop, step)
    vectors = _embed(texts, config, workshop, step, encoder)
    near = step(NEIGHBORS, vectors, n_neighbors=config.n_neighbors)
    graph = step(GRAPH, near, consensus=config.consensus, seed=config.seed)
    layout = {"n_epochs": config.n_epochs, "seed": config.seed}
    reduced = step(REDUCE, graph, vectors, n_components=config.n_components, min_dist=0.0, **layout)
    clusters = step(CLUSTER, reduced, min_cluster_size=config.min_cluster_size, min_samples=config.min_samples)
    settled = step(SETTLE, clusters, vectors, near, corpus, coverage=config.coverage)
    counts = step(
        COUNT, texts, language=config.language, stop_words=sorted(set(config.stop_words)), ngrams=config.ngrams
    )
    described = step(
        DESCRIBE, settled, counts, vectors, corpus, n_terms=config.n_terms, n_representatives=config.n_representatives
    )
    # The map shows the neighbourhood as it is; on the sharpened graph topics would shrink to dots.
    plain = step(GRAPH, near, consensus=0, seed=config.seed)
    drawn = step(REDUCE, plain, vectors, n_components=2, min_dist=0.1, **layout)
    measured = step(MEASURE, corpus, settled, described, counts, vectors, graph)

    return _assemble(
        *(workshop.load(ref) for ref in (corpus, vectors, settled, counts, described, drawn, measured)),
        config=config,
        intake=intake,
        location=_where(documents),
        stages=tuple(stages),
    )


def fit(
    documents: Any,
    config: Config | None = None,
    *,
    text: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of the flag and of the column
    date: str | None = None,
    class_: str | None = None,
    store: Store | None = None,
    encoder: str | Encoder | None = None,
    **settings: Any,
) -> Run:
    """Find the topics of documents.

    Parameters
    ----------
    documents : list of str, Series, DataFrame, Corpus, Source, or path
        A string is the path of a file, folder or glob.
    config : Config, optional
        Settings; those given by name change it.
    text, id, date, class_ : str, optional
        Columns, where documents are a table. Text and id are guessed, and the guess is logged.
    store : Store, optional
        By default `$TOPICS_STORE`, else `outputs/store`; `NO_STORE` remembers nothing.
    encoder : str or Encoder, optional
        A model's name or folder, or an object with `encode`.
    **settings
        Fields of `Config`.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput, InvalidConfig, ModelNotFound
    """
    import os

    if isinstance(encoder, str):
        settings["encoder"], encoder = encoder, None
    elif encoder is not None:
        settings["encoder"] = f"<{type(encoder).__qualname__}>"  # no name by which it could be found
    config = Config.of(**{**(config.model_dump() if config else {}), **settings})
    columns = {"text": text, "id": id, "date": date, "class_": class_}
    source: Source | Corpus
    if isinstance(documents, str | os.PathLike):
        source = Source(
            os.fspath(Path(documents)) if not str(documents).startswith("builtin:") else str(documents), **columns
        )
    elif isinstance(documents, Source):
        source = documents
    else:
        source = read(documents, **columns).corpus
    workshop = Workshop(store or Store(), config.threads, config.batch_size)
    return fit_topics(source, config, workshop, encoder=encoder)


def assign(run: Run, documents: Any, store: Store | None = None, encoder: Encoder | None = None) -> pd.DataFrame:
    """Place documents among the topics of a run.

    A text that was there at fit gets the answer it got then. Any other is placed by its neighbours
    among them, alone: no other document in the call can change its answer.

    Parameters
    ----------
    run : Run
    documents : as in `fit`
    store : Store, optional
    encoder : Encoder, optional
        Needed where the run was fitted with an encoder object.

    Returns
    -------
    DataFrame of n rows, in the order of the input
        id, topic (-1 outlier), topic_id, name, strength, nearest (the topic that came closest), known
        (whether the text was there at fit).

    Raises
    ------
    InvalidInput
        If the encoder is not the one the run was fitted with, or that was an object and none is given.
    """
    import pandas as pd

    corpus = documents if isinstance(documents, Corpus) else read(documents).corpus
    model, texts = run.model, corpus.texts
    place = np.searchsorted(model.keys, texts.keys)
    known = np.append(model.keys, b"")[place] == texts.keys
    labels, strengths, closest = (np.zeros(len(texts), dtype=kind) for kind in (np.int32, np.float32, np.int32))
    labels[known], strengths[known] = model.labels[place[known]], model.strengths[place[known]]
    closest[known] = model.nearest[place[known]]
    new = np.flatnonzero(~known)
    if len(new):
        workshop = Workshop(store or Store(), run.config.threads, run.config.batch_size)
        unseen = Texts(tuple(texts.texts[int(row)] for row in new), texts.keys[new])
        vectors = workshop.load(
            _embed(
                workshop.hold("texts", unseen.fingerprint[:40], unseen),
                run.config,
                workshop,
                lambda stage, *refs, **params: workshop.run(stage, refs, params).ref,
                encoder,
            )
        )
        if vectors.fingerprint != model.fingerprint or vectors.vectors.shape[1] != model.vectors.shape[1]:
            raise InvalidInput(
                f"the encoder {vectors.encoder} here is not the one this run was fitted with (its files differ); "
                "install the same model, or fit again."
            )
        closest[new], strengths[new] = assignment.place(
            vectors.vectors, model.vectors, model.voters, model.centroids, workshop.threads
        )
        labels[new] = np.where(strengths[new] >= model.threshold, closest[new], NOISE)
    row = corpus.rows
    table = pd.DataFrame({"id": pd.array(list(corpus.ids), dtype="str")})
    table["topic"] = np.append(labels, np.int32(NOISE))[row].astype(np.int64)
    table["topic_id"] = _named(run.topics["topic_id"], table["topic"])
    table["name"] = _named(run.topics["name"], table["topic"])
    table["strength"] = np.append(strengths, np.float32(0))[row]
    table["nearest"] = np.append(closest, np.int32(NOISE))[row].astype(np.int64)
    table["known"] = np.append(known, False)[row]
    return table


def _take_in(documents: Source | Corpus, workshop: Workshop, step: Callable[..., Ref]) -> tuple[Ref, Ref, Intake]:
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
        intake = Intake(documents.fingerprint[:40], documents.texts.fingerprint[:40], {}, ())
        corpus = workshop.hold("corpus", intake.corpus, documents)
    return corpus, Ref("texts", intake.texts, within=corpus), intake


def _embed(texts: Ref, config: Config, workshop: Workshop, step: Callable[..., Ref], encoder: Encoder | None) -> Ref:
    """A reference to the vectors, by the encoder of the configuration or by the object given."""
    if encoder is None and config.encoder.startswith("<"):
        raise InvalidInput(f"{config.encoder} was an encoder object; pass it again as encoder=...")
    if encoder is None:
        return step(EMBED, step(ENCODER, name=config.encoder), texts)
    fingerprint = str(getattr(encoder, "fingerprint", ""))
    if fingerprint:
        given = replace(
            EMBED, compute=lambda at, params, texts: embedding.embed(texts, encoder, config.encoder), libraries=()
        )
        return step(given, texts, name=config.encoder, fingerprint=fingerprint)
    # Nobody knows what an object computes: its vectors are known by themselves.
    found = embedding.embed(workshop.load(texts), encoder, config.encoder)
    return workshop.hold("embeddings", hashlib.sha256(found.vectors.tobytes()).hexdigest()[:40], found)


def _where(documents: Source | Corpus) -> str:
    """Where the documents can be read again, from any working directory."""
    if isinstance(documents, Corpus):
        return MEMORY
    if documents.location in (BUILTIN, STDIN):
        return documents.location
    return str(Path(documents.location).expanduser().absolute())


def told_name(stage: Stage, params: Params) -> str:
    """What to call a step where people read it: two stages are used twice."""
    if stage is REDUCE and params["min_dist"]:
        return "map"
    return "plain graph" if stage is GRAPH and not params["consensus"] else stage.name


def _assemble(
    corpus: Corpus,
    vectors: Embeddings,
    settled: Settled,
    counts: TermCounts,
    described: Topics,
    drawn: Reduction,
    measured: Measures,
    *,
    config: Config,
    intake: Intake,
    location: str,
    stages: tuple[StageRecord, ...],
) -> Run:
    """Bring the documents back in."""
    import pandas as pd

    row, k = corpus.rows, len(described.sizes)
    ids = np.array(corpus.ids, dtype=object)
    permanent = pd.Series([f"T{number:04d}" for number in range(1, k + 1)], dtype="str")
    run_id = hashlib.sha256(f"{corpus.fingerprint}{config.to_toml()}".encode()).hexdigest()[:12]

    documents = pd.DataFrame({"id": pd.array(list(corpus.ids), dtype="str")})
    documents["topic"] = metrics.document_labels(corpus, settled).astype(np.int64)
    documents["topic_id"] = _named(permanent, documents["topic"])
    documents["strength"] = np.append(settled.strengths, np.float32(0))[row]
    for axis, name in enumerate("xy"):
        documents[name] = np.append(drawn.points[:, axis], np.float32(np.nan))[row]
    documents["reason"] = pd.array(
        np.where(row < 0, "empty", np.where(documents["topic"] == NOISE, "unclear", "")), dtype="str"
    )
    for column in corpus.meta:
        documents[column] = corpus.meta[column].to_numpy() if column != "date" else corpus.meta[column].array
    if config.keep_text:
        documents["text"] = pd.array([corpus.texts.texts[r] if r >= 0 else "" for r in row], dtype="str")

    # Of the documents that carry a representative text, the one whose id comes first.
    wanted = {text for texts in described.representatives for text in texts}
    carrier: dict[int, str] = {}
    for place in np.flatnonzero(np.isin(row, list(wanted))):
        text = int(row[place])
        carrier[text] = min(carrier.get(text, ids[place]), ids[place])
    written = int((row >= 0).sum())
    topics = pd.DataFrame(
        {
            "topic": np.arange(k, dtype=np.int64),
            "topic_id": permanent,
            "size": described.sizes,
            "share": described.sizes / max(written, 1),
            "name": pd.array(list(described.names), dtype="str"),
            "terms": [list(words) for words in described.terms],
            "term_weights": [list(values) for values in described.term_weights],
            "representative_ids": [[carrier[text] for text in texts] for texts in described.representatives],
            "npmi": measured.npmi,
            "stability": measured.stability,
            "first_seen": pd.array([run_id] * k, dtype="str"),
            "status": pd.array(["born"] * k, dtype="str"),
        }
    )
    shown = [(topic, text) for topic, texts in enumerate(described.representatives) for text in texts]
    representatives = pd.DataFrame(
        {
            "topic": np.array([topic for topic, _ in shown], dtype=np.int64),
            "id": pd.array([carrier[text] for _, text in shown], dtype="str"),
            "text": pd.array([_cut(corpus.texts.texts[text]) for _, text in shown], dtype="str"),
        }
    )
    model = Model(
        keys=corpus.texts.keys,
        vectors=vectors.vectors,
        labels=settled.labels,
        strengths=settled.strengths,
        nearest=settled.nearest,
        voters=settled.voters,
        centroids=settled.centroids,
        weights=described.weights,
        vocabulary=described.vocabulary,
        threshold=settled.threshold,
        encoder=vectors.encoder,
        fingerprint=vectors.fingerprint,
    )
    provenance = {
        "run": run_id,
        "corpus": corpus.fingerprint,
        "input": {"location": location, **intake.columns},
        "notes": [*intake.notes, *_advice(vectors.encoder, counts.languages)],
        "languages": list(counts.languages),
        "versions": versions(),
    }
    return Run(documents, topics, representatives, settled.curve, measured.overall, model, config, provenance, stages)


def _advice(encoder: str, languages: Sequence[str]) -> list[str]:
    """What a reader should know before trusting the result."""
    if encoder.removeprefix("sentence-transformers/") in _ENGLISH and languages and "en" not in languages:
        return [
            f"The texts are in another language ({', '.join(languages)}) than {encoder} was trained on, English; a "
            "multilingual encoder, such as paraphrase-multilingual-MiniLM-L12-v2, tells them apart much better."
        ]
    return []


def versions() -> dict[str, str]:
    """Releases of everything that can move a number."""
    import platform
    from importlib import metadata

    names = {"topics", "numpy", "pandas"}.union(*(stage.libraries for stage in STAGES.values()))
    found = {name: metadata.version(name) for name in sorted(names)}
    return {"python": platform.python_version()} | found


def _named(names: pd.Series[str], topics: pd.Series[int]) -> Any:
    """The name of each document's topic, empty for none."""
    import pandas as pd

    return pd.array(np.append(names.to_numpy(dtype=object), "")[topics.to_numpy()], dtype="str")


def _cut(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[:_EXCERPT].rstrip() + " …"
