"""From a file as it lies there to its content: decompressed, and in a file that can be sought in."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from topics.corpus.spool import LARGE, blocks, is_full, spooled
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_ZSTD_BLOCK = 1 << 10  # bytes; they may become 32,000 times as many


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Say which file cannot be read, and why. That the disk is full is no fault of the file.

    Raises
    ------
    InvalidInput
        In the place of errors of the system and of damaged compressed files.
    """
    try:
        yield
    except UnicodeDecodeError:  # it was valid when it was looked through
        raise InvalidInput(f"{name} was changed while it was read; read it when it is complete.") from None
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if is_full(error):
            raise
        raise InvalidInput(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def opened(path: Path) -> IO[bytes]:
    """The content of a file, to be closed by whoever gets it.

    A small file is read at once; a large one stays where it is, or is decompressed into a file without a name.
    """
    with path.open("rb") as file:
        for magic, decompressed in COMPRESSED.values():
            head = file.read(len(magic))
            file.seek(0)
            if head == magic:
                return spooled(decompressed(file))
        head = file.read(LARGE)
    return io.BytesIO(head) if len(head) < LARGE else path.open("rb")


def _read_with(decompress: Callable[[IO[bytes]], Any], file: IO[bytes]) -> Iterator[bytes]:
    with decompress(file) as content:
        yield from blocks(content)


def _zstd(file: IO[bytes]) -> Iterator[bytes]:
    """One frame after the other: a reader over all of them would end at a cut one in silence."""
    import zstandard

    frame = None
    raw = b""
    try:
        while raw := raw or file.read(_ZSTD_BLOCK):
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(raw)
            raw, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    except zstandard.ZstdError as error:
        raise OSError(error) from None
    if frame is not None:
        raise EOFError("the file ends within a compressed frame")


#: Suffix -> first bytes, decompression. The bytes decide: some files are named wrongly.
COMPRESSED: Mapping[str, tuple[bytes, Callable[[IO[bytes]], Iterator[bytes]]]] = {
    ".gz": (b"\x1f\x8b", partial(_read_with, gzip.open)),
    ".bz2": (b"BZh", partial(_read_with, bz2.open)),
    ".xz": (b"\xfd7zXZ\0", partial(_read_with, lzma.open)),
    ".zst": (b"\x28\xb5\x2f\xfd", _zstd),
}
