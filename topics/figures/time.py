"""Topics over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from topics.errors import InvalidInput
from topics.figures.style import (
    WIDTH,
    altair,
    at_least,
    axis,
    bare,
    chosen,
    colours_by_topic,
    finished,
    ink,
    labels_of,
)
from topics.report.plain import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from topics.run import Run

_PERIODS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
_MOST = 60  # periods that a figure is wide enough for
_ROW = 44  # pixels a topic


def timeline(
    run: Run,
    topics: Sequence[int | str] | None = None,
    *,
    most: int = 10,
    period: str | None = None,
    share: bool = False,
    dark: bool = False,
) -> Any:
    """Draw how many documents of each topic there are in every period, a row for each topic.

    Parameters
    ----------
    run : Run
        Fitted on documents with dates.
    topics : sequence of int or str, optional
        Which, by number or permanent id; by default the largest.
    most : int
        How many, where they are not named.
    period : {"day", "week", "month", "quarter", "year"}, optional
        By default the shortest of which there are 60 at most.
    share : bool
        Draw the share of the period's documents with a date, in place of their number.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.FacetChart
        `data` has a row for each topic and period: topic_id, topic, period (its first day), documents, share, colour.

    Raises
    ------
    InvalidInput
        If there are no dates, no such topic or no such period.
    InvalidConfig
        If Altair is not installed.
    """
    alt, colours = altair(), ink(dark)
    at_least("most", most)
    which = chosen(run, topics, most)
    table, length = _counted(run, [int(topic) for topic in which], period, colours_by_topic(run, colours))
    column = "share" if share else "documents"
    areas = (
        alt.Chart()
        .mark_area(interpolate="monotone", opacity=0.8, line={"strokeWidth": 1.4})
        .encode(
            x=alt.X("period:T", title=None, axis=axis(colours, grid=True, tickCount=8)),
            y=alt.Y(f"{column}:Q", title=None, axis=None, scale=alt.Scale(nice=False)),
            color=alt.Color("colour:N", scale=None, legend=None),
            tooltip=["topic", "period:T", "documents", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    # A label of our own: headers of rows are not set flush.
    named = alt.Chart().transform_aggregate(documents="sum(documents)", groupby=["topic"])
    names = named.mark_text(align="right", fontSize=11, color=colours.text).encode(
        x=alt.value(-12), y=alt.value(_ROW - 20), text="topic:N"
    )
    sizes = named.mark_text(align="right", fontSize=10, color=colours.soft).encode(
        x=alt.value(-12), y=alt.value(_ROW - 6), text=alt.Text("documents:Q", format=",")
    )
    rows = alt.Row("topic:N", sort=list(dict.fromkeys(table["topic"])), header=alt.Header(labels=False, title=None))
    layers = bare(alt.layer(areas, names, sizes, data=table)).properties(width=WIDTH - 190, height=_ROW)
    chart = layers.facet(row=rows, spacing=4)
    what = "share of the documents" if share else "documents"
    told = (
        f"{count(len(which))} of {count(len(run.topics))} topics; {what} in each {length}, every row to its own scale"
    )
    return finished(chart.resolve_scale(y="independent"), colours, "Over time", told)


def _counted(run: Run, which: list[int], period: str | None, colours: list[str]) -> tuple[pd.DataFrame, str]:
    """A row for each topic and period, none of them left out, and how long a period is."""
    dated = run.documents[run.documents["date"].notna()] if "date" in run.documents else run.documents.iloc[:0]
    if not len(dated):
        raise InvalidInput("the documents have no dates; fit with date=COLUMN to see topics over time.")
    if period is not None and period not in _PERIODS:
        raise InvalidInput(f"period={period!r}: must be one of {', '.join(_PERIODS)}.")
    days = dated["date"].dt.tz_convert(None)
    lengths = [period] if period else list(_PERIODS)
    for length in lengths:
        periods = days.dt.to_period(_PERIODS[length])
        every = pd.period_range(periods.min(), periods.max(), freq=_PERIODS[length])
        if len(every) <= _MOST:
            break
    number = pd.crosstab(periods, dated["topic"].to_numpy()).reindex(index=every, columns=which, fill_value=0)
    total = periods.value_counts().reindex(every, fill_value=0)
    names, ids = labels_of(run, 32), list(run.topics["topic_id"])
    every_total = np.maximum(total.to_numpy(), 1)
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "topic_id": ids[topic],
                    "topic": names[topic],
                    "period": every.start_time,
                    "documents": number[topic].to_numpy(),
                    "share": number[topic].to_numpy() / every_total,
                    "colour": colours[topic],
                }
            )
            for topic in which
        ],
        ignore_index=True,
    )
    return table, length
