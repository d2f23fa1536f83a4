"""What became of the topics of the run before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from topics.report.plain import plain
from topics.report.values import Change, Update

if TYPE_CHECKING:
    from topics.run import Run

EVENTS = ("born", "split", "merged", "drifted", "died", "continued")  #: those that say most first
_TERM, _NAME, _VALUE = 60, 120, 200
_DECIDED = ("decision", "reason")


def changes(run: Run) -> Update | None:
    """The lineage of a run's topics, what changed first; None where it follows from no other run."""
    lineage = run.lineage
    if not len(lineage):
        return None
    names = dict(zip(run.topics["topic_id"], run.topics["name"], strict=True)) if len(run.topics) else {}
    rank = {event: place for place, event in enumerate(EVENTS)}
    rows = [
        Change(
            plain(row["event"], _TERM),
            plain(row["topic_id"], _TERM),
            plain(names.get(row["topic_id"], ""), _NAME),
            plain(row["previous_id"], _TERM),
            int(row["size"]),
            int(row["previous_size"]),
            int(row["shared"]),
            _number(row["similarity"]),
            _number(row["terms"]),
        )
        for row in lineage.to_dict("records")
    ]
    rows.sort(key=lambda row: (rank.get(row.event, len(rank)), -row.size, row.topic_id, row.previous_id))
    return Update(tuple(rows), tuple(_told(run.updated)))


def _told(values: dict[str, Any]) -> list[tuple[str, float | int | str]]:
    """What was decided first, and in an order that a run keeps when it is saved and loaded."""
    ordered = sorted(values.items(), key=lambda told: (told[0] not in _DECIDED, told[0]))
    return [
        (plain(name, _TERM), plain(value, _VALUE) if isinstance(value, str) else value)
        for name, value in ordered
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    ]


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(float(value)) else round(float(value), 4)
