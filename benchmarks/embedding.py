"""How fast texts become vectors: our path against sentence-transformers as it comes, same model, same texts."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.corpus import Source, read
from topics.embedding import convert, find_checkpoint, open_encoder, precision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MODEL = "all-MiniLM-L6-v2"
_CORPORA = ("20newsgroups_stripped", "arxiv_40k_balanced", "stackoverflow_titles")
_DOCUMENTS = {"stackoverflow_titles": 2000}
_ROUNDS = 3


def run(data: Path) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    from sentence_transformers import SentenceTransformer

    checkpoint = find_checkpoint(_MODEL)
    ours = open_encoder(convert(checkpoint), threads=1)
    theirs = SentenceTransformer(str(checkpoint.folder), device="cpu", local_files_only=True)
    tokenizer = theirs.tokenizer
    rows = []
    for name in _CORPORA:
        if not (path := data / f"{name}.csv.gz").is_file():
            continue
        every = read(Source(str(path), text="text")).corpus.texts.texts
        texts = list(every[: _DOCUMENTS.get(name, 256)])  # in the order of their hashes: a fair sample
        tokens = sum(min(len(ids), ours.max_length) for ids in tokenizer(texts)["input_ids"])
        encoders: dict[str, Callable[[list[str]], Any]] = {
            "theirs": lambda some: theirs.encode(some, normalize_embeddings=True, show_progress_bar=False),
            "ours": ours.encode,
        }
        seconds: dict[str, list[float]] = {who: [] for who in encoders}
        vectors = {who: encode(texts[:32]) for who, encode in encoders.items()}  # both are warm now
        for _ in range(_ROUNDS):
            for who, encode in encoders.items():
                began = time.process_time()
                vectors[who] = encode(texts)
                seconds[who].append(time.process_time() - began)
        theirs_s, ours_s = median(seconds["theirs"]), median(seconds["ours"])
        cosine = np.einsum("ij,ij->i", vectors["theirs"], vectors["ours"])
        rows.append(
            f"| {name} | {len(texts)} | {tokens / len(texts):.0f} | {len(texts) / theirs_s:.0f} | "
            f"{len(texts) / ours_s:.0f} | {theirs_s / ours_s:.1f} | {tokens / ours_s:,.0f} | {cosine.min():.5f} |"
        )
    text = (
        "# Embedding\n\n"
        f"{_MODEL}, {precision()} on OpenVINO, against `SentenceTransformer.encode` (float32, batch 32) in the same "
        f"process, in turn, medians of {_ROUNDS} rounds, CPU seconds, model loading left out.\n\n"
        "| corpus | documents | tokens a document | theirs, documents a CPU second | ours | ratio | ours, tokens a CPU "
        "second | least cosine |\n|---|---:|---:|---:|---:|---:|---:|---:|\n" + "\n".join(rows) + "\n"
    )
    return text, ["openvino", "sentence-transformers", "torch"]
