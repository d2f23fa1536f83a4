"""Reading corpora: every format gives the same documents, and what cannot be read says why."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import zstandard

from topics import corpus
from topics.corpus import Source, file_digest, read
from topics.corpus.dates import parse_dates
from topics.data import NOISE, Corpus, normalise
from topics.errors import InvalidInput

ROWS = pd.DataFrame(
    {
        "id": ["a1", "a2", "a3", "a4"],
        "text": ['A "whale", said Käthe', "", "NA", "two\nlines; tab\there"],
        "label": ["sea", "", "null", "land"],
        "day": ["2024-01-31", "", "2023-12-01", "2022-05-06"],
    }
)
TEXTS = ['A "whale", said Käthe', None, "NA", "two lines; tab here"]


def as_csv(rows, sep=","):
    return rows.to_csv(index=False, sep=sep).encode()


def as_jsonl(rows):
    return rows.to_json(orient="records", lines=True).encode()


def as_json(rows):
    return rows.to_json(orient="records", indent=1).encode()


def as_parquet(rows):
    out = io.BytesIO()
    rows.to_parquet(out, index=False)
    return out.getvalue()


FORMATS = {
    "x.csv": as_csv,
    "x.tsv": lambda rows: as_csv(rows, "\t"),
    "semicolons.csv": lambda rows: as_csv(rows, ";"),
    "x.jsonl": as_jsonl,
    "x.ndjson": as_jsonl,
    "lines.json": as_jsonl,
    "x.json": as_json,
    "X.PARQUET": as_parquet,
}
COMPRESSIONS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def texts(reading):
    found = reading.corpus
    return [found.texts.texts[row] if row != NOISE else None for row in found.rows]


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def put(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return put


# --- formats ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_compression_gives_the_same_documents(write, name, suffix):
    path = write(name + suffix, COMPRESSIONS[suffix](FORMATS[name](ROWS)))
    reading = read(path, date="day", class_="label")
    assert texts(reading) == TEXTS
    assert list(reading.corpus.ids) == ["a1", "a2", "a3", "a4"]
    assert reading.corpus.meta["class"].fillna("missing").tolist() == ["sea", "missing", "null", "land"]
    assert reading.corpus.meta["date"].dt.strftime("%F").fillna("missing").tolist()[:2] == ["2024-01-31", "missing"]
    assert (reading.source.text, reading.source.id, reading.source.class_) == ("text", "id", "label")
    assert reading.corpus.fingerprint == read(ROWS, date="day", class_="label").corpus.fingerprint


def test_a_parquet_file_of_dates_numbers_and_categories_is_read_alike(write):
    typed = ROWS.assign(
        id=[2**60 + 1, 5, 6, 7], day=pd.to_datetime(ROWS["day"]), label=ROWS["label"].astype("category")
    )
    reading = read(write("typed.parquet", as_parquet(typed)), date="day", class_="label")
    assert reading.corpus.ids[0] == str(2**60 + 1)
    pd.testing.assert_frame_equal(reading.corpus.meta, read(ROWS, date="day", class_="label").corpus.meta)


def test_metadata_survive_a_parquet_file_unchanged(write):
    meta = read(ROWS, date="day", class_="label").corpus.meta
    pd.testing.assert_frame_equal(pd.read_parquet(write("meta.parquet", as_parquet(meta))), meta)


@pytest.mark.parametrize("place", ["parts", "parts/*", "parts/**/*.csv"])
def test_a_folder_or_glob_of_tables_is_one_corpus_in_the_order_of_the_names(write, tmp_path, place):
    write("parts/b/2.csv", as_csv(ROWS[2:]))
    write("parts/b/1.csv.gz" if place == "parts" else "parts/b/1.csv", COMPRESSIONS[".gz"](as_csv(ROWS[:2])))
    write("parts/.hidden/3.csv", as_csv(ROWS))
    write("parts/_SUCCESS", "")
    if place == "parts/*":
        for path in (tmp_path / "parts" / "b").iterdir():
            path.rename(tmp_path / "parts" / path.name)
    reading = read(str(tmp_path / place))
    assert texts(reading) == TEXTS
    assert reading.corpus.ids == ("a1", "a2", "a3", "a4")


def test_columns_that_only_some_files_have_are_left_out_and_said(write, tmp_path):
    write("p/1.csv", "text,odd\na b,1\n")
    write("p/2.csv", "other,text\n1,c d\n")
    reading = read(tmp_path / "p")
    assert texts(reading) == ["a b", "c d"]
    assert reading.notes == ("Columns that only some of the files have were left out: odd, other.",)
    with pytest.raises(InvalidInput, match="no column 'odd'; there are: text"):
        read(tmp_path / "p", text="odd")


def test_a_folder_of_text_files_has_a_document_per_file_named_by_its_path(write, tmp_path):
    write("t/b.md", "# Two\n\nparagraphs")
    write("t/sub/a.txt.gz", gzip.compress(b"one"))
    write("t/empty.txt", "")
    write("t/picture.png", b"\x89PNG")
    reading = read(tmp_path / "t")
    assert dict(zip(reading.corpus.ids, texts(reading), strict=True)) == {
        "b.md": "# Two paragraphs",
        "empty.txt": None,
        "sub/a.txt.gz": "one",
    }
    assert reading.notes == (f"Files in {tmp_path / 't'} that are not text and were left out: 1.",)


def test_a_text_file_has_a_document_per_line_blank_ones_too(write):
    reading = read(write("x.txt", "one\r\n\r\nthree\nfour\u2028still four\n"))
    assert texts(reading) == ["one", None, "three", "four still four"]
    assert reading.notes == ("Each line of x.txt is taken as a document.",)


@pytest.mark.parametrize("piped", ['{"text": "one"}\n{"text": "two"}', '["one", "two"]', "one\ntwo\n"])
def test_standard_input_may_be_json_or_lines(monkeypatch, piped):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.encode())))
    assert texts(read("-")) == ["one", "two"]
    assert file_digest("-") is None


@pytest.mark.parametrize(
    "values",
    [["one", None, 3, "two"], ("one", float("nan"), b"x", "two"), pd.Series(["one", None, 3, "two"], index=[9] * 4)],
)
def test_values_in_memory_that_are_no_text_are_documents_without_text(values):
    assert texts(read(values)) == ["one", None, None, "two"]


def test_a_corpus_is_passed_through():
    given = Corpus.from_texts(["one"])
    assert read(given).corpus is given


def test_an_array_and_a_generator_are_lists_of_texts():
    assert texts(read(np.array(["one", "two"]))) == texts(read(text for text in ("one", "two"))) == ["one", "two"]


def test_reading_leaves_the_data_frame_alone():
    frame = ROWS.set_index("label").rename(columns={"day": 7})
    before = frame.copy()
    read(frame, date="7")
    pd.testing.assert_frame_equal(frame, before)


def test_json_keeps_integers_integers_where_others_are_missing(write):
    path = write("x.jsonl", '{"text": "a", "key": 9007199254740993, "n": 1}\n{"text": "b", "key": 2}\n')
    reading = read(path, class_="n")
    assert reading.corpus.ids == ("9007199254740993", "2")
    assert reading.corpus.meta["class"].fillna("").tolist() == ["1", ""]


def test_values_of_other_types_in_a_text_column_are_counted(write):
    reading = read(write("x.jsonl", '{"text": "a"}\n{"text": 3}\n{"text": ["b"]}\n{"text": null}\n{}\n'))
    assert texts(reading) == ["a", None, None, None, None]
    assert reading.notes == ("Values of the column 'text' that are not text and count as empty: 2.",)


# --- columns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"id": "1", "Text": "a b", "title": "c d, and much longer than that"}, "Text"),
        ({"Title": "a b", "Abstract": "c d"}, "Abstract"),
        ({"n": "1", "words": "a b"}, "words"),
        ({"short": "a b", "long": "a b c d e f"}, "long"),
        ({"text": "17", "words": "a b"}, "words"),
    ],
)
def test_the_text_column_is_guessed_and_said(columns, expected):
    reading = read(pd.DataFrame({name: [value] for name, value in columns.items()}))
    assert reading.source.text == expected
    assert any(f"The column {expected!r} is taken as the text" in note for note in reading.notes)


def test_guesses_are_logged(caplog):
    with caplog.at_level("INFO", logger="topics.corpus"):
        notes = read(pd.DataFrame({"Title": ["a b"]})).notes
    assert tuple(record.getMessage() for record in caplog.records) == notes != ()


@pytest.mark.parametrize("name", ["id", "Doc_ID", "uuid", "_id"])
def test_an_id_column_is_used_if_it_is_unique(name):
    unique = read(pd.DataFrame({name: [1, 2], "text": ["a", "b"]}))
    assert (unique.source.id, unique.corpus.ids) == (name, ("1", "2"))
    for values in ([1, 1], [1, None], ["x", " "]):
        reading = read(pd.DataFrame({name: values, "text": ["a", "b"]}))
        assert reading.source.id is None
        assert reading.notes == (
            f"The column {name!r} is not used as the id: some of its values are empty or repeated.",
        )


def test_dates_and_classes_are_never_guessed():
    reading = read(pd.DataFrame({"text": ["a"], "date": ["2024-01-01"], "class": ["x"]}))
    assert list(reading.corpus.meta.columns) == []
    assert (reading.source.date, reading.source.class_) == (None, None)


def test_the_source_of_a_reading_reads_the_same_again(write):
    path = write("x.csv", "Nr,Abstract,when\n1,a b,2024\n2,c d,2023\n")
    first = read(Source(str(path), id="Nr"), date="when")
    again = read(first.source)
    assert again.corpus.fingerprint == first.corpus.fingerprint
    assert again.notes == ()
    assert Source(**json.loads(json.dumps(asdict(first.source)))) == first.source == again.source


@pytest.mark.parametrize("name", ["text", "id", "date", "class_"])
def test_a_missing_column_lists_what_there_is_and_a_likely_one(name):
    with pytest.raises(InvalidInput, match=r"no column 'abstrct'; there are: n, Abstract. Did you mean 'Abstract'\?"):
        read(pd.DataFrame({"n": [1], "Abstract": ["a b"]}), **{name: "abstrct"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "2", "1"], r"1 of the ids in the column 'nr' occur more than once, '1' among them"),
        (["1", "", None], r"2 of the ids in the column 'nr' are empty, first in row 2"),
    ],
)
def test_a_chosen_id_column_must_be_complete_and_unique(values, message):
    with pytest.raises(InvalidInput, match=message):
        read(pd.DataFrame({"nr": values, "text": ["a", "b", "c"]}), id="nr")


@pytest.mark.parametrize(
    "values", [[1, 2], ["1", " 2.5e3 "], [None, ""], [True, False], pd.to_datetime(["2024", "2025"])]
)
def test_a_chosen_text_column_must_hold_text_and_others_are_named(values):
    with pytest.raises(
        InvalidInput, match="'x' holds no text, only numbers or nothing; columns that look like text: y"
    ):
        read(pd.DataFrame({"x": values, "y": ["a b", "c"]}), text="x")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (pd.DataFrame({"x": [1, 2]}), "no column holds text; there are: x"),
        (pd.DataFrame({"text": []}), "no rows; its columns are: text"),
        (pd.DataFrame([["a", "b"]], columns=["t", "t"]), "no column holds text"),
        ([], "none of the 0 values is a text"),
        ([1, None, " "], "none of the 3 values is a text"),
    ],
)
def test_what_holds_no_text_is_no_corpus(source, message):
    with pytest.raises(InvalidInput, match=message):
        read(source)


def test_an_ambiguous_column_name_is_refused():
    with pytest.raises(InvalidInput, match="there are 2 columns named 't'"):
        read(pd.DataFrame([["a", "b"]], columns=["t", "t"]), text="t")


def test_a_list_has_no_columns():
    with pytest.raises(InvalidInput, match="text, date: only tables have columns; got a list"):
        read(["a"], text="x", date="y")


# --- dates -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024", "2024-01-01T00:00"),
        ("2024-02", "2024-02-01T00:00"),
        ("20240229", "2024-02-29T00:00"),
        ("2024-02-29T23:30:00-02:00", "2024-03-01T01:30"),
        ("2024-02-29 10:20:00.5 UTC", "2024-02-29T10:20"),
        ("2024/02/29", "2024-02-29T00:00"),
        ("29.02.2024 10:20", "2024-02-29T10:20"),
        ("29/02/2024", "2024-02-29T00:00"),
        ("2/29/2024 1:05 PM", "2024-02-29T13:05"),
        ("Feb. 29, 2024", "2024-02-29T00:00"),
        ("29th of February 2024", "2024-02-29T00:00"),
        ("Thu Feb 29 10:20:30 +0000 2024", "2024-02-29T10:20"),
        ("Thu, 29 Feb 2024 10:20:30 GMT", "2024-02-29T10:20"),
        ("1709202030", "2024-02-29T10:20"),
        ("1709202030.25", "2024-02-29T10:20"),
        ("1709202030000", "2024-02-29T10:20"),
    ],
)
def test_dates_are_read_as_people_and_programs_write_them(written, expected):
    moments, _ = parse_dates([written, None], "d")
    assert moments.dtype == "datetime64[us, UTC]"
    assert f"{moments[0]:%Y-%m-%dT%H:%M}" == expected
    assert pd.isna(moments[1])


@pytest.mark.parametrize(
    "written", ["now", "today", "May", "10:30", "12", "2024-13-01", "0000-00-00", "soon", "99/99/9999"]
)
def test_what_is_no_date_is_missing_and_counted(written):
    moments, notes = parse_dates(["2024-01-01", written, written], "d")
    assert moments.isna().tolist() == [False, True, True]
    assert notes == (f"Values of the column 'd' that are no date: 2, such as {written!r}.",)


def test_the_other_values_decide_whether_day_or_month_comes_first():
    assert parse_dates(["01/02/2024", "13/02/2024"], "d")[0].dt.month.tolist() == [2, 2]
    assert parse_dates(["01/02/2024", "02/13/2024"], "d")[0].dt.month.tolist() == [1, 2]
    moments, notes = parse_dates(["01/02/2024"], "d")
    assert moments.dt.month.tolist() == [1]
    assert notes == ("The month is taken to come before the day in the column 'd'.",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["soon", "later", ""], "no value in the column 'd' is a readable date: 'later', 'soon'"),
        ([None, ""], "all are empty"),
    ],
)
def test_a_date_column_without_dates_is_refused(values, message):
    with pytest.raises(InvalidInput, match=message):
        read(pd.DataFrame({"text": ["a"] * len(values), "d": values}), date="d")


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_date_columns_of_any_zone_and_unit_become_utc(zone, unit):
    days = pd.Series(pd.to_datetime(["2024-02-29 12:00", None])).dt.tz_localize(zone).dt.as_unit(unit)
    got = read(pd.DataFrame({"text": ["a", "b"], "d": days}), date="d").corpus.meta["date"]
    assert got.dtype == "datetime64[us, UTC]"
    assert got[0].hour == (3 if zone == "Asia/Tokyo" else 12)


# --- encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "Grüße aus Köln"),
        ("utf-16", "Grüße aus Köln 鯨"),
        ("utf-32", "Grüße aus Köln 鯨"),
        ("cp1252", "Grüße aus “Köln” – à bientôt"),
        ("cp1251", "Сегодня хорошая погода в Москве"),
        ("gb18030", "今天天气很好我们去公园玩"),
        ("shift_jis", "今日は天気がいいです。ありがとうございます"),
    ],
)
@pytest.mark.parametrize("name", ["x.csv", "x.txt", "x.jsonl"])
def test_other_encodings_are_recognised_and_guesses_said(write, name, encoding, text):
    line = json.dumps({"text": text}, ensure_ascii=False) if name == "x.jsonl" else text
    reading = read(write(name, ("text\n" * (name == "x.csv") + line + "\n").encode(encoding)))
    assert texts(reading) == [text]
    assert any(f"was read as {encoding}" in note for note in reading.notes) == (not encoding.startswith("utf"))


def test_broken_lines_of_utf8_are_repaired_counted_and_cost_the_others_nothing(write):
    good = "".join(f"Grüße {i}\n" for i in range(9)).encode()
    reading = read(write("x.csv", b"text\n" + good + "Käse für Öl\n".encode("cp1252")))
    assert texts(reading) == [*(f"Grüße {i}" for i in range(9)), "K\ufffdse f\ufffdr \ufffdl"]
    assert "x.csv is not UTF-8 throughout; unreadable characters replaced by U+FFFD: 3." in reading.notes


def test_nul_bytes_in_cells_become_spaces_and_are_counted(write):
    reading = read(write("x.csv", b"text,n\nhello\0world and enough other words for it to be a text,1\n"))
    assert texts(reading)[0].startswith("hello world")
    assert reading.notes == ("NUL bytes in x.csv replaced by spaces: 1.",)


def test_lone_surrogates_reach_neither_ids_nor_texts(write):
    found = read(write("x.jsonl", '{"id": "\\ud800", "text": "a\\udfffb"}')).corpus
    assert (found.ids, found.texts.texts) == (("?",), ("a?b",))


# --- bad and odd input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "", "x.csv is empty"),
        ("x.txt", " \n\n", "x.txt is empty"),
        ("x.csv", "text,n\n", "no rows; its columns are: text, n"),
        ("x.csv", "text,n\na b,1\nc d,2,3,4\n", r"row 3 \(the header is row 1\) has 4 cells instead of 2"),
        ("x.csv", "text,n\na b,1,2\nc d,1,2\n", r"row 2 \(the header is row 1\) has 3 cells instead of 2"),
        ("x.csv", 'text,n\na b,1\n"c d,2\ne,3\n', r"quotation mark opened in row 3 \(.*\) is never closed"),
        ("x.csv", b"\x89PNG\r\n\x1a\n" + bytes(99), "x.csv is a PNG image, not text; export it"),
        ("x.csv", b"PK\x03\x04abc", r"is a ZIP archive or an Office file"),
        ("x.txt", random.Random(0).randbytes(5000), "x.txt is not text: .* control characters"),
        ("x.csv", "a whale\n".encode("utf-16-le"), "control characters"),
        ("x.jsonl", '{"text": "a"}\n{text}\n', "x.jsonl is not JSON; line 2, column 2"),
        ("x.jsonl", '{"text": "a"}\n3\n', "x.jsonl, line 2: expected an object"),
        ("x.json", '[{"text": "a"},\n {"text": }]', "x.json is not JSON; line 2, column 11"),
        ("x.json", '[{"text": "a"}, "b"]', "x.json, item 2: expected an object"),
        ("x.json", "[]", "holds no documents"),
        ("x.json", "[" * 100_000, "is not JSON; line 1: maximum recursion"),
        ("x.json", '{"n": 1' + "0" * 5000 + "}", "is not JSON; line 1: .*digits"),
        ("x.parquet", b"PAR1 and then nothing", "is no Parquet file, or a damaged one"),
        ("x.csv.gz", gzip.compress(b"text\na b\n" * 99, mtime=0)[:-9], "x.csv.gz cannot be read"),
        ("x.csv.xz", b"\xfd7zXZ\0 and then nothing", "x.csv.xz cannot be read"),
        ("x.csv.bz2", b"BZh9 and then nothing", "x.csv.bz2 cannot be read"),
        ("x.csv.zst", zstandard.compress(b"text\na b\n" * 99)[:-5], "x.csv.zst cannot be read: the file ends within"),
        ("x.xlsx", b"PK", "cannot tell its format by its name; readable are .csv"),
        ("x", "text\na b\n", "cannot tell its format by its name"),
    ],
)
def test_what_cannot_be_read_says_why(write, name, content, message):
    with pytest.raises(InvalidInput, match=message):
        read(write(name, content))


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("abstracts.cvs", r"no file, folder or glob '.*abstracts.cvs'; did you mean .*abstracts.csv\?"),
        ("nothing/*.csv", "nothing to read among 0 files"),
        ("pictures", "nothing to read among 1 files; readable are .csv"),
        ("mixed", r"several kinds: CSV, JSON. Name one kind with a glob, such as .*\*.csv"),
        ("x" * 5000, "no file, folder or glob 'x|no file, folder or glob '/"),
        ("nul\0byte", "no file, folder or glob"),
    ],
)
def test_a_location_without_readable_files_says_so(write, tmp_path, location, message):
    write("abstracts.csv", as_csv(ROWS))
    write("pictures/a.png", b"\x89PNG")
    write("mixed/a.csv", as_csv(ROWS))
    write("mixed/a.jsonl", as_jsonl(ROWS))
    for use in (read, file_digest):
        with pytest.raises(InvalidInput, match=message):
            use(str(tmp_path / location))


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("", "no file, folder or glob ''; texts themselves go in a list"),
        ("~nobody-of-that-name/x.csv", "no file, folder or glob"),
        ("https://example.org/x.csv", "only local files are read; download it first"),
        ("A whole text instead of a file.", "texts themselves go in a list"),
    ],
)
def test_a_location_that_is_none_says_what_to_do(location, message):
    with pytest.raises(InvalidInput, match=message):
        read(location)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("trailing.csv", "text,n\na b,1,\nc d,2,\n", ["a b", "c d"]),
        ("short rows.csv", "n,text\n1,a b\n2\n", ["a b", None]),
        ("blank lines.csv", "\n\ntext,n\n\na b,1\n\n", ["a b"]),
        ("one column.csv", "text\na b\n\nNA\n", ["a b", None, "NA"]),
        ("old mac.csv", b"text,n\ra b,1\rc d,2\r", ["a b", "c d"]),
        ("windows.csv", b'text,n\r\n"a\r\nb",1\r\n', ["a b"]),
        ("spaced header.csv", " text , n\na b,1\n", ["a b"]),
        ("unquoted.tsv", 'text\tn\n"a b\t1\nc d\t2\n', ['"a b', "c d"]),
        ("tabs.csv", "text\tn\na, b\t1\n", ["a, b"]),
        ("wrong suffix.csv.gz", "text\na b\n", ["a b"]),
        ("zipped.csv", gzip.compress(b"text\na b\n", mtime=0), ["a b"]),
        ("two frames.csv.zst", zstandard.compress(b"text\na b\n") + zstandard.compress(b"c d\n"), ["a b", "c d"]),
        ("nulls.csv", "text,n\nnull,1\nNone,2\nnan,3\n", ["null", "None", "nan"]),
        ("strings.jsonl", '"a b"\n"c d"\n', ["a b", "c d"]),
        ("separators.jsonl", '{"text": "a\u2028b"}\n', ["a b"]),
        ("*odd?[name].csv", "text\na b\n", ["a b"]),
    ],
)
def test_odd_files_are_read_sensibly(write, name, content, expected):
    assert texts(read(write(name, content))) == expected


def test_a_first_line_that_names_no_columns_is_pointed_out(write):
    notes = read(write("x.csv", "I saw a whale at sea.\nIt was very large.\n")).notes
    assert notes[-1].endswith("the first line, which must name the columns, is missing.")


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.txt"])
def test_a_document_of_ten_megabytes_on_one_line_is_one_document(write, name):
    text = "word " * 2_000_000
    content = {"x.csv": f'text,n\n"{text}",1\n', "x.jsonl": json.dumps({"text": text}), "x.txt": text}[name]
    assert texts(read(write(name, content))) == [text.strip()]


def test_time_grows_with_the_number_of_rows_only(write):
    row = "a whale and a snail went to sea in a beautiful pea green boat"
    seconds = []
    for n in (4_000, 40_000):
        path = write("x.csv", "nr,text,d\n" + "".join(f"{i},{row} {i},2024-01-{i % 28 + 1:02}\n" for i in range(n)))
        began = time.perf_counter()
        assert len(read(path, id="nr", date="d").corpus) == n
        seconds.append(time.perf_counter() - began)
    assert seconds[1] < 40 * seconds[0] + 0.5  # ten times the rows; a square would be a hundredfold


# --- digests ---------------------------------------------------------------------------------------


def test_the_digest_of_a_file_follows_its_bytes_and_columns_not_its_name(write):
    first, moved, changed = (
        write("a.csv", "text\nx y\n"),
        write("b/c.csv", "text\nx y\n"),
        write("d.csv", "text\nx z\n"),
    )
    digest = file_digest(first)
    assert digest == file_digest(str(moved)) == file_digest(Source(str(first)))
    others = {file_digest(changed), file_digest(write("a.txt", "text\nx y\n"))}
    others |= {file_digest(Source(str(first), **{name: "text"})) for name in ("text", "id", "date", "class_")}
    assert len(others | {digest}) == 7


def test_the_digest_of_a_folder_follows_the_names_and_bytes_of_all_its_files(write, tmp_path):
    write("p/a.txt", "one")
    write("p/b.txt", "two")
    seen = [file_digest(tmp_path / "p")]
    assert file_digest(str(tmp_path / "p" / "*.txt")) == seen[0]
    (tmp_path / "p" / "b.txt").rename(tmp_path / "p" / "c.txt")
    seen.append(file_digest(tmp_path / "p"))
    write("p/c.txt", "two!")
    seen.append(file_digest(tmp_path / "p"))
    write("p/d.txt", "")
    seen.append(file_digest(tmp_path / "p"))
    assert len(set(seen)) == 4


@pytest.mark.parametrize("source", [["a"], ROWS, Corpus.from_texts(["a"]), Source(corpus.MEMORY)])
def test_what_is_in_memory_has_no_digest(source):
    assert file_digest(source) is None


def test_importing_the_readers_loads_no_pandas():
    code = "import sys, topics.corpus; sys.exit('pandas' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_texts_are_normalised_whatever_they_come_from(write):
    raw = "  cafe\u0301 \t au\u00a0lait "
    assert texts(read(write("x.txt", raw))) == texts(read([raw])) == [normalise(raw)]
