"""From bytes of unknown encoding to UTF-8, or to the news that they are no text."""

from __future__ import annotations

import codecs

from topics.errors import InvalidInput

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
_WESTERN = "cp1252"
_LIKELY = (_WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")


def to_utf8(raw: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
    """Make valid UTF-8 without byte order mark and NUL of what is some text.

    Parameters
    ----------
    raw : bytes
        What is in the file.
    name : str
        Of the file, for what is said about it.

    Returns
    -------
    bytes, tuple of str
        The text, and sentences about what was guessed or replaced.

    Raises
    ------
    InvalidInput
        If the bytes are no text.

    Examples
    --------
    >>> to_utf8("Grüße".encode("utf-16"), "a.txt")[0].decode()
    'Grüße'
    """
    notes: list[str] = []
    encoding = next((encoding for bom, encoding in _BOMS.items() if raw.startswith(bom)), None)
    if encoding is not None and encoding != "utf-8-sig":
        raw = raw.decode(encoding, "replace").encode()
    raw = raw.removeprefix(codecs.BOM_UTF8)
    _refuse_binary(raw[:_SAMPLE], name)
    if not _is_utf8(raw):
        raw, note = _transcode(raw, name)
        notes.append(note)
    if nuls := raw.count(b"\0"):
        notes.append(f"NUL bytes in {name} replaced by spaces: {nuls}.")
        raw = raw.replace(b"\0", b" ")
    return raw, tuple(notes)


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


def _is_utf8(raw: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(raw)
    try:  # in blocks, since the decoded text may take four times the memory
        for start in range(0, len(raw), 1 << 20):
            decoder.decode(view[start : start + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _transcode(raw: bytes, name: str) -> tuple[bytes, str]:
    """UTF-8 with the odd broken line is repaired; anything else is some other encoding throughout."""
    lines = [line for line in raw.split(b"\n") if not line.isascii()]
    broken = [line for line in lines if not _is_utf8(line)]
    if len(broken) < len(lines) / 2:
        text = raw.decode("utf-8", "replace")
        replaced = text.count("\ufffd") - raw.count("\ufffd".encode())
        return text.encode(), (f"{name} is not UTF-8 throughout; unreadable characters replaced by U+FFFD: {replaced}.")
    encoding = _guess_encoding(broken)
    text = raw.decode(encoding, "replace")
    return text.encode(), f"{name} is not UTF-8 and was read as {encoding}; if that is wrong, convert it to UTF-8."


def _guess_encoding(lines: list[bytes]) -> str:
    """The likeliest encoding of lines that are not UTF-8; the Western European one when in doubt."""
    from charset_normalizer import from_bytes

    sample: list[bytes] = []
    size = 0
    for line in lines:
        size += len(line)
        if sample and size > _SAMPLE:
            break
        sample.append(line)
    matches = from_bytes(b"\n".join(sample), cp_isolation=list(_LIKELY))
    best = matches.best()
    if best is None:
        return _WESTERN
    equals = [match for match in matches if match.chaos <= best.chaos and match.coherence >= best.coherence]
    return _WESTERN if any(_WESTERN in match.could_be_from_charset for match in equals) else str(best.encoding)
