"""From bytes of unknown encoding to UTF-8, or to the news that they are no text."""

from __future__ import annotations

import codecs
from typing import IO, TYPE_CHECKING

from topics.corpus.spool import blocks, spooled, staying
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: First bytes -> what such a file is, for those most often taken for text.
_BINARY = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an Office file (.xlsx, .docx)",
    b"\xd0\xcf\x11\xe0": "an old Office file (.xls, .doc)",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
}
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is the beginning of this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CONTROLS = bytes(c for c in range(32) if c not in b"\t\n\v\f\r\x1b")
_MOST_CONTROLS = 0.05  # of the bytes, in a text
_SAMPLE = 1 << 16
_REPLACEMENT = "\ufffd"
_WESTERN = "cp1252"
_LIKELY = (_WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")


def to_utf8(file: IO[bytes], name: str) -> tuple[IO[bytes], tuple[str, ...]]:
    """Make valid UTF-8 without byte order mark and NUL of what is some text, a part at a time.

    Parameters
    ----------
    file : binary file
        At its beginning; it can be sought in. It is closed if another one takes its place.
    name : str
        Of the file, for what is said about it.

    Returns
    -------
    binary file, tuple of str
        The file, or another one, where the text begins; sentences about what was guessed or replaced.

    Raises
    ------
    InvalidInput
        If the bytes are no text.

    Examples
    --------
    >>> import io
    >>> file, notes = to_utf8(io.BytesIO("Grüße".encode("utf-16")), "a.txt")
    >>> with file:
    ...     file.read().decode()
    'Grüße'
    """
    notes: list[str] = []
    with staying(file):
        mark = file.read(4)
    encoding = next((encoding for bom, encoding in _BOMS.items() if mark.startswith(bom)), "utf-8-sig")
    if encoding != "utf-8-sig":
        file = _rewritten(file, _decoded(file, encoding))
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    with staying(file):
        _refuse_binary(file.read(_SAMPLE), name)
    nuls = _nuls(file)
    if nuls is None:
        encoding, note = _survey(file, name)
        notes.append(note)
        file = _rewritten(file, _decoded(file, encoding))
        nuls = _nuls(file)
    if nuls:
        notes.append(f"NUL bytes in {name} replaced by spaces: {nuls}.")
        file = _rewritten(file, (block.replace(b"\0", b" ") for block in blocks(file)))
    return file, tuple(notes)


def _rewritten(file: IO[bytes], parts: Iterable[bytes]) -> IO[bytes]:
    """A file of these bytes in the place of the one they are made of."""
    with file:
        return spooled(parts)


def _decoded(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    """What is left of a file, in UTF-8."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks(file):
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _refuse_binary(sample: bytes, name: str) -> None:
    for magic, what in _BINARY.items():
        if sample.startswith(magic):
            raise InvalidInput(f"{name} is {what}, not text; export it as CSV, JSONL or plain text.")
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(sample):
        raise InvalidInput(
            f"{name} is not text: {controls} of its first {len(sample)} bytes are control characters. "
            "Save it as UTF-8 text."
        )


def _nuls(file: IO[bytes]) -> int | None:
    """How many NUL bytes are in what is left of a file; None if it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    nuls = 0
    with staying(file):
        try:
            for block in blocks(file):
                decoder.decode(block)
                nuls += block.count(b"\0")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return None
    return nuls


def _survey(file: IO[bytes], name: str) -> tuple[str, str]:
    """The encoding of what is not UTF-8 throughout, and what there is to say about it.

    UTF-8 with the odd broken line is repaired; anything else is some other encoding throughout.
    """
    lines = broken = replaced = size = 0
    sample: list[bytes] = []
    with staying(file):
        for ended in file:
            line = ended.removesuffix(b"\n")
            lines += not line.isascii()
            repaired = line.decode("utf-8", "replace").count(_REPLACEMENT) - line.count(_REPLACEMENT.encode())
            if not repaired:
                continue
            broken += 1
            replaced += repaired
            size += len(line)
            if not sample or size <= _SAMPLE:
                sample.append(line)
    if broken < lines / 2:
        return "utf-8", (f"{name} is not UTF-8 throughout; unreadable characters replaced by U+FFFD: {replaced}.")
    encoding = _guess_encoding(sample)
    return encoding, f"{name} is not UTF-8 and was read as {encoding}; if that is wrong, convert it to UTF-8."


def _guess_encoding(lines: list[bytes]) -> str:
    """The likeliest encoding of lines that are not UTF-8; the Western European one when in doubt."""
    from charset_normalizer import from_bytes

    matches = from_bytes(b"\n".join(lines), cp_isolation=list(_LIKELY))
    best = matches.best()
    if best is None:
        return _WESTERN
    equals = [match for match in matches if match.chaos <= best.chaos and match.coherence >= best.coherence]
    return _WESTERN if any(_WESTERN in match.could_be_from_charset for match in equals) else str(best.encoding)
