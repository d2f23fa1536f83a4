"""Which topics are near one another: a tree of how they would be merged."""

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
    colours_by_topic,
    finished,
    ink,
    label_of,
)
from topics.merging import cut
from topics.report.plain import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from topics.run import Run

_ROW = 17  # pixels a leaf


def hierarchy(run: Run, *, most: int = 50, dark: bool = False) -> Any:
    """Draw how the topics become fewer: from right to left, the two most entangled join, until one is left.

    Parameters
    ----------
    run : Run
    most : int
        Most leaves; of more topics the first merges are made before, and a leaf tells how many it holds.
    dark : bool
        For a dark ground.

    Returns
    -------
    altair.LayerChart
        `data` has four rows for each merge, the corners of its bracket: merge (counted from the leaves), corner,
        left (how many topics are left after it), level (where the corner lies across), place (along the leaves), kept
        and gone (topic ids).

    Raises
    ------
    InvalidInput
        If there are fewer than two topics.
    InvalidConfig
        If Altair is not installed.
    """
    alt, colours = altair(), ink(dark)
    at_least("most", most, 2)
    if len(run.topics) < 2:
        raise InvalidInput(f"a hierarchy needs two topics or more; this run has {len(run.topics)}.")
    table, leaves = _tree(run, most, colours_by_topic(run, colours))
    k = len(leaves)
    shown = alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[-0.6, k - 0.4], nice=False, reverse=True))
    ticks = sorted({1, 2, 3, 5, 10, 20, 50, k} & set(range(1, k + 1)))
    across = alt.X(
        "level:Q",
        scale=alt.Scale(type="log", domain=[0.92, k * 1.02], nice=False),
        axis=axis(colours, values=ticks, format="d", title="topics left", titleAnchor="start"),
    )
    lines = (
        alt.Chart()
        .mark_line(strokeWidth=1.4, color=colours.soft, strokeJoin="round")
        .encode(x=across, y=shown, detail="merge:N", order="corner:O", tooltip=["kept", "gone", "left"])
    )
    base = alt.Chart(leaves).encode(y=alt.Y("place:Q", axis=None), x=alt.X("level:Q"))
    dots = base.mark_circle(opacity=1).encode(
        color=alt.Color("colour:N", scale=None, legend=None),
        size=alt.Size("documents:Q", legend=None, scale=alt.Scale(range=[18, 190])),
        tooltip=["topic", "documents", "topics"],
    )
    names = base.mark_text(align="left", dx=11, fontSize=11, color=colours.text).encode(text="topic:N")
    chart = alt.layer(lines, dots, names, data=table).properties(width=WIDTH - 300, height=_ROW * k)
    told = f"{count(len(run.topics))} topics; at each bracket the two most entangled in the neighbourhood become one"
    cuts = f"drawn from {count(k)} branches up" if k < len(run.topics) else ""
    return finished(bare(chart), colours, "Hierarchy", "; ".join(filter(None, (told, cuts))))


def _tree(run: Run, most: int, colours: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The corners of the brackets, and the leaves in an order in which no two brackets cross."""
    topics, n = run.topics, len(run.topics)
    k = min(n, most)
    branch = cut(run.merges, n, k)
    later = list(run.merges)[n - k :]
    order = {int(leaf): [int(leaf)] for leaf in np.unique(branch)}
    for kept, gone in later:
        order[int(kept)] = order[int(kept)] + order.pop(int(gone))
    placed = {leaf: row for row, leaf in enumerate(next(iter(order.values())))}
    ids, sizes = list(topics["topic_id"]), topics["size"].to_numpy()
    rows = []
    for leaf, place in placed.items():
        within = np.flatnonzero(branch == leaf)
        largest = int(within[np.argmax(sizes[within])])
        name = label_of(ids[largest], topics["name"].iloc[largest], 48)
        rest = f" + {len(within) - 1} more" if len(within) > 1 else ""
        rows.append((place, k, name + rest, int(sizes[within].sum()), len(within), colours[largest]))
    leaves = pd.DataFrame(rows, columns=["place", "level", "topic", "documents", "topics", "colour"])
    return _brackets(later, placed, k, ids), leaves


def _brackets(later: Sequence[tuple[int, int]], placed: dict[int, int], k: int, ids: list[str]) -> pd.DataFrame:
    at = {leaf: (float(place), k) for leaf, place in placed.items()}  # where each branch is now: along and across
    rows = []
    for merge, (kept, gone) in enumerate(later, start=1):
        left, (one, begun), (other, since) = k - merge, at[int(kept)], at.pop(int(gone))
        corners = ((begun, one), (left, one), (left, other), (since, other))
        rows += [
            (merge, corner, left, level, place, ids[int(kept)], ids[int(gone)])
            for corner, (level, place) in enumerate(corners)
        ]
        at[int(kept)] = ((one + other) / 2, left)
    return pd.DataFrame(rows, columns=["merge", "corner", "left", "level", "place", "kept", "gone"])
