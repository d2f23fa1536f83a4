"""A simulated life: twelve updates of a corpus in the order of its dates; do documents keep their topics?"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

import topics
from benchmarks import planted
from benchmarks.methods import BERTopic, Documents
from topics import metrics
from topics.data import Graph, normalise
from topics.embedding.precomputed import embed_documents
from topics.grouping import group
from topics.pipeline import hold_vectors
from topics.steps import GRAPH, SETTLE
from topics.updates.continuation import ids_given

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from topics.store import Ref
    from topics.workshop import Stage

MODEL = "all-MiniLM-L6-v2"
UPDATES = 12
_PERIODS = {"arxiv_40k_balanced": "M", "trump_tweets": "Q"}
_STARTS = {0.02: 2500, 0.10: 1000}  # documents of the first fit, by the share of new ones in an update
_LABELLED = ("arxiv_40k_balanced",)  # the labels of tweets say whose they are, not what they are about
_SHORTEST = 20  # characters of a document
_TOPICS = 15  # that kmeans is asked for
_QUARTER = 0.25  # of its weight that an edge keeps

_ABOUT = f"""# A simulated life

Twelve updates each, in the order of the dates: abstracts by month, tweets by quarter. A first fit of what was there
before; then, from every period, as many documents drawn as make 2 % or 10 % of those that are there. All are fitted
again each time, from the same vectors ({MODEL}).

Kept: share of the documents of two consecutive runs that have the same permanent id in both, those without a topic in
both among them; mean over the updates, and the least. AMI: with the labels, of all documents, mean over the updates;
for tweets there are none. Topics: after the first fit and after the last.

- plain: `consensus=0`; UMAP's graph as it is
- sharpened: the defaults, fitted anew
- quartered: the same, but an edge of the sharpened graph whose ends had different topics in the run before keeps a
  quarter of its weight
- previous: the defaults with `previous=`, what `topics update` does when it refits
- leiden, kmeans: with `clusterer=` so, kmeans with `topics={_TOPICS}`; anew, and with `previous=`
- BERTopic: its defaults, fitted anew

Only previous gives topics permanent ids by itself. Topics of the others are matched with those before as well as can
be: one to one, such that most documents are kept.

| corpus | new | method | kept | least | AMI | topics |
|---|---:|---|---:|---:|---:|---:|
"""


class Life(NamedTuple):
    """Documents of a first fit and of every update, by row; dates ascend."""

    documents: Documents
    labels: NDArray[Any]
    rows: list[NDArray[np.int64]]  # of all documents there are after each step


def run(data: Path) -> tuple[str, list[str]]:
    """Measure; returns Markdown and the libraries whose versions matter."""
    paths = {name: path for name in _PERIODS if (path := data / f"{name}.csv.gz").is_file()}
    lives = [(name, path, share) for name, path in paths.items() for share in _STARTS]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        lines = [line for part in pool.map(_told, *zip(*lives, strict=True)) for line in part]
    text = _ABOUT + "\n".join(lines) + "\n\n" + planted.told() + "\n" + _COST + "".join(map(costs, paths.values()))
    rivals = ["bertopic", "umap-learn"] if find_spec("bertopic") else []
    return text, ["topics", "hdbscan", "scikit-learn", "numpy", *rivals]


def _told(name: str, path: Path, share: float) -> list[str]:
    """A row of the table for each method."""
    life = read_life(path, _PERIODS[name], share)
    lines = []
    for method, (follow, permanent) in METHODS.items():
        if method == "BERTopic" and find_spec("bertopic") is None:
            continue
        told = lived(life, follow(life), permanent)
        ami = f"{told['ami']:.3f}" if name in _LABELLED else ""
        row = f"{told['mean']:.3f} | {told['least']:.3f} | {ami} | {told['first']} to {told['last']}"
        lines.append(f"| {name} | {share:.0%} | {method} | {row} |")
        print(lines[-1], flush=True)
    return lines


def read_life(path: Path, period: str, share: float) -> Life:
    """Documents drawn with seed 0, their vectors, and who is there when."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["text"] = [normalise(text) for text in table["text"]]
    table = table[table["text"].str.len() >= _SHORTEST].drop_duplicates("text")
    table["period"] = pd.to_datetime(table["date"], utc=True).dt.tz_localize(None).dt.to_period(period)
    last = sorted(table["period"].unique())[-UPDATES:]
    parts = [table[table["period"] < last[0]].sample(_STARTS[share], random_state=0)]
    for each in last:
        many = round(share * sum(map(len, parts)))
        parts.append(table[table["period"] == each].sample(many, random_state=0))
    whole = pd.concat(parts, ignore_index=True)
    vectors = topics.embed(whole["text"].tolist(), MODEL).vectors
    ends = np.cumsum([len(part) for part in parts])
    return Life(Documents(whole["text"].tolist(), vectors), whole["label"].to_numpy(), [np.arange(end) for end in ends])


def anew(life: Life, **how: Any) -> list[NDArray[np.int64]]:
    """Topics found again each time."""
    return [_grouped(life, rows, topics.Config.of(**how)) for rows in life.rows]


def quartered(life: Life) -> list[NDArray[np.int64]]:
    """Edges between topics of the step before keep a quarter of their weight."""
    found: list[NDArray[np.int64]] = []
    for rows in life.rows:
        found.append(_grouped(life, rows, topics.Config.of(), found[-1] if found else None))
    return found


def going_on(life: Life, **how: Any) -> list[NDArray[np.int64]]:
    """Numbers of permanent ids, of runs each of which goes on from the one before."""
    found: list[NDArray[np.int64]] = []
    before, given = None, 0
    for rows in life.rows:
        documents = life.documents.some(rows)
        corpus = topics.Corpus.from_texts(documents.texts, [str(row) for row in rows])
        settings = {"store": topics.NO_STORE, "workers": 1, **how}
        before = topics.fit(corpus, embeddings=documents.vectors, previous=before, **settings)
        fresh = {int(name[1:]) for name in before.topics["topic_id"][before.topics["status"] == "born"]}
        if fresh and min(fresh) <= given:
            raise AssertionError(f"the id of a new topic, {min(fresh)}, was given before.")
        given = ids_given(before)
        ids = np.array([*(int(name[1:]) for name in before.topics["topic_id"]), -1])
        found.append(ids[before.documents["topic"].to_numpy(np.int64)])
    return found


def bertopic(life: Life) -> list[NDArray[np.int64]]:
    return [BERTopic().fit(life.documents.some(rows), 0, 0)[0].astype(np.int64) for rows in life.rows]


_KMEANS: dict[str, Any] = {"clusterer": "kmeans", "topics": _TOPICS}

#: How to follow a life, and whether that gives permanent ids.
METHODS: dict[str, tuple[Callable[[Life], list[NDArray[np.int64]]], bool]] = {
    "plain": (partial(anew, consensus=0), False),
    "sharpened": (anew, False),
    "quartered": (quartered, False),
    "previous": (going_on, True),
    "leiden": (partial(anew, clusterer="leiden"), False),
    "leiden, previous": (partial(going_on, clusterer="leiden"), True),
    "kmeans": (partial(anew, **_KMEANS), False),
    "kmeans, previous": (partial(going_on, **_KMEANS), True),
    "BERTopic": (bertopic, False),
}


def _grouped(
    life: Life, rows: NDArray[np.int64], config: topics.Config, before: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The topics of a fit, without all that a fit tells of them; edges between topics of `before` are quartered."""
    given = life.documents.some(rows)
    corpus = topics.Corpus.from_texts(given.texts, [str(row) for row in rows])
    workshop = config.workshop(topics.NO_STORE)
    known = np.full(len(corpus.texts), -1)
    known[corpus.rows[: 0 if before is None else len(before)]] = -1 if before is None else before

    def step(stage: Stage, *inputs: Ref, **params: Any) -> Ref:
        ref = workshop.run(stage, inputs, params).ref
        if stage is GRAPH and params["consensus"] and before is not None:
            return workshop.hold(GRAPH.name, f"{ref.key} quartered", _between_quartered(workshop.load(ref), known))
        return ref

    vectors = hold_vectors(embed_documents(corpus, given.vectors), workshop)
    made = group(vectors, config, workshop, step)
    whole = workshop.hold("corpus", corpus.key, corpus)
    settled = step(SETTLE, made.clusters, vectors, made.near, whole, made.graph, coverage=config.coverage)
    labels: NDArray[np.int32] = workshop.load(settled).labels
    return labels[corpus.rows].astype(np.int64)


def _between_quartered(graph: Graph, known: NDArray[np.int64]) -> Graph:
    weights = graph.weights.copy()
    source = known[np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))]
    target = known[weights.indices]
    weights.data[(source >= 0) & (target >= 0) & (source != target)] *= np.float32(_QUARTER)
    return Graph(weights, graph.agreement)


def lived(life: Life, steps: list[NDArray[np.int64]], by_id: bool) -> dict[str, Any]:
    """What a life came to, in numbers."""
    kept = [share_kept(before, after[: len(before)], by_id) for before, after in pairwise(steps)]
    ami = [
        metrics.agreement(life.labels[rows], labels.astype(np.int32))["ami"]
        for rows, labels in zip(life.rows[1:], steps[1:], strict=True)
    ]
    many = [len(set(labels.tolist()) - {-1}) for labels in (steps[0], steps[-1])]
    return {"mean": np.mean(kept), "least": min(kept), "ami": np.mean(ami), "first": many[0], "last": many[1]}


def share_kept(before: NDArray[np.int64], after: NDArray[np.int64], by_id: bool) -> float:
    """Share of documents that have the same topic: the same number, or else the one matched best."""
    if by_id:
        return float((before == after).mean())
    from scipy.optimize import linear_sum_assignment

    both = (before >= 0) & (after >= 0)
    table = np.zeros((before.max() + 2, after.max() + 2), dtype=np.int64)
    np.add.at(table, (before[both], after[both]), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float((table[rows, columns].sum() + ((before < 0) & (after < 0)).sum()) / len(before))


_COST = """## What an update costs

Processor seconds of a fit of 2,000 documents with nothing in the store but the encoder, and of an update by 1 % new
ones (20) that does not refit, loading the run included.

| corpus | fit | update | share |
|---|---:|---:|---:|
"""


def costs(path: Path) -> str:
    """A row of the table of costs."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False).drop_duplicates("text").sample(2020, random_state=0)
    old, new = table[:2000], table[2000:]
    with tempfile.TemporaryDirectory() as folder:
        store = topics.Store(f"{folder}/store")
        topics.embed(["the encoder is opened once"], MODEL, store=store)
        began = time.process_time()
        made = topics.fit(old, text="text", id="id", store=store)
        fitted = time.process_time() - began
        made.save(f"{folder}/run")
        began = time.process_time()
        topics.update(f"{folder}/run", new, text="text", id="id", store=store, refit="never")
        updated = time.process_time() - began
    return f"| {path.name.split('.')[0]} | {fitted:.1f} s | {updated:.1f} s | {updated / fitted:.1%} |\n"
