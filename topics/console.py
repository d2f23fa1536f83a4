"""A run in a terminal: progress, tables, where the time went."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from topics.data import normalise
from topics.progress import LogWatcher, watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from topics.evaluation import Evaluation
    from topics.run import Run
    from topics.search import Found

_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))  # bidirectional overrides and isolates
_WORDS = 100  # characters of a document that a search shows
_PATIENCE = 2.0  # seconds before a bar is shown
_DIAL, _SAME = (0.8, 0.9, 0.95, 1.0), 0.005  # coverages shown, if no nearer to the present one


class BarWatcher:
    """A progress bar with rate and time left, for work that takes longer than two seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None

    def start(self, task: str, total: int, unit: str) -> None:
        self._task, self._total, self._unit, self._done = task, total, unit, 0
        self._began = time.monotonic()

    def advance(self, amount: int) -> None:
        self._done += amount
        passed = time.monotonic() - self._began
        if self._bar is None and passed > _PATIENCE and self._done < self._total:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}, {task.fields[rate]} a second"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._row = self._bar.add_task(self._task, total=self._total, unit=self._unit, rate="")
            self._bar.start()
        if self._bar is not None:
            self._bar.update(self._row, completed=self._done, rate=f"{self._done / passed:,.0f}")

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def telling(quiet: bool) -> Iterator[None]:
    """Show what the library logs and how far it is, on standard error; with `quiet` only warnings."""
    console = Console(stderr=True)
    handler: logging.Handler
    if console.is_terminal:
        from rich.logging import RichHandler

        handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("topics")
    before, propagated = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False
    try:
        with watched(BarWatcher(console) if console.is_terminal and not quiet else LogWatcher()):
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        logger.propagate = propagated


def print_result(
    run: Run, folder: Path, seconds: float, most: int = 10, around: str = "loading, report and files"
) -> None:
    """What a fit came to: the largest topics, the numbers that matter, the time, the report.

    `around` names what the time outside the stages went into.
    """
    from topics.report.terminal import topics_table

    console = out()
    metrics = run.metrics
    read_now = run.stages and not run.stages[0].cached  # then the notes have just been logged
    for note in (*(() if read_now else run.provenance["notes"]), *run.provenance["advice"]):
        console.print(Text(f"  {_plain(note)}", style="dim"))
    console.print()
    console.print(topics_table(run, most))
    if len(run.topics) > most:
        left = len(run.topics) - most
        console.print(f"  … and {_many(left, 'smaller topic')}: topics show {folder}", highlight=False)
        console.print()
    told = [
        f"{_many(metrics['documents'], 'document')} ({metrics['duplicates']:,} repeated, {metrics['empty']:,} empty)",
        f"{_many(metrics['topics'], 'topic')} with {metrics['coverage']:.1%} of those that have text; "
        f"{_many(metrics['outliers'], 'outlier')}",
        "stability {} · coherence (NPMI) {} · diversity {}".format(
            *(_number(metrics[name]) for name in ("stability", "npmi", "diversity"))
        ),
    ]
    if metrics.get("placed"):
        from topics.assignment import EXACT

        how = ", by voters found in cells: 99 of a hundred" if metrics["fitted"] > EXACT else ""
        placed = f"{metrics['placed']:,} placed among them{how}"
        told.insert(1, f"topics found in {metrics['fitted']:,} of these documents; {placed}")
    told += dial_told(run)
    told += vectors_told(metrics)
    if "ami" in metrics:
        told.append(
            "against the classes: " + " · ".join(f"{n.upper()} {_number(metrics[n])}" for n in ("ami", "ari", "nmi"))
        )
    for line in told:
        console.print(f"  {line}", highlight=False)
    console.print()
    computed = [stage for stage in run.stages if not stage.cached]
    slowest = sorted(computed, key=lambda stage: -stage.seconds)[:5]
    where = [", ".join(f"{stage.name} {stage.seconds:.1f} s" for stage in slowest if stage.seconds >= 0.05)]
    if not computed:
        where = ["nothing had changed, so nothing was computed"]
    elif len(computed) < len(run.stages):
        where.append(f"{len(run.stages) - len(computed)} of {len(run.stages)} steps were in the store")
    where.append(f"{around} {seconds - sum(stage.seconds for stage in run.stages):.1f} s")
    console.print(f"  {seconds:.1f} s: {'; '.join(filter(None, where))}", highlight=False)
    console.print(f"  Report: {folder / 'report.html'}", highlight=False, soft_wrap=True)


def vectors_told(metrics: Mapping[str, Any]) -> list[str]:
    """A line on how far the vectors use their dimensions, and did before post-processing; none where it is not known.

    Examples
    --------
    >>> vectors_told({"effective_dimension": 61.2, "mean_cosine": 0.001, "effective_dimension_before": 33.4})
    ['vectors: effective dimension 61 (33 before) · mean cosine 0.00']
    """
    if metrics.get("effective_dimension") is None:
        return []
    told = []
    for name, label, digits in (("effective_dimension", "effective dimension", 0), ("mean_cosine", "mean cosine", 2)):
        before = metrics.get(f"{name}_before")
        told.append(
            f"{label} {metrics[name]:z.{digits}f}" + ("" if before is None else f" ({before:z.{digits}f} before)")
        )
    return [f"vectors: {' · '.join(told)}"]


def dial_told(run: Run) -> list[str]:
    """A line on what other settings of `coverage` would give; none where there is no choice or nothing is known."""
    documents = run.documents
    placed = documents["topic"] >= 0
    if "confidence" not in documents or not placed.any() or len(run.curve) < 2:
        return []
    here = run.metrics["coverage"]
    rows = [(run.curve["coverage"] - coverage).abs().idxmin() for coverage in _DIAL]
    others = run.curve.loc[list(dict.fromkeys(rows))]
    told = [
        f"{point.coverage:.0%} would give {point.agreement:.2f}"
        for point in others.itertuples()
        if abs(point.coverage - here) > _SAME
    ]
    return [
        f"expected agreement {documents['confidence'][placed].mean():.2f} at coverage {here:.1%}; {', '.join(told)}"
    ]


def layers_table(run: Run) -> Table:
    """Coarser topics, layer by layer."""
    rows = [
        (
            f"{row['layer']}",
            f"{row['topic']}",
            f"{row['size']:,}",
            _share(row["share"]),
            row["name"],
            " ".join(row["topic_ids"]),
        )
        for row in run.layers.to_dict("records")
    ]
    return _table(("layer>", "topic>", "documents>", "share>", "name", "topics"), rows)


def print_evaluation(evaluation: Evaluation, run: Run, path: Path, most: int = 10) -> None:
    """What an evaluation came to: of the whole, what each number says; of the largest topics; where the rest is."""
    from topics.evaluation import MEANINGS

    console = out()
    told = [(name, _number(value), MEANINGS[name]) for name, value in evaluation.overall.items()]
    console.print(_table(("measure", "value>", "what it says"), told))
    measures = [name for name in evaluation.topics if name != "topic_id"]
    if measures and len(run.topics):
        shown = evaluation.topics.merge(run.topics[["topic_id", "name"]], on="topic_id").head(most)
        rows = [
            (row["topic_id"], row["name"], *(_number(row[name]) for name in measures))
            for row in shown.to_dict("records")
        ]
        console.print(_table(("topic", "name", *(f"{name}>" for name in measures)), rows))
        if len(run.topics) > most:
            console.print(f"  … and {_many(len(run.topics) - most, 'smaller topic')}: {path}", highlight=False)
    console.print(f"  Evaluation: {path}", highlight=False, soft_wrap=True)


def print_topic(run: Run, which: str) -> None:
    """One topic: its numbers, terms, documents, and nearest neighbours."""
    from topics.report.terminal import portrait

    out().print(portrait(run, which))


def print_encoders(encoders: Sequence[Mapping[str, Any]], schemes: Sequence[Mapping[str, Any]]) -> None:
    """Encoders as `topics.catalogue.list_encoders` tells them, why some cannot be used, and what schemes there are."""
    console = out()
    told = [
        (
            row["name"],
            row["family"],
            row["where"],
            _count(row["dimension"]),
            _count(row["max_length"]),
            "–" if row["bytes"] is None else decimal(row["bytes"]),
            row["prepared"] or "–",
            f"{row['vectors']:,}",
        )
        for row in encoders
    ]
    heads = ("name", "family", "where", "dimensions>", "tokens>", "size>", "prepared", "vectors kept>")
    console.print(_table(heads, told) if told else "\n  No encoder is on this machine.")
    _print_problems(console, encoders)
    families = [
        (f"{row['scheme']}:", row["example"], "; ".join((row["needs"], *(f"${name} is set" for name in row["found"]))))
        for row in schemes
    ]
    console.print(_table(("scheme", "example", "what it needs"), families))


def print_trial(rows: Sequence[Mapping[str, Any]]) -> None:
    """What `topics.trial.try_encoders` found, and why some failed."""
    console = out()
    classes = any(row["agreement"] is not None for row in rows)
    heads = ("name", "dimensions>", "prepare>", "load>", "texts/s>", "per CPU s>", "whole input>", "too long>")
    told = [
        (
            row["name"],
            _count(row["dimension"]),
            _seconds(row["preparing"]),
            _seconds(row["loading"]),
            _rate(row["per_second"]),
            _rate(row["per_cpu_second"]),
            _seconds(row["estimate"]),
            _share(row["too_long"]),
            *((_share(row["agreement"]),) if classes else ()),
        )
        for row in rows
    ]
    console.print(_table((*heads, "class told>") if classes else heads, told))
    _print_problems(console, rows)
    console.print(f"  On {rows[0]['texts']:,} texts, on this machine as busy as it is.", highlight=False)
    if classes:
        baseline = next(row["baseline"] for row in rows if row["baseline"] is not None)
        console.print(
            f"  class told: the class of most of a text's ten nearest others is its own; {_share(baseline)} by "
            "naming the largest class.",
            highlight=False,
        )


def _print_problems(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        if row["problem"]:
            console.print(Text(f"  {_plain(row['name'])}: {_plain(row['problem'])}", style="yellow"), soft_wrap=True)


def print_sweep(found: pd.DataFrame, paths: Sequence[Path]) -> None:
    """What `topics.sweeping.sweep` found, the best first."""
    console = out()
    names = [name for name in found.columns if name not in ("best", "problem")]
    numbers = {name for name in names if found[name].dtype.kind in "fi"}
    told = []
    for row in found.to_dict("records"):
        cells = [
            f"{row[name]:.4g}" if name in numbers and row[name] == row[name] else _told(row[name]) for name in names
        ]
        told.append(("*" if row["best"] else "", *cells))
    console.print(_table(("best", *(f"{name}{'>' if name in numbers else ''}" for name in names)), told))
    for problem in dict.fromkeys(found["problem"]):
        if problem:
            console.print(Text(f"  {_plain(problem)}", style="red"))
    console.print(
        "  *: no other is at least as good in coverage, coherence and stability and better in one.", highlight=False
    )
    console.print(f"  {paths[0]} and {paths[1].name}", highlight=False)


def _told(value: Any) -> str:
    return "–" if value is None or value != value else str(value)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts; columns whose head ends in > stand on the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=True)
    for head in heads:
        table.add_column(head.rstrip(">"), justify="right" if head.endswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_plain(cell)) for cell in row))
    return table


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    if value is None or value < 60:
        return "–" if value is None else f"{value:.1f} s"
    minutes = value / 60
    return f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:,.1f} h"


def print_found(found: Found) -> None:
    """What a search came to: topics, then documents, the most similar first."""
    console = out()
    console.print()
    for topic in found.topics.itertuples():
        console.print(
            Text.assemble(f"  {topic.similarity:.2f}  ", (str(topic.topic_id), "bold"), f"  {_plain(topic.name)}")
        )
    console.print()
    for document in found.documents.itertuples():
        words = f"  {str(document.topic_id) or '–':<5}  {_plain(document.text)[:_WORDS]}"
        console.print(Text.assemble(f"  {document.similarity:.2f}  ", (_plain(document.id), "bold"), words))
    console.print()


def out() -> Console:
    """Standard output; as wide as it takes when it is not a terminal, so that nothing is cut."""
    return Console(width=None if sys.stdout.isatty() else 160, markup=False)  # a folder may be named "[b]"


def _plain(text: Any) -> str:
    """No control character reaches the terminal, and none that turns the direction of what follows."""
    return normalise(str(text)).translate(_TURNING)


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s'[: number != 1]}"


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.2f}"
