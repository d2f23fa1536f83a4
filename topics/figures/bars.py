"""The words of topics, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from topics.figures.style import altair, at_least, axis, bare, chosen, colours_by_topic, finished, ink, labels_of, short
from topics.report.plain import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from topics.run import Run

_TERM, _COLUMNS = 17, 4  # letters of a term; topics side by side


def barchart(
    run: Run,
    topics: Sequence[int | str] | None = None,
    *,
    most: int = 12,
    n_terms: int = 8,
    columns: int = _COLUMNS,
    dark: bool = False,
) -> Any:
    """Draw the words of topics with their weights, a small chart each.

    Parameters
    ----------
    run : Run
    topics : sequence of int or str, optional
        Which, by number or permanent id; by default the largest.
    most : int
        How many, where they are not named.
    n_terms : int
        Words of each, at most as many as it has.
    columns : int
        Charts side by side.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.FacetChart
        `data` has a row for each word: topic_id, topic, rank, term, weight (its c-TF-IDF, in nats), colour.

    Raises
    ------
    InvalidInput
        If there is no such topic, or none at all.
    InvalidConfig
        If Altair is not installed.
    """
    alt, colours = altair(), ink(dark)
    for name, value in (("most", most), ("n_terms", n_terms), ("columns", columns)):
        at_least(name, value)
    which = chosen(run, topics, most)
    table = _words(run, which, n_terms, colours_by_topic(run, colours))
    order = list(dict.fromkeys(table["topic"]))
    bars = (
        bare(alt.Chart(height=alt.Step(18), width=118))
        .mark_bar(cornerRadiusEnd=2, height=12)
        .encode(
            x=alt.X("weight:Q", axis=None, scale=alt.Scale(nice=False)),
            y=alt.Y("term:N", sort=None, title=None, axis=axis(colours, minExtent=82, maxExtent=112)),
            color=alt.Color("colour:N", scale=None, legend=None),
            tooltip=["topic", "term", alt.Tooltip("weight:Q", format=".4f")],
        )
    )
    header = alt.Header(
        title=None,
        labelColor=colours.text,
        labelFontSize=12,
        labelFontWeight=600,
        labelAnchor="start",
        labelLimit=0,
        labelPadding=6,
    )
    chart = bars.properties(data=table).facet(
        alt.Facet("topic:N", sort=order, header=header), columns=columns, spacing={"row": 22, "column": 16}
    )
    told = f"{count(len(which))} of {count(len(run.topics))} topics; a bar is as long as the word's c-TF-IDF"
    scaled = "in its topic, and scales differ"
    return finished(chart.resolve_scale(x="independent", y="independent"), colours, "Words", f"{told} {scaled}")


def _words(run: Run, which: NDArray[np.int64], n_terms: int, colours: list[str]) -> pd.DataFrame:
    names = labels_of(run, 28)
    rows = []
    for topic in which:
        row = run.topics.iloc[int(topic)]
        pairs = list(zip(row["terms"], row["term_weights"], strict=True))[:n_terms]
        seen: dict[str, int] = {}
        for rank, (term, weight) in enumerate(pairs, start=1):
            told = short(term, _TERM)
            seen[told] = seen.get(told, 0) + 1
            told += "\u200b" * (seen[told] - 1)  # two long words may begin alike; each keeps its bar
            rows.append((row["topic_id"], names[int(topic)], rank, told, float(weight), colours[int(topic)]))
    return pd.DataFrame(rows, columns=["topic_id", "topic", "rank", "term", "weight", "colour"])
