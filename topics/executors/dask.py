"""The workers of a Dask cluster, on whatever machines they are."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TypeVar

from topics.errors import InvalidConfig, TopicsError, WorkersLost
from topics.executors.answers import TRIES, Answer, answer, in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from distributed import Client, Future

S = TypeVar("S")
R = TypeVar("R")

_AHEAD = 3  # shards under way for each thread of a worker
_LEAST_AHEAD = 32  # ... and in all, so that a cluster that grows with what is asked of it sees that much is
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
        Seconds to wait for the scheduler, and for workers where there are none.
    """

    scheduler: str
    patience: float = field(default=30.0, kw_only=True)

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
        return self._client.scatter(self._function, broadcast=True, hash=False)

    def submit(self, shard: Any) -> _Pending:
        return _Pending(self, shard, self.ask(shard))

    def ask(self, shard: Any) -> Future:
        return self._client.submit(_answer, self._told, shard, self._releases, pure=False)

    def wait(self, future: Future) -> Answer:
        """The answer; None if the cluster lost it."""
        from distributed import CancelledError, KilledWorker, TimeoutError  # noqa: A004
        from distributed.comm import CommClosedError

        while True:
            try:
                return future.result(timeout=self._asked.patience)
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
                return Answer(error=ConnectionError(f"{self._asked.scheduler} lost a shard: {error}"))
            except TopicsError:
                raise
            except Exception as error:
                raise InvalidConfig(
                    f"{self._asked.scheduler}: its scheduler or a worker cannot read what it is sent ({error}). "
                    f"Scheduler and workers need topics {version('topics')} and Python "
                    f"{sys.version_info.major}.{sys.version_info.minor}, as here."
                ) from error

    def tell_again(self) -> None:
        """After workers were lost: they may have been the only ones that knew."""
        self._told = self._tell()


_KEPT = "What was finished is in the store: the same command goes on from there."


@dataclass
class _Pending:
    """A shard that is under way."""

    crew: _Crew
    shard: Any
    future: Future

    def result(self) -> Any:
        for _ in range(1, TRIES):
            found = self.crew.wait(self.future)
            if not found.worth_retrying:
                return found.open()
            log.warning("A shard failed: %s. Trying again.", found.error)
            self.crew.tell_again()
            self.future = self.crew.ask(self.shard)
        return self.crew.wait(self.future).open()


def _answer(function: Callable[[Any], Any], shard: Any, wanted: dict[str, str]) -> Answer:
    """Call a function in a worker, if its libraries are those of whoever asks."""
    here = releases()
    clashes = [f"{name} {here[name]}, not {release}" for name, release in wanted.items() if here[name] != release]
    if clashes:
        told = f"the worker on {socket.gethostname()} has {'; '.join(clashes)}. The same releases give the same bits"
        return Answer(error=InvalidConfig(f"{told}: install there what is installed here, and start it again."))
    return answer(function, shard)
