"""Where the documents are drawn, in which colours, and which of too many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.report.leftovers import digest
from topics.report.periods import dates_of
from topics.report.plain import ID, plain
from topics.report.values import Points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run

DRAWN = 100_000  #: most documents on the map
GRID = 65_535  #: coordinates of the map are whole numbers from 0 to this
COLOURS = 8  #: that can be told apart; more topics share them
UNDATED = -(2**15)  #: stands for the day of a document without a date
_ALL_WORDS, _FEWEST = 2_500_000, 24  # characters of first words on the map, of all documents, and of one at least


def grid_of(documents: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Coordinates on the grid, both axes to the same scale and centred, and which documents have any."""
    if not {"x", "y"} <= set(documents.columns):
        return np.zeros((len(documents), 2), dtype=np.int64), np.zeros(len(documents), dtype=bool)
    raw = documents[["x", "y"]].to_numpy(dtype=np.float64)
    placed = np.isfinite(raw).all(axis=1)
    if not placed.any():
        return np.zeros(raw.shape, dtype=np.int64), placed
    low, high = raw[placed].min(axis=0), raw[placed].max(axis=0)
    span = float((high - low).max()) or 1.0
    scaled = 0.5 + (np.where(placed[:, None], raw, low) - (low + high) / 2) / span
    return np.clip(np.rint(scaled * GRID), 0, GRID).astype(np.int64), placed


def places_of(grid: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[int, tuple[int, int]]:
    """For each topic, the document nearest to the median of its documents."""
    places = {}
    order = np.lexsort((grid[:, 1], grid[:, 0], labels))
    starts = np.flatnonzero(np.diff(labels[order], prepend=NOISE - 1))
    for members in np.split(order, starts[1:]):
        if len(members) and labels[members[0]] != NOISE:
            own = grid[members]
            x, y = own[np.abs(own - np.median(own, axis=0)).sum(axis=1).argmin()]
            places[int(labels[members[0]])] = (int(x), int(y))
    return places


def spots_of(run: Run, grid: NDArray[np.int64], placed: NDArray[np.bool_]) -> dict[str, tuple[int, int]]:
    """Where the documents in the middle of sub-topics lie, by their ids."""
    wanted = placed & run.documents["id"].isin(run.subtopics["central_id"]).to_numpy(dtype=bool)
    return {name: (int(x), int(y)) for name, (x, y) in zip(run.documents["id"][wanted], grid[wanted], strict=True)}


def colours_of(topics: Sequence[int], places: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """A colour for each topic, the larger first: the one whose nearest bearer is farthest away."""
    bearers: list[list[tuple[int, int]]] = [[] for _ in range(COLOURS)]
    chosen = {}
    for topic in sorted(topics):
        if topic not in places:
            chosen[topic] = topic % COLOURS
            continue
        gaps = [
            float(np.square(np.array(own) - places[topic]).sum(axis=1).min()) if own else math.inf for own in bearers
        ]
        chosen[topic] = int(np.argmax(gaps))
        bearers[chosen[topic]].append(places[topic])
    return chosen


def points_of(
    documents: pd.DataFrame,
    labels: NDArray[np.int64],
    grid: NDArray[np.int64],
    placed: NDArray[np.bool_],
    words: Mapping[str, str],
    classes: NDArray[np.int64] | None = None,
) -> Points:
    """Documents to draw, by topic and within it in an order that only depends on their ids; of too many, by lot.

    By topic they take a tenth less room. The more there are, the fewer of the first words of each come along: the page
    is to stay below 6 MB.
    """
    ids = documents["id"].astype(str).tolist()
    digests = {row: digest(ids[row]) for row in np.flatnonzero(placed)}
    drawn = sorted(digests, key=digests.__getitem__)[:DRAWN]
    rows = np.array(sorted(drawn, key=lambda row: int(labels[row])), dtype=np.int64)
    names = [ids[row] for row in rows]
    length = max(_FEWEST, _ALL_WORDS // max(len(rows), 1))
    dates = dates_of(documents)
    return Points(
        ids=tuple(plain(name, ID) for name in names),
        topics=_whole(labels[rows]),
        x=_whole(grid[rows, 0]),
        y=_whole(grid[rows, 1]),
        words=tuple(plain(words.get(name, ""), length) for name in names) if words else (),
        classes=() if classes is None else _whole(classes[rows]),
        days=() if dates is None else _whole(_days(dates)[rows]),
    )


def _days(dates: pd.Series[pd.Timestamp]) -> NDArray[np.int64]:
    """Days since 1970, as far as 16 bits reach (1880 to 2059)."""
    days = dates.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(dates.isna(), UNDATED, np.clip(days, UNDATED + 1, -UNDATED - 1))


def _whole(values: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(values.tolist())
