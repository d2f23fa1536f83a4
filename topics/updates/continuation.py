"""A run that goes on from another: what is taken from that, and who its topics are.

u texts, k topics.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE, Prior
from topics.errors import InvalidInput
from topics.store import Ref
from topics.updates.matching import Identity, Side, identify, permanent_id
from topics.words.wording import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from topics.run import Run
    from topics.workshop import Workshop

KEPT = ("note", "notes")  #: columns of `Run.topics` that stay with a topic, where there are such


def check_encoder_of(previous: Run, encoder: str, fingerprint: str, width: int) -> None:
    """Refuse to go on from a run whose vectors cannot be compared with these.

    Raises
    ------
    InvalidInput
    """
    model = previous.model
    another = bool(model.fingerprint and fingerprint) and model.fingerprint != fingerprint
    if another or model.vectors.shape[1] != width:
        raise InvalidInput(
            f"previous: run {previous.provenance['run']} was made with the encoder {model.encoder} (vectors of "
            f"{model.vectors.shape[1]} numbers), this one would be with {encoder} ({width} numbers"
            f"{', other files' if another else ''}); their vectors cannot be compared. Take encoder={model.encoder!r} "
            "and its postprocess, or fit without a previous run and look at `topics compare`."
        )


def side_of(run: Run) -> Side:
    """The topics of a run, for matching."""
    return Side(
        run.documents["id"].tolist(),
        run.text_keys(),
        run.documents["topic"].to_numpy(np.int64),
        run.model.centroids,
        run.topics["terms"].tolist(),
    )


def prior_of(run: Run) -> Prior:
    """What a run found about its texts."""
    model = run.model
    layout = np.empty((len(model.keys), 0), dtype=np.float32) if model.layout is None else model.layout
    return Prior(model.keys, model.labels, layout, run.map_points())


def keep_prior(run: Run, workshop: Workshop) -> Ref:
    """A reference to the prior of a run, in the store as well: whoever runs a stage can read it."""
    prior = prior_of(run)
    digest = hashlib.sha256()
    for array in (prior.keys, prior.labels, prior.layout, prior.drawn):
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    ref = Ref("previous", digest.hexdigest()[:40])
    workshop.at_hand[ref], _ = workshop.store.fetch(ref, lambda: prior)
    return ref


def ids_given(run: Run) -> int:
    """How many permanent ids were given up to a run: they are never given again."""
    told = int(run.provenance.get("ids_given", 0))
    return max([told, *(int(name.removeprefix("T")) for name in run.topics["topic_id"])])


def continued_from(previous: Run | None, current: Side) -> Identity | None:
    """Who the topics of a new run are, if it goes on from another."""
    if previous is None:
        return None
    return identify(side_of(previous), previous.topics["topic_id"].tolist(), ids_given(previous), current)


def carry_over(topics: pd.DataFrame, identity: Identity, previous: Run) -> pd.DataFrame:
    """The same topics with what stays with a topic: when it was first seen, its given name, and notes."""
    before, known = previous.topics, identity.previous != NOISE
    row = identity.previous[known]
    told = topics.copy()
    told["status"] = np.array(identity.status, dtype=object)
    told.loc[known, "first_seen"] = before["first_seen"].to_numpy(dtype=object)[row]
    given = np.array([name != name_of(terms) for name, terms in zip(before["name"], before["terms"], strict=True)])
    named = np.flatnonzero(known)[given[row]] if len(row) else row
    told.loc[named, "name"] = before["name"].to_numpy(dtype=object)[identity.previous[named]]
    for column in KEPT:
        if column in before:
            told[column] = ""
            told.loc[known, column] = before[column].to_numpy(dtype=object)[row]
    return told.astype({"status": "str", "first_seen": "str", "name": "str"})


def record_of(previous: Run) -> dict[str, str]:
    """Which run another goes on from, and where that lies, if it is known."""
    where, which = ("", previous.fingerprint) if previous.saved is None else vars(previous.saved).values()
    return {"folder": where, "run": previous.provenance["run"], "fingerprint": which}


def first_ids(k: int) -> Sequence[str]:
    """The ids of topics that go on from none."""
    return [permanent_id(number) for number in range(1, k + 1)]


def provenance_of(previous: Run | None, identity: Identity | None) -> dict[str, Any]:
    """What a run tells about the one before it."""
    if previous is None or identity is None:
        return {}
    return {"previous": record_of(previous), "ids_given": identity.given}
