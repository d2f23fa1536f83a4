"""A run again, with other topics: same documents and vectors, and all that is told of topics made anew.

u texts, k topics before.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.assembly import assemble, named
from topics.assignment import resettle
from topics.corpus import read
from topics.data import Corpus, Intake, Isotropy, Lengths, Reduction, Settled, Texts
from topics.errors import InvalidInput, StoreDamaged
from topics.facets import Known, describe_aspects
from topics.grouping import group
from topics.pipeline import embed_texts
from topics.steps import ACTIVATE, GRAPH, NEIGHBORS, POSTPROCESS
from topics.store import Ref, Store
from topics.telling import Found, count_terms, describe_topics, measure_topics
from topics.updates.joining import texts_of
from topics.updates.refits import held_vectors
from topics.words.wording import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run
    from topics.workshop import Workshop

_WRITTEN = ("name", "first_seen", "status", "note", "notes")  # columns of topics that are not computed


@dataclass(frozen=True, eq=False)
class Regrouped:
    """The topics that texts are to have, by any numbers from 0 on, and the permanent id of each number."""

    labels: NDArray[np.int32]  # (u,), -1 for none
    voters: NDArray[np.int32]  # (u,), as the clusterer would have given them
    ids: Sequence[str]


class Bench:
    """What a run was made of, at hand again: from the store where it is there, and otherwise computed."""

    def __init__(self, run: Run, documents: Any = None, store: Store | None = None) -> None:
        if run.model.added is not None:
            raise InvalidInput(
                "this run has documents that came after its fit, and their neighbours are not known; group all of them "
                'again with topics.update(run, [], refit="always"), and edit what that gives.'
            )
        self.run = run
        self.workshop = run.config.workshop(store or Store())
        self.vectors = held_vectors(run, self.workshop)
        self.corpus = _corpus(run, documents, self.workshop)
        self.near = self.step(NEIGHBORS, self.vectors, n_neighbors=run.config.n_neighbors)

    def step(self, stage: Any, *inputs: Ref, **params: Any) -> Ref:
        """Run a stage, or find what it gave."""
        return self.workshop.run(stage, inputs, params).ref

    def load(self, ref: Ref) -> Any:
        """The value of a reference."""
        return self.workshop.load(ref)

    def graphs(self) -> tuple[Ref, Ref]:
        """References to UMAP's graph and to the sharpened one."""
        plain = self.step(GRAPH, self.near, consensus=0, seed=self.run.config.seed, resolution=1.0)
        kept = [record for record in self.run.stages if record.name == GRAPH.name]
        for record in reversed(kept):
            ref = Ref(GRAPH.name, record.key)
            try:
                self.load(ref)
            except (KeyError, StoreDamaged):
                continue
            return plain, ref
        config = self.run.config
        if "previous" in self.run.provenance:
            raise InvalidInput(
                f"run {self.run.provenance['run']} went on from another one, and the store {self.workshop.store.root} "
                "no longer holds its graph: name the store it was made with, or fit again."
            )
        if config.clusterer.startswith("<"):
            graph = self.step(
                GRAPH, self.near, consensus=config.consensus, seed=config.seed, resolution=config.resolution
            )
            return plain, graph
        return plain, group(self.vectors, config, self.workshop, self.step).graph


def regroup(bench: Bench, wanted: Regrouped, names: Mapping[str, str], edit: Mapping[str, Any]) -> Run:
    """Tell of a run whose texts have other topics.

    Sizes, words, representative documents, layers, confidences and metrics are what a fit would tell that had found
    these topics. Documents, vectors, the map and the settings stay.

    Parameters
    ----------
    bench : Bench
    wanted : Regrouped
    names : mapping of str to str
        Given names by permanent id.
    edit : mapping
        What was asked for, JSON-ready; kept in the provenance.
    """
    run, config, shop = bench.run, bench.run.config, bench.workshop
    copies, vectors = bench.corpus.copies, shop.load(bench.vectors)
    before = _settled(run)
    found, renamed = resettle(wanted.labels, wanted.voters, before, vectors, shop.load(bench.near), copies)
    digest = hashlib.sha256(found.labels.tobytes() + found.voters.tobytes() + before.strengths.tobytes()).hexdigest()
    settled = shop.hold("settled", digest[:40], found)
    corpus = shop.hold("corpus", bench.corpus.key, bench.corpus)
    texts = Ref("texts", bench.corpus.texts.fingerprint[:40], within=corpus)
    told = Found(corpus, texts, bench.vectors, settled, *bench.graphs())
    counts = count_terms(texts, config, bench.step)
    described = describe_topics(told, counts, config, bench.step)
    timed, nested, parted, measured = measure_topics(told, counts, described, config, shop, bench.step)
    aspects = _aspects(bench, texts, settled, counts, described)
    made = assemble(
        bench.corpus,
        vectors,
        found,
        shop.load(counts),
        shop.load(described),
        shop.load(nested),
        shop.load(parted),
        Reduction(run.map_points()),
        shop.load(measured),
        Lengths.unknown(),
        isotropy=list(_isotropy(run.metrics)),
        postprocessing=run.model.postprocessing,
        config=config,
        intake=Intake(bench.corpus.key, texts.key, {}, ()),
        location=run.provenance["input"]["location"],
        stages=(),
        aspects={name: shop.load(ref) for name, ref in aspects.items()},
        timed=shop.load(timed) if timed else None,
    )
    order = np.argsort(renamed[:-1], kind="stable")
    ids = [wanted.ids[old] for old in order if renamed[old] >= 0]
    return _continued(run, _named(made, ids, run.topics, names), ids, edit)


def _settled(run: Run) -> Settled:
    """The outlier policy as the run has it."""
    said, calibration = run.model.answers()
    model = run.model
    return Settled(
        labels=model.labels,
        strengths=model.strengths,
        nearest=model.nearest,
        voters=model.voters,
        centroids=model.centroids,
        threshold=model.threshold,
        clustered=float(run.metrics["clustered"]),
        curve=run.curve,
        poll=said,
        calibration=calibration,
    )


def _corpus(run: Run, documents: Any, workshop: Workshop) -> Corpus:
    """The documents of a run with their texts.

    Raises
    ------
    InvalidInput
        If texts are neither given nor to be found.
    """
    keys, column = run.model.keys, run.provenance["input"].get("text")
    tabular = hasattr(documents, "columns") or isinstance(documents, str | os.PathLike)
    given = Corpus.from_texts([]) if documents is None else read(documents, text=column if tabular else None).corpus
    try:
        known = texts_of(run, given, keys.tolist(), workshop.store)
    except InvalidInput as error:
        raise InvalidInput(
            f"new topics need words, and some texts of run {run.provenance['run']} are neither in the store "
            f"{workshop.store!r} nor where they were read. Pass the documents of the fit as documents=..."
        ) from error
    distinct = Texts(tuple(known[key] for key in keys.tolist()), keys)
    meta = run.documents[[name for name in ("date", "class") if name in run.documents]]
    return Corpus(tuple(run.documents["id"]), run.text_rows(), distinct, meta)


def _aspects(bench: Bench, texts: Ref, settled: Ref, counts: Ref, described: Ref) -> Mapping[str, Ref]:
    run = bench.run
    fitted = run.model.postprocessing

    def embed_words(words: Ref) -> Ref:
        encoded = embed_texts(words, run.config, bench.workshop, bench.step, run.encoder, measured=False).vectors
        if fitted is None:
            return encoded
        return bench.step(POSTPROCESS, encoded, bench.workshop.hold("postprocessing", run.fingerprint[:40], fitted))

    kept = [record for record in run.stages if record.name == ACTIVATE.name]
    activations = Ref(ACTIVATE.name, kept[-1].key) if kept else None
    known = Known(texts, bench.vectors, settled, counts, described, activations)
    return describe_aspects(known, run.config, bench.workshop, bench.step, embed_words)


def _isotropy(metrics: Mapping[str, Any]) -> Iterator[Isotropy]:
    """What was measured of the vectors: before post-processing, where there was such, and after."""
    for end in ("_before", ""):
        if f"mean_cosine{end}" in metrics:
            yield Isotropy(metrics[f"effective_dimension{end}"], metrics[f"mean_cosine{end}"])


def _named(made: Run, ids: Sequence[str], before: pd.DataFrame, names: Mapping[str, str]) -> Run:
    """The same run with permanent ids, given names, and what else is told of topics that were there before."""
    import pandas as pd

    permanent = pd.Series(ids, dtype="str")
    renamed = dict(zip(made.topics["topic_id"], ids, strict=True))
    documents = made.documents.assign(
        topic_id=named(permanent, made.documents["topic"]), nearest_id=named(permanent, made.documents["nearest"])
    )
    topics = made.topics.assign(topic_id=permanent)
    old = {row["topic_id"]: row for row in before.to_dict("records")}
    for column in (name for name in _WRITTEN if name in before and name != "name"):
        fresh = topics[column] if column in topics else [""] * len(topics)
        told = [old[name][column] if name in old else value for name, value in zip(ids, fresh, strict=True)]
        topics[column] = pd.array(told, dtype="str")
    given = [names.get(name, own) for name, own in zip(ids, topics["name"], strict=True)]
    topics["name"] = pd.array(given, dtype="str")
    layers = made.layers.assign(
        topic_ids=pd.Series([[renamed[name] for name in within] for within in made.layers["topic_ids"]], dtype=object)
    )
    periods = made.periods
    if periods is not None:
        periods = periods.assign(topic_id=periods["topic_id"].map(renamed).astype("str"))
    subtopics = made.subtopics.assign(topic_id=made.subtopics["topic_id"].map(renamed).astype("str"))
    return replace(made, documents=documents, topics=topics, layers=layers, subtopics=subtopics, periods=periods)


def _continued(run: Run, made: Run, ids: Sequence[str], edit: Mapping[str, Any]) -> Run:
    """The run, with what was made anew in place of what was there."""
    model = replace(
        run.model,
        **{name: getattr(made.model, name) for name in ("labels", "strengths", "nearest", "voters", "centroids")},
        threshold=made.model.threshold,
        weights=made.model.weights,
        presence=made.model.presence,
        vocabulary=made.model.vocabulary,
        poll=made.model.poll,
    )
    kept = [name for name in run.documents if name not in made.documents]
    return replace(
        run,
        documents=made.documents.join(run.documents[kept]) if kept else made.documents,
        topics=made.topics,
        representatives=made.representatives,
        curve=made.curve,
        layers=made.layers,
        subtopics=made.subtopics,
        merges=made.merges,
        metrics={**run.metrics, **made.metrics},
        periods=made.periods,
        model=model,
        provenance=edited(run.provenance, edit, [*run.topics["topic_id"], *ids]),
        lineage=run.lineage[(run.lineage["event"] == "died") | run.lineage["topic_id"].isin(ids)].reset_index(
            drop=True
        ),
        saved=None,
    )


def edited(provenance: Mapping[str, Any], edit: Mapping[str, Any], ids: Sequence[str] = ()) -> dict[str, Any]:
    """The provenance of a run after an edit: another run, that remembers what was done and the ids it gave."""
    edits = [*provenance.get("edits", ()), dict(edit)]
    made = hashlib.sha256(json.dumps([provenance["run"], dict(edit)], sort_keys=True).encode()).hexdigest()[:12]
    told = {**provenance, "run": made, "edits": edits}
    highest = max((int(name.removeprefix("T")) for name in ids), default=0)
    if given := max(int(provenance.get("ids_given", 0)), highest):
        told["ids_given"] = given
    return told


def given_names(topics: pd.DataFrame) -> dict[str, str]:
    """Names that somebody gave, by permanent id: those that are not made of the topic's words."""
    rows = zip(topics["topic_id"], topics["name"], topics["terms"], strict=True)
    return {topic_id: name for topic_id, name, terms in rows if name != name_of(terms)}
