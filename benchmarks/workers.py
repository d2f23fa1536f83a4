"""Is a second process worth it? Embedding, counting and assigning by one and by two, and what a document costs.

    python -m benchmarks.workers documents.csv.gz --text text --encoder all-MiniLM-L6-v2 --limit 2000

CPU seconds are those of all processes, starting them included; wall time means something only on an idle machine.
The ways alternate, and each number is the median of the rounds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import Store, assignment, embedding, terms
from topics.corpus import read
from topics.data import Calibration, Texts
from topics.executors import Processes
from topics.placement import _mapped
from topics.steps import ENCODER
from topics.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents")
    parser.add_argument("--text", default="text")
    parser.add_argument("--encoder", default="all-MiniLM-L6-v2")
    parser.add_argument("--limit", type=int, default=2000, help="texts embedded")
    parser.add_argument("--known", type=int, default=20_000, help="texts that vote on new ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["embedding", "counting", "assigning"])
    asked = parser.parse_args()
    texts = read(asked.documents, text=asked.text).corpus.texts
    print(f"{len(texts):,} texts of {np.mean([len(text) for text in texts.texts]):.0f} letters")
    made = {"embedding": embedding_ways, "counting": counting_ways, "assigning": assigning_ways}
    print(f"{'':12}{'way':24}{'documents':>10}{'CPU s':>9}{'wall s':>9}{'documents per CPU s':>22}")
    for what in asked.only:
        many, ways = made[what](texts, asked)
        spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(asked.rounds):
            for way, work in ways.items():
                spent[way].append(timed(work))
        for way, rounds in spent.items():
            cpu, wall = (statistics.median(one) for one in zip(*rounds, strict=True))
            print(f"{what:12}{way:24}{many:10,}{cpu:9.2f}{wall:9.2f}{many / cpu:22,.0f}", flush=True)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """CPU and wall seconds, those of processes that came and went included."""
    began, before = time.perf_counter(), spent()
    work()
    return spent() - before, time.perf_counter() - began


def spent() -> float:
    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


def embedding_ways(texts: Texts, asked: argparse.Namespace) -> tuple[int, dict[str, Callable[[], Any]]]:
    some = head(texts, asked.limit)
    workshop = Workshop(Store())
    prepared = workshop.load(workshop.run(ENCODER, (), {"name": embedding.base_of(asked.encoder)}).ref)
    serial, threads = (embedding.open_encoder(prepared, asked.encoder, many) for many in (1, 2))
    for encoder in (serial, threads):
        embedding.embed(head(texts, 20), encoder, asked.encoder)

    def away() -> None:
        with tempfile.TemporaryDirectory() as folder:
            elsewhere = embedding.Elsewhere(Processes(2), prepared)
            embedding.embed(some, serial, asked.encoder, Store(folder), elsewhere)

    return len(some), {
        "1 thread": lambda: embedding.embed(some, serial, asked.encoder),
        "2 threads": lambda: embedding.embed(some, threads, asked.encoder),
        "2 processes": away,
    }


def counting_ways(texts: Texts, _asked: argparse.Namespace) -> tuple[int, dict[str, Callable[[], Any]]]:
    terms.count_terms(head(texts, 20))
    return len(texts), {
        "1 process": lambda: terms.count_terms(texts),
        "2 processes": lambda: terms.count_terms(texts, over=Processes(2).map),
    }


def assigning_ways(_texts: Texts, asked: argparse.Namespace) -> tuple[int, dict[str, Callable[[], Any]]]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, 384))

    def vectors(many: int) -> Any:
        found = centres[rng.integers(0, 200, many)] + rng.normal(size=(many, 384))
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    known, new = vectors(asked.known), vectors(20_000)
    settings = {
        "known": known,
        "voters": rng.integers(0, 200, len(known)).astype(np.int32),
        "centroids": vectors(200),
        "calibration": Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0])),
    }
    placing = partial(assignment.place, **settings)
    return len(new), {
        "1 thread": lambda: placing(new, threads=1),
        "2 threads": lambda: placing(new, threads=2),
        "2 processes": lambda: _mapped(placing, new, Processes(2)),
    }


def head(texts: Texts, many: int) -> Texts:
    return Texts(texts.texts[:many], texts.keys[:many])


if __name__ == "__main__":
    main()
