"""One thread, two, two processes, the two workers of a Dask cluster: what each takes, and whether bits are the same.

What can be cut into shards is measured by itself: encoding, counting terms, placing new documents. The ways take turns
and each number is a median. Then every way that has workers does it again while one of them is killed over a shard.
"""

from __future__ import annotations

import hashlib
import logging
import os
import resource
import signal
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from topics import Store, assignment, embedding
from topics.corpus import Source, read
from topics.data import Calibration, Texts
from topics.executors import Dask, Processes
from topics.steps import ENCODER
from topics.updates.placement import _mapped
from topics.words import terms
from topics.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from topics.executors import Executor

CORPUS, MODEL = "20newsgroups_stripped", "all-MiniLM-L6-v2"
ROUNDS = 3
EMBEDDED, KNOWN, NEW = 2500, 20_000, 40_000
_ABOUT = f"""# Workers

20 Newsgroups. Encoding: {EMBEDDED:,} texts, {MODEL}. Counting: the terms of all texts. Placing: {NEW:,} vectors among
{KNOWN:,}. Processes are started and ended in the seconds given, the cluster (two workers on this machine,
`--scheduler tcp://127.0.0.1:...`) was there before. Medians; CPU seconds are those of all processes; the digest is of
all bits of the result. *Killed*: a worker is killed by SIGKILL over its first shard; the last column says how many
shards there are, and how many were computed to the end, killed or not.

| | way | wall s | CPU s | digest | killed: wall s | digest | shards, computed |
|---|---|---:|---:|---|---:|---|---:|
"""
_LIKE = "| {work} | {way} | {wall:.2f} | {cpu:.2f} | {digest} | {killed} |"


class Work(NamedTuple):
    """Something to do by an executor, or by so many threads here; gives the arrays of the result."""

    name: str
    do: Callable[[Executor | None, int], list[NDArray[Any]]]


@dataclass(frozen=True)
class Killing:
    """An executor one of whose workers is killed over the first shard; files in a folder tell what was computed."""

    executor: Executor
    folder: str

    def map(self, function: Callable[[Any], Any], shards: Iterable[Any]) -> Iterator[Any]:
        return self.executor.map(partial(_once_killed, function=function, folder=self.folder), enumerate(shards))


def _once_killed(told: tuple[int, Any], function: Callable[[Any], Any], folder: str) -> Any:
    number, shard = told
    mark = Path(folder) / "killed"
    if number == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    found = function(shard)
    (Path(folder) / f"computed-{number}-{os.urandom(4).hex()}").touch()
    return found


def run(data: Path, *, rounds: int = ROUNDS) -> tuple[str, list[str]]:
    """Measure; returns Markdown and the libraries whose versions matter."""
    from distributed import LocalCluster

    texts = read(Source(str(data / f"{CORPUS}.csv.gz"), text="text")).corpus.texts
    lines = []
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR
    ) as cluster:
        away: dict[str, Executor] = {"2 processes": Processes(2), "tcp://, 2 workers": Dask(cluster.scheduler_address)}
        ways: dict[str, tuple[Executor | None, int]] = {"1 thread": (None, 1), "2 threads": (None, 2)}
        ways |= {way: (executor, 1) for way, executor in away.items()}
        for work in (encoding(texts), counting(texts), placing()):
            costs: dict[str, list[tuple[float, float, str]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way, how in ways.items():
                    costs[way].append(_timed(work, *how))
            for way, found in costs.items():
                wall, cpu = (statistics.median(one[part] for one in found) for part in (0, 1))
                killed = _killed(work, away[way]) if way in away else "– | – | –"
                told = " ".join(sorted({digest for _, _, digest in found}))
                lines.append(_LIKE.format(work=work.name, way=way, wall=wall, cpu=cpu, digest=told, killed=killed))
                print(lines[-1], flush=True)
    return _ABOUT + "\n".join(lines) + "\n", ["topics", "distributed", "numpy", "openvino", "icu4py"]


def _timed(work: Work, executor: Executor | None, threads: int) -> tuple[float, float, str]:
    began, before = time.perf_counter(), _spent()
    found = work.do(executor, threads)
    return time.perf_counter() - began, _spent() - before, _digest(found)


def _killed(work: Work, executor: Executor) -> str:
    with tempfile.TemporaryDirectory() as folder:
        wall, _, digest = _timed(work, Killing(executor, folder), 1)
        if not (Path(folder) / "killed").exists():
            raise AssertionError("no worker was killed.")
        computed = [path.name.split("-")[1] for path in Path(folder).glob("computed-*")]
    return f"{wall:.2f} | {digest} | {len(set(computed))}, {len(computed)}"


def _spent() -> float:
    """CPU seconds of this process and of all it started, whether they have ended or not."""
    import psutil

    uses = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    there = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(use.ru_utime + use.ru_stime for use in uses) + sum(times.user + times.system for times in there)


def _digest(arrays: list[NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def encoding(texts: Texts) -> Work:
    some = Texts(texts.texts[:EMBEDDED], texts.keys[:EMBEDDED])
    workshop = Workshop(Store())
    prepared = workshop.load(workshop.run(ENCODER, (), {"name": embedding.base_of(MODEL)}).ref)
    encoders = {threads: embedding.open_encoder(prepared, MODEL, threads) for threads in (1, 2)}

    def do(executor: Executor | None, threads: int) -> list[NDArray[Any]]:
        with tempfile.TemporaryDirectory() as folder:
            elsewhere = None if executor is None else embedding.Elsewhere(executor, prepared)
            return [embedding.embed(some, encoders[threads], MODEL, Store(folder), elsewhere).vectors.copy()]

    return Work("encoding", do)


def counting(texts: Texts) -> Work:
    def do(executor: Executor | None, _threads: int) -> list[NDArray[Any]]:
        found = terms.count_terms(texts) if executor is None else terms.count_terms(texts, over=executor.map)
        words = np.array(found.vocabulary)
        return [found.counts.data, found.counts.indices, found.counts.indptr, words]

    return Work("counting", do)


def placing() -> Work:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(200, 384))

    def vectors(many: int) -> NDArray[np.float32]:
        found = centres[rng.integers(0, 200, many)] + rng.normal(size=(many, 384))
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    known, new = vectors(KNOWN), vectors(NEW)
    settings = {
        "known": known,
        "voters": rng.integers(0, 200, len(known)).astype(np.int32),
        "centroids": vectors(200),
        "calibration": Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0])),
    }
    place = partial(assignment.place, **settings)

    def do(executor: Executor | None, threads: int) -> list[NDArray[Any]]:
        topics, strengths, poll = place(new, threads=threads) if executor is None else _mapped(place, new, executor)
        return [topics, strengths, *vars(poll).values()]

    return Work("placing", do)
