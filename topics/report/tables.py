"""The tables behind the report: what its pages show, its CSV downloads hold and the run folder keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from topics.report.values import Classes, Evaluated, Summary, TopicRow, Update, WordMatrix

Kind = Literal["text", "id", "count", "share", "number", "topic"]
_SHOWN_CLASSES = 30  # columns of the table of classes; the rest is one column


@dataclass(frozen=True)
class Column:
    """A column; a topic is a number whose cell shows its permanent id."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows of plain values."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


def tables_of(summary: Summary) -> dict[str, Table]:
    """Every table of a report that has rows, by name."""
    ids = {row.topic: row.topic_id for row in summary.topics}
    return {table.name: table for table in _tables(summary, ids) if table.rows}


def frame(table: Table) -> pd.DataFrame:
    """A table as a DataFrame, for the run folder."""
    import pandas as pd

    names = [column.name for column in table.columns]
    kinds: dict[Kind, str] = {
        "text": "str",
        "id": "str",
        "topic": "str",
        "count": "int64",
        "share": "float64",
        "number": "float64",
    }
    made = pd.DataFrame([list(row) for row in table.rows], columns=range(len(names)))
    made = made.astype({place: kinds[column.kind] for place, column in enumerate(table.columns)})
    made.columns = pd.Index(unique(names))
    return made


def unique(names: Sequence[str]) -> list[str]:
    """Names of columns, told apart by a number where they are alike.

    Examples
    --------
    >>> unique(["a", "b", "a"])
    ['a', 'b', 'a (2)']
    """
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told


def _tables(summary: Summary, ids: dict[int, str]) -> Iterator[Table]:
    rows = summary.topics
    yield _topics(rows)
    yield Table(
        "similar",
        "Topics alike: the cosine of their centroids",
        (Column("topic", "topic"), Column("similar_to", "topic"), Column("similarity", "number")),
        tuple((row.topic_id, ids.get(other.topic, ""), other.similarity) for row in rows for other in row.similar),
    )
    yield Table(
        "subtopics",
        "Sub-topics: what topics fall into",
        (
            Column("topic", "topic"),
            Column("name"),
            Column("documents", "count"),
            Column("share", "share"),
            Column("stability", "number"),
            Column("terms"),
            Column("document", "id"),
        ),
        tuple(
            (row.topic_id, sub.name, sub.size, sub.share, sub.stability, ", ".join(sub.words), sub.central)
            for row in rows
            for sub in row.subs
        ),
    )
    yield Table(
        "hierarchy",
        "How the topics become one, pair by pair",
        (
            Column("topics_left", "count"),
            Column("kept", "topic"),
            Column("taken_in", "topic"),
            Column("name"),
            Column("documents", "count"),
        ),
        tuple(
            (len(rows) - step, ids[merge.kept], ids[merge.gone], merge.name, merge.documents)
            for step, merge in enumerate(summary.merges, 1)
        ),
    )
    if summary.timeline is not None:
        yield from _time(summary, rows)
    if summary.classes is not None:
        yield _classes(summary.classes, rows)
    if summary.matrix is not None:
        yield _words(summary.matrix, ids)
    yield Table(
        "dial",
        "What other settings of the coverage would give",
        (Column("coverage", "share"), Column("threshold", "number"), Column("agreement", "number")),
        tuple((point.coverage, point.threshold, point.agreement) for point in summary.curve),
    )
    yield Table(
        "reasons",
        "Documents without a topic, by reason",
        (Column("reason"), Column("documents", "count"), Column("share", "share"), Column("meaning")),
        tuple((reason.reason, reason.documents, reason.share, reason.meaning) for reason in summary.outliers),
    )
    yield Table(
        "outliers",
        "Some of the documents without a topic",
        (
            Column("id", "id"),
            Column("first_words"),
            Column("reason"),
            Column("nearest", "topic"),
            Column("confidence", "number"),
        ),
        tuple((one.id, one.text, one.reason, ids.get(one.nearest, ""), one.confidence) for one in summary.examples),
    )
    yield Table(
        "duplicates",
        "Texts that occur most often",
        (Column("documents", "count"), Column("topic", "topic"), Column("first_words"), Column("ids", "id")),
        tuple((text.documents, ids.get(text.topic, ""), text.text, ", ".join(text.ids)) for text in summary.repeated),
    )
    if summary.evaluated is not None:
        yield _evaluation(summary.evaluated)
    if summary.update is not None:
        yield _changes(summary.update)


def _evaluation(evaluated: Evaluated) -> Table:
    return Table(
        "evaluation",
        "What was measured afterwards, topic by topic",
        (Column("topic", "topic"), *(Column(name, "number") for name in evaluated.measures)),
        tuple((topic_id, *values) for topic_id, values in evaluated.topics),
    )


def _topics(rows: Sequence[TopicRow]) -> Table:
    moved = any(row.trend is not None for row in rows)
    trend = (Column("share_before", "share"), Column("share_after", "share"), Column("z", "number")) if moved else ()
    return Table(
        "topics",
        "The topics",
        (
            Column("topic", "topic"),
            Column("name"),
            Column("documents", "count"),
            Column("share", "share"),
            Column("coherence", "number"),
            Column("stability", "number"),
            Column("terms"),
            *trend,
        ),
        tuple(
            (
                row.topic_id,
                row.name,
                row.size,
                row.share,
                row.coherence,
                row.stability,
                ", ".join(term.text for term in row.terms),
                *((row.trend.before, row.trend.after, row.trend.z) if row.trend else (None,) * len(trend)),
            )
            for row in rows
        ),
    )


def _time(summary: Summary, rows: Sequence[TopicRow]) -> Iterator[Table]:
    timeline = summary.timeline
    assert timeline is not None
    yield Table(
        "periods",
        f"Documents of every topic by {timeline.unit}",
        (Column("topic", "topic"), *(Column(start, "count") for start in timeline.periods)),
        (("all", *timeline.totals), *((row.topic_id, *row.counts) for row in rows)),
    )
    yield Table(
        "bursts",
        "Bursts, the clearest first",
        (
            Column("topic", "topic"),
            Column("from"),
            Column("to"),
            Column("documents", "count"),
            Column("weight", "number"),
            Column("words"),
        ),
        tuple(
            (
                row.topic_id,
                timeline.periods[burst.first],
                timeline.periods[burst.last],
                burst.documents,
                burst.weight,
                ", ".join(burst.words),
            )
            for row, burst in sorted(
                ((row, burst) for row in rows for burst in row.bursts),
                key=lambda pair: (-pair[1].weight, pair[0].topic),
            )
        ),
    )


def _classes(classes: Classes, rows: Sequence[TopicRow]) -> Table:
    others = len(classes.names) > _SHOWN_CLASSES
    last = (Column(f"{len(classes.names) - _SHOWN_CLASSES} other classes", "count"),) if others else ()

    def cells(counts: Sequence[int]) -> tuple[int, ...]:
        return (*counts[:_SHOWN_CLASSES], *((sum(counts[_SHOWN_CLASSES:]),) if others else ()))

    return Table(
        "classes",
        "Documents of every topic by class",
        (Column("topic", "topic"), *(Column(name, "count") for name in classes.names[:_SHOWN_CLASSES]), *last),
        (
            ("all", *cells(classes.totals)),
            *((row.topic_id, *cells(counts)) for row, counts in zip(rows, classes.counts, strict=True)),
        ),
    )


def _words(matrix: WordMatrix, ids: dict[int, str]) -> Table:
    return Table(
        "words",
        "How strongly terms belong to topics: c-TF-IDF in nats",
        (Column("term"), *(Column(ids[topic], "number") for topic in matrix.topics)),
        tuple((term, *weights) for term, weights in zip(matrix.terms, matrix.weights, strict=True)),
    )


def _changes(update: Update) -> Table:
    return Table(
        "changes",
        "What became of the topics of the run before",
        (
            Column("event"),
            Column("topic", "topic"),
            Column("name"),
            Column("before", "id"),
            Column("documents", "count"),
            Column("documents_before", "count"),
            Column("in_both", "count"),
            Column("similarity", "number"),
            Column("overlap_of_terms", "number"),
        ),
        tuple(
            (
                row.event,
                row.topic_id,
                row.name,
                row.previous_id,
                row.size,
                row.previous_size,
                row.shared,
                row.similarity,
                row.terms,
            )
            for row in update.changes
        ),
    )
