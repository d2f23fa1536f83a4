"""A lock that hosts can share: a file that says who is at work, and gives a sign of life."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from topics.errors import RunInProgress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import SoftFileLease

LEASE = 300.0  #: seconds without a heartbeat after which a lock of another host is taken over
BEAT = 10.0  #: seconds between heartbeats
_GRACE = 2.0  # seconds a lock may be empty: who holds it is written the moment it is made


@contextmanager
def locked(
    path: Path, what: object, wait: float = 0.0, lease: float = LEASE, beat: float = BEAT
) -> Iterator[SoftFileLease]:
    """Be the only one who works on something, on all hosts that see a file.

    The lock of a process of this host that died is taken at once, that of another host once its heartbeat has
    been missing for the length of the lease, and that of a process killed before it wrote whose it is after a moment:
    filelock alone would wait for it for ever.

    Parameters
    ----------
    path : Path
        Of the lock, in a folder that is there. It is gone when nobody is at work.
    what : object
        What is worked on, for people.
    wait : float
        Seconds to wait for somebody who is alive.
    lease, beat : float
        Seconds after which a silent lock is taken over, and between signs of life; the same for all who share the file.

    Raises
    ------
    RunInProgress
        If somebody still is at work after that.
    """
    from filelock import SoftFileLease, Timeout

    held = SoftFileLease(path, lease_duration=lease, heartbeat_interval=beat, thread_local=False, poll_interval=0.1)
    seen, began = _state_of(path), time.monotonic()
    while not held.is_locked:
        try:
            held.acquire(timeout=min(1.0, beat / 2))
        except Timeout:
            waited = time.monotonic() - began
            if (found := _state_of(path)) == seen:
                if waited >= _GRACE and found is not None and not found.size:
                    path.unlink(missing_ok=True)
            elif waited >= wait:
                raise RunInProgress(
                    f"another run of {what} is at work ({_holder(path)}); wait for it to end, or let it "
                    f"be waited for with a longer --wait than {wait:g} s."
                ) from None
    try:
        yield held
    finally:
        held.release()


class _State(NamedTuple):
    """Of a lock: when its holder last gave a sign of life, which file says so, and how much it says."""

    beat: int
    file: int
    size: int


def _state_of(path: Path) -> _State | None:
    with suppress(OSError):
        found = os.lstat(path)
        return _State(found.st_mtime_ns, found.st_ino, found.st_size)
    return None


def _holder(path: Path) -> str:
    """Who holds a lock, for people."""
    with suppress(OSError, ValueError):
        told = dict(line.split("=", 1) for line in path.read_text("utf-8").splitlines() if "=" in line)
        return f"process {told.get('pid', 'unknown')} on {told.get('host', 'an unknown host')}"
    return "by whom is not known"
