"""What `topics evaluate` measured of a run: coherence in windows, density, and fits with other seeds and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from topics.report.numbers import number
from topics.report.plain import plain
from topics.report.values import Evaluated, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

_TERM, _REASON = 60, 300
_ID = "topic_id"


def evaluated(told: Mapping[str, Any] | None, known: Mapping[str, float | None]) -> Evaluated | None:
    """The numbers of an `evaluation.json`, in plain values; None where there is no such file.

    Those that are known from the run and the same, as the agreement with its own classes, are not told twice.
    """
    if told is None:
        return None
    from topics.evaluation import MEANINGS

    meant = {name: f"{meaning[:1].upper()}{meaning[1:]}." for name, meaning in MEANINGS.items()}
    settings = told["settings"]
    overall = {
        name: value for name, value in told["overall"].items() if value is None or number(value) != known.get(name)
    }
    order = [*(name for name in MEANINGS if name in overall), *sorted(set(overall) - set(MEANINGS))]
    kept = [name for name in order if any(name in row for row in told["topics"])]
    return Evaluated(
        seeds=int(settings["seeds"]),
        resamples=int(settings["resamples"]),
        share=float(settings["share"]),
        numbers=tuple(Metric(plain(name, _TERM), number(overall[name]), meant.get(name, "")) for name in order),
        measures=tuple(plain(name, _TERM) for name in kept),
        topics=tuple((plain(row[_ID], _TERM), tuple(number(row.get(name)) for name in kept)) for row in told["topics"]),
        left_out=tuple((plain(name, _TERM), plain(why, _REASON)) for name, why in sorted(told["left_out"].items())),
    )
