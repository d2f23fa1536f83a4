"""From BERTopic and back. Neither way changes which documents are in a topic, nor what topics are called.

BERTopic is not needed to read a model of its own that is at hand, nor to write a folder that its `BERTopic.load` reads;
only `to_bertopic`, which gives such a model back, needs it.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.api import fit, vectors_of
from topics.corpus import read
from topics.data import NOISE, distinct_texts
from topics.editing import rename
from topics.errors import InvalidConfig, InvalidInput
from topics.regrouping import given_names
from topics.run import ASPECT
from topics.swapping import write_file
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from topics.run import Run
    from topics.store import Store

WORDS = f"{ASPECT}bertopic"  #: column of `Run.topics` with the words BERTopic had for a topic
_BLANK = ("", 1e-5)  # what BERTopic puts where a topic has no words


class _Given:
    """A clusterer that knows its answer."""

    def __init__(self, labels: NDArray[np.int32]) -> None:
        self.labels = labels
        self.__name__ = "BERTopic"

    def fit_predict(self, points: Any) -> NDArray[np.int32]:
        """The labels, whatever the points."""
        return self.labels


def from_bertopic(model: Any, documents: Any, embeddings: Any = None, **how: Any) -> Run:
    """Make a run of a fitted BERTopic model: its topics and outliers, told as those of any other run.

    A BERTopic model holds neither the documents nor their vectors, so that both have to come along; vectors are made
    by an encoder where they are not given. Topics are numbered by size here as there. Words, metrics, layers, the
    map and confidences are this library's.

    Parameters
    ----------
    model : bertopic.BERTopic
        Fitted. Anything with its `topics_` and `get_topic` will do.
    documents : as in `topics.fit`
        Those it was fitted on, in their order.
    embeddings : array_like of shape (n, d), optional
        Vectors of the documents, in their order.
    **how
        Further arguments of `topics.fit`: store, encoder, settings. The number of outliers is the model's, so that
        `coverage` is none of them.

    Returns
    -------
    Run
        `topics` has a column `aspect_bertopic` with the words of the model; topics with a custom label are named so.

    Raises
    ------
    InvalidInput
        If the model is not fitted, or was fitted on another number of documents.
    """
    told = getattr(model, "topics_", None)
    if told is None:
        raise InvalidInput("this BERTopic model is not fitted: it has no topics_. Call its fit_transform first.")
    columns = {name: how.get(name) for name in ("text", "id", "date", "class_") if how.get(name)}
    for name in columns:
        del how[name]
    corpus = read(documents, **columns).corpus
    labels = np.asarray(told, dtype=np.int64)
    if len(labels) != len(corpus):
        raise InvalidInput(
            f"the BERTopic model has topics of {len(labels):,} documents, and {len(corpus):,} were given; pass those "
            "it was fitted on, in their order."
        )
    by_text = _of_texts(labels, corpus.rows, len(corpus.texts))
    placed = corpus.copies[by_text != NOISE].sum() / max(corpus.copies.sum(), 1)
    if embeddings is not None:
        how["embeddings"] = embeddings
    how |= {"coverage": float(placed), "clusterer": _Given(by_text.astype(np.int32))}
    run = fit(corpus, **how)
    theirs = {int(topic): int(by_text[run.model.labels == topic][0]) for topic in run.topics["topic"]}
    words = [
        [str(word) for word, _ in (model.get_topic(theirs[int(topic)]) or ()) if word] for topic in run.topics["topic"]
    ]
    table = run.topics.copy()
    table[WORDS] = words
    run = replace(run, topics=table)
    names = _custom_labels(model, theirs)
    return rename(run, names) if names else run


def save_as_bertopic(run: Run, folder: str | Path) -> Path:
    """Write the folder that `BERTopic.load` reads: topics, words, labels of the documents, and topic vectors.

    Parameters
    ----------
    run : Run
    folder : path
        New, or empty.

    Raises
    ------
    InvalidInput
        If there is something already.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(f"{folder} is there already; name another folder.")
    labels = [int(topic) for topic in run.documents["topic"]]
    outliers = NOISE in labels
    numbers = [*([NOISE] if outliers else []), *map(int, run.topics["topic"])]
    words: dict[int, list[tuple[str, float]]] = {NOISE: [_BLANK]} if outliers else {}
    for row in run.topics.to_dict("records"):
        words[int(row["topic"])] = [*zip(row["terms"], map(float, row["term_weights"]), strict=True)] or [_BLANK]
    sizes = {number: labels.count(number) for number in numbers}
    named = list(run.topics["name"])
    told = {
        "topic_representations": words,
        "topics": labels,
        "topic_sizes": sizes,
        "topic_mapper": [[number, number] for number in numbers],
        "topic_labels": {
            number: "_".join([str(number), *(word for word, _ in words[number][:4])]) for number in numbers
        },
        "custom_labels": [*(["Outliers"] if outliers else []), *named] if given_names(run.topics) else None,
        "_outliers": int(outliers),
        "topic_aspects": {},
    }
    settings = {
        "calculate_probabilities": False,
        "language": None,
        "low_memory": False,
        "min_topic_size": run.config.min_cluster_size or 10,
        "n_gram_range": [1, run.config.ngrams],
        "nr_topics": run.config.topics,
        "seed_topic_list": None,
        "top_n_words": run.config.n_terms,
        "verbose": False,
        "zeroshot_min_similarity": 0.7,
        "zeroshot_topic_list": None,
    }
    centroids = run.model.centroids
    if outliers:
        left = run.model.vectors[run.model.labels == NOISE].astype(np.float64).sum(axis=0, keepdims=True)
        centroids = np.concatenate([unit_rows(left), centroids])
    write_file(folder / "topics.json", json.dumps(told, ensure_ascii=True).encode())
    write_file(folder / "config.json", json.dumps(settings).encode())
    tensors = {"topic_embeddings": np.ascontiguousarray(centroids)}
    write_file(folder / "topic_embeddings.safetensors", bytes(save(tensors)))
    return folder


def to_bertopic(run: Run, embedding_model: Any = None, store: Store | None = None) -> Any:
    """Make a BERTopic model of a run, for its plots and its methods.

    It predicts as a BERTopic model does that was loaded from safetensors: by the nearest topic vector, that of the
    outliers among them. That differs from `run.assign`.

    Parameters
    ----------
    run : Run
    embedding_model : optional
        As `BERTopic.load` takes it; by default the encoder of the run.
    store : Store, optional
        Keeps the vectors of texts that are encoded.

    Returns
    -------
    bertopic.BERTopic

    Raises
    ------
    InvalidConfig
        If BERTopic is not installed.
    """
    try:
        from bertopic import BERTopic
        from bertopic.backend import BaseEmbedder
    except ImportError as error:
        raise InvalidConfig(
            "to_bertopic makes a model of BERTopic, which is not installed here: pip install bertopic. Where it is, "
            "BERTopic.load reads what save_as_bertopic writes, which needs nothing."
        ) from error

    class Encoder(BaseEmbedder):  # type: ignore[misc]
        """The encoder of the run, and what is done to its vectors."""

        def embed(self, documents: Sequence[str], verbose: bool = False) -> NDArray[np.float32]:
            """Vectors as those of the run were clustered."""
            _, rows, texts = distinct_texts(documents)
            vectors = vectors_of(run, texts, store)
            return np.concatenate([vectors, np.zeros_like(run.model.centroids[:1])])[rows]

    with tempfile.TemporaryDirectory() as scratch:
        return BERTopic.load(str(save_as_bertopic(run, Path(scratch) / "model")), embedding_model or Encoder())


def _of_texts(labels: NDArray[np.int64], rows: NDArray[np.int32], u: int) -> NDArray[np.int64]:
    """The topic of each distinct text: that of most documents that carry it, of equals the larger."""
    inside = rows >= 0
    names, places = np.unique(labels[inside], return_inverse=True)
    votes = np.zeros((u, len(names)), dtype=np.int64)
    np.add.at(votes, (rows[inside], places), 1)
    order = np.where(names == NOISE, np.iinfo(np.int64).max, names)
    best = np.lexsort((np.broadcast_to(order, votes.shape), -votes), axis=-1)[:, 0] if u else np.empty(0, np.int64)
    return np.asarray(names[best], dtype=np.int64)


def _custom_labels(model: Any, theirs: Mapping[int, int]) -> dict[int, str]:
    """Names by our numbers, where the model has labels of its own; it keeps them in the order of its topics."""
    labels = getattr(model, "custom_labels_", None)
    if not labels:
        return {}
    known = dict(zip(sorted(set(map(int, model.topics_))), labels, strict=False))
    return {ours: str(known[topic]) for ours, topic in theirs.items() if str(known.get(topic, "")).strip()}
