"""Two things crossed: topics with classes, or topics with one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topics.data import NOISE
from topics.errors import InvalidInput
from topics.figures.style import Ink, altair, at_least, axis, bare, chosen, finished, ink, labels_of, short
from topics.report.plain import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from topics.run import Run

_CELL = 25  # pixels
_CLASSES = 30  # most
_KINDS = ("class", "similarity")


def heatmap(
    run: Run,
    of: str | None = None,
    topics: Sequence[int | str] | None = None,
    *,
    most: int = 25,
    dark: bool = False,
) -> Any:
    """Draw topics against classes, or against one another.

    Parameters
    ----------
    run : Run
    of : {"class", "similarity"}, optional
        "class": the share of each class among a topic's documents. "similarity": the cosine between the centroids
        of topics. By default classes where there are any.
    topics : sequence of int or str, optional
        Which, by number or permanent id; by default the largest.
    most : int
        How many, where they are not named.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.LayerChart
        `data` has a row for each cell: topic_id, topic, class, documents, share; or topic_id, topic, other_id, other,
        similarity.

    Raises
    ------
    InvalidInput
        If there are no classes, no such topic or no such kind.
    InvalidConfig
        If Altair is not installed.
    """
    colours = ink(dark)
    at_least("most", most)
    of = of or ("class" if "class" in run.documents else "similarity")
    if of not in _KINDS:
        raise InvalidInput(f"of={of!r}: must be class or similarity.")
    which = [int(topic) for topic in chosen(run, topics, most)]
    told = f"{count(len(which))} of {count(len(run.topics))} topics"
    if of == "similarity":
        table = _similar(run, which)
        chart = _cells(table, "other_id", "similarity", ".2f", colours)
        return finished(chart, colours, "Similar topics", f"{told}; cosine between their centroids")
    table, classes = _classes(run, which)
    shown = table["class"].nunique()
    rest = f"; the {shown - 1} most frequent of {count(classes)} classes" if classes > shown else ""
    chart = _cells(table, "class", "share", ".0%", colours, least=0.005)
    return finished(chart, colours, "Topics and classes", f"{told}; share of each class in a topic's documents{rest}")


def _cells(table: pd.DataFrame, across: str, value: str, form: str, colours: Ink, least: float = -1) -> Any:
    alt = altair()
    order, columns = list(dict.fromkeys(table["topic"])), list(dict.fromkeys(table[across]))
    named = axis(colours, grid=False)
    turned = {"labelAngle": -50, "labelAlign": "left", "labelBaseline": "middle"}
    above = axis(
        colours, grid=False, orient="top", **(turned if across == "class" else {"labelFontSize": 10, "labelAngle": 0})
    )
    base = bare(alt.Chart(width=alt.Step(_CELL * 1.35), height=alt.Step(_CELL))).encode(
        x=alt.X(f"{across}:N", sort=columns, title=None, axis=above),
        y=alt.Y("topic:N", sort=order, title=None, axis=named),
    )
    tooltip = [name if table[name].dtype.kind != "f" else alt.Tooltip(name, format=form) for name in table]
    squares = base.mark_rect(cornerRadius=2, stroke=colours.paper, strokeWidth=2).encode(
        color=alt.Color(
            f"{value}:Q", scale=alt.Scale(range=list(colours.scale), domain=[0, 1], interpolate="rgb"), legend=None
        ),
        tooltip=tooltip,
    )
    over = colours.paper if colours.scale[-1] < colours.scale[0] else colours.text
    under = colours.text if over == colours.paper else colours.paper
    figures = base.mark_text(fontSize=10).encode(
        text=alt.Text(f"{value}:Q", format=form),
        color=alt.condition(alt.datum[value] > 0.55, alt.value(over), alt.value(under)),
    )
    return alt.layer(squares, figures.transform_filter(alt.datum[value] >= least), data=table)


def _similar(run: Run, which: list[int]) -> pd.DataFrame:
    names, ids = labels_of(run, 34), list(run.topics["topic_id"])
    centroids = run.model.centroids[which].astype(np.float64)
    cosines = np.clip(np.einsum("id,jd->ij", centroids, centroids), -1, 1)
    rows = [
        (ids[one], names[one], ids[other], names[other], float(cosines[row, column]))
        for row, one in enumerate(which)
        for column, other in enumerate(which)
    ]
    return pd.DataFrame(rows, columns=["topic_id", "topic", "other_id", "other", "similarity"])


def _classes(run: Run, which: list[int]) -> tuple[pd.DataFrame, int]:
    """A row for each topic and class, the rarest of too many as one, and how many classes there are."""
    if "class" not in run.documents:
        raise InvalidInput("the documents have no classes; fit with class_=COLUMN, or draw of='similarity'.")
    inside = run.documents[run.documents["topic"] != NOISE]
    names = inside["class"].fillna("").astype(str).map(lambda value: short(value, 24) or "none")
    known = sorted(names.value_counts().items(), key=lambda item: (-item[1], item[0]))
    kept = [name for name, _ in known[: _CLASSES if len(known) <= _CLASSES else _CLASSES - 1]]
    names = names.where(names.isin(kept), "other")
    number = pd.crosstab(inside["topic"], names).reindex(index=which, fill_value=0)
    share = number.div(number.sum(axis=1).clip(lower=1), axis=0)
    # Classes in the order in which the topics take them up, so that what belongs together lies along a diagonal.
    columns = sorted(number.columns, key=lambda name: (name == "other", int(share[name].to_numpy().argmax()), name))
    labels, ids = labels_of(run, 34), list(run.topics["topic_id"])
    rows = [
        (ids[topic], labels[topic], name, int(number[name].iloc[row]), float(share[name].iloc[row]))
        for row, topic in enumerate(which)
        for name in columns
    ]
    return pd.DataFrame(rows, columns=["topic_id", "topic", "class", "documents", "share"]), len(known)
