"""Everything a report shows, as plain values: numbers, strings and small tables."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE
from topics.report.plain import count, percent, plain, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run

DRAWN = 20_000  #: most documents on the map
GRID = 65_535  #: coordinates of the map are whole numbers from 0 to this
COLOURS = 8  #: that can be told apart; more topics share them

_NAME, _TERM, _ID, _TEXT, _VALUE, _LABEL = 120, 60, 80, 600, 200, 26  # longest, in characters

_MEANINGS = {
    "documents": "Documents read, with and without text.",
    "distinct": "Different texts among them, once white space and Unicode forms are folded.",
    "duplicates": "Documents that repeat the text of another; they share its topic.",
    "empty": "Documents without text; they have no topic.",
    "topics": "Topics found.",
    "outliers": "Documents with text that have no topic.",
    "coverage": "Share of the documents with text that have a topic.",
    "clustered": "Share of them the clusterer itself placed, before others were offered to its topics.",
    "threshold": "A document whose neighbours speak for a topic less clearly than this is left out of it.",
    "npmi": "Coherence: how much more than by chance a topic’s terms occur together, from −1 to 1.",
    "diversity": "Share of different words among the terms of all topics; 1 if no two topics share a term.",
    "stability": "Share of the ties between similar documents that stays inside a group when the grouping is repeated.",
    "silhouette": "How much nearer documents are to their own topic than to the next one, from −1 to 1.",
    "nmi": "Agreement with the given classes, 0 to 1 (normalised mutual information).",
    "ami": "The same, corrected so that chance gives 0.",
    "ari": "Agreement with the given classes over pairs of documents; chance gives 0.",
    "purity": "Share of documents whose class is the most frequent one of their topic.",
}
_REASONS = {
    "empty": "There is no text.",
    "unclear": "The documents around it speak for no topic clearly enough.",
}
_BOUNDS = {"coverage": (0.9, 0.7), "stability": (0.85, 0.65), "npmi": (0.1, 0.03)}  # high from, fair from
# Where the input lay is no part of a report. Nor are the notes on how it was read: a rerun from
# config.toml is told what a first run guesses, and would say something else.
_PLACES = ("path", "paths", "file", "files", "folder", "source", "root", "location")


@dataclass(frozen=True)
class Term:
    """A term of a topic; weight relative to the strongest one, 0 to 1."""

    text: str
    weight: float


@dataclass(frozen=True)
class Excerpt:
    """A representative document."""

    id: str
    text: str


@dataclass(frozen=True)
class TopicRow:
    """One topic."""

    topic: int
    topic_id: str
    anchor: str  # where it stands in the page
    name: str
    label: str  # the name, short enough for a map
    size: int
    share: float  # of the documents with text
    coherence: float | None
    stability: float | None
    terms: tuple[Term, ...]
    representatives: tuple[Excerpt, ...]
    colour: int  # 0..COLOURS-1; neighbours on the map differ where they can
    place: tuple[int, int] | None  # on the map, of the document in its middle


@dataclass(frozen=True)
class Point:
    """A document on the map; topic -1 for an outlier."""

    id: str
    topic: int
    x: int
    y: int


@dataclass(frozen=True)
class Reason:
    """Why documents have no topic."""

    reason: str
    meaning: str  # empty if it is not one of ours
    documents: int
    share: float  # of all documents


@dataclass(frozen=True)
class Metric:
    """A number about the whole; None if it was not measured."""

    name: str
    value: float | int | None
    meaning: str  # empty if it is not one of ours


@dataclass(frozen=True)
class CurvePoint:
    """What another setting of the outlier dial would give."""

    coverage: float
    threshold: float
    agreement: float


@dataclass(frozen=True)
class Setting:
    """A setting and what it is for."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Paragraph:
    """Sentences on one question."""

    heading: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """A run in plain values. Texts are printable, single lines of bounded length, and still to be escaped."""

    title: str
    documents: int
    duplicates: int | None
    empties: int | None
    brief: tuple[Paragraph, ...]
    topics: tuple[TopicRow, ...]
    outliers: tuple[Reason, ...]
    points: tuple[Point, ...]
    placed: int  # documents that have a place on the map; all of them are drawn if they are at most `DRAWN`
    metrics: tuple[Metric, ...]
    words: str  # what the words for the numbers mean
    coverage: float | None
    curve: tuple[CurvePoint, ...]
    settings: tuple[Setting, ...]
    input: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    fingerprint: str


def summarize(run: Run) -> Summary:
    """Reduce a run to what a report shows.

    Parameters
    ----------
    run : Run
        Missing metrics, missing coordinates and missing topics are all right.

    Returns
    -------
    Summary
        The same for the same run in whatever order its documents stand. No times and no paths.
    """
    # Without consensus runs nothing was repeated, and an agreement of 1 would say nothing.
    repeated = run.config.consensus > 0
    metrics = tuple(_metrics(run.metrics if repeated else {**run.metrics, "stability": None}))
    known = {metric.name: metric.value for metric in metrics}
    documents = run.documents
    labels = documents["topic"].to_numpy(dtype=np.int64)
    duplicates, empties = _whole(known.get("duplicates")), _whole(known.get("empty"))
    outliers = _whole(known.get("outliers"))
    if outliers is None:
        outliers = int((labels == NOISE).sum()) - (empties or 0)
    grid, placed = _grid(documents)
    topics = _topics(run, _places(grid[placed], labels[placed]))
    coverage = known.get("coverage")
    if coverage is None and (labels >= 0).any():
        coverage = float((labels >= 0).sum() / (len(labels) - (empties or 0)))
    languages = tuple(plain(code, _TERM) for code in run.provenance.get("languages") or ())
    return Summary(
        title=plain(run.config.title, _VALUE) or "Topics",
        documents=len(documents),
        duplicates=duplicates,
        empties=empties,
        brief=(
            Paragraph("What was found", tuple(_found(topics, len(documents), outliers, empties or 0))),
            Paragraph("How far to trust it", tuple(_trust(topics, coverage, known))),
            Paragraph("What was read", tuple(_read(documents, duplicates, empties, known, languages))),
        ),
        topics=topics,
        outliers=_reasons(documents, labels),
        points=_points(documents, labels, grid, placed),
        placed=int(placed.sum()),
        metrics=metrics,
        words=_words(),
        coverage=coverage,
        curve=_curve(run.curve),
        settings=tuple(_settings(run)),
        input=tuple(_input(run.provenance.get("input") or {})),
        languages=languages,
        versions=tuple(
            (plain(name, _TERM), plain(version, _TERM))
            for name, version in sorted((run.provenance.get("versions") or {}).items())
        ),
        fingerprint=plain(run.provenance.get("corpus") or "", _VALUE),
    )


# --- tables


def _topics(run: Run, places: Mapping[int, tuple[int, int]]) -> tuple[TopicRow, ...]:
    texts: dict[int, list[Excerpt]] = {}
    for record in run.representatives.to_dict("records"):
        excerpt = Excerpt(plain(record["id"], _ID), plain(record["text"], _TEXT))
        texts.setdefault(int(record["topic"]), []).append(excerpt)
    numbers = [int(topic) for topic in run.topics["topic"]] if len(run.topics) else []
    colours = _colours(numbers, places)
    rows = []
    for topic, record in zip(numbers, run.topics.to_dict("records"), strict=True):
        topic_id = plain(record["topic_id"], _TERM)
        name = plain(record["name"], _NAME) or topic_id
        rows.append(
            TopicRow(
                topic=topic,
                topic_id=topic_id,
                anchor=topic_id if re.fullmatch(r"T\d+", topic_id) else f"topic-{topic}",
                name=name,
                label=_label(name),
                size=int(record["size"]),
                share=float(record["share"]),
                coherence=_number(record.get("npmi")),
                stability=_number(record.get("stability")) if run.config.consensus else None,
                terms=_terms(record["terms"], record["term_weights"]),
                representatives=tuple(texts.get(topic, ())),
                colour=colours[topic],
                place=places.get(topic),
            )
        )
    return tuple(sorted(rows, key=lambda row: row.topic))


def _terms(terms: Sequence[str], weights: Sequence[float]) -> tuple[Term, ...]:
    values = [_number(weight) or 0.0 for weight in weights]
    strongest = max(values, default=0.0)
    scale = 1 / strongest if strongest > 0 else 0.0
    return tuple(
        Term(plain(term, _TERM), round(max(value * scale, 0.0), 4)) for term, value in zip(terms, values, strict=True)
    )


def _label(name: str) -> str:
    """The first words of a name, as many as fit on a map."""
    if len(name) <= _LABEL:
        return name
    head = name[:_LABEL]
    return (head[: head.rfind(" ")] if " " in head else head[:-1]).rstrip(" ,;:·–-") + "…"


def _reasons(documents: pd.DataFrame, labels: NDArray[np.int64]) -> tuple[Reason, ...]:
    left = documents.loc[labels == NOISE]
    given = left["reason"] if "reason" in left else left["topic"].map(lambda _: "")
    named = [plain(reason, _VALUE) if isinstance(reason, str) and reason else "not said" for reason in given]
    return tuple(
        Reason(reason, _REASONS.get(reason, ""), number, number / len(documents))
        for reason, number in sorted(Counter(named).items(), key=lambda item: (-item[1], item[0]))
    )


def _metrics(values: Mapping[str, Any]) -> Iterator[Metric]:
    flat = dict(_flat(values))
    for name in [*(name for name in _MEANINGS if name in flat), *sorted(set(flat) - set(_MEANINGS))]:
        value = flat[name]
        if value is None or (isinstance(value, int | float | np.number) and not isinstance(value, bool)):
            shown = int(value) if isinstance(value, int | np.integer) else _number(value)
            yield Metric(plain(name, _TERM), shown, _MEANINGS.get(name, ""))


def _curve(curve: pd.DataFrame) -> tuple[CurvePoint, ...]:
    if not {"coverage", "threshold", "agreement"} <= set(curve.columns):
        return ()
    rows = curve[["coverage", "threshold", "agreement"]].dropna().sort_values(["coverage", "threshold"])
    return tuple(CurvePoint(*map(float, row)) for row in rows.itertuples(index=False))


def _settings(run: Run) -> Iterator[Setting]:
    fields = type(run.config).model_fields
    for name, value in sorted(run.config.decisive().items()):
        described = fields[name].description if name in fields else ""
        yield Setting(name, _shown(value), described or "")


def _input(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(_flat(values)):
        if name.rpartition(".")[2] not in _PLACES and value is not None:
            yield plain(name, _TERM), _shown(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    if value is None or value in ("", (), []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return plain(", ".join(map(str, value)), _VALUE)
    text = str(value)
    for flavour in (PurePosixPath, PureWindowsPath):
        if len(text) < 5_000 and flavour(text).is_absolute():
            return plain(f"…/{flavour(text).name}", _VALUE)
    return plain(text, _VALUE)


# --- the map


def _grid(documents: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Coordinates on the grid, both axes to the same scale and centred, and which documents have any."""
    if not {"x", "y"} <= set(documents.columns):
        return np.zeros((len(documents), 2), dtype=np.int64), np.zeros(len(documents), dtype=bool)
    raw = documents[["x", "y"]].to_numpy(dtype=np.float64)
    placed = np.isfinite(raw).all(axis=1)
    if not placed.any():
        return np.zeros(raw.shape, dtype=np.int64), placed
    low, high = raw[placed].min(axis=0), raw[placed].max(axis=0)
    span = float((high - low).max()) or 1.0
    scaled = 0.5 + (np.where(placed[:, None], raw, low) - (low + high) / 2) / span
    return np.clip(np.rint(scaled * GRID), 0, GRID).astype(np.int64), placed


def _places(grid: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[int, tuple[int, int]]:
    """For each topic, the document nearest to the median of its documents."""
    places = {}
    order = np.lexsort((grid[:, 1], grid[:, 0], labels))
    starts = np.flatnonzero(np.diff(labels[order], prepend=NOISE - 1))
    for members in np.split(order, starts[1:]):
        if len(members) and labels[members[0]] != NOISE:
            own = grid[members]
            x, y = own[np.abs(own - np.median(own, axis=0)).sum(axis=1).argmin()]
            places[int(labels[members[0]])] = (int(x), int(y))
    return places


def _colours(topics: Sequence[int], places: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """A colour for each topic, the larger first: the one whose nearest bearer is farthest away."""
    bearers: list[list[tuple[int, int]]] = [[] for _ in range(COLOURS)]
    chosen = {}
    for topic in sorted(topics):
        if topic not in places:
            chosen[topic] = topic % COLOURS
            continue
        gaps = [
            float(np.square(np.array(own) - places[topic]).sum(axis=1).min()) if own else math.inf for own in bearers
        ]
        chosen[topic] = int(np.argmax(gaps))
        bearers[chosen[topic]].append(places[topic])
    return chosen


def _points(
    documents: pd.DataFrame, labels: NDArray[np.int64], grid: NDArray[np.int64], placed: NDArray[np.bool_]
) -> tuple[Point, ...]:
    """Documents to draw, in an order that only depends on their ids; of too many, the first."""
    ids = documents["id"].astype(str).tolist()
    # A digest instead of a random draw: a document stays in the sample when others come or go.
    digests = {row: hashlib.sha256(ids[row].encode("utf-8", "replace")).digest() for row in np.flatnonzero(placed)}
    return tuple(
        Point(plain(ids[row], _ID), int(labels[row]), int(grid[row, 0]), int(grid[row, 1]))
        for row in sorted(digests, key=digests.__getitem__)[:DRAWN]
    )


# --- sentences


def _found(topics: Sequence[TopicRow], documents: int, outliers: int, empties: int) -> Iterator[str]:
    if not topics:
        yield f"No topic was found in {_many(documents, 'document')}."
        return
    were = "was" if len(topics) == 1 else "were"
    yield f"{_many(len(topics), 'topic')} {were} found in {_many(documents, 'document')}."
    largest = max(topics, key=lambda row: row.size)
    told = f"{quoted(largest.name)} ({largest.topic_id}) with {_many(largest.size, 'document')}"
    whole = "those with text" if empties else "all"
    if len(topics) == 1:
        yield f"It is {told}, {percent(largest.share)} of {whole}."
    else:
        smallest = min(row.size for row in topics)
        yield f"The largest is {told}, {percent(largest.share)} of {whole}; the smallest has {count(smallest)}."
    if outliers:
        yield f"Left over as outliers, near no topic: {_many(outliers, 'document')}."
    else:
        yield "There are no outliers."


def _trust(topics: Sequence[TopicRow], coverage: float | None, known: Mapping[str, float | None]) -> Iterator[str]:
    if not topics:
        yield "There is nothing to trust or distrust."
        return
    if coverage is not None:
        yield f"Coverage is {_word('coverage', coverage)}: {percent(coverage)} of the documents with text have a topic."
    stability = known.get("stability")
    if stability is None:
        yield "Stability was not measured."
    else:
        yield (
            f"Stability is {_word('stability', stability)} ({_signed(stability)}): when the grouping is repeated, "
            "that share of the ties between similar documents stays inside a group."
        )
    npmi = known.get("npmi")
    if npmi is None:
        yield "Coherence was not measured."
        return
    word = _word("npmi", npmi)
    often = {"high": "clearly more often than", "fair": "more often than", "low": "hardly more often than"}[word]
    often = "no more often than" if npmi <= 0 else often
    yield f"Coherence is {word} (NPMI {_signed(npmi)}): the terms of a topic occur together {often} by chance."
    weak = sorted((row for row in topics if row.coherence is not None and row.coherence <= 0), key=_coherence)
    if weak and len(topics) > 1:
        shown = ", ".join(row.topic_id for row in weak[:5]) + (", …" if len(weak) > 5 else "")
        yield f"In {_many(len(weak), 'topic')} they do so no more often than by chance; read with care: {shown}."


def _read(
    documents: pd.DataFrame,
    duplicates: int | None,
    empties: int | None,
    known: Mapping[str, float | None],
    languages: Sequence[str],
) -> Iterator[str]:
    parts = []
    if (distinct := _whole(known.get("distinct"))) is not None:
        parts.append(_many(distinct, "different text"))
    if duplicates is not None:
        parts.append(_many(duplicates, "duplicate"))
    if empties is not None:
        parts.append(f"{count(empties)} without text")
    yield f"{_many(len(documents), 'document')}{': ' if parts else ''}{_listed(parts)}."
    if "date" in documents and documents["date"].dtype.kind == "M" and documents["date"].notna().any():
        dates = documents["date"]
        yield f"They are dated from {dates.min():%Y-%m-%d} to {dates.max():%Y-%m-%d}."
    if (ami := known.get("ami")) is not None:
        yield f"With the classes that were given, topics agree to an AMI of {_signed(ami)}; 1 is full, 0 mere chance."
    if languages:
        yield f"Stop words of {_listed(languages)} were left out of the terms."


def _word(name: str, value: float) -> str:
    high, fair = _BOUNDS[name]
    value = round(value, 2)  # as it is shown
    return "high" if value >= high else "fair" if value >= fair else "low"


def _words() -> str:
    told = {"coverage": "coverage", "stability": "stability", "npmi": "coherence (NPMI)"}
    parts = [f"{told[name]} from {high:g} and fair from {fair:g}" for name, (high, fair) in _BOUNDS.items()]
    return f"“High” means {_listed(parts, last='; ')}; “low” is anything less. The bounds are rules of thumb."


def _many(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _listed(parts: Sequence[str], last: str = " and ") -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1]) if last == ' and ' else last.join(parts[:-1])}{last}{parts[-1]}"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _coherence(row: TopicRow) -> tuple[float, int]:
    return row.coherence or 0.0, row.topic


def _number(value: Any) -> float | None:
    """A finite float, or None."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
