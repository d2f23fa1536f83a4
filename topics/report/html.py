"""The summary as one self-contained page."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.report.map import DRAWN
from topics.report.plain import count, figure, percent, short
from topics.report.tables import tables_of
from topics.templating import environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Template

    from topics.report.tables import Table
    from topics.report.values import Points, Summary

ROWS = 200  #: most rows of a table that stand in the page; all of them are in its download
FEWEST = 10  #: documents a period must have for its shares to be drawn
ON_PAPER = 30  #: topics whose terms and documents are printed

#: The parts of the script, each of one concern, in the order they are put together.
PARTS = (
    "base",
    "theme",
    "choice",
    "csv",
    "topics",
    "points",
    "palette",
    "raster",
    "labels",
    "selection",
    "dates",
    "map",
    "gestures",
    "charts",
    "keys",
    "hierarchy",
    "time",
    "heat",
    "quality",
    "start",
)


def to_html(summary: Summary) -> str:
    """Set a summary as a page of HTML that needs nothing but itself.

    The page makes no request (its policy forbids any), shows all topics and tables without
    JavaScript, and is the same, byte for byte, for the same summary.
    """
    tables = tables_of(summary)
    library = asset("vendor/echarts.min.js")
    return _template().render(
        summary=summary,
        tables=tables,
        anchors={row.topic_id: row.anchor for row in summary.topics},
        by_topic={row.topic: row for row in summary.topics},
        style=asset("templates/report.css"),
        script=script(),
        library=_deflated(library.encode("utf-8")),
        hashes=[_digest(script()), _digest(library)],
        data=_data(summary),
        tabled=_deflated(json.dumps(_tabled(tables), ensure_ascii=False).encode("utf-8", "replace")),
        points=_points(summary.points),
        drawn=DRAWN,
        most_rows=ROWS,
        on_paper=ON_PAPER,
        fewest=FEWEST,
    )


@cache
def script() -> str:
    """The script of the page: its parts, one after another, in a scope of their own."""
    parts = "\n".join(asset(f"script/{part}.js").rstrip("\n") for part in PARTS)
    return f"(() => {{\n'use strict';\n{parts}\n}})();\n"


@cache
def asset(name: str) -> str:
    return (files("topics.report") / name).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _template() -> Template:
    from markupsafe import Markup

    templates = environment("topics.report")
    templates.filters |= {
        "count": count,
        "percent": percent,
        "figure": figure,
        "short": short,
        "own": Markup,
        "spark": spark,
    }
    return templates.get_template("report.html.j2")


def spark(counts: Sequence[int], totals: Sequence[int], height: int = 50) -> str:
    """The share of a topic in each period with enough documents, as the points of an SVG line, a period apart.

    Examples
    --------
    >>> spark([0, 5, 10, 1], [10, 10, 10, 1])
    '0,50 1,25 2,0 3,50'
    """
    shares = [part / whole if whole >= FEWEST else 0.0 for part, whole in zip(counts, totals, strict=True)]
    highest = max(shares, default=0.0) or 1.0
    return " ".join(f"{place},{height - share / highest * height:.0f}" for place, share in enumerate(shares))


def _data(summary: Summary) -> dict[str, Any]:
    """What the script needs beside the points and the tables; short keys where there are many."""
    return {
        "topics": [
            {
                "topic": row.topic,
                "id": row.topic_id,
                "anchor": row.anchor,
                "name": row.name,
                "label": row.label,
                "size": row.size,
                "share": _rounded(row.share),
                "coherence": _rounded(row.coherence),
                "stability": _rounded(row.stability),
                "change": _rounded(row.trend.change if row.trend else None),
                "bursts": [[burst.first, burst.last, _rounded(burst.weight)] for burst in row.bursts],
                "colour": row.colour,
                "place": row.place,
                "subs": [[sub.label, sub.size, *sub.place] for sub in row.subs if sub.place],
            }
            for row in summary.topics
        ],
        "merges": [[merge.kept, merge.gone, merge.name] for merge in summary.merges],
        "fewest": FEWEST,
        "coverage": summary.coverage,
        "classes": list(summary.classes.names) if summary.classes else [],
    }


def _rounded(value: float | None) -> float | None:
    """As much of a number as pictures and orders need; tables have all of it."""
    return None if value is None else round(value, 6)


def _tabled(tables: Mapping[str, Table]) -> dict[str, Any]:
    return {
        name: {"columns": [[column.name, column.kind] for column in table.columns], "rows": table.rows}
        for name, table in tables.items()
    }


def _points(points: Points) -> dict[str, Any]:
    """Columns of little-endian numbers and texts, a line each, all of them deflated: there may be many."""
    return {
        "n": len(points),
        "x": _packed(points.x, "<u2"),
        "y": _packed(points.y, "<u2"),
        "topic": _packed(points.topics, "<i2"),
        "class": _packed(points.classes, "<i2"),
        "day": _packed(points.days, "<i2"),
        "ids": _deflated("\n".join(points.ids).encode("utf-8")),
        "words": _deflated("\n".join(points.words).encode("utf-8")),
    }


def _packed(values: Sequence[int], dtype: str) -> str:
    return _deflated(np.array(values, dtype=dtype).tobytes())


def _deflated(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode() if content else ""
