"""The workers of a Dask cluster, on whatever machines they are."""

from __future__ import annotations

import logging
import socket
import sys
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TypeVar

from topics.errors import InvalidConfig, WorkersLost
from topics.executors.answers import TRIES, Answer, answer
from topics.ordered import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from distributed import Client, Future

S = TypeVar("S")
R = TypeVar("R")
log = logging.getLogger(__name__)

_REACHED = 10.0  # seconds in which a scheduler answers, if there is one
_AHEAD = 3  # shards under way for each thread of a worker
_LEAST_AHEAD = 32  # ... and in all, so that a cluster that grows with what is asked of it sees that much is
_KEPT = "What was finished is in the store: the same command goes on from there."
#: Distributions whose release can change a bit of what is mapped.
_DECISIVE = ("topics", "icu4py", "numpy", "openvino", "scipy", "tokenizers", "torch")


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask scheduler; there is a connection as long as `map` runs.

    They need the same releases of this library and of what it computes with. Files of models are looked for on
    their machines.

    Parameters
    ----------
    scheduler : str
        Its address, as `tcp://host:8786`.
    patience : float
        Seconds to wait for workers where there are none.
    """

    scheduler: str
    patience: float = 60.0

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """Yield the result of every shard; see `Executor.map`.

        Raises
        ------
        InvalidConfig
            If the package or the scheduler is not there, it has no workers, or theirs are other releases.
        """
        with _connected(self) as client, _leaving_room():
            ahead = max(_AHEAD * sum(client.nthreads().values()), _LEAST_AHEAD)
            yield from in_order(_Crew(self, client, function).submit, shards, ahead)


class _Crew:
    """The workers of a cluster and the function they have been told."""

    def __init__(self, asked: Dask, client: Client, function: Callable[[Any], Any]) -> None:
        self._asked, self._client, self._function = asked, client, function
        self._releases = releases()
        self._told = self._tell()

    def _tell(self) -> Future:
        try:
            return self._client.scatter(self._function, broadcast=True, hash=False)
        except TimeoutError:
            raise WorkersLost(f"no worker is left at {self._asked.scheduler}. {_KEPT}") from None

    def submit(self, shard: Any) -> _Pending:
        return _Pending(self, shard)

    def ask(self, shard: Any, lost: Future | None = None) -> tuple[Future, Future]:
        """An answer under way, and the function it needs: another one, if that was lost with the workers."""
        if lost is self._told:
            self._told = self._tell()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph", UserWarning)  # texts are large, and needed there
            return self._client.submit(_answer, self._told, shard, self._releases, pure=False), self._told

    def wait(self, future: Future) -> Answer:
        """The answer, however long it takes; a shard that the cluster lost counts as one that failed."""
        from distributed import CancelledError, KilledWorker, TimeoutError  # noqa: A004
        from distributed.comm import CommClosedError

        while True:
            try:
                found: Answer = future.result(timeout=self._asked.patience)
                return found
            except TimeoutError:
                if not self._client.nthreads():
                    raise WorkersLost(f"no worker is left at {self._asked.scheduler}. {_KEPT}") from None
            except KilledWorker as error:
                raise WorkersLost(
                    f"workers of {self._asked.scheduler} died over the same shard, one after the other; mostly that "
                    f"means their memory ran out. {_KEPT}"
                ) from error
            except (CancelledError, CommClosedError, OSError) as error:
                if self._client.status != "running":
                    raise WorkersLost(f"the scheduler {self._asked.scheduler} went away. {_KEPT}") from error
                return Answer(error=WorkersLost(f"workers of {self._asked.scheduler} died with a shard. {_KEPT}"))
            except Exception as error:
                raise InvalidConfig(
                    f"{self._asked.scheduler}: its scheduler or a worker cannot read what it is sent ({error}). "
                    f"Scheduler and workers need topics {releases()['topics']} and Python "
                    f"{releases()['Python']}, as here."
                ) from error


class _Pending:
    """A shard that is under way."""

    def __init__(self, crew: _Crew, shard: Any) -> None:
        self._crew, self._shard = crew, shard
        self._future, self._needs = crew.ask(shard)

    def result(self) -> Any:
        for _ in range(1, TRIES):
            found = self._crew.wait(self._future)
            if not found.worth_retrying:
                return found.open()
            log.warning("A shard failed, and is tried again: %s", found.error)
            self._future, self._needs = self._crew.ask(self._shard, lost=self._needs)
        return self._crew.wait(self._future).open()


def _answer(function: Callable[[Any], Any], shard: Any, wanted: dict[str, str]) -> Answer:
    """Call a function in a worker, if its libraries are those of whoever asks."""
    here = releases()
    clashes = [f"{name} {here[name]}, not {release}" for name, release in wanted.items() if here[name] != release]
    if clashes:
        told = f"the worker on {socket.gethostname()} has {'; '.join(clashes)}. The same releases give the same bits"
        return Answer(error=InvalidConfig(f"{told}: install there what is installed here, and start it again."))
    return answer(function, shard)


@cache
def releases() -> dict[str, str]:
    """What decides bits in this process: the releases of Python and of libraries, empty for those that are not here."""
    found = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in _DECISIVE:
        found[name] = ""
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@contextmanager
def _connected(asked: Dask) -> Iterator[Client]:
    """A client of the scheduler, once there is a worker.

    Raises
    ------
    InvalidConfig
    """
    told = f"scheduler={asked.scheduler}"
    try:
        from distributed import Client
    except ImportError:
        raise InvalidConfig(
            f"{told}: work goes to other machines by the package distributed, which is not installed: "
            "pip install 'topics[dask]'. On this machine --workers does without."
        ) from None
    try:
        client = Client(asked.scheduler, timeout=_REACHED, set_as_default=False)
    except OSError:
        raise InvalidConfig(
            f"{told}: no Dask scheduler answers there. Start one with `dask scheduler`, and on every machine "
            f"`dask worker {asked.scheduler}`; on this machine alone --workers does without."
        ) from None
    except ValueError as error:
        raise InvalidConfig(f"{told}: {error}. An address reads tcp://host:8786.") from None
    with client:
        if not client.nthreads():
            log.info("Waiting for a worker at %s.", asked.scheduler)
            try:
                client.wait_for_workers(1, timeout=asked.patience)
            except OSError:  # what it raises when time is up is one
                raise InvalidConfig(
                    f"{told}: the scheduler has no workers, for {asked.patience:.0f} s. Start some, on any machine: "
                    f"`dask worker {asked.scheduler}`."
                ) from None
        yield client


@contextmanager
def _leaving_room() -> Iterator[None]:
    """Within a task of a worker, let others have its place meanwhile: they may be what it waits for."""
    from distributed import get_worker, rejoin, secede

    try:
        get_worker()
    except ValueError:
        yield
        return
    secede()
    try:
        yield
    finally:
        rejoin()
