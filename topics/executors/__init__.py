"""Where work runs that can be cut into shards: here, in processes of this machine, or on a Dask cluster.

An executor has one method, `map`, and holds nothing between two calls of it. What is mapped are plain functions of a
module over plain shards (arrays, strings, numbers), cut by content and never by who does the work: so the result has
the same bits wherever it was computed.

What travels to a worker is pickled on its way, by `multiprocessing` and by `distributed`, as everything is that these
carry. No file is: what is kept goes through the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from topics.executors.dask import Dask
from topics.executors.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["SERIAL", "Dask", "Executor", "Processes", "Serial"]

S = TypeVar("S")
R = TypeVar("R")


class Executor(Protocol):
    """Calls a function on shards, wherever that may be."""

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """Yield the result of every shard, in their order.

        Parameters
        ----------
        function : callable
            Of a module, or a `functools.partial` of such a one. It goes to every worker once: what all shards need
            belongs into it, what differs into the shards. It may be called again with a shard whose worker died.
        shards : iterable
            Read as workers come free, never far ahead.

        Raises
        ------
        WorkersLost
            If workers die over the same shard again and again, or none is left.
        Exception
            What `function` raises, as it is.
        """
        ...


@dataclass(frozen=True)
class Serial:
    """One shard after the other, in this process.

    Examples
    --------
    >>> list(SERIAL.map(len, ["a", "bc"]))
    [1, 2]
    """

    def map(self, function: Callable[[S], R], shards: Iterable[S]) -> Iterator[R]:
        """Yield the result of every shard; see `Executor.map`."""
        return map(function, shards)


SERIAL = Serial()
