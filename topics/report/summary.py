"""Everything a report shows, computed once from a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE
from topics.report import periods
from topics.report.bursts import find_bursts, with_words
from topics.report.changes import changes
from topics.report.crossings import count_classes, word_matrix
from topics.report.evaluated import evaluated
from topics.report.kinship import merge_steps
from topics.report.leftovers import examples, reasons, repeated
from topics.report.map import grid_of, places_of, points_of, spots_of
from topics.report.method import digests_of, input_of, settings_of, versions_of
from topics.report.numbers import curve_of, metrics_of
from topics.report.plain import plain
from topics.report.prose import again, bounds, followed, found, moved, trust, was_read
from topics.report.rows import rows_of
from topics.report.values import Paragraph, Summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topics.run import Run

_TERM, _TEXT, _VALUE = 60, 600, 200  # longest, in characters


def summarize(run: Run, evaluation: Mapping[str, Any] | None = None) -> Summary:
    """Reduce a run to what a report shows.

    Parameters
    ----------
    run : Run
        Missing metrics, missing coordinates and missing topics are all right.
    evaluation : mapping, optional
        What `topics.evaluate` measured of it, as `evaluation.json` holds it.

    Returns
    -------
    Summary
        The same for the same run in whatever order its documents stand. No times and no paths.
    """
    metrics = tuple(metrics_of(run.metrics))
    known = {metric.name: metric.value for metric in metrics}
    documents, k = run.documents, len(run.topics)
    labels = documents["topic"].to_numpy(dtype=np.int64)
    duplicates, empties = _whole(known.get("duplicates")), _whole(known.get("empty"))
    outliers = _whole(known.get("outliers"))
    if outliers is None:
        outliers = int((labels == NOISE).sum()) - (empties or 0)
    coverage = known.get("coverage")
    if coverage is None and (labels >= 0).any():
        coverage = float((labels >= 0).sum() / (len(labels) - (empties or 0)))

    grid, placed = grid_of(documents)
    timeline, counts = periods.count_periods(documents, labels, k, run.config.periods) or (
        None,
        np.zeros((0, 0), dtype=np.int64),
    )
    totals = np.array(timeline.totals if timeline else (), dtype=np.int64)
    classes, class_of = count_classes(documents, labels, k) or (None, None)
    topics = rows_of(
        run,
        places_of(grid[placed], labels[placed]),
        counts.tolist(),
        with_words(run, timeline, counts, find_bursts(counts, totals)),
        periods.trends(counts, totals),
        spots_of(run, grid, placed),
    )
    merges = merge_steps(run)
    words = words_of(run)
    languages = tuple(plain(code, _TERM) for code in run.provenance.get("languages") or ())
    advice = [plain(told, _TEXT) for told in run.provenance.get("advice") or ()]
    update = changes(run)
    closer = evaluated(evaluation, known)
    brief = (
        Paragraph("What was found", tuple(found(topics, len(documents), outliers, empties or 0))),
        Paragraph("What moved", tuple(moved(topics, timeline))),
        Paragraph("What changed since the last run", tuple(followed(update))),
        Paragraph("How far to trust it", (*trust(topics, coverage, known), *again(closer))),
        Paragraph("What was read", tuple(was_read(documents, duplicates, empties, known, languages, advice))),
    )
    return Summary(
        title=plain(run.config.title, _VALUE) or "Topics",
        documents=len(documents),
        duplicates=duplicates,
        empties=empties,
        brief=tuple(paragraph for paragraph in brief if paragraph.sentences),
        topics=topics,
        aspects=tuple(dict.fromkeys((words.aspect, words.title) for row in topics for words in row.aspects)),
        outliers=reasons(documents, labels),
        points=points_of(documents, labels, grid, placed, words, class_of),
        placed=int(placed.sum()),
        metrics=metrics,
        words=bounds(),
        coverage=coverage,
        curve=curve_of(run.curve),
        settings=tuple(settings_of(run)),
        input=tuple(input_of(run.provenance.get("input") or {})),
        languages=languages,
        versions=tuple(versions_of(run.provenance)),
        fingerprint=plain(run.provenance.get("corpus") or "", _VALUE),
        timeline=timeline,
        classes=classes,
        matrix=word_matrix(run, merges),
        merges=merges,
        examples=examples(documents, labels, words),
        repeated=repeated(documents, run.rows, words),
        update=update,
        evaluated=closer,
        digests=tuple(digests_of(run)),
    )


def words_of(run: Run) -> dict[str, str]:
    """The first words of the documents as they are, by id; empty where the run keeps none."""
    return {} if run.excerpts is None else dict(zip(run.excerpts["id"], run.excerpts["text"], strict=True))


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
