"""Documents among the topics of a run, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from topics import assignment
from topics.assembly import named
from topics.data import NOISE, Poll
from topics.progress import track
from topics.voting import STRANGE, VOTERS, novelty, reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from topics.data import Corpus, Texts
    from topics.executors import Executor
    from topics.run import Run


@dataclass(frozen=True, eq=False)
class Placed:
    """What a run says about a texts, known or new. Aligned as they are."""

    labels: NDArray[np.int32]  # (a,), -1 outlier
    strengths: NDArray[np.float32]
    nearest: NDArray[np.int32]
    known: NDArray[np.bool_]  # whether the text was there at fit
    novelties: NDArray[np.float32]
    poll: Poll


def place_texts(
    run: Run,
    texts: Texts,
    vectors: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    executor: Executor | None = None,
) -> Placed:
    """Give known texts the answer they got at fit, and let those vote on the others.

    Parameters
    ----------
    run : Run
    texts : Texts
    vectors : callable
        From rows of `texts` to their vectors, as those of the run were clustered; called if any are new.
    executor : Executor, optional
        Where new ones are placed; by default on the threads of `run.config`.

    Raises
    ------
    InvalidInput
        If the run was loaded from a folder that an older version wrote.
    """
    model = run.model
    said, calibration = model.answers()
    place = np.searchsorted(model.keys, texts.keys)
    known = np.append(model.keys, b"")[place] == texts.keys
    new, old = np.flatnonzero(~known), place[known]
    at_fit = {"labels": model.labels, "strengths": model.strengths, "nearest": model.nearest, **vars(said)}
    found = {name: np.zeros((len(texts), *array.shape[1:]), array.dtype) for name, array in at_fit.items()}
    for name, array in at_fit.items():
        found[name][known] = array[old]
    if len(new):
        voting = slice(None) if model.voting.all() else model.voting  # a mask copies, and vectors may be mapped
        placing = partial(
            assignment.place,
            known=model.vectors[voting],
            voters=model.voters[voting],
            centroids=model.centroids,
            calibration=calibration,
            voting=min(VOTERS, run.config.n_neighbors),
        )
        if executor is None:
            nearest, strengths, poll = placing(vectors(new), threads=run.config.threads)
        else:
            nearest, strengths, poll = _mapped(placing, vectors(new), executor)
        labels = np.where(strengths >= model.threshold, nearest, NOISE)
        for name, array in {"labels": labels, "strengths": strengths, "nearest": nearest, **vars(poll)}.items():
            found[name][new] = array
    poll = Poll(**{name: found.pop(name) for name in vars(said)})
    novelties = novelty(poll.distances, said.distances[model.at_fit])
    if run.config.coverage == "auto":
        found["labels"][~known & (novelties >= STRANGE)] = NOISE
    return Placed(**found, known=known, novelties=novelties, poll=poll)


def _mapped(
    placing: Callable[[NDArray[np.float32]], tuple[NDArray[np.int32], NDArray[np.float32], Poll]],
    vectors: NDArray[np.float32],
    executor: Executor,
) -> tuple[NDArray[np.int32], NDArray[np.float32], Poll]:
    """What `assignment.place` says of all rows, through an executor: it looks at one at a time."""
    rows = max(1, assignment.SHARD // vectors[0].nbytes)
    shards = (vectors[start : start + rows] for start in range(0, len(vectors), rows))
    told = track(executor.map(placing, shards), len(vectors), "Assigning", "documents", lambda part: len(part[0]))
    nearest, strengths, polls = zip(*told, strict=True)
    poll = {name: np.concatenate([getattr(part, name) for part in polls]) for name in vars(polls[0])}
    return np.concatenate(nearest), np.concatenate(strengths), Poll(**poll)


def assignments(run: Run, corpus: Corpus, placed: Placed) -> pd.DataFrame:
    """The table `topics.api.assign` gives."""
    import pandas as pd

    row, poll = corpus.rows, placed.poll
    why = reasons(placed.labels, placed.nearest, placed.strengths, poll.shared, placed.novelties, run.model.threshold)
    table = pd.DataFrame({"id": pd.array(list(corpus.ids), dtype="str")})
    table["topic"] = np.append(placed.labels, np.int32(NOISE))[row].astype(np.int64)
    table["topic_id"] = named(run.topics["topic_id"], table["topic"])
    table["name"] = named(run.topics["name"], table["topic"])
    table["strength"] = np.append(placed.strengths, np.float32(0))[row]
    table["nearest"] = np.append(placed.nearest, np.int32(NOISE))[row].astype(np.int64)
    table["known"] = np.append(placed.known, False)[row]
    table["confidence"] = np.append(poll.confidences, np.float32(0))[row]
    table["novelty"] = np.append(placed.novelties, np.float32(np.nan))[row]
    table["reason"] = pd.array(np.append(why, "empty")[row], dtype="str")
    return table
