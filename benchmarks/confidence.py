"""Whether confidence keeps its promise on documents that were not there at fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.isotropy import labelled
from topics import NO_STORE, Corpus, Store, embed, fit
from topics.api import assign

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CORPORA = ("20newsgroups_stripped", "banking77", "octis_BBC_News", "stackoverflow_titles")
_MODEL = "all-MiniLM-L6-v2"
_PARTS = 4  # of the new documents, by strength

_ABOUT = f"""# Confidence of new documents

Topics of half of a corpus, 1,000 texts at most ({_MODEL}); the other half is assigned to them, outliers to their
nearest topic, and split in quarters by strength.

Confidence: the mean of the quarter. Same again, what it is meant to say: share of the quarter that a fit of both halves
puts into the topic that took most of the documents of theirs; of the documents of the fit in the column after it.
Label: share whose label is the most frequent one of their topic's documents at fit, and of these documents: no
confidence in a topic makes the topic purer than it is. Outliers: share of the quarter that is too unclear for a topic.

| corpus | quarter | confidence | same again | at fit | label | at fit | outliers |
|---|---:|---:|---:|---:|---:|---:|---:|
"""


def run(data: Path) -> tuple[str, list[str]]:
    """Measure; returns Markdown and the libraries whose versions matter."""
    rows = []
    for name in _CORPORA:
        if (path := data / f"{name}.csv.gz").is_file():
            corpus, classes = labelled(path)
            vectors = embed(list(corpus.texts.texts), _MODEL, store=Store()).vectors
            rows += [f"| {name} | {told} |" for told in measured(corpus, vectors, classes)]
    return _ABOUT + "\n".join(rows) + "\n", ["hdbscan", "numpy", "openvino", "scikit-learn", "umap-learn"]


def measured(corpus: Corpus, vectors: NDArray[np.float32], classes: NDArray[np.int64]) -> list[str]:
    """The numbers of each quarter of the held-out texts; `vectors` in the order of the texts."""
    half = np.arange(len(corpus.texts)) % 2 == 0  # in the order of hashes: a fair half
    some = fit(part_of(corpus, half), embeddings=vectors[half], store=NO_STORE)
    both = fit(part_of(corpus, half | True), embeddings=vectors, store=NO_STORE).documents["topic"].to_numpy()
    table = assign(some, part_of(corpus, ~half), embeddings=vectors[~half])
    topics = some.documents["topic"].to_numpy()
    known = topics >= 0
    told = []
    for values in (both, classes):
        most = majority(topics[known], values[half][known])
        right, at_fit = most[table["nearest"]] == values[~half], most[topics[known]] == values[half][known]
        told.append((right, float(at_fit.mean())))
    outlier = table["topic"].to_numpy() < 0
    quarters = np.array_split(np.argsort(table["strength"], kind="stable"), _PARTS)
    return [
        f"{number} | {table['confidence'].to_numpy()[rows].mean():.2f} | "
        + " | ".join(f"{right[rows].mean():.2f} | {at_fit:.2f}" for right, at_fit in told)
        + f" | {outlier[rows].mean():.0%}"
        for number, rows in enumerate(quarters, 1)
    ]


def part_of(corpus: Corpus, kept: NDArray[np.bool_]) -> Corpus:
    """The texts that are kept, a document each."""
    return Corpus.from_texts(corpus.texts.texts[row] for row in np.flatnonzero(kept))


def majority(topics: NDArray[np.int64], classes: NDArray[Any]) -> NDArray[np.int64]:
    """The most frequent class of each topic."""
    counts = np.zeros((topics.max() + 1, classes.max() + 2), dtype=np.int64)
    np.add.at(counts, (topics, classes), 1)
    return np.asarray(counts[:, :-1].argmax(axis=1))  # the last counts outliers
