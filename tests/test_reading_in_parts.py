"""Files are read part by part, of whatever kind; nobody can tell from the result, and little is in memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from parts import in_parts, plain, result, sizes

from topics.corpus import files, formats, read
from topics.corpus.distinct import distinct_of
from topics.corpus.encoding import to_utf8
from topics.corpus.shelf import shelved
from topics.data import distinct_texts
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

# --- text ------------------------------------------------------------------------------------------

letters = st.text(st.sampled_from("ab \t\n\r\x0b\x0c\x85\u2028\0é鯨\U0001f40b\ufeff\ufffd"), max_size=40)
encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "gb18030", "shift_jis", "euc_kr")


@given(letters, sizes)
def test_lines_of_text_are_those_of_the_whole_file(told: str, size: int) -> None:
    expected = re.split("\r\n|\r|\n", told.removeprefix("\ufeff").replace("\0", " "))
    with in_parts(size):
        found = result(formats.READERS["text"], io.BytesIO(told.encode()), "x.txt")
    if not isinstance(found[1], str):  # else too many of its few bytes are control characters
        assert found[0][b"text"] == [plain(line) for line in (expected if expected[-1] else expected[:-1])]


def utf8_whole(raw: bytes) -> tuple[bytes, int]:
    """What the text is if it is UTF-8, UTF-16 or UTF-32 with broken characters, and how many are broken."""
    for bom, encoding in ((b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16")):
        if raw.startswith(bom):
            return raw.decode(encoding, "replace").encode().removeprefix(b"\xef\xbb\xbf"), 0
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    told = raw.decode("utf-8", "replace")
    return told.encode(), told.count("\ufffd") - raw.count("\ufffd".encode())


good = st.lists(st.sampled_from(["Grüße", "鯨", "\U0001f40b", "plain", "\ufffd"]), min_size=12, max_size=12)


@given(
    good, st.binary(max_size=4), st.integers(0, 60), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]), sizes
)
def test_broken_characters_are_replaced_as_in_the_whole(
    words: list[str], odd: bytes, at: int, encoding: str, size: int
) -> None:
    raw = "\n".join(words).encode(encoding)
    begin = 4 if encoding != "utf-8" else 0
    raw = raw[: begin + at] + odd.translate(None, bytes(range(32))) + raw[begin + at :]
    text, broken = utf8_whole(raw)
    with in_parts(size):
        file, notes = to_utf8(io.BytesIO(raw), "x")
        with file:
            found = file.read()
    if any("was read as" in note for note in notes):  # so much is broken that it must be something else
        return
    assert found == text.replace(b"\0", b" ")
    counted = f"x is not UTF-8 throughout; unreadable characters replaced by U+FFFD: {broken}."
    assert (counted in notes) == (broken > 0)


@given(
    st.binary(max_size=60),
    st.sampled_from(["cp1252", "cp1250", "cp1251", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"]),
    sizes,
)
def test_bytes_of_other_encodings_decode_alike_in_parts(raw: bytes, encoding: str, size: int) -> None:
    from topics.corpus.encoding import _decoded

    with in_parts(size):
        assert b"".join(_decoded(io.BytesIO(raw), encoding)) == raw.decode(encoding, "replace").encode()


# --- files -----------------------------------------------------------------------------------------

COMPRESSIONS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
MANY_LINES = "".join(f'{{"text": "größe {number}", "n": {number}}}\n' for number in range(200)).encode()


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_compressed_files_are_decompressed_in_parts(suffix: str, size: int, tmp_path: Path) -> None:
    compress = COMPRESSIONS[suffix]
    path = tmp_path / f"x.jsonl.{suffix}"
    path.write_bytes(compress(MANY_LINES[:999]) + compress(MANY_LINES[999:]))  # two frames
    (tmp_path / "x.jsonl").write_bytes(MANY_LINES)
    with in_parts(size):
        assert read(path, id="n").corpus.key == read(tmp_path / "x.jsonl", id="n").corpus.key
        path.write_bytes(compress(MANY_LINES) + compress(MANY_LINES)[:-9])
        with pytest.raises(InvalidInput, match=rf"x.jsonl.{suffix} cannot be read: .*(end|CRC)"):
            read(path)


def test_standard_input_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n\n " + MANY_LINES)))
    with in_parts(3):
        assert len(read("-").corpus) == 200


def test_a_file_that_is_changed_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"one\ntwo\n" * 9999)

    def looked_through(file: Any, name: str) -> Any:
        path.write_bytes(b"one\xff\n" * 19_999)
        return file, ()

    monkeypatch.setattr(formats, "to_utf8", looked_through)
    with in_parts(3), pytest.raises(InvalidInput, match=r"x.txt was changed while it was read"):
        read(path)


def test_a_file_that_is_gone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = files.Found({"x.txt": tmp_path / "x.txt"}, "text", alone=True)
    monkeypatch.setattr(files, "find", lambda _: found)
    with pytest.raises(InvalidInput, match=r"x.txt cannot be read: No such file or directory"):
        read(tmp_path / "x.txt")


@pytest.mark.parametrize(("name", "columns"), [("x.txt", "text"), ("x.csv", ""), ("x.jsonl", "")])
def test_a_file_of_nothing_but_a_byte_order_mark_has_no_documents(name: str, columns: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf")
    with pytest.raises(InvalidInput, match=f"no rows; its columns are: {columns}|no documents|is no table"):
        read(tmp_path / name)


def tables() -> list[pd.DataFrame]:
    return [
        pd.DataFrame({"a": pd.array(["x", None], dtype="str"), "n": [1, 2], "m": pd.array(["u", "v"], dtype="str")}),
        pd.DataFrame({"a": pd.array(["y"], dtype="str"), "n": [2.5], "m": [3]}),
        pd.DataFrame(
            {"a": pd.array([], dtype="str"), "n": pd.array([], dtype="int64"), "m": pd.Series([], dtype="object")}
        ),
    ]


@pytest.mark.parametrize("size", [1, 100])
def test_tables_below_each_other_are_the_same_on_the_disk(size: int) -> None:
    expected = pd.concat(tables(), ignore_index=True)
    with in_parts(size):
        found = shelved(iter(tables()))
    for before, after in zip(tables(), found, strict=True):
        pd.testing.assert_frame_equal(after, before)
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), expected)


@given(
    st.lists(st.none() | st.integers() | st.text("ab é\n\ud800", max_size=3), max_size=30),
    sizes,
    st.booleans(),
)
def test_distinct_texts_are_those_in_memory(told: list[Any], size: int, as_strings: bool) -> None:
    if as_strings:
        told = [
            value if not isinstance(value, str) else value.replace("\ud800", "")
            for value in told
            if not isinstance(value, int)
        ]
    expected = distinct_texts(told)
    with in_parts(size):
        rows, texts = distinct_of(pd.Series(told, dtype="str" if as_strings else "object"))
    np.testing.assert_array_equal(rows, expected[1])
    np.testing.assert_array_equal(texts.keys, expected[2].keys)
    assert texts.texts == expected[2].texts


# --- bounds ----------------------------------------------------------------------------------------

PEAK = """
import resource, sys
from topics.corpus import read
from topics.errors import InvalidInput
read(sys.argv[2])  # what is loaded once does not count
def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before = most()
try:
    read(sys.argv[1])
except InvalidInput as error:
    print(error, file=sys.stderr)
print(most() - before)
"""


def grown(path: Path, small: Path, **options: Any) -> tuple[int, str]:
    told = subprocess.run(
        [sys.executable, "-c", PEAK, path, small], check=True, capture_output=True, text=True, **options
    )
    return int(told.stdout), told.stderr


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_little_that_becomes_much_is_not_held_in_memory(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "small.jsonl").write_bytes(MANY_LINES)
    bomb, opened = (
        tmp_path / f"bomb.txt.{suffix}",
        {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open, "zst": zstandard.open},
    )
    with opened[suffix](bomb, "wb") as file:
        for _ in range(128):
            file.write(bytes(1 << 20))
    more, error = grown(bomb, tmp_path / "small.jsonl")
    assert "bomb.txt" in error
    assert "is not text" in error
    assert bomb.stat().st_size < 1 << 20
    assert more < 80 << 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="files are limited by the system")
def test_a_full_disk_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "small.jsonl").write_bytes(MANY_LINES)
    with gzip.open(tmp_path / "large.txt.gz", "wb", compresslevel=1) as file:
        for number in range(40_000):
            file.write(b"%d " % number * 300 + b"\n")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 25, 1 << 25))\n"
    told = subprocess.run(
        [sys.executable, "-c", limit + PEAK, tmp_path / "large.txt.gz", tmp_path / "small.jsonl"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "takes more room while it is read than there is in" in told.stderr
    assert "TMPDIR" in told.stderr
