"""The result of a fit, as a value: what a run folder holds and a report shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from topics.errors import InvalidInput
from topics.updates.matching import no_lineage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.config import Config
    from topics.data import Calibration, Poll, Postprocessing
    from topics.search import Found

ASPECT = "aspect_"  #: begins the names of columns of `Run.topics` with more words about a topic, in lists
SCHEMA = 1  #: of the run folder; raised when an older version could not read it


def aspects_of(row: Mapping[Any, Any] | pd.Series[Any]) -> list[tuple[str, Sequence[str]]]:
    """The aspects of a topic that have words, from its row of `Run.topics`: their names and words, in its order."""
    found = [(str(name).removeprefix(ASPECT), words) for name, words in row.items() if str(name).startswith(ASPECT)]
    return [(name, words) for name, words in found if len(words)]


def no_subtopics() -> pd.DataFrame:
    """The sub-topics of a run of which no topic falls apart: no rows."""
    import pandas as pd

    kinds = {"topic_id": "str", "subtopic": "int64", "size": "int64", "share": "float64", "stability": "float32"}
    kinds |= {"name": "str", "terms": "object", "central_id": "str"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


@dataclass(frozen=True)
class StageRecord:
    """One stage of one fit."""

    name: str
    key: str  # of its result in the store
    cached: bool  # whether it was found there
    seconds: float  # wall time, loading included; of one begun beside others what was still waited
    memory: int = 0  # most bytes its process held meanwhile, mapped files included; 0 if not known


@dataclass(frozen=True, eq=False)
class Model:
    """All that placing new documents needs. u texts seen at fit, d dimensions, k topics, v terms."""

    keys: NDArray[np.bytes_]  # (u,) S32, ascending
    vectors: NDArray[np.float32]  # (u, d), unit rows
    labels: NDArray[np.int32]  # (u,)
    strengths: NDArray[np.float32]  # (u,)
    nearest: NDArray[np.int32]  # (u,)
    voters: NDArray[np.int32]  # (u,), topics as the clusterer gave them
    centroids: NDArray[np.float32]  # (k, d), unit rows
    weights: sparse.csr_array  # (k, v) c-TF-IDF in nats
    vocabulary: Sequence[str]  # (v,)
    threshold: float
    encoder: str
    fingerprint: str  # of the encoder
    postprocessing: Postprocessing | None = None  # between the encoder's vectors and those above
    poll: Poll | None = None  # (u, ...); None, like the next, if an older version, which did not write it, made the run
    calibration: Calibration | None = None
    layout: NDArray[np.float32] | None = None  # (u, r) where they lay when they were clustered, nan if they came later
    added: NDArray[np.bool_] | None = None  # (u,) which were placed by those of the fit; None if none were
    spread: NDArray[np.bool_] | None = None  # (u,) which of these were there already (`Config.fit_on`); None if none
    presence: sparse.csr_array | None = None  # (k, v) int32, texts of the last fit with each term; None as `poll`
    said: sparse.csr_array | None = None  # (u, v) int32, 1 for words of texts that came later; None if none did

    @property
    def at_fit(self) -> NDArray[np.bool_]:
        """Which texts topics were found in at the last fit."""
        import numpy as np

        return np.ones(len(self.keys), dtype=bool) if self.added is None else ~self.added

    @property
    def late(self) -> NDArray[np.bool_]:
        """Which texts came after the last fit."""
        return ~self.at_fit if self.spread is None else ~self.at_fit & ~self.spread

    @property
    def voting(self) -> NDArray[np.bool_]:
        """Which texts vote on new ones: those of the fit, and those of which topics were made since."""
        voting: NDArray[np.bool_] = self.at_fit | (self.voters >= 0)
        return voting

    @property
    def width(self) -> int:
        """Numbers in a vector as the encoder gives it."""
        return self.vectors.shape[1] if self.postprocessing is None else self.postprocessing.width

    def answers(self) -> tuple[Poll, Calibration]:
        """What the neighbours of the texts say, and how far to trust it.

        Raises
        ------
        InvalidInput
            If the run was loaded from a folder that does not tell.
        """
        if self.poll is None or self.calibration is None:
            raise InvalidInput(
                "this run was written by an older version and does not tell how sure its topics are; fit it again with "
                "its config.toml: what is in the store is not computed again."
            )
        return self.poll, self.calibration


@dataclass(frozen=True)
class Saved:
    """Where a run was read from."""

    folder: str  # absolute
    fingerprint: str  # as its manifest tells it


@dataclass(frozen=True, eq=False)
class Run:
    """Topics of one corpus under one configuration.

    Two runs are equal when `digests()` are: the same documents in the same topics, described by the
    same words, in whatever order the rows came.
    """

    #: n rows in the order of the input: id, topic (-1 outlier), topic_id, strength, x, y, reason (why an outlier, else
    #: empty; see `topics.voting.reasons`); "date" and "class" where there are such; confidence (how often it is
    #: expected there, or in the nearest topic, if all are grouped again), nearest and nearest_id (the topic that came
    #: closest), novelty (share of the texts that are nearer to their neighbours); "text" where it was asked for.
    documents: pd.DataFrame
    #: k rows: topic, topic_id, size, share, name, terms, term_weights, representative_ids, npmi,
    #: stability, first_seen, status; aspect_ctfidf and so on, lists of words, where `Config.aspects` asks for them,
    #: and aspect_expansion (terms the encoder activates) where that is a sparse one.
    topics: pd.DataFrame
    #: topic, id, text: the representative documents, most central first, texts cut to 600 characters.
    representatives: pd.DataFrame
    #: coverage, threshold, agreement: what other settings of the outlier dial would give; agreement is the mean
    #: confidence of the documents that would have a topic.
    curve: pd.DataFrame
    #: layer (how many topics it has), topic, size, share, name, terms, topic_ids (the topics within): coarser topics,
    #: layer by layer, each layer made of whole topics of the one before.
    layers: pd.DataFrame
    #: How k topics become one, step by step: the topic that takes in, the topic taken in.
    merges: Sequence[tuple[int, int]]
    metrics: dict[str, Any]
    model: Model
    config: Config
    #: JSON-ready: "input" (how the corpus was read), "texts" (where its texts may be found), "corpus" (fingerprint),
    #: "languages", "versions", "neighbors" (exact, or found in cells); "previous" (folder, run and fingerprint),
    #: "ids_given", "fit" (run id of the last fit, if documents were only added since) and "update" (what was asked for)
    #: where it goes on from another run.
    provenance: dict[str, Any]
    stages: tuple[StageRecord, ...] = ()
    #: The encoder object of the fit, where there was one, fitted; it is no part of the result and not saved.
    encoder: Any = None
    #: (n,) row of `model` that holds each document's text, -1 where there is none; None if an older version, which
    #: did not write it, made the folder this run was loaded from.
    rows: NDArray[np.int32] | None = None
    #: event, topic_id, previous_id, size, previous_size, shared, share_of_topic, share_of_previous, similarity, terms:
    #: what became of the topics of the run this one goes on from, a row for each link; see `topics.updates.matching`.
    lineage: pd.DataFrame = field(default_factory=no_lineage)
    #: What the step from the run before came to, JSON-ready; empty without one. In metrics.json, under "update".
    updated: dict[str, Any] = field(default_factory=dict)
    #: Where it was read from; it is no part of the result.
    saved: Saved | None = None
    #: id, text: the first words of every document that has any, as many characters as `Config.excerpt` says; None if an
    #: older version, which did not write them, made the folder this run was loaded from.
    excerpts: pd.DataFrame | None = None
    #: topic, topic_id, start (first day of the period), documents, share (of the documents of the period that have a
    #: date), terms: a row for each topic and period that has documents of it; None where there are no dates.
    periods: pd.DataFrame | None = None
    #: topic_id, subtopic (0 the largest of its topic), size, share (of the topic), stability, name, terms (what tells
    #: it from the other parts of its topic), central_id (the document in its middle): finer topics, where a topic falls
    #: apart; see `topics.subtopics`. They are those of the last fit.
    subtopics: pd.DataFrame = field(default_factory=no_subtopics)

    def __repr__(self) -> str:
        return f"<Run {self.provenance['run']}: {len(self.topics)} topics in {len(self.documents)} documents>"

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Run) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything a run folder holds of the result; the order of the rows does not count."""
        from topics.folder import payload

        digest = hashlib.sha256()
        for name, parts in sorted(payload(self).items()):
            content = hashlib.sha256()
            for part in parts():
                content.update(part)
            digest.update(f"{name} {content.hexdigest()}\n".encode())
        return digest.hexdigest()

    def topic(self, which: int | str) -> pd.Series[Any]:
        """One row of `topics`, by number (3) or permanent id ("T0004").

        Raises
        ------
        InvalidInput
            If there is no such topic.
        """
        known = self.topics["topic_id"].str.upper() == str(which).upper()
        if not known.any():
            known = self.topics["topic"].astype(str) == str(which)
        if not known.any():
            last = len(self.topics) - 1
            raise InvalidInput(
                f"no topic {which!r}; there are 0 to {last}, or {self.topics['topic_id'].iloc[0]} to "
                f"{self.topics['topic_id'].iloc[-1]}."
                if len(self.topics)
                else f"no topic {which!r}; this run has none."
            )
        row: pd.Series[Any] = self.topics[known].iloc[0]
        return row

    def cut(self, topics: int) -> NDArray[np.int32]:
        """The coarse topic of each topic when the most entangled are merged until so many are left.

        Parameters
        ----------
        topics : int
            From 1 to k.

        Returns
        -------
        ndarray of shape (k,), int32
            Coarse topics are numbered by size. `numpy.append(run.cut(5), -1)[run.documents.topic]` gives that of
            each document, -1 for outliers.

        Raises
        ------
        InvalidInput
            If there are fewer topics.
        """
        from topics.labels import by_size
        from topics.merging import cut

        k = len(self.topics)
        if not 1 <= topics <= k:
            raise InvalidInput(f"cut({topics}): this run has {k} topics; allowed are 1 to {k}.")
        sizes = self.topics["size"].to_numpy()
        coarse: NDArray[np.int32] = by_size(cut(self.merges, k, topics), sizes)
        return coarse

    def text_rows(self) -> NDArray[np.int32]:
        """Which row of `model` holds each document's text, -1 where there is none; shape (n,), as `documents`.

        Raises
        ------
        InvalidInput
            If the run was loaded from a folder that does not tell.
        """
        if self.rows is None:
            raise InvalidInput(
                "this run was written by an older version and does not tell which vector is whose; fit it again with "
                "its config.toml: what is in the store is not computed again."
            )
        return self.rows

    def text_keys(self) -> NDArray[np.bytes_]:
        """The key of each document's text, empty where there is none; shape (n,), S32.

        Raises
        ------
        InvalidInput
            As `text_rows`.
        """
        from topics.data import keys_of

        return keys_of(self.text_rows(), self.model.keys)

    def map_points(self) -> NDArray[np.float32]:
        """Where the texts of `model` lie on the map, nan for those that no document has; shape (u, 2).

        Raises
        ------
        InvalidInput
            As `text_rows`.
        """
        import numpy as np

        rows = self.text_rows()
        points = np.full((len(self.model.keys), 2), np.nan, dtype=np.float32)
        points[rows[rows >= 0]] = self.documents[["x", "y"]].to_numpy(np.float32)[rows >= 0]
        return points

    @cached_property
    def distribution(self) -> pd.DataFrame:
        """The likeliest topics of every document: id, topic, topic_id, probability, at most five rows each.

        Likeliest first, documents in the order of `documents`. A document without text, or of whose
        neighbours none is in a topic, has no rows. What is missing to 1 is for other topics, or none.

        Raises
        ------
        InvalidInput
            If the run was loaded from a folder that an older version wrote.
        """
        poll, _ = self.model.answers()
        return distribution_of(self.documents["id"], self.text_rows(), poll, self.topics["topic_id"])

    # Sugar: each is one call of a function that lives above this module.

    def assign(self, documents: Any, **how: Any) -> pd.DataFrame:
        """Place documents among these topics; see `topics.api.assign`."""
        from topics.api import assign

        return assign(self, documents, **how)

    def passages(self, documents: Any, **how: Any) -> pd.DataFrame:
        """Place passages of documents among these topics; see `topics.reading.passages`."""
        from topics.reading import passages

        return passages(self, documents, **how)

    def search(self, query: str | NDArray[np.float32], **how: Any) -> Found:
        """Find the topics and documents nearest in meaning to some words; see `topics.search.search`."""
        from topics.search import search

        return search(self, query, **how)

    def merge(self, topics: Sequence[Any], **how: Any) -> Run:
        """Make several topics one; see `topics.editing.merge`."""
        from topics.editing import merge

        return merge(self, topics, **how)

    def reduce(self, topics: int, **how: Any) -> Run:
        """Merge the most entangled topics until so many are left; see `topics.editing.reduce`."""
        from topics.editing import reduce

        return reduce(self, topics, **how)

    def split(self, topic: int | str, into: int | None = None, **how: Any) -> Run:
        """Take a topic apart; see `topics.editing.split`."""
        from topics.editing import split

        return split(self, topic, into, **how)

    def drop(self, topics: Sequence[int | str], **how: Any) -> Run:
        """Leave topics out; see `topics.editing.drop`."""
        from topics.editing import drop

        return drop(self, topics, **how)

    def rename(self, names: Mapping[Any, str]) -> Run:
        """Give topics names of one's own; see `topics.editing.rename`."""
        from topics.editing import rename

        return rename(self, names)

    def map(self, by: str = "topic", **how: Any) -> Any:
        """Draw every document where it lies; see `topics.figures.document_map`."""
        from topics.figures import document_map

        return document_map(self, by, **how)

    def barchart(self, topics: Sequence[int | str] | None = None, **how: Any) -> Any:
        """Draw the words of topics; see `topics.figures.barchart`."""
        from topics.figures import barchart

        return barchart(self, topics, **how)

    def hierarchy(self, **how: Any) -> Any:
        """Draw which topics are near one another; see `topics.figures.hierarchy`."""
        from topics.figures import hierarchy

        return hierarchy(self, **how)

    def timeline(self, topics: Sequence[int | str] | None = None, **how: Any) -> Any:
        """Draw topics over time; see `topics.figures.timeline`."""
        from topics.figures import timeline

        return timeline(self, topics, **how)

    def over_time(self, periods: str | None = None, **how: Any) -> pd.DataFrame:
        """How many documents each topic has in every period, and its words there: `updates.occasions.periods_of`."""
        from topics.updates.occasions import periods_of

        return periods_of(self, periods, **how)

    def per_class(self, **how: Any) -> pd.DataFrame:
        """How many documents each topic has in every class, and its words there; see `updates.occasions.classes_of`."""
        from topics.updates.occasions import classes_of

        return classes_of(self, **how)

    def heatmap(self, of: str | None = None, **how: Any) -> Any:
        """Draw topics against classes, or against one another; see `topics.figures.heatmap`."""
        from topics.figures import heatmap

        return heatmap(self, of, **how)

    def _repr_html_(self) -> str:
        from topics.figures import card

        return card(self)

    def update(self, new: Any, **how: Any) -> Run:
        """Go on with new documents; see `topics.updates.updating.update`."""
        from topics.updates.updating import update

        return update(self, new, **how)

    def save(self, folder: str | Path) -> Path:
        """Write the run folder; see `topics.folder.save`."""
        from topics.folder import save

        return save(self, folder)


def distribution_of(
    ids: Sequence[str] | pd.Series[str], rows: NDArray[np.int32], poll: Poll, topic_ids: pd.Series[str]
) -> pd.DataFrame:
    """The likeliest topics of n documents, a row each; `rows` says which row of the poll is a document's, or -1."""
    import numpy as np
    import pandas as pd

    filled = np.flatnonzero(rows >= 0)
    topics = poll.topics[rows[filled]]
    inside = topics >= 0
    return pd.DataFrame(
        {
            "id": pd.Series(ids, dtype="str").to_numpy()[np.repeat(filled, inside.sum(axis=1))],
            "topic": topics[inside].astype(np.int64),
            "topic_id": topic_ids.to_numpy(dtype=object)[topics[inside]],
            "probability": poll.probabilities[rows[filled]][inside],
        }
    ).astype({"id": "str", "topic_id": "str"})
