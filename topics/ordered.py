"""Work done side by side, whose results come in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

S = TypeVar("S")
R = TypeVar("R")


class Pending(Protocol):
    """An answer that is being made."""

    def result(self) -> Any: ...


def in_order(submit: Callable[[S], Pending], shards: Iterable[S], ahead: int) -> Iterator[Any]:
    """Submit shards, and yield their results in order; no more than `ahead` are under way.

    Examples
    --------
    >>> with ThreadPoolExecutor(2) as pool:
    ...     list(in_order(lambda shard: pool.submit(len, shard), ["a", "bc", "def"], ahead=2))
    [1, 2, 3]
    """
    waiting: deque[Pending] = deque()
    for shard in shards:
        waiting.append(submit(shard))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def side_by_side(work: Callable[[S], R], parts: Iterable[S], threads: int) -> Iterator[R]:
    """Yield what the work gives for each part, in order; so many threads work, and one part more waits for them.

    Examples
    --------
    >>> list(side_by_side(abs, [-1, -2, -3], threads=2))
    [1, 2, 3]
    """
    with ThreadPoolExecutor(threads) as pool:
        yield from in_order(lambda part: pool.submit(work, part), parts, threads + 1)
