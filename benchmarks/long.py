"""What becomes of documents longer than the encoder reads: the rest dropped, or read in passages and pooled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

import topics
from topics.corpus import Source, read
from topics.data import Corpus, Texts
from topics.embedding import convert, find_checkpoint, measure, open_encoder, reading_all
from topics.metrics import agreement
from topics.pairs import nearest_others
from topics.store import NO_STORE
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MODEL = "all-MiniLM-L6-v2"
_CORPORA = ("20newsgroups_stripped", "arxiv_40k_balanced")
_DOCUMENTS = 2500
_SEEDS = (0, 1)
_NEIGHBORS = 10


def run(data: Path) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    reading = open_encoder(convert(find_checkpoint(_MODEL)), f"{_MODEL}?device=cpu")
    encoders = {"truncate": reading, "split": reading_all(reading, _MODEL)}
    rows = []
    for name in _CORPORA:
        if not (path := data / f"{name}.csv.gz").is_file():
            continue
        corpus = sample(read(Source(str(path), text="text", class_="label")).corpus)
        classes = classes_of(corpus)
        lengths = measure(reading, corpus.texts.texts)
        long = lengths.tokens > lengths.limit
        for which, encoder in encoders.items():
            began = time.process_time()
            vectors = unit_rows(encoder.encode(list(corpus.texts.texts)))
            seconds = time.process_time() - began
            near = neighbor_agreement(vectors, classes)
            nmi = np.array([topic_agreement(corpus, vectors, long, seed) for seed in _SEEDS])
            rows.append(
                f"| {name} | {long.mean():.1%} | {which} | {seconds:.0f} | {near.mean():.3f} | "
                f"{near[long].mean():.3f} | {_told(nmi[:, 0])} | {_told(nmi[:, 1])} |"
            )
    seeds = " and ".join(map(str, _SEEDS))
    text = (
        "# Long documents\n\n"
        f"{_DOCUMENTS:,} documents of each corpus, drawn at random, {_MODEL}, which reads "
        f"{reading.max_length} tokens. Neighbours: of a document's {_NEIGHBORS} nearest others, the share that is of "
        f"its class. NMI: of the topics with the classes, for seeds {seeds}, outliers as one more topic. Long "
        "documents are those longer than the encoder reads; their neighbours and topics are looked for among all. "
        "CPU seconds: of embedding, on one thread.\n\n"
        "One draw of documents each: seeds hardly move the topics of one draw, so that their spread says nothing of "
        "how much another draw would. Few documents can make most of what splitting costs.\n\n"
        "| corpus | long | | CPU seconds | neighbours | of long documents | NMI | of long documents |\n"
        "|---|---:|---|---:|---:|---:|---:|---:|\n" + "\n".join(rows) + "\n"
    )
    return text, ["openvino", "tokenizers", "icu4py"]


def sample(corpus: Corpus) -> Corpus:
    """Some documents with text, no two of the same, the same every time."""
    kept = np.sort(np.random.default_rng(0).permutation(len(corpus.texts))[:_DOCUMENTS])
    first = np.unique(corpus.rows, return_index=True)[1][-len(corpus.texts) :]  # a document of each text
    texts = Texts(tuple(corpus.texts.texts[row] for row in kept), corpus.texts.keys[kept])
    meta = corpus.meta.iloc[first[kept]].reset_index(drop=True)
    return Corpus([corpus.ids[row] for row in first[kept]], np.arange(len(kept), dtype=np.int32), texts, meta)


def classes_of(corpus: Corpus) -> NDArray[Any]:
    """The class of each text."""
    return corpus.meta["class"].to_numpy(dtype=object)


def neighbor_agreement(vectors: NDArray[np.float32], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Share of each text's nearest others that are of its class; shape (u,)."""
    found = nearest_others(vectors, _NEIGHBORS)[0]
    return np.asarray((classes[found] == classes[:, None]).mean(axis=1))


def topic_agreement(
    corpus: Corpus, vectors: NDArray[np.float32], long: NDArray[np.bool_], seed: int
) -> tuple[float, float]:
    """NMI of topics with classes: of all documents, and of long ones."""
    fitted = topics.fit(corpus, embeddings=vectors, seed=seed, store=NO_STORE, workers=1)
    labels, classes = fitted.documents["topic"].to_numpy(), classes_of(corpus)
    return agreement(classes, labels)["nmi"], agreement(classes[long], labels[long])["nmi"]


def _told(values: NDArray[np.float64]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)
