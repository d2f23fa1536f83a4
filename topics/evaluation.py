"""The costly measures of a run: coherence in windows of its texts, density, agreement with labels, stability."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import metrics
from topics.assembly import versions
from topics.corpus import MEMORY, STDIN, Source
from topics.errors import InvalidConfig, InvalidInput
from topics.metrics.agreement import PLACED
from topics.metrics.measures import mean
from topics.pipeline import take_in
from topics.store import Store
from topics.updates.refits import SHARE, Refits
from topics.words.terms import terms_of, words_left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.data import Corpus
    from topics.run import Run
    from topics.workshop import Workshop

log = logging.getLogger(__name__)

_MOST = 100  # further fits of either kind
_WINDOWS = {"c_v": 110, "c_npmi": 10, "c_uci": 10}  # tokens, as in gensim and in the paper that compared them

#: What each number says.
MEANINGS = {
    "c_v": "coherence: how alike the company of a topic’s terms is, in windows of 110 words",
    "c_npmi": "coherence: how much more than by chance its terms occur together, in windows of 10 words",
    "c_uci": "the same, not normalised",
    "dbcv": "how dense topics are against how far apart, −1 to 1, in the layout that was clustered",
    "seed_ari": "agreement of fits with different seeds, over pairs of texts; chance gives 0",
    "seed_ami": "the same, in information",
    "seed_recurrence": "how far a topic comes again with other seeds, 0 to 1; from .85 it is very stable",
    "resample_ari": "agreement with fits of 90 % of the texts, over pairs of those; chance gives 0",
    "resample_ami": "the same, in information",
    "resample_recurrence": "how far a topic comes again in them, 0 to 1",
    "nmi": "agreement with the classes, 0 to 1, outliers being one more topic",
    "ami": "the same, corrected so that chance gives 0",
    "ari": "agreement with the classes over pairs of documents; chance gives 0",
    "v_measure": "the mean of homogeneity and completeness; the same as nmi",
    "homogeneity": "how far a topic holds documents of one class only",
    "completeness": "how far a class lies in one topic only",
    "purity": "share of documents whose class is the most frequent of their topic",
}
MEANINGS |= {f"{name}{PLACED}": "the same, outliers left out" for name in list(MEANINGS)[-7:]}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Numbers about a run, beyond those in its `metrics`."""

    run: str  # id of the run
    settings: dict[str, Any]  # what was asked for
    overall: dict[str, float | None]  # one of `MEANINGS` -> number
    topics: pd.DataFrame  # topic_id and those measures that tell topics apart
    left_out: dict[str, str]  # measures that could not be taken -> why

    def to_json(self) -> str:
        told = {
            "run": self.run,
            "settings": self.settings,
            "overall": self.overall,
            "topics": json.loads(self.topics.to_json(orient="records", double_precision=15)),
            "left_out": self.left_out,
            "versions": versions(),
        }
        return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def evaluate(
    run: Run,
    labels: str | None = None,
    seeds: int = 3,
    resamples: int = 3,
    location: str | None = None,
    store: Store | None = None,
) -> Evaluation:
    """Measure what takes texts or further fits.

    Parameters
    ----------
    run : Run
    labels : str, optional
        Column of the input with classes to compare the topics with; by default that of the fit, if there was one.
    seeds : int
        Further fits with other seeds: `seed + 1`, `seed + 2`, ...; 0 for none.
    resamples : int
        Further fits of 90 % of the distinct texts, drawn without replacement; 0 for none.
    location : str, optional
        Where the documents are now, if they were moved or came from memory. By default they are looked for
        where the fit found them, unless the run keeps the texts.
    store : Store, optional

    Returns
    -------
    Evaluation
        What could not be measured because the documents are gone or have changed stands in `left_out`, with
        the reason. Coherence is that of the distinct texts, their stop words left out first; a phrase occurs
        where its words then follow each other.

    Raises
    ------
    InvalidConfig
        If a number of fits is not allowed.
    InvalidInput
        If the documents at `location`, or those with `labels`, are not those of the run, or cannot be read; or if
        the input has no such column.
    """
    for name, number in (("seeds", seeds), ("resamples", resamples)):
        if not 0 <= number <= _MOST:
            raise InvalidConfig(f"{name}={number}; allowed are whole numbers from 0 to {_MOST}.")
    workshop = run.config.workshop(store or Store())
    table = run.topics[["topic_id"]].copy()
    overall: dict[str, float | None] = {}
    left_out: dict[str, str] = {}

    corpus = None
    try:
        texts: Sequence[str] | None = None if location or labels else _kept_texts(run)
        if texts is None:
            corpus = _documents(run, labels, location, workshop)
            texts = corpus.texts.texts
        coherence = _coherence(run, texts)
        table = table.assign(**coherence)
        overall |= {name: mean(values) for name, values in coherence.items()}
    except InvalidInput as error:
        if location or labels:
            raise
        left_out |= dict.fromkeys(_WINDOWS, str(error))

    further, recurring, missed = _fits(run, workshop, seeds, resamples)
    overall, table, left_out = overall | further, table.assign(**recurring), left_out | missed
    classes = _classes(run, corpus if labels else None)
    if classes is not None:
        filled = (run.documents["reason"] != "empty").to_numpy()
        overall |= metrics.class_measures(classes[filled], run.documents["topic"].to_numpy(np.int32)[filled])
    for reason in dict.fromkeys(left_out.values()):
        log.warning("%s not measured: %s", ", ".join(n for n, why in left_out.items() if why == reason), reason)
    settings = {"labels": labels, "seeds": seeds, "resamples": resamples, "share": SHARE}
    return Evaluation(run.provenance["run"], settings, overall, table, left_out)


# --- further fits


def _fits(
    run: Run, workshop: Workshop, seeds: int, resamples: int
) -> tuple[dict[str, float | None], dict[str, NDArray[np.float64]], dict[str, str]]:
    """What fitting again tells: numbers of the run, numbers of its topics, and what could not be had and why."""
    clusterer = run.config.clusterer
    if clusterer.startswith("<"):
        reason = f"the clusterer, {clusterer}, was an object that the run does not keep, so nothing is fitted again."
        return {}, {}, dict.fromkeys(("dbcv", "stability"), reason)
    overall: dict[str, float | None] = {}
    left_out, table = {}, {}
    fits = Refits(run, workshop)
    again = fits.with_seed(run.config.seed)
    if again.layout is None:
        left_out["dbcv"] = f"{clusterer} clusters no layout."
    elif np.array_equal(again.labels, run.model.labels):
        overall["dbcv"] = metrics.dbcv(again.layout.points, run.model.labels)
    else:
        left_out["dbcv"] = "the layout made here is not that of the run: other releases are installed now."
    for name, number, measured in (("seed", seeds, fits.over_seeds), ("resample", resamples, fits.over_resamples)):
        if number:
            agreement, recurring = measured(number)
            overall |= {f"{name}_{kind}": value for kind, value in agreement.items()}
            overall[f"{name}_recurrence"] = mean(recurring)
            table[f"{name}_recurrence"] = recurring
    return overall, table, left_out


# --- documents


def _kept_texts(run: Run) -> list[str] | None:
    """The distinct texts, in the order of the model's rows, where the run keeps them."""
    if "text" not in run.documents or run.rows is None:
        return None
    texts = [""] * len(run.model.keys)
    for row, text in zip(run.rows, run.documents["text"], strict=True):
        if row >= 0:
            texts[row] = text
    return texts


def _documents(run: Run, labels: str | None, location: str | None, workshop: Workshop) -> Corpus:
    """The corpus of the run, read again.

    Raises
    ------
    InvalidInput
        If it cannot be, or is another now.
    """
    told = run.provenance["input"]
    where = location or told["location"]
    if where in (MEMORY, STDIN):
        raise InvalidInput(
            f"the documents came from {'memory' if where == MEMORY else 'standard input'} and are not in the run; "
            "give their file with --input."
        )
    source = Source(where, told.get("text"), told.get("id"), told.get("date"), labels or told.get("class"))
    try:
        ref = take_in(source, workshop, lambda stage, *inputs, **params: workshop.run(stage, inputs, params).ref)[0]
    except InvalidInput as error:
        if location or labels:
            raise
        raise InvalidInput(f"{error} If the documents were moved, say with --input where they are now.") from error
    corpus: Corpus = workshop.load(ref)
    if not np.array_equal(corpus.texts.keys, run.model.keys):
        raise InvalidInput(
            f"{where} holds other documents than those of the run; give the file they are in now with --input, or "
            "fit again."
        )
    return corpus


def _classes(run: Run, corpus: Corpus | None) -> NDArray[Any] | None:
    """The classes of the documents, in their order; shape (n,); of the fit where no corpus is given."""
    import pandas as pd

    if corpus is None:
        return run.documents["class"].to_numpy() if "class" in run.documents else None
    classes = pd.Series(corpus.meta["class"].to_numpy(), index=pd.Index(corpus.ids))
    if not set(classes.index) == set(run.documents["id"]):
        raise InvalidInput(
            "the documents have other ids than those of the run, so nobody knows whose label is whose; read them with "
            "the same id column."
        )
    return classes.loc[run.documents["id"]].to_numpy()


def _coherence(run: Run, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    left_out = words_left_out(run.provenance["languages"], run.config.stop_words)
    terms = [list(words) for words in run.topics["terms"]]
    found = metrics.locate(_tokens(texts, left_out), [term for words in terms for term in words])
    by_size = {size: metrics.in_windows(found, terms, size) for size in set(_WINDOWS.values())}
    measures: dict[str, Callable[[metrics.Occurrences], NDArray[np.float64]]] = {
        "c_v": metrics.c_v,
        "c_npmi": metrics.c_npmi,
        "c_uci": metrics.c_uci,
    }
    return {name: measures[name](by_size[size]) for name, size in _WINDOWS.items()}


def _tokens(texts: Sequence[str], left_out: set[str]) -> Iterator[list[str]]:
    from topics.progress import track

    for text in track(texts, len(texts), "Splitting into words", "documents"):
        yield terms_of(text, left_out)
