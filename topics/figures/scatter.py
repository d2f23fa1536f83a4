"""The map: every document a point, the larger topics named where their documents lie."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topics.data import NOISE
from topics.errors import InvalidInput
from topics.figures.style import (
    ROWS,
    WIDTH,
    Ink,
    altair,
    at_least,
    bare,
    colours_by_topic,
    finished,
    ink,
    legend,
    sampled,
    short,
    topic_of,
)
from topics.report.plain import count, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.run import Run

_HEIGHT = 520
_LABEL, _LETTER, _LINE = 30, 6.4, 15  # of a name on the map: characters at most, pixels a character and a line
_NAMED = 40  # most names, so that the points stay to be seen
_MARGIN = 14  # pixels around the points
_CLASSES = 10  # that a legend tells apart; the rest are one
_DAY = "timeFormat(datum.value, '%b %Y')"  # how a legend writes a moment
_HEAD = 160  # characters of a text that is shown


def document_map(run: Run, by: str = "topic", *, most: int = ROWS, dark: bool = False) -> Any:
    """Draw every document where it lies; hover over a point to read what it is, click it to single out its topic.

    Parameters
    ----------
    run : Run
    by : str
        What the colours tell: "topic", or a column of `run.documents` such as "class", "date" or "confidence".
    most : int
        Most documents to draw; of more, a sample that depends on nothing but their ids. Above 5,000 Altair
        has to be told that it may: `altair.data_transformers.disable_max_rows()`.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.LayerChart
        `data` has a row for each point: id, x, y, topic_id, topic, colour, and what `by` names.

    Raises
    ------
    InvalidInput
        If there is no such column, or no document has a place.
    InvalidConfig
        If Altair is not installed.
    """
    alt, colours = altair(), ink(dark)
    at_least("most", most)
    if by != "topic" and by not in run.documents:
        known = ", ".join(
            ["topic", *(str(name) for name in run.documents if name not in ("id", "x", "y", "topic", "text"))]
        )
        raise InvalidInput(f"by={by!r}: documents have no such column; there are: {known}.")
    placed = run.documents[np.isfinite(run.documents[["x", "y"]].to_numpy(dtype=np.float64)).all(axis=1)]
    if not len(placed):
        raise InvalidInput("no document has a place on the map: none has text.")
    drawn = sampled(placed, most)
    table, frame = _points(run, drawn, by, colours), _frame(drawn)
    shown = [name for name in ("id", "topic", "text", by) if name in table]
    pick = alt.selection_point(fields=["topic_id"], on="click", clear="dblclick")
    points = (
        alt.Chart()
        .transform_calculate(moment=f"time(toDate(datum[{json.dumps(by)}]))")
        .mark_circle(size=_dot(len(drawn)), stroke=None)
        .encode(
            x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=frame[0], nice=False, zero=False)),
            y=alt.Y("y:Q", axis=None, scale=alt.Scale(domain=frame[1], nice=False, zero=False)),
            color=_colour(table, by, colours),
            opacity=alt.condition(pick, alt.value(0.72), alt.value(0.06)),
            tooltip=[alt.Tooltip(name) for name in dict.fromkeys(shown)],
        )
        .add_params(pick, alt.selection_interval(bind="scales"))
    )
    named = _labels(run, drawn, frame)
    layers = [points, *_written(named, colours)]
    told = f"{count(len(placed))} documents"
    if len(drawn) < len(placed):
        told = f"{count(len(drawn))} of {count(len(placed))} documents, drawn by the digests of their ids"
    names = f"{count(len(named))} of {count(len(run.topics))} topics are named" if len(named) < len(run.topics) else ""
    chart = alt.layer(*layers, data=table).properties(width=WIDTH, height=_HEIGHT)
    title = plain(run.config.title, 120) or "Documents"
    return finished(bare(chart), colours, title, "; ".join(filter(None, (told, names))))


def _dot(n: int) -> float:
    """The area of a point: smaller where there are more."""
    return float(np.clip(60_000 / max(n, 1), 9, 60))


def _points(run: Run, drawn: pd.DataFrame, by: str, colours: Ink) -> pd.DataFrame:
    """A row for each point."""
    palette = [*colours_by_topic(run, colours), colours.outlier]
    table = pd.DataFrame(
        {
            "id": [plain(each, 80) for each in drawn["id"]],
            "x": drawn["x"].to_numpy(dtype=np.float64),
            "y": drawn["y"].to_numpy(dtype=np.float64),
            "topic_id": drawn["topic_id"].astype(str),
            "topic": topic_of(drawn, run),
            "colour": [palette[topic] if topic != NOISE else palette[-1] for topic in drawn["topic"]],
        }
    )
    if by not in table:
        values = drawn[by]
        table[by] = _classes(values) if values.dtype.kind not in "fiuMb" else values.to_numpy()
    if "text" in drawn:
        table["text"] = [plain(each, _HEAD) for each in drawn["text"]]
    # Outliers first: what has a topic is drawn over what has none.
    return table.sort_values("topic_id", kind="stable", key=lambda ids: ids != "", ignore_index=True)


def _classes(values: pd.Series[Any]) -> list[str]:
    """Classes by name, the rarer of too many as one."""
    names = values.fillna("").astype(str).map(lambda value: short(value, 32) or "none")
    kept = set(names.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:_CLASSES])
    if names.nunique() <= _CLASSES:
        return list(names)
    return [name if name in kept else "other" for name in names]


def _colour(table: pd.DataFrame, by: str, colours: Ink) -> Any:
    alt = altair()
    if by in ("topic", "topic_id"):
        return alt.Color("colour:N", scale=None, legend=None)
    if table[by].dtype.kind in "fiubM":
        scale = alt.Scale(range=list(colours.scale[1:]), interpolate="rgb", nice=False, zero=False)
        if table[by].dtype.kind != "M":
            return alt.Color(f"{by}:Q", scale=scale, legend=legend(colours, by))
        # As numbers: a scale of moments blends no more than two colours.
        return alt.Color("moment:Q", scale=scale, legend=legend(colours, by, labelExpr=_DAY, tickCount=5))
    names = [name for name in sorted(set(table[by])) if name != "other"]
    extra = {"other": colours.outlier} if "other" in set(table[by]) else {}
    hues = [*colours.topics, colours.soft, colours.text]
    scale = alt.Scale(domain=[*names, *extra], range=[*hues[: len(names)], *extra.values()])
    return alt.Color(f"{by}:N", scale=scale, legend=legend(colours, by, symbolOpacity=1))


def _frame(drawn: pd.DataFrame) -> list[list[float]]:
    """From where to where the axes go: both to the same scale, as distances are alike in all directions."""
    points = drawn[["x", "y"]].to_numpy(dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    pixel = max(float((np.maximum(high - low, 1e-6) / (np.array([WIDTH, _HEIGHT]) - 2 * _MARGIN)).max()), 1e-9)
    half = pixel * np.array([WIDTH, _HEIGHT]) / 2
    return [
        [float(value) for value in ends] for ends in zip((low + high) / 2 - half, (low + high) / 2 + half, strict=True)
    ]


def _labels(run: Run, drawn: pd.DataFrame, frame: list[list[float]]) -> pd.DataFrame:
    """The names that fit without touching one another, the larger topics first, each at a document in its middle."""
    points = drawn[["x", "y"]].to_numpy(dtype=np.float64)
    low = np.array([ends[0] for ends in frame])
    pixel = (frame[0][1] - frame[0][0]) / WIDTH
    taken: list[NDArray[np.float64]] = []
    rows: list[tuple[str, float, float]] = []
    labels = drawn["topic"].to_numpy()
    for topic, name in zip(run.topics["topic"], run.topics["name"], strict=True):
        own = points[labels == topic]
        if not len(own) or len(rows) == _NAMED:
            continue
        text = short(name, _LABEL)
        half = np.array([_LETTER * len(text) / 2 + 3, _LINE / 2 + 1])
        place = own[np.abs(own - np.median(own, axis=0)).sum(axis=1).argmin()]
        found = _free((place - low) / pixel, half, taken)
        if found is not None:
            taken.append(np.concatenate([found - half, found + half]))
            rows.append((text, *(low + found * pixel).tolist()))
    return pd.DataFrame(rows, columns=["text", "x", "y"])


def _free(
    place: NDArray[np.float64], half: NDArray[np.float64], taken: list[NDArray[np.float64]]
) -> NDArray[np.float64] | None:
    """A place for a box near the one it would like, inside the figure and clear of those taken."""
    inside = np.clip(place, half + 2, np.array([WIDTH, _HEIGHT]) - half - 2)
    for step in (0, 1, -1, 2, -2, 3, -3):
        moved: NDArray[np.float64] = inside + np.array([0, step * _LINE])
        if not half[1] <= moved[1] <= _HEIGHT - half[1]:
            continue
        if not any((moved - half < other[2:]).all() and (other[:2] < moved + half).all() for other in taken):
            return moved
    return None


def _written(named: pd.DataFrame, colours: Ink) -> list[Any]:
    """The names, and under them the same in the colour of the ground, so that points do not run into the letters."""
    alt = altair()
    text = alt.Chart(named).encode(x="x:Q", y="y:Q", text="text:N")
    how = {"fontSize": 11.5, "fontWeight": 600, "tooltip": None}
    halo = text.mark_text(stroke=colours.paper, strokeWidth=3.5, strokeJoin="round", opacity=0.85, **how)
    return [halo, text.mark_text(color=colours.text, **how)] if len(named) else []
