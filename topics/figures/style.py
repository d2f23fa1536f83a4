"""What all figures have in common: their colours, their headings, and how much they draw."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE
from topics.errors import InvalidConfig, InvalidInput
from topics.report.map import colours_of, places_of
from topics.report.plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run

NAME = 44  #: characters of a topic's name that a figure shows
ROWS = 5000  #: most rows of a table that Altair puts into a chart, unless it is told otherwise
WIDTH = 680  #: of a figure, in pixels


@dataclass(frozen=True)
class Ink:
    """The colours of a figure; those of topics are the report's."""

    paper: str
    text: str
    soft: str
    faint: str
    outlier: str
    topics: tuple[str, ...]
    scale: tuple[str, ...]  # from nothing to much


LIGHT = Ink(
    paper="#ffffff",
    text="#22201c",
    soft="#68635a",
    faint="#e4dfd4",
    outlier="#c4c0b8",
    topics=("#0a66ad", "#d4522a", "#129a72", "#cc6fae", "#dca016", "#5ab4ec", "#53318a", "#6e3d14"),
    scale=("#f7f5f0", "#cfe0ec", "#8fbbdb", "#4a8fc4", "#0a66ad", "#083f6d"),
)
DARK = Ink(
    paper="#161719",
    text="#e6e3dc",
    soft="#a19d94",
    faint="#313338",
    outlier="#55575c",
    topics=("#2f86d4", "#f77a45", "#1fb488", "#ec9ace", "#f2cc55", "#a3dafc", "#7347c9", "#94602a"),
    scale=("#1c1e21", "#17344f", "#1c568a", "#2f86d4", "#77b6ea", "#d3ebff"),
)


def ink(dark: bool) -> Ink:
    """The colours for a light or a dark ground."""
    return DARK if dark else LIGHT


def altair() -> ModuleType:
    """Altair, loaded when the first figure is asked for.

    Raises
    ------
    InvalidConfig
        If it is not installed.
    """
    try:
        import altair as alt
    except ImportError as error:
        raise InvalidConfig(
            "figures are drawn by Altair, which is not installed here: pip install 'topics[notebook]'. The tables "
            "behind them (run.topics, run.documents, run.layers) need nothing more."
        ) from error
    return alt


def finished(chart: Any, colours: Ink, title: str, *told: str) -> Any:
    """Give a chart its heading, and a dark one its ground. Nothing is configured, so that charts can be joined."""
    heading = altair().TitleParams(
        title,
        subtitle=[line for line in told if line],
        anchor="start",
        color=colours.text,
        fontSize=16,
        fontWeight=600,
        subtitleColor=colours.soft,
        subtitleFontSize=12,
        subtitlePadding=5,
        offset=14,
    )
    chart = chart.properties(title=heading)
    return chart if colours is LIGHT else chart.properties(background=colours.paper)


def axis(colours: Ink, **how: Any) -> Any:
    """An axis that stays in the background: no domain, no ticks, faint lines."""
    told = {
        "domain": False,
        "ticks": False,
        "labelColor": colours.text,
        "labelFontSize": 11,
        "labelPadding": 6,
        "labelLimit": 0,
        "titleColor": colours.soft,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": colours.faint,
    }
    return altair().Axis(**{**told, **how})


def legend(colours: Ink, title: str | None, **how: Any) -> Any:
    """A legend in the colours of the figure."""
    return altair().Legend(
        title=title, labelColor=colours.text, titleColor=colours.soft, titleFontWeight="normal", labelLimit=0, **how
    )


def bare(chart: Any) -> Any:
    """A chart without a frame around it."""
    return chart.properties(view=altair().ViewBackground(stroke=None))


def short(value: Any, most: int) -> str:
    """One line of printable text as wide as `most` Latin letters: Vega itself would cut a character in two.

    Examples
    --------
    >>> short("bank, rate, inflation", 12), short("深層学習と自然言語処理", 12)
    ('bank, rate,…', '深層学習と…')
    """
    text = plain(value, 4 * most)
    widths = np.cumsum([2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text])
    if not len(text) or widths[-1] <= most:
        return text
    return text[: int(np.searchsorted(widths, most - 1, side="right"))].rstrip() + "…"


def label_of(topic_id: Any, name: Any, most: int = NAME) -> str:
    """How figures call a topic.

    Examples
    --------
    >>> label_of("T0003", "bank, rate, inflation")
    'T0003 bank, rate, inflation'
    """
    return short(f"{topic_id} {name}", most)


def labels_of(run: Run, most: int = NAME) -> list[str]:
    """How figures call the topics."""
    return [label_of(*row, most) for row in zip(run.topics["topic_id"], run.topics["name"], strict=True)]


def colours_by_topic(run: Run, colours: Ink) -> list[str]:
    """The colour of each topic: neighbours on the map differ where they can."""
    documents = run.documents
    topics = [int(topic) for topic in run.topics["topic"]]
    points = documents[["x", "y"]].to_numpy(dtype=np.float64)
    placed = np.isfinite(points).all(axis=1)
    span = float(np.ptp(points[placed], axis=0).max()) if placed.any() else 1.0
    grid = (
        np.rint((points[placed] - points[placed].min(axis=0)) / (span or 1.0) * 65_535) if placed.any() else points[:0]
    )
    places = places_of(grid.astype(np.int64), documents["topic"].to_numpy(dtype=np.int64)[placed])
    chosen = colours_of(topics, places)
    return [colours.topics[chosen[topic] % len(colours.topics)] for topic in topics]


def sampled(documents: pd.DataFrame, most: int) -> pd.DataFrame:
    """Documents to draw: all, or of too many those whose ids have the smallest digests, in the order of these.

    A digest and not a draw, so that a document stays in the picture when others come or go.
    """
    digests = [hashlib.sha256(str(each).encode("utf-8", "replace")).digest() for each in documents["id"]]
    order = sorted(range(len(digests)), key=digests.__getitem__)
    return documents.iloc[order[:most]].reset_index(drop=True)


def chosen(run: Run, topics: Sequence[int | str] | None, most: int) -> NDArray[np.int64]:
    """The topics a figure shows: those named, or the largest.

    Raises
    ------
    InvalidInput
        If there is no such topic, or none at all.
    """
    if not len(run.topics):
        raise InvalidInput("this run has no topics to draw; a smaller min_cluster_size may find some.")
    if topics is None:
        return np.arange(min(most, len(run.topics)))
    found = [int(run.topic(which)["topic"]) for which in topics]
    if not found:
        raise InvalidInput("topics=[]: name at least one topic, or leave it out for the largest.")
    return np.array(list(dict.fromkeys(found)), dtype=np.int64)


def at_least(name: str, value: int, least: int = 1) -> None:
    """Refuse a number that is too small to draw anything.

    Raises
    ------
    InvalidInput
    """
    if value < least:
        raise InvalidInput(f"{name}={value}: must be {least} or more.")


def topic_of(documents: pd.DataFrame, run: Run) -> list[str]:
    """How figures call each document's topic; "no topic" for an outlier."""
    names = [*labels_of(run), "no topic"]
    return [names[topic] if topic != NOISE else names[-1] for topic in documents["topic"]]
