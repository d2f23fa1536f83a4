"""Files without a name: what is too large for memory lies in them while it is read, and goes with them."""

from __future__ import annotations

import errno
import mmap
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGE = 1 << 25  #: bytes, of about 50,000 rows: what is larger is left on the disk
BLOCK = 1 << 20  #: bytes that are read at a time
_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


def is_full(error: BaseException) -> bool:
    """Whether an error of the system says that the disk has no room."""
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def room_for(name: str) -> Iterator[None]:
    """Say what to do when the disk has no room for what is read.

    Raises
    ------
    InvalidInput
        In the place of an error of the system.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise InvalidInput(
            f"{name} takes more room while it is read than there is in {tempfile.gettempdir()} ({error.strerror}). "
            "Make room, or name another folder in the variable TMPDIR."
        ) from None


def spool() -> IO[bytes]:
    """An empty file without a name, in memory until it is large. Whoever gets it closes it."""
    return tempfile.SpooledTemporaryFile(max_size=LARGE)


def spooled(parts: Iterable[bytes]) -> IO[bytes]:
    """A file of these bytes, at its beginning."""
    file = spool()
    try:
        for part in parts:
            file.write(part)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def mapped(file: IO[bytes]) -> bytes | mmap.mmap:
    """All that was written to a file of `spool`, mapped if it is large; the file may be closed then."""
    if file.tell() > LARGE:
        file.flush()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    file.seek(0)
    return file.read()


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """What is left of a file, a block at a time."""
    while block := file.read(BLOCK):
        yield block


@contextmanager
def staying(file: IO[bytes]) -> Iterator[None]:
    """A file is afterwards where it was."""
    here = file.tell()
    try:
        yield
    finally:
        file.seek(here)


def bytes_left(file: IO[bytes]) -> int:
    """How much is left of a file, which stays where it is."""
    with staying(file):
        here = file.tell()
        return file.seek(0, 2) - here


def peek(file: IO[bytes], length: int) -> bytes:
    """The next bytes of a file from the first on that is no white space; the file stays where it is."""
    with staying(file):
        for block in blocks(file):
            if rest := block.lstrip():
                file.seek(-len(rest), 1)
                return file.read(length)
    return b""
