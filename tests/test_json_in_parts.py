"""JSON is read part by part; the slow way, which reads it whole, says what must come of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import in_parts, result, sizes

from topics.corpus import formats
from topics.errors import InvalidInput

names = st.sampled_from(["text", "id", "n", "late", "\ud800"])
scalars: Any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("half \udc00")
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(names, scalars, max_size=2)
objects = st.dictionaries(names, values, max_size=4)
spaces = st.text(" \t\r", max_size=2)


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
