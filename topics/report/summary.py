"""Everything a report shows, computed once from a run."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.aspects import TITLES
from topics.data import NOISE
from topics.report.map import colours_of, grid_of, places_of, points_of
from topics.report.plain import ID, plain
from topics.report.prose import bounds, found, trust, was_read
from topics.report.values import CurvePoint, Excerpt, Metric, Paragraph, Reason, Setting, Summary, Term, TopicRow, Words
from topics.run import aspects_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run

_NAME, _TERM, _TEXT, _VALUE, _LABEL = 120, 60, 600, 200, 26  # longest, in characters

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
    "u_mass": "Coherence by how often documents with one of a topic’s terms hold the terms before it; 0 at most.",
    "embedding_coherence": "Coherence: how alike the texts that hold a topic’s terms are, from −1 to 1.",
    "diversity": "Share of different words among the terms of all topics; 1 if no two topics share a term.",
    "inverted_rbo": "How much the terms of topics differ, the first ones more than the last; 1 if no two share a term.",
    "stability": "Share of the ties between similar documents that stays inside a group when the grouping is repeated.",
    "silhouette": "How much nearer documents are to their own topic than to the next one, from −1 to 1.",
    "effective_dimension": "How far the vectors use their dimensions: as many as would do if all were used alike.",
    "mean_cosine": "How alike two texts are on average; near 1 the vectors point the same way, near 0 everywhere.",
    "effective_dimension_before": "How far they used them before post-processing.",
    "mean_cosine_before": "How alike two texts were before post-processing.",
    "nmi": "Agreement with the given classes, 0 to 1 (normalised mutual information).",
    "ami": "The same, corrected so that chance gives 0.",
    "ari": "Agreement with the given classes over pairs of documents; chance gives 0.",
    "v_measure": "The mean of homogeneity and completeness; the same as nmi.",
    "homogeneity": "How far a topic holds documents of one class only, 0 to 1.",
    "completeness": "How far a class lies in one topic only, 0 to 1.",
    "purity": "Share of documents whose class is the most frequent one of their topic.",
}
_MEANINGS |= {
    f"{name}_placed": "The same, among the documents that have a topic."
    for name in ("nmi", "ami", "ari", "v_measure", "homogeneity", "completeness", "purity")
}
_REASONS = {
    "empty": "There is no text.",
    "no topics": "There are none.",
    "coverage reached": "It is clear enough, but the share of documents asked for has a topic.",
    "far from all": "The documents nearest to it are farther than those of 95% of all are from them.",
    "between topics": "The documents around it speak for two topics; were these one, it would be clear enough.",
    "unclear": "The documents around it speak for no topic clearly enough.",
}
# Where the input lay is no part of a report. Nor are the notes on how it was read: a rerun from
# config.toml is told what a first run guesses, and would say something else.
_PLACES = ("path", "paths", "file", "files", "folder", "source", "root", "location")


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
    metrics = tuple(_metrics(run.metrics))
    known = {metric.name: metric.value for metric in metrics}
    documents = run.documents
    labels = documents["topic"].to_numpy(dtype=np.int64)
    duplicates, empties = _whole(known.get("duplicates")), _whole(known.get("empty"))
    outliers = _whole(known.get("outliers"))
    if outliers is None:
        outliers = int((labels == NOISE).sum()) - (empties or 0)
    grid, placed = grid_of(documents)
    topics = _topics(run, places_of(grid[placed], labels[placed]))
    coverage = known.get("coverage")
    if coverage is None and (labels >= 0).any():
        coverage = float((labels >= 0).sum() / (len(labels) - (empties or 0)))
    languages = tuple(plain(code, _TERM) for code in run.provenance.get("languages") or ())
    advice = [plain(told, _TEXT) for told in run.provenance.get("advice") or ()]
    return Summary(
        title=plain(run.config.title, _VALUE) or "Topics",
        documents=len(documents),
        duplicates=duplicates,
        empties=empties,
        brief=(
            Paragraph("What was found", tuple(found(topics, len(documents), outliers, empties or 0))),
            Paragraph("How far to trust it", tuple(trust(topics, coverage, known))),
            Paragraph("What was read", tuple(was_read(documents, duplicates, empties, known, languages, advice))),
        ),
        topics=topics,
        aspects=tuple(dict.fromkeys((words.aspect, words.title) for row in topics for words in row.aspects)),
        outliers=_reasons(documents, labels),
        points=points_of(documents, labels, grid, placed),
        placed=int(placed.sum()),
        metrics=metrics,
        words=bounds(),
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
        excerpt = Excerpt(plain(record["id"], ID), plain(record["text"], _TEXT))
        texts.setdefault(int(record["topic"]), []).append(excerpt)
    numbers = [int(topic) for topic in run.topics["topic"]] if len(run.topics) else []
    colours = colours_of(numbers, places)
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
                aspects=tuple(
                    Words(aspect, plain(TITLES.get(aspect, aspect), _TERM), tuple(plain(word, _TERM) for word in words))
                    for aspect, words in aspects_of(record)
                ),
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


def _number(value: Any) -> float | None:
    """A finite float, or None."""
    if value is None:
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
