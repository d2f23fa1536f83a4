"""The numbers of a run, and what each means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.report.plain import plain
from topics.report.values import CurvePoint, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

_TERM = 60

MEANINGS = {
    "documents": "Documents read, with and without text.",
    "distinct": "Different texts among them, once white space and Unicode forms are folded.",
    "duplicates": "Documents that repeat the text of another; they share its topic.",
    "empty": "Documents without text; they have no topic.",
    "topics": "Topics found.",
    "outliers": "Documents with text that have no topic.",
    "coverage": "Share of the documents with text that have a topic.",
    "clustered": "Share of them the clusterer itself placed, before others were offered to its topics.",
    "threshold": "A document whose neighbours speak for a topic less clearly than this is left out of it.",
    "npmi": "Coherence: how much more than by chance a topic’s terms occur together, from −1 to 1.",
    "u_mass": "Coherence by how often documents with one of a topic’s terms hold the terms before it; 0 at most.",
    "embedding_coherence": "Coherence: how alike the texts that hold a topic’s terms are, from −1 to 1.",
    "diversity": "Share of different words among the terms of all topics; 1 if no two topics share a term.",
    "inverted_rbo": "How much the terms of topics differ, the first ones more than the last; 1 if no two share a term.",
    "stability": "Share of the ties between similar documents that stays inside a group when the grouping is repeated.",
    "silhouette": "How much nearer documents are to their own topic than to the next one, from −1 to 1.",
    "effective_dimension": "How far the vectors use their dimensions: as many as would do if all were used alike.",
    "mean_cosine": "How alike two texts are on average; near 1 the vectors point the same way, near 0 everywhere.",
    "effective_dimension_before": "How far they used them before post-processing.",
    "mean_cosine_before": "How alike two texts were before post-processing.",
    "nmi": "Agreement with the given classes, 0 to 1 (normalised mutual information).",
    "ami": "The same, corrected so that chance gives 0.",
    "ari": "Agreement with the given classes over pairs of documents; chance gives 0.",
    "v_measure": "The mean of homogeneity and completeness; the same as nmi.",
    "homogeneity": "How far a topic holds documents of one class only, 0 to 1.",
    "completeness": "How far a class lies in one topic only, 0 to 1.",
    "purity": "Share of documents whose class is the most frequent one of their topic.",
}
MEANINGS |= {
    f"{name}_placed": "The same, among the documents that have a topic."
    for name in ("nmi", "ami", "ari", "v_measure", "homogeneity", "completeness", "purity")
}


def metrics_of(values: Mapping[str, Any]) -> Iterator[Metric]:
    """Those that are numbers, ours first, nested ones by their path."""
    found = dict(flat(values))
    for name in [*(name for name in MEANINGS if name in found), *sorted(set(found) - set(MEANINGS))]:
        value = found[name]
        if value is None or (isinstance(value, int | float | np.number) and not isinstance(value, bool)):
            shown = int(value) if isinstance(value, int | np.integer) else number(value)
            yield Metric(plain(name, _TERM), shown, MEANINGS.get(name, ""))


def curve_of(curve: pd.DataFrame) -> tuple[CurvePoint, ...]:
    if not {"coverage", "threshold", "agreement"} <= set(curve.columns):
        return ()
    rows = curve[["coverage", "threshold", "agreement"]].dropna().sort_values(["coverage", "threshold"])
    return tuple(CurvePoint(*map(float, row)) for row in rows.itertuples(index=False))


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def number(value: Any) -> float | None:
    """A finite float, or None."""
    if value is None:
        return None
    found = float(value)
    return found if math.isfinite(found) else None
