"""How long work tells that it goes on.

Stages wrap what they loop over in `track`. Who is watching - a terminal, a flow, a notebook - is
decided outside, by `watched`; by default a notebook shows a bar, and elsewhere a line is logged every ten seconds.
"""

from __future__ import annotations

import html
import logging
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
log = logging.getLogger("topics")

_REDRAWN = 0.25  # seconds between two looks of a bar


class Watcher(Protocol):
    """Somebody who wants to know. `start` opens a task, `advance` counts, `finish` closes it."""

    def start(self, task: str, total: int, unit: str) -> None: ...

    def advance(self, amount: int) -> None: ...

    def finish(self) -> None: ...


class Unwatched:
    """Nobody wants to know."""

    def start(self, task: str, total: int, unit: str) -> None:
        return None

    def advance(self, amount: int) -> None:
        return None

    def finish(self) -> None:
        return None


UNWATCHED = Unwatched()


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


class NotebookWatcher:
    """A bar below the cell, for work that takes longer than two seconds; it is gone when the work is done."""

    def __init__(self, patience: float = 2.0) -> None:
        self.patience = patience

    def start(self, task: str, total: int, unit: str) -> None:
        self.task, self.total, self.unit, self.done = task, total, unit, 0
        self.shown: Any = None  # the handle of what the notebook displays
        self.began = self.told = time.monotonic()

    def advance(self, amount: int) -> None:
        from IPython.display import HTML, display

        self.done += amount
        now = time.monotonic()
        if now - self.began < self.patience or now - self.told < _REDRAWN or self.done >= self.total:
            return
        self.told = now
        rate = self.done / (now - self.began)
        words = f"{self.task}: {self.done:,} of {self.total:,} {self.unit}"
        if rate:
            words += f", {rate:,.3g} a second, {(self.total - self.done) / rate:,.0f} s left"
        bar = HTML(f'<progress max="{self.total}" value="{self.done}"></progress> {html.escape(words)}')  # type: ignore[no-untyped-call]
        if self.shown is None:
            self.shown = display(bar, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self.shown.update(bar)

    def finish(self) -> None:
        if self.shown is not None:
            from IPython.display import HTML

            self.shown.update(HTML(""))  # type: ignore[no-untyped-call]
            self.shown = None


def default_watcher() -> Watcher:
    """Who watches if nobody was named: a bar in a notebook, the log elsewhere."""
    return NotebookWatcher() if in_notebook() else LogWatcher()


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and getattr(shell.get_ipython(), "kernel", None) is not None


_watcher: ContextVar[Watcher | None] = ContextVar("topics_watcher", default=None)


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """Within this block, `by` is told of the progress made in this thread."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)


def watcher() -> Watcher:
    """Who is told of the progress made in this thread."""
    return _watcher.get() or default_watcher()


def track(items: Iterable[T], total: int, task: str, unit: str, size: Callable[[T], int] = lambda _: 1) -> Iterator[T]:
    """Yield the items, counting each as `size` units once the loop comes back for the next.

    Examples
    --------
    >>> sum(track([1, 2, 3], total=3, task="adding", unit="numbers"))
    6
    """
    watching = watcher()
    watching.start(task, total, unit)
    try:
        for item in items:
            yield item
            watching.advance(size(item))
    finally:
        watching.finish()
