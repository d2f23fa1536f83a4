"""Updates: what is new is placed, topics keep their ids, and how documents were cut into updates does not matter."""

from __future__ import annotations

import json
import shutil
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from surfaces_fakes import documents

import topics
from topics.errors import InvalidConfig, InvalidInput, SchemaMismatch
from topics.folder import read_manifest
from topics.run_files import payload
from topics.store import Store
from topics.swapping import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from topics.run import Run

OF_THE_STEP = {"lineage.parquet", "metrics.json"}  # files that tell what an update came to


class Words:
    """Counts words by their checksum: an encoder as fast as there can be."""

    fingerprint = "words"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: list[str]) -> Any:
        self.texts += texts
        found = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().replace(".", "").split():
                found[row, zlib.crc32(word.encode()) % 64] += 1
        return found


class Desk:
    """Documents, a store, and a run of the first of them."""

    def __init__(self, folder: Path) -> None:
        self.table, self.store, self.encoder = documents(360), Store(folder), Words()
        self.run = self.fit(self.table[:300])

    def fit(self, table: pd.DataFrame, **how: Any) -> Run:
        columns = {"text": "text", "id": "id", "date": "date"}
        return topics.fit(table, store=self.store, encoder=self.encoder, **columns, **how)

    def update(self, run: Run | Path, table: Any, **how: Any) -> Run:
        columns = {"text": "text", "id": "id", "date": "date"} if isinstance(table, pd.DataFrame) else {}
        return topics.update(run, table, **{"store": self.store, **columns, **how})


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


def test_one_update_or_ten_the_same_bits(desk: Desk) -> None:
    new = desk.table[300:]
    once = desk.update(desk.run, new, refit="never")
    often = desk.run
    for part in np.array_split(np.random.default_rng(1).permutation(len(new)), 10):
        often = desk.update(often, new.iloc[part], refit="never")
    assert once.provenance["run"] == often.provenance["run"]
    one, other = contents(once), contents(often)
    assert one.keys() == other.keys()
    assert {name for name in one if one[name] != other[name]} <= OF_THE_STEP
    assert once.metrics == often.metrics


def contents(run: Run) -> dict[str, bytes]:
    return {name: b"".join(parts()) for name, parts in payload(run).items()}


def test_only_new_texts_are_encoded(desk: Desk) -> None:
    desk.encoder.texts.clear()
    run = desk.update(desk.run, desk.table, refit="never")
    assert set(desk.encoder.texts) <= set(desk.table["text"][300:])
    assert run.updated["documents_new"] == 60
    assert sorted(run.documents["id"]) == sorted(desk.table["id"])


def test_documents_are_placed_as_assign_places_them(desk: Desk) -> None:
    run = desk.update(desk.run, desk.table, refit="never")
    asked = desk.run.assign(desk.table["text"].tolist(), store=desk.store)
    found = run.documents.set_index("id").loc[desk.table["id"]]
    assert found["topic"].tolist() == asked["topic"].tolist()
    assert found["strength"].tolist() == asked["strength"].tolist()
    later = run.assign(desk.table["text"].tolist(), store=desk.store)
    pd.testing.assert_frame_equal(later.drop(columns=["known", "id"]), asked.drop(columns=["known", "id"]))


def test_a_refit_keeps_ids_and_says_which_run_it_goes_on_from(desk: Desk, tmp_path: Path) -> None:
    before = topics.load(desk.run.save(tmp_path / "before"))
    run = desk.update(before, desk.table, refit="always", encoder=desk.encoder)
    assert run.updated["decision"] == "refitted"
    assert set(run.topics["topic_id"]) == set(before.topics["topic_id"])
    assert set(run.lineage["event"]) == {"continued"}
    manifest = read_manifest(run.save(tmp_path / "after"))
    assert manifest["previous"]["folder"] == str(tmp_path / "before")
    assert manifest["previous"]["fingerprint"] == desk.run.fingerprint
    assert topics.load(tmp_path / "after") == run


def test_the_same_run_and_documents_the_same_bits(desk: Desk, tmp_path: Path) -> None:
    one = desk.update(desk.run, desk.table, refit="always")
    other = topics.update(
        desk.run,
        desk.table.sample(frac=1, random_state=3),
        text="text",
        id="id",
        date="date",
        refit="always",
        store=Store(tmp_path),
    )
    assert one == other


def test_nothing_new_is_a_run_that_says_so(desk: Desk) -> None:
    for nothing in (desk.table[:0], desk.table[:40], []):
        run = desk.update(desk.run, nothing)
        assert run.updated["decision"] == "none"
        assert run.updated["documents_new"] == 0
        assert len(run.documents) == 300
        assert set(run.topics["status"]) == {"continued"}


def test_a_window_drops_old_documents_and_never_goes_back(desk: Desk) -> None:
    run = desk.update(desk.run, desk.table[300:], window="90d", refit="never")
    newest = desk.run.documents["date"].max()
    assert run.documents["date"].min() >= newest - pd.Timedelta(days=90)
    assert run.updated["documents_dropped"] == 300 - int((run.documents["id"] < "d0300").sum())
    late = desk.table[300:310].assign(date="1999-01-01")
    assert len(desk.update(run, late, window="90d", refit="never").documents) == len(run.documents)


def test_an_id_with_another_text_is_refused_or_replaced(desk: Desk) -> None:
    corrected = desk.table[:1].assign(text="harvest of wheat and crop on the soil of a farmer")
    with pytest.raises(InvalidInput, match=r"'d0000' among them.*replace=True"):
        desk.update(desk.run, corrected)
    run = desk.update(desk.run, corrected, replace=True, refit="never")
    assert run.updated["documents_replaced"] == 1
    assert len(run.documents) == 300


def test_what_cannot_be_is_said(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="have a date each, the new ones have none"):
        desk.update(desk.run, ["more of the bank rate"])
    with pytest.raises(InvalidInput, match=r"no column 'date'|date"):
        topics.update(desk.run, desk.table.drop(columns="date")[300:], date="date", store=desk.store)
    with pytest.raises(InvalidConfig, match="refit='maybe': one of auto, always, never"):
        desk.update(desk.run, desk.table, refit="maybe")
    with pytest.raises(InvalidConfig, match="window='soon'"):
        desk.update(desk.run, desk.table, window="soon")
    with pytest.raises(InvalidInput, match="texts of all documents"):
        topics.update(
            desk.run, desk.table[300:], id="id", date="date", text="text", refit="always", store=topics.NO_STORE
        )
    with pytest.raises(InvalidInput, match="cannot be compared"):
        topics.fit(["one two", "two one", "three"], embeddings=np.eye(3), previous=desk.run, store=topics.NO_STORE)


def test_a_run_that_cannot_be_read_is_said_with_what_to_do(desk: Desk, tmp_path: Path) -> None:
    folder = desk.run.save(tmp_path / "run")
    told = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**told, "schema": 99}))
    with pytest.raises(SchemaMismatch, match=r"schema 99, this version reads up to .* Upgrade topics to read it"):
        desk.update(folder, desk.table[300:])
    shutil.rmtree(folder)
    desk.run.save(tmp_path / "another")
    with pytest.raises(InvalidInput, match=r"run is not a run folder: .* there are: another"):
        desk.update(folder, desk.table[300:])


def test_an_id_twice_among_the_new_is_refused(desk: Desk) -> None:
    twice = desk.table[300:302].assign(id="d0300")
    with pytest.raises(InvalidInput, match=r"1 of the ids in the column 'id' occur more than once, 'd0300' among them"):
        desk.update(desk.run, twice, replace=True)


def strangers(n: int, start: int = 0) -> pd.DataFrame:
    """Documents about what no topic of the desk is about, and that each other document is about."""
    words = "reef whale coral plankton salmon fishery ocean tide kelp trawler".split()
    draw = np.random.default_rng(start)
    rows = [(f"s{start + row}", f"{' '.join(draw.choice(words, 9))}.", "2024-06-01") for row in range(n)]
    return pd.DataFrame(rows, columns=["id", "text", "date"])


def test_documents_no_topic_wants_are_a_reason_to_refit(desk: Desk) -> None:
    run = desk.update(desk.run, strangers(24))
    assert run.updated["decision"] == "refitted"
    assert "that no topic wants lie together" in run.updated["reason"]
    assert run.updated["novelty"] > 0.5
    late = run.documents[run.documents["id"].str.startswith("s")]
    assert late["topic_id"].mode().tolist() == run.lineage.loc[run.lineage["event"] == "born", "topic_id"].tolist()


def test_topics_grow_while_no_other_document_moves(desk: Desk) -> None:
    new = strangers(24)
    run = desk.update(desk.run, new, grow=True)
    assert run.updated["decision"] == "grown"
    assert run.updated["drift"] < 0.1  # of the topics that strangers happen to be nearest to
    late = run.topics.iloc[-1]
    assert (late["topic_id"], late["status"], late["topic"]) == ("T0005", "born", 4)
    assert set(late["terms"]) <= set("reef whale coral plankton salmon fishery ocean tide kelp trawler".split())
    old = run.documents[~run.documents["id"].str.startswith("s")]
    assert old["topic_id"].tolist() == desk.run.documents["topic_id"].tolist()
    assert (run.documents["topic_id"] == "T0005").sum() == late["size"] >= 10
    assert run.assign(["ocean tide coral reef whale"], store=desk.store)["topic_id"].tolist() == ["T0005"]
    more = desk.update(run, strangers(12, start=100))
    assert more.updated["decision"] == "grown"
    assert more.topic("T0005")["size"] > late["size"]
    assert more.topic("T0005")["status"] == "continued"
    assert more.topic("T0005")["first_seen"] == run.provenance["run"]
    again = desk.update(more, [])
    assert again.updated["decision"] == "none"
    assert again.documents["topic_id"].tolist() == more.documents["topic_id"].tolist()
    refitted = desk.update(more, [], refit="always")
    assert "T0005" in set(refitted.topics["topic_id"])


def test_grown_at_once_or_bit_by_bit(desk: Desk, tmp_path: Path) -> None:
    new = strangers(36)
    once = desk.update(desk.run, new, grow=True)
    often = desk.run
    for part in np.array_split(np.arange(36), 4):
        often = desk.update(often, new.iloc[part], grow=True)
    one, other = contents(once), contents(often)
    of_ids = {"topics.parquet", "topics.csv"}  # which tell when a topic came
    assert {name for name in one if one[name] != other[name]} <= OF_THE_STEP | of_ids
    assert topics.load(often.save(tmp_path / "grown")) == often
