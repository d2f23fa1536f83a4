"""Files are read part by part; the slow way, which reads them whole, says what must come of it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from topics import strings
from topics.corpus import columns, distinct, files, formats, json_values, opening, read, spool
from topics.corpus.distinct import distinct_of
from topics.corpus.encoding import to_utf8
from topics.corpus.shelf import shelved
from topics.data import distinct_texts
from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

sizes = st.sampled_from([1, 2, 3, 7, 50])
names = st.sampled_from(["text", "id", "n", "late", "\ud800"])
scalars: Any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("half \udc00")
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(names, scalars, max_size=2)
objects = st.dictionaries(names, values, max_size=4)
spaces = st.text(" \t\r", max_size=2)


@contextmanager
def in_parts(size: int) -> Iterator[None]:
    """Everything is large, and read so few rows, bytes or characters at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strings, "_BATCH", size)
        patch.setattr(json_values, "_WINDOW", size)
        patch.setattr(columns, "ROWS", size)
        patch.setattr(formats, "ROWS", size)
        patch.setattr(spool, "BLOCK", size)
        patch.setattr(columns, "BYTES", 30)
        patch.setattr(distinct, "BYTES", 30)
        patch.setattr(distinct, "_ROWS", size)
        for module, name in ((distinct, "MANY"), (distinct, "LARGE"), (formats, "MANY"), (formats, "LARGE")):
            patch.setattr(module, name, 0)
        for module in (spool, opening):
            patch.setattr(module, "LARGE", 1)
        yield


def result(reader: Callable[..., Any], *given: Any) -> Any:
    """What comes of it, errors included; missing is missing, and half a surrogate pair is no text."""
    try:
        table, notes = reader(*given)
    except InvalidInput as error:
        return type(error), str(error)
    cells = {
        str(name).encode("utf-8", "replace"): [_plain(value) for value in table.iloc[:, at].tolist()]
        for at, name in enumerate(table.columns)
    }
    return cells, len(table), notes


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return repr(value.encode("utf-8", "replace"))
    return "missing" if value is None or value is np.nan else repr(value)


# --- JSON ------------------------------------------------------------------------------------------


def json_whole(raw: bytes, name: str) -> Any:
    array = raw.lstrip().startswith(b"[")
    numbered = [(1, raw)] if array else [pair for pair in enumerate(raw.split(b"\n"), 1) if pair[1].strip()]
    rows = []
    for number, part in numbered:
        try:
            rows.append((number, json.loads(part)))
        except json.JSONDecodeError as error:
            at = f"line {number + error.lineno - 1}, column {error.colno}: {error.msg}"
            raise InvalidInput(f"{name} is not JSON; {at}. Expected one object per line, or one array.") from None
    if array:
        rows = list(enumerate(rows[0][1], 1))
    if not rows:
        raise formats.NoDocuments(f"{name} holds no documents.")
    expected = str if isinstance(rows[0][1], str) else dict
    for number, row in rows:
        if not isinstance(row, expected):
            told = f"expected an object with columns, or only strings; got {str(row)[:80]!r}"
            raise InvalidInput(f"{name}, {'item' if array else 'line'} {number}: {told}.")
    if expected is str:
        return pd.DataFrame({"text": [row for _, row in rows]}, dtype="object"), ()
    found = dict.fromkeys(key for _, row in rows for key in row)
    cells = [pd.Series([row.get(key) for _, row in rows], dtype="object") for key in found]
    return pd.DataFrame(dict(enumerate(cells)), index=range(len(rows))).set_axis(
        pd.Index(found, dtype=object), axis=1
    ), ()


def json_in_parts(raw: bytes, name: str) -> Any:
    return formats.READERS["JSON"](io.BytesIO(raw), name)


@given(
    st.lists(st.tuples(spaces, objects | st.text(max_size=5) | st.integers(), spaces), max_size=9)
    | st.lists(st.tuples(spaces, objects, spaces), max_size=9),
    st.sampled_from(["\n", "\r\n", "\n\n", "\n \n"]),
    st.sampled_from(["", "\n", "{", '{"text": "cut', '{"text": 1}}', "\\", "3"]),
    st.booleans(),
    sizes,
)
def test_lines_of_json_are_those_of_the_whole_file(
    rows: list[tuple[str, Any, str]], between: str, end: str, ascii_: bool, size: int
) -> None:
    told = between.join(f"{before}{_dumped(row, ascii_)}{after}" for before, row, after in rows) + end
    raw = told.encode()
    with in_parts(size):
        found = result(json_in_parts, raw, "x.jsonl")
    assert found == result(json_whole, raw, "x.jsonl")


@given(
    st.lists(st.tuples(spaces, objects, spaces), max_size=9) | st.lists(st.tuples(spaces, values, spaces), max_size=5),
    st.sampled_from([",", ",\n", "\n,", " , "]),
    st.sampled_from(
        ["]", "]", " ]\n", "]  \n\n   \n\n     \n      ", "", ",]", "] x", "]\n   ]  ", "}]", "] [", ',"cut', "\\u12"]
    ),
    st.booleans(),
    sizes,
)
def test_items_of_an_array_are_those_of_the_whole_file(
    rows: list[tuple[str, Any, str]], between: str, end: str, ascii_: bool, size: int
) -> None:
    told = " \n[" + between.join(f"{before}{_dumped(row, ascii_)}{after}" for before, row, after in rows) + end
    with in_parts(size):
        found = result(json_in_parts, told.encode(), "x.json")
    assert found == result(json_whole, told.encode(), "x.json")


@given(st.lists(objects, min_size=1, max_size=5), st.data(), sizes)
def test_a_damaged_array_is_damaged_where_it_is_when_read_whole(
    rows: list[Any], data: st.DataObject, size: int
) -> None:
    told = json.dumps(rows, indent=data.draw(st.sampled_from([None, 1])))
    at = data.draw(st.integers(1, len(told)))
    told = (
        told[:at]
        + data.draw(st.sampled_from(["", "x", '"', ",", "]", "\n", "\\", "12e"]))
        + told[at + data.draw(st.integers(0, 2)) :]
    )
    with in_parts(size):
        found = result(json_in_parts, told.encode(), "x.json")
    assert found == result(json_whole, told.encode(), "x.json")


def _dumped(row: Any, ascii_: bool) -> str:
    return json.dumps(row, ensure_ascii=ascii_ or "\\ud" in json.dumps(row))


@pytest.mark.parametrize("size", [1, 20, 1000])
@pytest.mark.parametrize(("begin", "between", "end", "unit"), [("", "\n", "", "line"), ("[", ",", "]", "item")])
def test_what_is_no_row_is_named_by_its_number(begin: str, between: str, end: str, unit: str, size: int) -> None:
    told = begin + between.join([*('{"text": "a, [b]"}' for _ in range(20)), '"c"', "3"]) + end
    with in_parts(size), pytest.raises(InvalidInput, match=rf"x.json, {unit} 21: expected an object .* got 'c'"):
        json_in_parts(told.encode(), "x.json")


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize(("odd", "message"), [("[" * 100_000, "maximum recursion"), ("1" * 5000, ".*4300 digits")])
def test_what_python_cannot_hold_is_said(odd: str, message: str, size: int) -> None:
    for told in (f'{{"text": "a"}}\n{odd}', f'["a",\n"b",\n{odd}]'):
        with in_parts(size), pytest.raises(InvalidInput, match=f"x.json is not JSON; line [1-3]: {message}"):
            json_in_parts(told.encode(), "x.json")


def test_columns_of_strings_are_on_the_disk_others_are_objects() -> None:
    told = [{"a": "x"}, {"a": None, "b": "late"}, {"c": 2**70}, {"c": "now text", "d": [1]}, {"a": "half \ud800"}]
    with in_parts(2):
        table, _ = json_in_parts("\n".join(map(json.dumps, told)).encode(), "x.jsonl")
    assert [str(kind) for kind in table.dtypes] == ["str", "str", "object", "object"]
    assert table["a"].tolist()[::4] == ["x", "half ?"]
    assert table["b"].dropna().to_dict() == {1: "late"}
    assert table["c"].tolist() == [None, None, 2**70, "now text", None]


# --- text ------------------------------------------------------------------------------------------

letters = st.text(st.sampled_from("ab \t\n\r\x0b\x0c\x85\u2028\0é鯨\U0001f40b\ufeff\ufffd"), max_size=40)
encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "gb18030", "shift_jis", "euc_kr")


@given(letters, sizes)
def test_lines_of_text_are_those_of_the_whole_file(told: str, size: int) -> None:
    expected = re.split("\r\n|\r|\n", told.removeprefix("\ufeff").replace("\0", " "))
    with in_parts(size):
        found = result(formats.READERS["text"], io.BytesIO(told.encode()), "x.txt")
    if not isinstance(found[1], str):  # else too many of its few bytes are control characters
        assert found[0][b"text"] == [_plain(line) for line in (expected if expected[-1] else expected[:-1])]


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
