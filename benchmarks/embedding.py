"""How fast texts become vectors: our path against sentence-transformers as it comes, same model, same texts."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.corpus import Source, read
from topics.embedding import convert, find_checkpoint, open_encoder, precision
from topics.embedding.openvino import _openvino

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MODEL = "all-MiniLM-L6-v2"
_CORPORA = ("20newsgroups_stripped", "arxiv_40k_balanced", "stackoverflow_titles")
_DOCUMENTS = {"stackoverflow_titles": 2000}
_ROUNDS = 3
_WIDTH, _LAYERS = 384, 6  # of the model
_STORED = 100_000  # documents of the corpus that is embedded again
_MILLION = 1_000_000

_FIRST_VECTOR = """
import sys, time
import topics
topics.embed([f"a text never seen before {time.time()}"], store=topics.Store(sys.argv[1]))
assert "torch" not in sys.modules
print(time.process_time())
"""

# Everything but the model: reading, hashing, keeping and finding a million vectors, in a process of its own.
_MANY = """
import sys, time
import numpy as np
import topics
class Quick:
    fingerprint = "quick"
    def encode(self, texts):
        start = np.array([int(text.split()[0]) for text in texts], dtype=np.float32)
        return np.sin(start[:, None] * np.arange(1, 385, dtype=np.float32))
texts = [f"{row} short document" for row in range(int(sys.argv[2]))]
began, used = time.perf_counter(), time.process_time()
topics.embed(texts, encoder=Quick(), store=topics.Store(sys.argv[1]))
wall, used = time.perf_counter() - began, time.process_time() - used
# Not ru_maxrss: a process inherits that of the one it was started by.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(wall, used, peak / 1e6)
"""


def run(data: Path) -> tuple[str, list[str]]:
    """Compare; returns Markdown and the libraries whose versions matter."""
    from sentence_transformers import SentenceTransformer

    checkpoint = find_checkpoint(_MODEL)
    began = time.process_time()
    prepared = convert(checkpoint)
    conversion = time.process_time() - began
    theirs = SentenceTransformer(str(checkpoint.folder), device="cpu", local_files_only=True)
    kinds = sorted({precision(), "f32"})
    ours = {kind: open_encoder(prepared, f"{_MODEL}?precision={kind}&device=cpu") for kind in kinds}
    ceilings = {kind: ceiling(kind) for kind in kinds}
    rows = []
    for name in _CORPORA:
        if not (path := data / f"{name}.csv.gz").is_file():
            continue
        every = read(Source(str(path), text="text")).corpus.texts.texts
        texts = list(every[: _DOCUMENTS.get(name, 256)])  # in the order of their hashes: a fair sample
        tokens = sum(min(len(ids), 256) for ids in theirs.tokenizer(texts, truncation=True)["input_ids"])
        encoders: dict[str, Callable[[list[str]], Any]] = {
            "theirs": lambda some: theirs.encode(some, normalize_embeddings=True, show_progress_bar=False),
            **{kind: encoder.encode for kind, encoder in ours.items()},
        }
        vectors, seconds = in_turn(encoders, texts)
        for kind in kinds:
            cosine = np.einsum("ij,ij->i", vectors["theirs"], vectors[kind])
            rate = tokens / seconds[kind]
            rows.append(
                f"| {name} | {len(texts)} | {tokens / len(texts):.0f} | {kind} | "
                f"{len(texts) / seconds['theirs']:.0f} | {len(texts) / seconds[kind]:.0f} | "
                f"{seconds['theirs'] / seconds[kind]:.1f} | {rate:,.0f} | "
                f"{rate * flops(tokens / len(texts)) / ceilings[kind]:.0%} | {cosine.min():.7f} |"
            )
    text = (
        "# Embedding\n\n"
        f"{_MODEL} on OpenVINO against `SentenceTransformer.encode` (float32, batch 32) in the same process, in turn, "
        f"medians of {_ROUNDS} rounds, CPU seconds, model loading left out. The ceiling is what a plain matrix product "
        f"of the model's shape reaches here: {', '.join(f'{c / 1e9:.0f} GFLOP/s in {k}' for k, c in ceilings.items())}."
        "\n\n| corpus | documents | tokens a document | precision | theirs, documents a CPU second | ours | ratio | "
        "ours, tokens a CPU second | of the ceiling | least cosine |\n"
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|\n" + "\n".join(rows) + "\n\n" + around(conversion)
    )
    return text, ["openvino", "sentence-transformers", "torch"]


def in_turn(
    encoders: dict[str, Callable[[list[str]], Any]], texts: list[str]
) -> tuple[dict[str, Any], dict[str, float]]:
    """The vectors of each encoder, and the median of its CPU seconds over rounds in which they take turns."""
    seconds: dict[str, list[float]] = {who: [] for who in encoders}
    vectors = {who: encode(texts[:32]) for who, encode in encoders.items()}  # all are warm now
    for _ in range(_ROUNDS):
        for who, encode in encoders.items():
            began = time.process_time()
            vectors[who] = encode(texts)
            seconds[who].append(time.process_time() - began)
    return vectors, {who: median(taken) for who, taken in seconds.items()}


def flops(length: float) -> float:
    """Floating point operations a token costs: the products with the weights, and attention over `length` tokens."""
    return _LAYERS * (24 * _WIDTH**2 + 4 * _WIDTH * length)


def ceiling(kind: str) -> float:
    """Operations a second of one thread in a plain product of the shape most of the model's are."""
    openvino = _openvino()
    from openvino import opset13 as op

    rows, inner, outer = 2048, _WIDTH, 4 * _WIDTH
    given = op.parameter([rows, inner], np.float32)
    weights = op.constant(np.random.default_rng(0).normal(size=(inner, outer)).astype(np.float32))
    model = openvino.Model([op.matmul(given, weights, False, False)], [given], "product")
    how = {"INFERENCE_PRECISION_HINT": kind, "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": 1}
    request = openvino.Core().compile_model(model, "CPU", how).create_infer_request()
    block = np.ones((rows, inner), dtype=np.float32)
    best = []
    for _ in range(9):
        began = time.process_time()
        for _ in range(5):
            request.infer([block])
        best.append(5 * 2 * rows * inner * outer / (time.process_time() - began))
    return median(best)


def around(conversion: float) -> str:
    """What the model itself has no part in: starts, look-ups, memory."""

    def told(script: str, *words: object) -> list[float]:
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=True
        )
        return [float(word) for word in done.stdout.split()]

    with tempfile.TemporaryDirectory() as store:
        told(_FIRST_VECTOR.replace('assert "torch" not in sys.modules', ""), store)  # prepares the model
        first = median(told(_FIRST_VECTOR, store)[0] for _ in range(5))
    rows = []
    with tempfile.TemporaryDirectory() as store:
        for what, many in (("for the first time", _STORED), ("again", _STORED)):
            rows.append((f"{many:,} documents, {what}", *told(_MANY, store, many)))
    with tempfile.TemporaryDirectory() as store:
        for what, many in (("for the first time", _MILLION), ("again", _MILLION)):
            rows.append((f"{many:,} documents, {what}", *told(_MANY, store, many)))
    table = "\n".join(f"| {what} | {wall:.1f} | {cpu:.1f} | {peak:.2f} |" for what, wall, cpu, peak in rows)
    return (
        f"Conversion: {conversion:.1f} CPU seconds, once a model. From the start of a process to its first vector, the "
        f"model prepared before: {first:.2f} CPU seconds (median of 5), without loading PyTorch.\n\n"
        "Everything around the model, with an encoder of 384 numbers that costs next to nothing:\n\n"
        "| corpus | seconds | CPU seconds | peak memory, GB |\n|---|---:|---:|---:|\n" + table + "\n"
    )
