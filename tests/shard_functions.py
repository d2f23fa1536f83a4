"""What the tests of executors map: functions that workers can import, some of which do not end well."""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path

from topics.errors import InvalidInput


def square(number):
    return number * number


def add(number, to):
    return number + to


def refuse(number):
    if number == 3:
        raise InvalidInput(f"{number} is not wanted.")
    return number


class Peculiar(Exception):
    """Cannot be made anew from its arguments, as pickle tries to."""

    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")
        self.lock = threading.Lock()


def be_peculiar(number):
    raise Peculiar(number, "another")


def warn(number):
    logging.getLogger("topics.shards").warning("number %d is odd", number)
    return number


def die_at_three(number, folder, times=1):
    """Kill this process for its third shard, so many times."""
    for attempt in range(times if number == 3 else 0):
        mark = Path(folder) / f"died-{attempt}"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    (Path(folder) / f"called-{number}-{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}").touch()
    return number


def fail_once(number, folder):
    mark = Path(folder) / f"failed-{number}"
    if not mark.exists():
        mark.touch()
        raise ConnectionResetError("the network had a bad moment")
    return number


def told(number):
    """Of this process: its number, and what its libraries read about threads."""
    return os.getpid(), os.environ.get("OMP_NUM_THREADS"), os.environ.get("TOKENIZERS_PARALLELISM")


def where_terms_are_counted(_number):
    from topics import NO_STORE, steps
    from topics.data import Corpus
    from topics.workshop import Workshop

    steps._SHARDS, steps._LETTERS = 0, 0
    return type(steps._counting(Workshop(NO_STORE, threads=2), Corpus.from_texts(["some words"]).texts)).__name__


def lock_of(number):
    return threading.Lock()
