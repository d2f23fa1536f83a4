"""Topics changed by hand: merged, reduced, split, dropped, renamed. Each gives a new run; the old one stays as it is.

Permanent ids and given names stay with their topics. Everything else is told anew of the topics as they are then. Every
edit is kept in `Run.provenance["edits"]`, so that `topics verify` can make the same run again: fit, then edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.assignment import settle
from topics.config import Config
from topics.data import NOISE, Embeddings
from topics.errors import InvalidInput
from topics.grouping import group
from topics.pipeline import hold_vectors
from topics.regrouping import Bench, Regrouped, edited, given_names, regroup
from topics.updates.continuation import ids_given
from topics.updates.matching import permanent_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.run import Run
    from topics.store import Store

_LONGEST = 200  # characters of a given name


def merge(run: Run, topics: Sequence[Any], *, documents: Any = None, store: Store | None = None) -> Run:
    """Make several topics one, or several groups of topics one each.

    The largest keeps its id and a given name; those of the others are never given again. Documents that had no topic
    only because they lay between those merged get the new one.

    Parameters
    ----------
    run : Run
    topics : sequence of int or str, or of such sequences
        By number or permanent id: [3, "T0007"], or [[3, 7], [1, 4, 5]].
    documents : as in `topics.fit`, optional
        Those of the fit; needed where the run was fitted on documents in memory and the store does not hold them.
    store : Store, optional
        The one the run was made with; what is no longer there is computed again.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput
        If there is no such topic, one is named twice, a group has fewer than two, or texts are not to be found.
    """
    groups = [list(each) for each in topics] if all(_is_group(each) for each in topics) else [list(topics)]
    chosen = [[int(run.topic(which)["topic"]) for which in each] for each in groups]
    flat = [topic for each in chosen for topic in each]
    if not chosen or any(len(each) < 2 for each in chosen):
        raise InvalidInput(f"merge({topics!r}): a merge takes two topics or more.")
    if len(set(flat)) < len(flat):
        raise InvalidInput(f"merge({topics!r}): a topic is named twice.")
    edit = {"operation": "merge", "topics": [[_id(run, topic) for topic in each] for each in chosen]}
    return _merged(Bench(run, documents, store), chosen, edit)


def reduce(run: Run, topics: int, *, documents: Any = None, store: Store | None = None) -> Run:
    """Merge the most entangled topics until so many are left, as `Run.cut` does.

    Parameters
    ----------
    run : Run
    topics : int
        How many, from 1 to as many as there are.
    documents, store
        As in `merge`.

    Raises
    ------
    InvalidInput
        If there are fewer, or texts are not to be found.
    """
    coarse = run.cut(topics)
    groups = [np.flatnonzero(coarse == each).tolist() for each in range(topics)]
    return _merged(
        Bench(run, documents, store),
        [each for each in groups if len(each) > 1],
        {"operation": "reduce", "topics": topics},
    )


def drop(run: Run, topics: Sequence[int | str], *, documents: Any = None, store: Store | None = None) -> Run:
    """Leave topics out: their documents have none from then on, nor have new ones like them.

    Parameters
    ----------
    run : Run
    topics : sequence of int or str
        By number or permanent id.
    documents, store
        As in `merge`.

    Raises
    ------
    InvalidInput
        If there is no such topic, or texts are not to be found.
    """
    gone = [int(run.topic(which)["topic"]) for which in topics]
    if not gone:
        raise InvalidInput("drop([]): name at least one topic.")
    bench = Bench(run, documents, store)
    mapping = np.arange(len(run.topics) + 1, dtype=np.int32)
    mapping[[*gone, -1]] = NOISE
    edit = {"operation": "drop", "topics": [_id(run, topic) for topic in gone]}
    return _mapped(bench, mapping, edit)


def split(
    run: Run, topic: int | str, into: int | None = None, *, documents: Any = None, store: Store | None = None
) -> Run:
    """Take a topic apart: its documents are grouped as if they were all there is, by the settings of the run.

    Every document stays in one of the parts. The largest part keeps the id and a given name.

    Parameters
    ----------
    run : Run
    topic : int or str
        By number or permanent id.
    into : int, optional
        How many parts; by default as many as there are.
    documents, store
        As in `merge`.

    Raises
    ------
    InvalidInput
        If there is no such topic, it does not fall apart, or texts are not to be found.
    """
    which = int(run.topic(topic)["topic"])
    if into is not None and into < 2:
        raise InvalidInput(f"split(into={into}): must be 2 or more.")
    if run.config.clusterer.startswith("<"):
        raise InvalidInput(
            f"split groups documents with the clusterer of the run, and that, {run.config.clusterer}, was an object; "
            "fit again with a clusterer by name."
        )
    bench = Bench(run, documents, store)
    part = _parts(bench, which, into)
    k = len(run.topics)
    ids = [*run.topics["topic_id"], *_fresh_ids(run, int(part.max(initial=0)))]
    number = np.append(which, np.arange(k, k + int(part.max(initial=0)))).astype(np.int32)  # the largest keeps its own
    inside = part != NOISE
    moved = np.where(inside, number[np.where(inside, part, 0)], NOISE)
    model = run.model
    wanted = Regrouped(
        np.where(inside & (model.labels == which), moved, model.labels).astype(np.int32),
        np.where(inside & (model.voters == which), moved, model.voters).astype(np.int32),
        ids,
    )
    edit = {"operation": "split", "topic": _id(run, which), "into": into}
    return regroup(bench, wanted, given_names(run.topics), edit)


def rename(run: Run, names: Mapping[Any, str]) -> Run:
    """Give topics names of one's own; they stay when topics are merged, split or continued by another run.

    Parameters
    ----------
    run : Run
    names : mapping of int or str to str
        By number or permanent id.

    Raises
    ------
    InvalidInput
        If there is no such topic, or a name is empty or longer than 200 characters.
    """
    given = {_id(run, int(run.topic(which)["topic"])): _checked(which, name) for which, name in names.items()}
    if not given:
        raise InvalidInput('rename({}): name at least one topic, as in {"T0003": "Inflation"}.')
    known = zip(run.topics["topic_id"].tolist(), run.topics["name"].tolist(), strict=True)
    told = np.array([given.get(topic_id, name) for topic_id, name in known], dtype=object)
    topics = run.topics.assign(name=told).astype({"name": "str"})
    edit = {"operation": "rename", "names": given}
    return replace(run, topics=topics, provenance=edited(run.provenance, edit, list(topics["topic_id"])), saved=None)


def replay(run: Run, edits: Sequence[Mapping[str, Any]], *, documents: Any = None, store: Store | None = None) -> Run:
    """Make the same edits again, one after the other, as `Run.provenance["edits"]` tells them.

    Raises
    ------
    InvalidInput
        If an edit is not known to this version, or cannot be made on this run.
    """
    how: dict[str, Any] = {"documents": documents, "store": store}
    for edit in edits:
        operation = edit.get("operation")
        if operation == "rename":
            run = rename(run, edit["names"])
        elif operation == "split":
            run = split(run, edit["topic"], edit["into"], **how)
        elif operation in ("merge", "reduce", "drop"):
            again: Any = {"merge": merge, "reduce": reduce, "drop": drop}[operation]
            run = again(run, edit["topics"], **how)
        else:
            raise InvalidInput(f"an edit {operation!r} is not known to this version; it was made by a later one.")
    return run


def _is_group(which: Any) -> bool:
    return isinstance(which, Sequence) and not isinstance(which, str)


def _id(run: Run, topic: int) -> str:
    return str(run.topics["topic_id"].iloc[topic])


def _checked(which: Any, name: Any) -> str:
    told = " ".join(str(name).split()) if isinstance(name, str) else ""
    if not told or len(told) > _LONGEST:
        raise InvalidInput(
            f"rename: the name of {which!r} is {str(name)[:60]!r}; it must have 1 to {_LONGEST} letters."
        )
    return told


def _fresh_ids(run: Run, number: int) -> list[str]:
    """Ids that no topic has had before."""
    known = ids_given(run)
    return [permanent_id(known + further) for further in range(1, number + 1)]


def _merged(bench: Bench, groups: Sequence[Sequence[int]], edit: Mapping[str, Any]) -> Run:
    mapping = np.arange(len(bench.run.topics) + 1, dtype=np.int32)
    mapping[-1] = NOISE
    for each in groups:
        mapping[list(each)] = min(each)  # topics are numbered by size
    return _mapped(bench, mapping, edit)


def _mapped(bench: Bench, mapping: NDArray[np.int32], edit: Mapping[str, Any]) -> Run:
    """Regroup by what becomes of each topic; the last entry is for none."""
    run = bench.run
    wanted = Regrouped(mapping[run.model.labels], mapping[run.model.voters], list(run.topics["topic_id"]))
    return regroup(bench, wanted, given_names(run.topics), edit)


def _parts(bench: Bench, topic: int, into: int | None) -> NDArray[np.int32]:
    """The part of each text of a topic, 0 the largest; -1 for all other texts."""
    run, shop = bench.run, bench.workshop
    model, copies = run.model, bench.corpus.copies
    rows = np.flatnonzero((model.labels == topic) | (model.voters == topic))
    own = Embeddings(model.vectors[rows], model.encoder, model.fingerprint)
    config = Config.of(**{**run.config.model_dump(), "topics": into})
    made = group(hold_vectors(own, shop), config, shop, bench.step)
    found = settle(shop.load(made.clusters), own, shop.load(made.near), copies[rows], 1.0).labels
    if found.max(initial=NOISE) < 1:
        raise InvalidInput(
            f"{_id(run, topic)} does not fall apart: its {len(rows):,} texts are one group by the settings of this "
            "run; ask for a number of parts with into=2."
        )
    part = np.full(len(model.keys), NOISE, dtype=np.int32)
    part[rows] = found
    return part
