"""New documents for a run: placed among its topics, or a reason to find the topics again.

Without a refit new texts are placed by those of the last fit alone, one by one. So it does not matter how they were
cut into updates; and the decision to refit looks at all that came since that fit.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from topics.api import given_vectors, opened, vectors_of
from topics.config import Config
from topics.data import Texts
from topics.embedding.precomputed import ARRAY, SCHEME
from topics.errors import InvalidConfig, InvalidInput
from topics.pipeline import fit_topics, location_of
from topics.run import Run
from topics.store import Ref, Store
from topics.updates import joining
from topics.updates.decision import News, news_of, reason_to_refit, told
from topics.updates.extension import extend
from topics.updates.growth import grow as grown
from topics.updates.growth import grown_topics, ungrown
from topics.updates.placement import place_texts

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from topics.executors import Executor
    from topics.updates.joining import Joined
    from topics.workshop import RunStage

log = logging.getLogger(__name__)

Refit = Literal["auto", "always", "never"]


@dataclass(frozen=True, eq=False)
class Asked:
    """What an update was called with."""

    previous: Run
    how: dict[str, Any]
    columns: dict[str, str]
    location: str
    store: Store


@dataclass(frozen=True, eq=False)
class Means:
    """What an update computes with."""

    store: Store
    encoder: Any
    executor: Executor | None
    run_stage: RunStage | None


def update(
    run: Run | str | os.PathLike[str],
    new: Any,
    *,
    refit: Refit = "auto",
    grow: bool = False,
    window: str | None = None,
    replace: bool = False,
    text: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of the flag and of the column
    date: str | None = None,
    class_: str | None = None,
    store: Store | None = None,
    encoder: Any = None,
    embeddings: Any = None,
    executor: Executor | None = None,
    run_stage: RunStage | None = None,
) -> Run:
    """Go on with new documents; topics keep their permanent ids.

    Only texts that were not there are encoded. They are placed among the topics by the rule of `assign`, and the
    topics stay as they are; or all documents are grouped again, from where the run left off.

    Parameters
    ----------
    run : Run or path
        From a folder, the new run can say where the one before it lies.
    new : as in `topics.fit`
        Documents that the run has already, by id and text, are not taken twice: a full export will do.
    refit : {"auto", "always", "never"}
        auto: if the documents that came or went since the last fit give one of the reasons in `updates.decision`.
    grow : bool
        Make topics of new documents that no topic wants and that lie together; no other document moves. A run with such
        topics goes on growing until the next refit.
    window : str, optional
        Days, such as "90d": older documents than that are dropped, counted from the newest. Also w, m, y.
    replace : bool
        Take a new text for an id that is there already; without it that is an error.
    text, id, date, class_ : str, optional
        Columns; by default those the run was read with.
    store : Store, optional
        Where texts and vectors of the run are looked for.
    encoder, embeddings : optional
        As in `topics.assign`: needed where the run was fitted with an object or with vectors.
    executor : Executor, optional
        As in `topics.fit`.
    run_stage : callable, optional
        As in `topics.pipeline.fit_topics`: runs one stage, of the encoding or of a refit, against the same store.

    Returns
    -------
    Run
        Its `lineage` tells what became of the topics; its `updated` what came, and what was decided why.

    Raises
    ------
    InvalidInput
        If ids come again with another text; the new documents lack columns the run has; another encoder made its
        vectors; or a refit is due and texts of old documents are nowhere to be found.
    InvalidConfig
        For a setting that is none.
    """
    if refit not in get_args(Refit):
        raise InvalidConfig(f"refit={refit!r}: one of {', '.join(get_args(Refit))}.")
    if grow and refit == "always":
        raise InvalidConfig("grow and refit=always exclude each other: a refit finds new topics anyway.")
    days = joining.days_of(window)
    previous = opened(run)
    if not isinstance(previous, Run):
        raise InvalidInput(f"{run!r} is neither a run nor the folder of one.")
    store = store or Store()
    columns = {"text": text, "id": id, "date": date, "class": class_}
    named = {name: column for name, column in columns.items() if column}
    corpus = joining.take_in(previous, new, named)
    joined = joining.join(previous, corpus, days, replace)
    how = {"refit": refit, "grow": grow, "window": window, "replace": replace}
    asked = Asked(previous, how, named, location_of(new), store)
    base, growing = ungrown(previous), grow or grown_topics(previous) > 0
    means = Means(store, encoder, executor, run_stage)
    fresh, vectors = _fresh(base, joined, means, embeddings)
    placed = place_texts(base, fresh, lambda rows: vectors[rows], executor)
    extended = extend(base, joined, fresh, vectors, placed)
    news = news_of(extended)
    reason = "asked for" if refit == "always" else reason_to_refit(news, _dropped(extended), growing)
    if refit == "always" or (reason and refit == "auto" and joined.changed):
        made = _refitted(previous, joined, means, _raw(previous, extended, embeddings))
        return _finished(made, joined, news, "refitted", reason, asked)
    decision, because = "assigned", "the topics fit the documents that came"
    if reason:
        because = f"a refit was not allowed, though {reason}"
    if growing and news.due:
        late = extended.model.keys[extended.model.late].tolist()
        extended = grown(extended, news.due, previous, joining.texts_of(previous, corpus, late, store))
        many = ", ".join(f"{name} ({size})" for name, size in _late(extended))
        decision, because = "grown", f"new documents that no topic wants make topics of their own: {many}"
    if not joined.changed:
        decision, because = "none", "nothing is new"
    return _finished(extended, joined, news, decision, because, asked)


def _late(run: Run) -> list[tuple[str, int]]:
    late = run.topics.iloc[len(run.topics) - grown_topics(run) :]
    return list(zip(late["topic_id"], late["size"], strict=True))


def _fresh(run: Run, joined: Joined, means: Means, embeddings: Any) -> tuple[Texts, NDArray[np.float32]]:
    """Texts that came and that the run does not know, and their vectors, as those of the run were clustered."""
    given = joined.new.texts
    came = np.unique(joined.new.rows[joined.came])
    came = came[came >= 0]
    rows = came[~np.isin(given.keys[came], run.model.keys)]
    fresh = Texts(tuple(given.texts[row] for row in rows), given.keys[rows])
    if not len(fresh):
        return fresh, np.empty((0, run.model.vectors.shape[1]), dtype=np.float32)
    if embeddings is None:
        executor, run_stage = means.executor, means.run_stage
        return fresh, vectors_of(run, fresh, means.store, means.encoder, executor=executor, run_stage=run_stage)
    return fresh, given_vectors(run, joined.new, embeddings)[rows]


def _dropped(run: Run) -> float:
    """Share of the texts of the last fit that no document has any more."""
    there = np.flatnonzero(~run.model.late)
    return float(1 - np.isin(there, run.text_rows()).mean()) if len(there) else 0.0


def _refitted(run: Run, joined: Joined, means: Means, embeddings: Any) -> Run:
    """All documents grouped again, from where the run left off."""
    corpus = joined.corpus(joining.texts_of(run, joined.new, joined.keys.tolist(), means.store))
    config, encoder = run.config, means.encoder
    if isinstance(encoder, str):
        config, encoder = Config.of(**{**config.model_dump(), "encoder": encoder}), None
    if config.clusterer.startswith("<"):
        raise InvalidInput(
            f"a refit needs the clusterer again, and {config.clusterer} was an object: fit all documents with "
            "clusterer=... and previous=RUN, or keep to refit=never."
        )
    workshop = config.workshop(means.store, means.executor)
    if embeddings is not None:
        return fit_topics(corpus, config, workshop, means.run_stage, embeddings=embeddings, previous=run)
    return fit_topics(corpus, config, workshop, means.run_stage, encoder=encoder or run.encoder, previous=run)


def _raw(run: Run, extended: Run, embeddings: Any) -> NDArray[np.float32] | None:
    """The vectors of all documents for a refit, where no encoder makes them."""
    if embeddings is None and not run.config.encoder.startswith((SCHEME, ARRAY)):
        return None
    if run.config.postprocess != "none":
        raise InvalidInput(
            f"a refit needs the vectors of all documents as they were given, and the run keeps them after "
            f"postprocess={run.config.postprocess}. Fit all documents with embeddings=... and previous=RUN."
        )
    known = np.concatenate([extended.model.vectors, np.zeros_like(extended.model.vectors[:1])])
    return known[extended.text_rows()]


def _finished(run: Run, joined: Joined, news: News, decision: str, reason: str, asked: Asked) -> Run:
    """The run with what the update came to, and where its documents are."""
    log.info("%s: %s.", decision.capitalize(), reason)
    if len(joined.came):
        with suppress(OSError):
            asked.store.save(Ref("corpus", joined.new.key), joined.new)
    updated = {
        "documents_new": len(joined.came),
        "documents_dropped": joined.dropped,
        "documents_replaced": joined.replaced,
        **told(news, asked.previous.topics["topic_id"].tolist()),
        "decision": decision,
        "reason": reason,
    }
    source = {**asked.previous.provenance["input"], **asked.columns, "location": asked.location}
    texts = [] if decision != "refitted" else run.provenance["texts"]
    texts += [*asked.previous.provenance.get("texts", ()), {"corpus": joined.new.key, **source}]
    where = {"input": source, "texts": texts, "update": asked.how}
    return changed(run, updated=updated, provenance=run.provenance | where)
