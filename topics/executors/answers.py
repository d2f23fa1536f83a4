"""What comes back from a worker: a result or an error, and what was logged on the way."""

from __future__ import annotations

import copy
import logging
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from topics.errors import WorkersLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRIES = 3  #: of a shard whose worker dies, or that the system fails
_LIBRARY = logging.getLogger("topics")


@dataclass(frozen=True)
class Answer:
    """What a function gave or raised, and the warnings it logged: (logger, level, message)."""

    value: Any = None
    error: Exception | None = None
    told: tuple[tuple[str, int, str], ...] = ()

    def open(self) -> Any:
        """The value, or else the error, raised; what was logged over there is logged here."""
        for name, level, message in self.told:
            logging.getLogger(name).log(level, "%s", message)
        if self.error is not None:
            raise self.error
        return self.value

    @property
    def worth_retrying(self) -> bool:
        """Whether the system failed, which it may not do twice. What a function refuses it will refuse again."""
        return isinstance(self.error, OSError | WorkersLost)


def answer(function: Callable[[Any], Any], shard: Any) -> Answer:
    """Call a function in a worker."""
    with _listening() as told:
        try:
            return Answer(function(shard), told=tuple(told))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the function was asked for
            return Answer(error=_portable(error), told=tuple(told))


def _portable(error: Exception) -> Exception:
    """The error as it can travel, with the place where it was raised in its notes."""
    place = f"In a worker:\n{''.join(traceback.format_exception(error))}"
    try:
        ForkingPickler.dumps(error)
        carried = copy.copy(error)  # is made anew as it is at the other end
    except Exception:  # noqa: BLE001 - an error that is made of more than it shows
        carried = RuntimeError(f"{type(error).__name__}: {error}")
    carried.add_note(place)
    return carried


@contextmanager
def _listening() -> Iterator[list[tuple[str, int, str]]]:
    """Collect what the library warns of in this thread."""
    told: list[tuple[str, int, str]] = []
    thread = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                told.append((record.name, record.levelno, record.getMessage()))

    listener = Listener(logging.WARNING)
    _LIBRARY.addHandler(listener)
    try:
        yield told
    finally:
        _LIBRARY.removeHandler(listener)
