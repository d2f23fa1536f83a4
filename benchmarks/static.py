"""What a distilled static model gains and loses against its teacher and sentence-transformers."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import topics
from benchmarks.embedding import in_turn
from topics.corpus import Source, read
from topics.embedding import convert, find_checkpoint, open_encoder
from topics.embedding.distillation import fidelity
from topics.embedding.families import family_encoder
from topics.trial import class_agreement

if TYPE_CHECKING:
    from collections.abc import Callable

_MODEL = "all-MiniLM-L6-v2"
_CORPORA = ("20newsgroups_stripped", "arxiv_40k_balanced")
_LEARNED = 4000  # documents the static model is fitted to
_TRIED = 3000  # others, that everything is measured on
_TIMED = 256  # of these, for the encoders that take long


def run(data: Path) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    speeds, losses = [], []
    for name in _CORPORA:
        if (path := data / f"{name}.csv.gz").is_file():
            speed, loss = compare(name, path)
            speeds.append(speed)
            losses.append(loss)
    text = (
        "# A static model, distilled\n\n"
        f"`topics distill {_MODEL}`, fitted to {_LEARNED:,} documents of each corpus, measured on {_TRIED:,} others. "
        f"Against it `SentenceTransformer.encode` as it comes (float32, batch 32) and {_MODEL} on OpenVINO, in the "
        "same process, medians of 3 rounds of CPU seconds, model loading left out; these two in turn on "
        f"{_TIMED} of the documents.\n\n"
        "| corpus | distilling, CPU seconds | sentence-transformers, documents a CPU second | OpenVINO | static | "
        "static : sentence-transformers | static : OpenVINO |\n|---|---:|---:|---:|---:|---:|---:|\n"
        + "\n".join(speeds)
        + "\n\nWhat is lost: the mean cosine with the teacher's vector and the share of its ten nearest documents that "
        "are kept, before the fit (words as the teacher sees them alone) and after, both on the fifth that the fit "
        f"held out. On the {_TRIED:,} others: the same two; the share of documents whose class most of their ten "
        "nearest have; NMI of the topics found, with the classes.\n\n"
        "| corpus | held out: cosine, before | after | nearest kept, before | after | others: cosine | nearest kept | "
        "class told, teacher | static | NMI, teacher | static |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n" + "\n".join(losses) + "\n"
    )
    return text, ["openvino", "sentence-transformers", "torch", "scipy"]


def compare(name: str, path: Path) -> tuple[str, str]:
    """A row of each table."""
    corpus = read(Source(str(path), text="text", class_="label")).corpus
    rows, place = np.unique(corpus.rows, return_index=True)
    classes = corpus.meta["class"].to_numpy()[place[rows >= 0]]  # of the first document with each text
    labels = classes[_LEARNED : _LEARNED + _TRIED]
    texts = list(corpus.texts.texts[_LEARNED : _LEARNED + _TRIED])
    with tempfile.TemporaryDirectory() as folder:
        store, began = topics.Store(Path(folder) / "store"), time.process_time()
        made = topics.distill(str(path), Path(folder) / "model", _MODEL, text="text", sample=_LEARNED, store=store)
        distilling = time.process_time() - began
        static = family_encoder(made.encoder)
        rates = documents_per_second(texts, static)
        teacher = topics.embed(texts, _MODEL, store=store).vectors
        mine = static.encode(texts)
        found = fidelity(mine, teacher)
        told = [class_agreement(vectors, pd.factorize(labels)[0])["agreement"] for vectors in (teacher, mine)]
        table = pd.DataFrame({"text": texts, "label": labels})
        nmi = [
            topics.fit(table, text="text", class_="label", encoder=encoder, store=store).metrics["nmi"]
            for encoder in (_MODEL, made.encoder)
        ]
    speed = (
        f"| {name} | {distilling:.0f} | {rates['theirs']:,.0f} | {rates['ours']:,.0f} | {rates['static']:,.0f} | "
        f"{rates['static'] / rates['theirs']:,.0f} | {rates['static'] / rates['ours']:,.0f} |"
    )
    loss = (
        f"| {name} | {made.before.cosine:.3f} | {made.after.cosine:.3f} | {made.before.neighbors:.3f} | "
        f"{made.after.neighbors:.3f} | {found.cosine:.3f} | {found.neighbors:.3f} | "
        f"{told[0]:.3f} | {told[1]:.3f} | {nmi[0]:.3f} | {nmi[1]:.3f} |"
    )
    return speed, loss


def documents_per_second(texts: list[str], static: Any) -> dict[str, float]:
    """Documents a CPU second, of each encoder."""
    from sentence_transformers import SentenceTransformer

    checkpoint = find_checkpoint(_MODEL)
    theirs = SentenceTransformer(str(checkpoint.folder), device="cpu", local_files_only=True)
    ours = open_encoder(convert(checkpoint), f"{_MODEL}?device=cpu")
    slow: dict[str, Callable[[list[str]], Any]] = {
        "theirs": lambda some: theirs.encode(some, show_progress_bar=False),
        "ours": ours.encode,
    }
    few = texts[:_TIMED]
    rates = {who: len(few) / taken for who, taken in in_turn(slow, few)[1].items()}
    return rates | {"static": len(texts) / in_turn({"static": static.encode}, texts)[1]["static"]}
