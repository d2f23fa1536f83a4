"""A run, and one of its topics, in a terminal: tables by rich, which leaves colours out where nobody sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from topics.aspects import TITLES
from topics.report.bursts import find_bursts
from topics.report.course import course
from topics.report.numbers import number
from topics.report.periods import count_periods
from topics.report.plain import plain
from topics.run import aspects_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from rich.console import RenderableType

    from topics.report.values import Timeline
    from topics.run import Run

_TERM, _TERMS, _ID, _TEXT, _SIMILAR = 60, 200, 80, 300, 3
_BAR = 24  # cells of the longest bar
_WEAK = 0.0  # coherence that is no more than chance


def topics_table(run: Run, most: int | None = None) -> Table:
    """The topics, the largest first, one a line: how large, what about, how they went over time, how far to trust."""
    courses = _courses(run)
    table = Table(box=SIMPLE_HEAD, pad_edge=True)
    table.add_column("topic", no_wrap=True, style="bold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what it is about", ratio=1)
    if courses:
        table.add_column("over time", no_wrap=True, style="cyan")
    table.add_column("npmi", justify="right", no_wrap=True)
    table.add_column("stable", justify="right", no_wrap=True)
    shown = run.topics.head(most or len(run.topics))
    largest = float(run.topics["share"].max()) if len(run.topics) else 0.0
    for place, row in enumerate(shown.to_dict("records")):
        table.add_row(
            plain(row["topic_id"], _TERM),
            f"{row['size']:,}",
            f"{row['share']:.1%}",
            _bar(row["share"], largest, 10),
            _words(row["terms"]),
            *((courses[place],) if courses else ()),
            _trust(row["npmi"]),
            _told(row["stability"]),
        )
    return table


def portrait(run: Run, which: int | str) -> RenderableType:
    """One topic: its numbers, its course over time, its terms with weights, documents, and the topics nearest to it.

    Raises
    ------
    InvalidInput
        If there is no such topic.
    """
    row = run.topic(which)
    head = Text.assemble("  ", (f"{plain(row.topic_id, _TERM)} ", "bold cyan"), (plain(row["name"], _TERMS), "bold"))
    numbers = Text(
        f"  {row['size']:,} documents, {row.share:.1%} · npmi {_told(row.npmi)} · stability {_told(row.stability)} · "
        f"{row.status} {row.first_seen}"
    )
    parts: list[RenderableType] = ["", head, numbers, *_over_time(run, int(row.topic)), "", _terms(row)]
    parts += [
        Text(f"  {TITLES.get(name, name)}: {plain(', '.join(words), 1_000)}", style="dim")
        for name, words in aspects_of(row)
    ]
    shown = run.representatives[run.representatives.topic == row.topic]
    if len(shown):
        documents = Table.grid(padding=(0, 2))
        documents.add_column(style="bold", overflow="fold", max_width=24)
        documents.add_column(overflow="fold")
        for document in shown.itertuples():
            documents.add_row(Text(plain(document.id, _ID)), Text(plain(document.text, _TEXT)))
        parts += ["", _indented(documents)]
    parts += _subtopics(run, str(row.topic_id))
    similar = list(_similar(run, int(row.topic)))
    parts += ["", *similar] if similar else []
    return Group(*parts, "")


def _indented(table: Table) -> Padding:
    return Padding(table, (0, 0, 0, 2), expand=False)


def _terms(row: Any) -> Padding:
    terms = Table.grid(padding=(0, 2))
    terms.add_column(overflow="fold", min_width=20, max_width=40)
    terms.add_column(no_wrap=True)
    terms.add_column(justify="right")
    strongest = max(row.term_weights, default=1.0)
    for term, weight in zip(row.terms, row.term_weights, strict=True):
        terms.add_row(Text(plain(term, _TERM)), _bar(weight, strongest, _BAR), f"{weight:.4f}")
    return _indented(terms)


def _subtopics(run: Run, topic_id: str) -> list[RenderableType]:
    found = run.subtopics[run.subtopics["topic_id"] == topic_id]
    if not len(found):
        return []
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for size, terms in zip(found["size"].tolist(), found["terms"], strict=True):
        table.add_row(f"{size:,}", _bar(size, found["size"].max(), _BAR // 2), _words(terms))
    return ["", Text("  Falls into", style="dim"), _indented(table)]


def _over_time(run: Run, topic: int) -> Iterator[Text]:
    found = _counted(run)
    if found is None:
        return
    timeline, counts = found
    totals = np.array(timeline.totals)
    yield Text.assemble(
        f"  {timeline.periods[0]} ", (course(counts[topic], totals, 48), "cyan"), f" {timeline.periods[-1]}"
    )
    bursts = find_bursts(counts[topic : topic + 1], totals)[0]
    if bursts:
        spans = (
            timeline.periods[burst.first]
            + (f" to {timeline.periods[burst.last]}" if burst.last > burst.first else "")
            + f" ({burst.documents:,})"
            for burst in bursts
        )
        yield Text(f"  bursts: {', '.join(spans)}", style="dim")


def _counted(run: Run) -> tuple[Timeline, NDArray[np.int64]] | None:
    labels = run.documents["topic"].to_numpy(np.int64)
    return count_periods(run.documents, labels, len(run.topics), run.config.periods)


def _similar(run: Run, topic: int) -> Iterator[Text]:
    cosines = run.model.centroids @ run.model.centroids[topic]
    for other in [int(place) for place in (-cosines).argsort(kind="stable") if place != topic][:_SIMILAR]:
        named = run.topics.iloc[other]
        yield Text(
            f"  {cosines[other]:.2f} like {plain(named.topic_id, _TERM)} {plain(named['name'], _TERMS)}", style="dim"
        )


def _courses(run: Run) -> list[str]:
    found = _counted(run)
    if found is None:
        return []
    return [course(row, found[0].totals) for row in found[1]]


def _words(terms: Sequence[str]) -> Text:
    """The first words stand out."""
    first, rest = plain(" ".join(terms[:3]), _TERMS), plain(" ".join(terms[3:]), _TERMS)
    return Text.assemble(first, (f" {rest}" if rest else "", "dim"))


def _bar(value: float, largest: float, cells: int) -> Text:
    eighths = max(round(8 * cells * value / largest), 1) if largest > 0 else 0
    return Text("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip(), style="cyan")


def _trust(value: Any) -> Text:
    found = number(value)
    return Text(_told(value), style="yellow" if found is not None and found <= _WEAK else "")


def _told(value: Any) -> str:
    found = number(value)
    return "–" if found is None else f"{found:.2f}"
