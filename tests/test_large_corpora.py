"""Large inputs are read part by part and their texts stay on the disk; nobody can tell from the result."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from topics.corpus import columns, distinct, formats, read
from topics.data import Corpus
from topics.errors import InvalidInput
from topics.store import Ref, Store, values
from topics.strings import Strings, batches, mapped_strings, strings_on_disk, write_strings

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["whale", "snail", "", "  whale ", "café", "cafe\u0301", "a\tb", "3", "größer", None]


@pytest.fixture(params=[1, 3, 64])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Everything counts as large, and is read so many rows at a time."""
    size: int = request.param
    for module in (columns, formats):
        monkeypatch.setattr(module, "ROWS", size)
    for module, name in ((distinct, "MANY"), (formats, "MANY"), (formats, "LARGE")):
        monkeypatch.setattr(module, name, 0)
    return size


def documents() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "key": [f"d{number}" for number in rng.permutation(40)],
            "said": [None if word is None else f"{word} {number % 7}" for number, word in enumerate(WORDS * 4)],
            "when": [f"2024-01-{1 + day:02}" for day in rng.integers(0, 28, 40)],
            "kind": rng.choice(["a", "b", ""], 40),
            "many": rng.integers(0, 9, 40),
        }
    )


def written(table: pd.DataFrame, folder: Path, suffix: str) -> Path:
    path = folder / f"documents.{suffix}"
    if suffix == "parquet":
        table.to_parquet(path, index=False)
    elif suffix == "jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    return path


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv", "jsonl"])
def test_parts_do_not_show_in_the_corpus(suffix: str, parts: int, tmp_path: Path) -> None:
    table = documents()
    path = written(table, tmp_path, suffix)
    found = read(path, text="said", id="key", date="when", class_="kind")
    texts = [value if isinstance(value, str) else "" for value in table["said"]]  # the slow way
    expected = Corpus.from_texts(texts, table["key"], found.corpus.meta)
    assert found.corpus.key == expected.key
    assert found.corpus.texts.texts == expected.texts.texts
    np.testing.assert_array_equal(found.corpus.rows, expected.rows)
    np.testing.assert_array_equal(found.corpus.texts.keys, expected.texts.keys)
    assert found.corpus.meta["class"].fillna("").tolist() == table["kind"].tolist()


def test_parts_do_not_show_in_what_is_guessed(parts: int, tmp_path: Path) -> None:
    path = written(documents().rename(columns={"key": "id"}), tmp_path, "parquet")
    found = read(path)
    assert (found.source.text, found.source.id) == ("when", "id")  # its values are the longest
    assert found.corpus.key == read(pd.read_parquet(path)).corpus.key


def test_ids_made_of_texts_do_not_depend_on_parts(parts: int, tmp_path: Path) -> None:
    table = documents()[["said"]]
    found = read(written(table, tmp_path, "parquet"), text="said")
    assert found.corpus.ids == Corpus.from_texts(table["said"]).ids


def test_files_below_each_other_are_one_corpus(parts: int, tmp_path: Path) -> None:
    table = documents()
    for number, part in enumerate(np.array_split(np.arange(len(table)), 3)):
        (tmp_path / "in").mkdir(exist_ok=True)
        table.iloc[part].to_parquet(tmp_path / "in" / f"{number}.parquet", index=False)
    found = read(tmp_path / "in", text="said", id="key").corpus
    assert found.key == Corpus.from_texts(table["said"], table["key"]).key


def test_errors_name_the_row_wherever_parts_end(parts: int, tmp_path: Path) -> None:
    rows = [f"{number},text {number}" for number in range(50)]
    path = tmp_path / "ragged.csv"
    path.write_text("\n".join(["id,text", *rows[:37], "37,text,more", *rows[38:]]))
    with pytest.raises(InvalidInput, match=r"row 39 \(the header is row 1\) has 3 cells instead of 2"):
        read(path)
    path.write_text("\n".join(["id,text", *rows[:37], '37,"text', *rows[38:]]))
    with pytest.raises(InvalidInput, match="quotation mark opened in row 39"):
        read(path)
    table = documents()
    table.loc[30, "key"] = table.loc[3, "key"]
    with pytest.raises(InvalidInput, match=r"1 of the ids in the column 'key' occur more than once"):
        read(written(table, tmp_path, "parquet"), text="said", id="key")


def test_strings_on_the_disk_are_a_sequence() -> None:
    plain = tuple(f"{number} größe" for number in range(10_000))
    found = strings_on_disk(plain)
    assert len(found) == 10_000
    assert found == plain
    assert plain == found
    assert found[3:9001] == plain[3:9001]
    assert found[::-997] == plain[::-997]
    assert found[-1] == plain[-1]
    assert found[9000:99_000] == plain[9000:]
    assert found[5:5] == ()
    with pytest.raises(IndexError):
        found[10_000]
    assert strings_on_disk([]) == ()


def test_long_strings_make_short_batches() -> None:
    assert [len(part) for part in batches(["a" * (1 << 24), "b", "c" * (1 << 23), "d" * (1 << 23), "e"])] == [1, 3, 1]


def test_equal_strings_are_equal_bytes(tmp_path: Path) -> None:
    for name, given in (("tuple", ("a", "b") * 5000), ("disk", strings_on_disk(("a", "b") * 5000))):
        with (tmp_path / name).open("wb") as file:
            write_strings(given, file)
    assert (tmp_path / "tuple").read_bytes() == (tmp_path / "disk").read_bytes()
    assert mapped_strings(tmp_path / "disk") == ("a", "b") * 5000


def test_the_store_leaves_many_texts_on_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(values, "_LARGE_LIST", 1000)
    monkeypatch.setattr(values, "_MAPPED", 1 << 12)
    corpus = Corpus.from_texts([f"text {number}" for number in range(2000)])
    ref, store = Ref("corpus", corpus.key), Store(tmp_path)
    store.save(ref, corpus)
    kept = store.left_on_disk(ref, corpus)
    for found in (kept, store.load(ref)):
        assert isinstance(found.texts.texts, Strings)
        assert isinstance(found.ids, Strings)
        assert found.key == corpus.key


SCRIPT = """
import resource, sys
from topics.corpus import read
from topics.store import Ref, Store
read(sys.argv[2], text="text", id="id")  # what is loaded once does not count
def most():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
before = most()
corpus = read(sys.argv[1], text="text", id="id").corpus
corpus.key
print(most() - before, sum(map(len, corpus.texts.texts)))
"""


def test_reading_holds_a_part_of_the_texts(tmp_path: Path) -> None:
    letters = " ".join(f"word{number}" for number in range(120))
    table = pd.DataFrame({"id": range(60_000), "text": [f"{number} {letters}" for number in range(60_000)]})
    table.to_parquet(tmp_path / "large.parquet", index=False)
    table.head(5).to_parquet(tmp_path / "small.parquet", index=False)
    paths: Any = (str(tmp_path / "large.parquet"), str(tmp_path / "small.parquet"))
    told = subprocess.run([sys.executable, "-c", SCRIPT, *paths], check=True, capture_output=True, text=True)
    grown, size = map(int, told.stdout.split())
    assert size > 50e6
    assert grown < size  # in memory it was more than twice as much
