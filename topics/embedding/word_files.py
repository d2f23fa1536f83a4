"""Files of word vectors: word2vec's text and binary formats, GloVe's text, fastText's `.vec`, gzipped or not.

What a file is its content tells, not its name.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_BUFFER = 1 << 16  # bytes read at once
_LONGEST = 1 << 20  # bytes in a line; what is longer is no file of word vectors
_WIDEST = 1 << 14  # dimensions
_STEP = 1 << 18  # numbers by which the matrix grows at least

_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive; unpack it and name the file inside",
    b"\xba\x16\x4f\x2f": "fastText's own model; name the .vec file published beside it",
    b"\x80": "a Python pickle, which is never opened; write it with gensim's save_word2vec_format",
}


def read_word_vectors(path: Path, limit: int | None = None) -> tuple[list[str], NDArray[np.float32]]:
    """Read a file of word vectors, an entry at a time.

    Returns
    -------
    (list of V str, ndarray of shape (V, d) float32)
        In the order of the file. The matrix grows with the file, whatever its header promises.

    Raises
    ------
    InvalidInput
        If the file is malformed, or ends before or after its header says; names the line or the entry.
    """
    words: list[str] = []
    with open(path, "rb", buffering=0) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain = cast("io.RawIOBase", gzip.GzipFile(fileobj=raw)) if packed else raw
        file = io.BufferedReader(plain, _BUFFER)
        try:
            promised, width, entries = _opened(file, str(path))
            matrix = np.empty((0, width), dtype=np.float32)
            for word, row in entries:
                if len(words) == len(matrix):
                    matrix.resize((len(matrix) + max(len(matrix) // 8, _STEP // width, 1), width), refcheck=False)
                if not np.isfinite(row).all():
                    raise InvalidInput(f"{path}: word {len(words) + 1}, {word!r}, has values that are not finite.")
                matrix[len(words)] = row
                words.append(word.decode("utf-8", "replace"))
                if len(words) == limit:
                    break
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _malformed(str(path), f"its compression breaks off after word {len(words)} ({error})") from None
    if len(words) != limit and len(words) != (promised or len(words)):
        raise _malformed(str(path), f"it holds {len(words)} words, its header says {promised}")
    if not words:
        raise _malformed(str(path), "it holds no words")
    matrix.resize((len(words), width), refcheck=False)
    return words, matrix


def word_probabilities(words: int) -> NDArray[np.float64]:
    """How probable words are, most frequent first, by Zipf's law: p ~ 1 / (rank + 2.7), ranks from 1.

    Mandelbrot's form of the law, with the offset Piantadosi (2014, doi:10.3758/s13423-014-0585-6) reports.

    Examples
    --------
    >>> word_probabilities(3).round(3).tolist()
    [0.41, 0.323, 0.266]
    """
    shares = 1 / (np.arange(1, words + 1) + 2.7)
    return np.asarray(shares / math.fsum(shares))


def _malformed(path: str, what: str) -> InvalidInput:
    return InvalidInput(f"{path}: {what}; it is cut off or no file of word vectors. Get it again.")


def _opened(
    file: io.BufferedReader[Any], path: str
) -> tuple[int | None, int, Iterator[tuple[bytes, NDArray[np.float32]]]]:
    """What the header says of V (None without one), d, and the entries."""
    for magic, what in _FOREIGN.items():
        if file.peek(4).startswith(magic):
            raise InvalidInput(f"{path} is {what}.")
    first = file.readline(_LONGEST).removeprefix(b"\xef\xbb\xbf")
    fields = first.split()
    headed = len(fields) == 2 and all(field.isdigit() and len(field) < 16 for field in fields)
    promised, width = (int(fields[0]), int(fields[1])) if headed else (None, len(fields) - 1)
    if not first:
        raise _malformed(path, "it is empty")
    if not 1 <= width <= _WIDEST:
        raise _malformed(path, f"line 1 tells of {max(width, 0)} dimensions, allowed are 1 to {_WIDEST}")
    if headed and not _is_text(file.peek(_BUFFER)):
        return promised, width, _binary(file, width, path)
    return promised, width, _text(file, b"" if headed else first, width, path)


def _is_text(seen: bytes) -> bool:
    """Whether the first entry is a line of text: all of it after the word is printable."""
    numbers = seen.partition(b"\n")[0].partition(b" ")[2]
    return not seen or (bool(numbers) and all(32 <= byte < 127 or byte in b"\t\r" for byte in numbers))


def _text(
    file: io.BufferedReader[Any], first: bytes, width: int, path: str
) -> Iterator[tuple[bytes, NDArray[np.float32]]]:
    number, line = (1, first) if first else (2, file.readline(_LONGEST))
    while line:
        word, *numbers = line.rstrip().replace(b"\t", b" ").rsplit(b" ", width)
        if line.strip():
            try:
                with np.errstate(over="ignore"):  # 1e99 becomes infinite, which the reader refuses
                    row = np.array(numbers, dtype=np.float32)
            except ValueError as error:
                raise _malformed(path, f"line {number}: {error}") from None
            if len(row) == width and b" " in word and _is_number(word.split()[-1]):  # words may have spaces in them
                raise _malformed(path, f"line {number} has more than {width} numbers")
            if len(row) != width:
                raise _malformed(path, f"line {number} has {len(row)} numbers, expected {width}")
            yield word, row
        number, line = number + 1, file.readline(_LONGEST)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _binary(file: io.BufferedReader[Any], width: int, path: str) -> Iterator[tuple[bytes, NDArray[np.float32]]]:
    number = 1
    while file.peek(1):
        word = b""
        while b" " not in word:
            seen = file.peek(1)
            if not seen and not word.strip():
                return  # the line break after the last entry
            if not seen or len(word) > _LONGEST:
                raise _malformed(path, f"entry {number} has no end")
            word += file.read(seen.find(b" ") + 1 or len(seen))
        values = file.read(4 * width)
        if len(values) < 4 * width:
            raise _malformed(path, f"entry {number}, {word.strip()!r}, has {len(values)} bytes, expected {4 * width}")
        yield word.strip(), np.frombuffer(values, dtype="<f4")
        number += 1
