"""Where the documents are drawn, in which colours, and which of too many."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.report.plain import ID, plain
from topics.report.values import Point

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

DRAWN = 20_000  #: most documents on the map
GRID = 65_535  #: coordinates of the map are whole numbers from 0 to this
COLOURS = 8  #: that can be told apart; more topics share them


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
    documents: pd.DataFrame, labels: NDArray[np.int64], grid: NDArray[np.int64], placed: NDArray[np.bool_]
) -> tuple[Point, ...]:
    """Documents to draw, in an order that only depends on their ids; of too many, the first."""
    ids = documents["id"].astype(str).tolist()
    # A digest instead of a random draw: a document stays in the sample when others come or go.
    digests = {row: hashlib.sha256(ids[row].encode("utf-8", "replace")).digest() for row in np.flatnonzero(placed)}
    return tuple(
        Point(plain(ids[row], ID), int(labels[row]), int(grid[row, 0]), int(grid[row, 1]))
        for row in sorted(digests, key=digests.__getitem__)[:DRAWN]
    )
