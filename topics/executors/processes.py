"""Worker processes on this machine.

They are spawned, never forked: this process has threads, and a fork copies the locks they hold. A worker is asked by a
thread of its own; when it dies, that thread starts another one and asks again, and nobody else notices.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pickle import PicklingError
from queue import SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from topics.errors import InvalidConfig, WorkersLost
from topics.executors.answers import TRIES, Answer, answer
from topics.ordered import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

S = TypeVar("S")
R = TypeVar("R")
log = logging.getLogger(__name__)

_AHEAD = 3  # shards under way for each worker: one is computed, others wait for their turn or to be fetched
_PATIENCE = 5.0  # seconds an idle worker has to end by itself
#: Read by libraries when they are loaded: workers share the processors among them, and have one thread each.
_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_starting = threading.Lock()


@dataclass(frozen=True)
class Processes:
    """So many processes, of one thread each. They are started by `map` and end with it.

    Parameters
    ----------
    workers : int

    Raises
    ------
    InvalidConfig
        If there is to be none.
    """

    workers: int

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InvalidConfig(f"workers={self.workers}: at least one process has to do the work.")

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """Yield the result of every shard; see `Executor.map`."""
        crew = _Crew(function, self.workers)
        try:
            with ThreadPoolExecutor(self.workers, "topics-worker") as threads:
                try:
                    yield from in_order(lambda shard: threads.submit(crew.ask, shard), shards, _AHEAD * self.workers)
                except BaseException:  # our caller went away, or a shard failed: the rest is not wanted
                    threads.shutdown(wait=False, cancel_futures=True)
                    crew.stop()
                    raise
        finally:
            crew.dismiss()


class _Crew:
    """Workers that know a function; each is started when it is first needed."""

    def __init__(self, function: Callable[[Any], Any], workers: int) -> None:
        self._function = function
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        self._working: set[_Worker] = set()
        self._stopped = False
        for _ in range(workers):
            self._idle.put(None)

    def ask(self, shard: Any) -> Any:
        """The result of one shard, in whatever attempt."""
        for attempt in range(1, TRIES + 1):
            worker = self._idle.get()
            try:
                worker = worker or self._start()
                found = worker.ask(shard)
            except (EOFError, ConnectionError):
                lost, worker = worker, None
                self._lost(lost, attempt)
                continue
            finally:
                self._idle.put(worker)
            if not found.worth_retrying or attempt == TRIES:
                return found.open()
            log.warning("A shard failed, and is tried again: %s", found.error)
        raise AssertionError  # the last attempt returns or raises

    def _start(self) -> _Worker:
        with _starting:
            if self._stopped:
                raise WorkersLost("the work was stopped.")
            worker = _Worker()
            self._working.add(worker)
        try:
            worker.tell(self._function)
        except (AttributeError, PicklingError, TypeError) as error:
            raise InvalidConfig(
                f"{self._function!r} cannot travel to another process ({error}). Map functions of a module that can "
                "be imported, over arrays, strings and numbers."
            ) from error
        return worker

    def _lost(self, worker: _Worker | None, attempt: int) -> None:
        code = worker.end() if worker else None
        if worker:
            self._working.discard(worker)
        if self._stopped:
            raise WorkersLost("the work was stopped.")
        told = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"
        if attempt == TRIES:
            raise WorkersLost(
                f"{TRIES} worker processes died over the same shard, the last one with {told}. SIGKILL mostly means "
                "that memory ran out: take fewer workers. What was finished is in the store."
            )
        log.warning("A worker process died (%s); its shard goes to a new one.", told)

    def dismiss(self) -> None:
        """Wait for workers that have nothing to do to end."""
        for worker in self._working:
            worker.end()

    def stop(self) -> None:
        """End workers whatever they do; who waits for one gets an error."""
        with _starting:
            self._stopped = True
            for worker in self._working:
                worker.process.kill()


class _Worker:
    """A process that answers: first it is told a function, then asked shards."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, there = context.Pipe()
        self.process = context.Process(target=_work, args=(there,), daemon=True)
        # Spawned processes run the script of their parent again, and scripts without a guard would start all over.
        script, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            self.process.start()
        finally:
            sys.modules["__main__"] = script
        there.close()  # or its end would never be noticed

    def tell(self, function: Callable[[Any], Any]) -> None:
        self._line.send(function)

    def ask(self, shard: Any) -> Answer:
        self._line.send(shard)
        found: Answer = self._line.recv()
        return found

    def end(self) -> int | None:
        """Hang up and wait; the exit code."""
        self._line.close()
        self.process.join(_PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        return self.process.exitcode


def _work(line: Connection) -> None:
    """Answer until the other end hangs up or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; whoever started us decides
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"), TOKENIZERS_PARALLELISM="false")
    try:
        function = line.recv()
        while True:
            found = answer(function, line.recv())
            try:
                line.send(found)
            except (AttributeError, PicklingError, TypeError) as error:
                line.send(Answer(error=TypeError(f"what {function!r} gave cannot travel: {error}"), told=found.told))
    except (EOFError, ConnectionError):
        return
