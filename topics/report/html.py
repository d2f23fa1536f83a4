"""The summary as one self-contained page."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.report.plain import count, figure, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

    from topics.report.values import CurvePoint, Summary

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 240, 46, 16, 14, 40  # of the curve, in SVG units


def to_html(summary: Summary) -> str:
    """Set a summary as a page of HTML that needs nothing but itself.

    The page makes no request (its policy forbids any), shows all topics and tables without
    JavaScript, and is the same, byte for byte, for the same summary.
    """
    style, script = _asset("report.css"), _asset("report.js")
    return _template().render(
        summary=summary,
        style=style,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=_data(summary),
        chart=_chart(summary.curve, summary.coverage),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("topics.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "percent": percent, "figure": figure, "own": Markup}
    return environment.get_template("report.html.j2")


@cache
def _asset(name: str) -> str:
    return (files("topics.report") / "templates" / name).read_text("utf-8")


def _data(summary: Summary) -> dict[str, Any]:
    """What the map and the table need: short keys, coordinates as little-endian base64."""
    points = summary.points
    return {
        "topics": [
            {
                "topic": row.topic,
                "id": row.topic_id,
                "anchor": row.anchor,
                "name": row.name,
                "label": row.label,
                "size": row.size,
                "coherence": row.coherence,
                "stability": row.stability,
                "colour": row.colour,
                "place": row.place,
            }
            for row in summary.topics
        ],
        "ids": [point.id for point in points],
        "x": _packed([point.x for point in points], "<u2"),
        "y": _packed([point.y for point in points], "<u2"),
        "topic": _packed([point.topic for point in points], "<i4"),
    }


def _packed(values: Sequence[int], dtype: str) -> str:
    return base64.b64encode(np.array(values, dtype=dtype).tobytes()).decode()


def _chart(curve: Sequence[CurvePoint], coverage: float | None) -> dict[str, Any] | None:
    """Where the coverage curve runs in its drawing; None if there is no curve to speak of."""
    if len(curve) < 2:
        return None
    bottom = min(0.9, int(min(point.agreement for point in curve) * 10) / 10)
    left = min(0.9, int(min(point.coverage for point in curve) * 10) / 10)

    def across(value: float) -> float:
        return round(_LEFT + (value - left) / (1 - left) * (_WIDTH - _LEFT - _RIGHT), 1)

    def up(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (value - bottom) / (1 - bottom) * (_HEIGHT - _TOP - _BOTTOM), 1)

    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "left": _LEFT,
        "right": _WIDTH - _RIGHT,
        "top": _TOP,
        "bottom": _HEIGHT - _BOTTOM,
        "points": [(across(point.coverage), up(point.agreement)) for point in curve],
        "here": across(coverage) if coverage is not None and left <= coverage <= 1 else None,
        "across": [(across(tick), f"{tick:.0%}") for tick in _ticks(left)],
        "up": [(up(tick), f"{tick:.2f}".rstrip("0").rstrip(".")) for tick in _ticks(bottom)],
    }


def _ticks(low: float) -> list[float]:
    """From low to 1 in steps of 0.02, 0.05, 0.1 or 0.2: at most seven."""
    step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1) if (1 - low) / step <= 6.5)
    return [round(1 - step * back, 4) for back in range(int((1 - low) / step + 1e-9), -1, -1)]
