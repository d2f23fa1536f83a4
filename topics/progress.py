"""How long work tells that it goes on.

Stages wrap what they loop over in `track`. Who is watching - a terminal, a flow, a notebook - is
decided outside, by `watched`; by default a line is logged every ten seconds.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
log = logging.getLogger("topics")


class Watcher(Protocol):
    """Somebody who wants to know. `start` opens a task, `advance` counts, `finish` closes it."""

    def start(self, task: str, total: int, unit: str) -> None: ...

    def advance(self, amount: int) -> None: ...

    def finish(self) -> None: ...


class LogWatcher:
    """A log line every `every` seconds, none for work that is shorter."""

    def __init__(self, every: float = 10.0) -> None:
        self.every = every

    def start(self, task: str, total: int, unit: str) -> None:
        self.task, self.total, self.unit, self.done = task, total, unit, 0
        self.began = self.told = time.monotonic()

    def advance(self, amount: int) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.told >= self.every:
            self.told = now
            rate = self.done / (now - self.began)
            left = (self.total - self.done) / rate if rate else float("inf")
            log.info(
                "%s: %d of %d %s, %.3g a second, %.0f s left", self.task, self.done, self.total, self.unit, rate, left
            )

    def finish(self) -> None:
        return None


_watcher: ContextVar[Watcher | None] = ContextVar("topics_watcher", default=None)


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Within this block, `watcher` is told of the progress made in this thread."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def track(items: Iterable[T], total: int, task: str, unit: str, size: Callable[[T], int] = lambda _: 1) -> Iterator[T]:
    """Yield the items, counting each as `size` units once the loop comes back for the next.

    Examples
    --------
    >>> sum(track([1, 2, 3], total=3, task="adding", unit="numbers"))
    6
    """
    watcher = _watcher.get() or LogWatcher()
    watcher.start(task, total, unit)
    try:
        for item in items:
            yield item
            watcher.advance(size(item))
    finally:
        watcher.finish()
