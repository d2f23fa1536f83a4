"""What the benchmark of scale promises: tables of what was measured, and documents that are sentences of abstracts."""

from __future__ import annotations

import pandas as pd

from benchmarks.scale import _sentences, report

MEASURED = {
    "kind": "abstracts",
    "documents": 20_000,
    "fit_on": None,
    "workers": 1,
    "max_memory": None,
    "wall": 30.4,
    "cpu": 28.2,
    "memory": 700_000_000,
    "folder": 40_000_000,
    "stages": [{"name": "terms", "seconds": 3.04, "memory": 600_000_000}],
    "metrics": {"topics": 28, "coverage": 0.99, "npmi": 0.26, "stability": 0.81},
}


def test_a_column_for_each_measurement_smallest_first():
    part = MEASURED | {"fit_on": 5000, "stages": [{"name": "spread", "seconds": 0.5, "memory": 0}]}
    large = MEASURED | {"documents": 200_000, "workers": 2}
    lines = report([large, part, MEASURED]).splitlines()
    assert lines[4] == (
        "| | 20,000 abstracts (1 thread) | 20,000 abstracts (fit on 5000, 1 thread) | 200,000 abstracts (2 threads) |"
    )
    assert "| terms | 3.0 s, 0.6 GB | – | 3.0 s, 0.6 GB |" in lines
    assert "| **peak memory** | 0.70 GB | 0.70 GB | 0.70 GB |" in lines


def test_short_documents_are_sentences_and_come_once():
    told = "The first sentence of an abstract is here. And this is the second of them. Short. (Not this one either"
    table = pd.DataFrame({"id": ["a", "b"], "text": [told, told], "label": ["x", "y"]})
    assert list(_sentences(table)) == [
        ("a.0", "The first sentence of an abstract is here", "x"),
        ("a.1", "And this is the second of them", "x"),
    ]
