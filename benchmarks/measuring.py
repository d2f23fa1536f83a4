"""The measurements of the quality benchmark: what is fitted on what, and the numbers taken of it. JSON in, JSON out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import topics
from benchmarks.methods import Documents
from topics import metrics
from topics.embedding import convert, find_checkpoint, open_encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MODEL = "all-MiniLM-L6-v2"
NUMBERS = (10, 20, 50)  # of topics, for the words
PAPER = (10, 20, 30, 40, 50)
_REMOVED, _NEW = 0.05, 0.2  # shares of the documents
# Neither this library's words nor another's: whoever has a stop word among its terms is measured with it.
_TOKEN = re.compile(r"\b[^\W\d_](?:\+\+|#)(?!\w)|\b\w\w+\b")


@dataclass(frozen=True, eq=False)
class Case:
    """A corpus: n documents and the number of the class of each."""

    name: str
    given: Documents
    classes: NDArray[np.int64]

    @property
    def n_classes(self) -> int:
        return int(self.classes.max()) + 1


class Encoder:
    """Words to vectors, by the encoder of the documents; opened once, and each word embedded once."""

    def __init__(self) -> None:
        self._known: dict[str, NDArray[np.float32]] = {}

    def encode(self, sentences: Iterable[str], **_: Any) -> NDArray[np.float32]:
        words = list(sentences)
        missing = sorted({word for word in words if word not in self._known})
        if missing:
            self._known.update(zip(missing, self._model.encode(missing), strict=True))
        return np.array([self._known[word] for word in words])

    @cached_property
    def _model(self) -> Any:
        return open_encoder(convert(find_checkpoint(MODEL)), f"{MODEL}?device=cpu")


def read_case(path: Path, most: int | None) -> Case:
    """Distinct documents with text and label, `most` of them at most, drawn with seed 0; vectors from the store."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table[(table["text"].str.strip() != "") & (table["label"] != "")].drop_duplicates("text")
    if most is not None and len(table) > most:
        table = table.sample(most, random_state=0)
    texts = list(table["text"])
    vectors = topics.embed(texts, MODEL, workers=1).vectors
    return Case(path.name.split(".")[0], Documents(texts, vectors), pd.factorize(table["label"], sort=True)[0])


def whole(method: Any, case: Case, seed: int) -> dict[str, Any]:
    """Topics of all documents, and how they agree with the classes."""
    labels, words = method.fit(case.given, seed, case.n_classes)
    return {
        "labels": labels.tolist(),
        "words": words,
        "topics": len(set(labels.tolist()) - {-1}),
        "outliers": float(np.mean(labels == -1)),
        **metrics.class_measures(case.classes, labels),
    }


def fewer(method: Any, case: Case, seed: int) -> dict[str, Any]:
    """Topics without a twentieth of the documents."""
    order = np.random.default_rng([seed, 5]).permutation(len(case.classes))
    rows = np.sort(order[round(_REMOVED * len(order)) :])
    labels, _ = method.fit(case.given.some(rows), seed, case.n_classes)
    return {"rows": rows.tolist(), "labels": labels.tolist()}


def new(method: Any, case: Case, seed: int) -> dict[str, Any]:
    """Topics of a fifth of the documents, placed among those of the others."""
    if method.assign is None:
        return {}
    order = np.random.default_rng([seed, 20]).permutation(len(case.classes))
    many = round(_NEW * len(order))
    rows, others = np.sort(order[:many]), np.sort(order[many:])
    labels = method.assign(case.given.some(others), case.given.some(rows), seed, case.n_classes)
    return {"rows": rows.tolist(), "labels": labels.tolist(), **metrics.class_measures(case.classes[rows], labels)}


def words(method: Any, case: Case, seed: int) -> dict[str, Any]:
    """Words of so many topics of one half of the documents, measured in the other."""
    if method.words is None:
        return {}
    order = np.random.default_rng([seed, 50]).permutation(len(case.classes))
    half = len(order) // 2
    found = method.words(case.given.some(np.sort(order[:half])), seed, NUMBERS)
    held_out = [_TOKEN.findall(case.given.texts[row].lower()) for row in order[half:]]
    return {str(number): told(chosen, held_out) for number, chosen in found.items()}


def paper(method: Any, case: Case, seed: int) -> dict[str, Any]:
    """The protocol of the BERTopic paper: words of 10 to 50 topics, measured where they come from."""
    if method.words is None:
        return {}
    tokens = [text.split() for text in case.given.texts]
    found = method.words(case.given, seed, PAPER)
    return {str(number): told(chosen, tokens) for number, chosen in found.items()}


def told(words: Sequence[Sequence[str]] | None, tokens: Sequence[Sequence[str]]) -> dict[str, Any] | None:
    """Coherence and diversity of words; None where there are none. The measures are gensim's, to 1e-6."""
    if words is None:
        return None
    lists = [list(dict.fromkeys(each)) for each in words]
    found = metrics.locate(tokens, [word for each in lists for word in each])
    return {
        "topics": len(lists),
        "npmi": _mean(metrics.c_npmi(metrics.in_windows(found, lists, 10))),
        "c_v": _mean(metrics.c_v(metrics.in_windows(found, lists, 110))),
        "diversity": metrics.diversity(lists),
        "words": [list(each) for each in lists],
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(np.nanmean(values)) if np.isfinite(values).any() else None


TASKS = {"whole": whole, "words": words, "new": new, "fewer": fewer, "paper": paper}
