"""Vectors kept one by one: found again, shared, merged, and never worse for an interruption."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes import HashingEncoder, themed_corpus

from topics import NO_STORE, Corpus, InvalidInput, Store, embedding
from topics.embedding import embed
from topics.store import Ref, VectorShelf
from topics.store import vectors as shelves

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(embedding, "_FIRST", 8)
    monkeypatch.setattr(embedding, "_MOST", 8)


def keys_of(*names: str) -> np.ndarray:
    return np.array(sorted(names), dtype="S32")


def texts_of(n: int, start: int = 0):
    return Corpus.from_texts([f"text number {row}" for row in range(start, start + n)]).texts


def shards(store: Store) -> list[str]:
    return store.keys("vectors", "")


# --- the shelf -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", ["store", "memory"])
def test_what_was_put_is_known_and_comes_back_from_any_shard(store, kept):
    shelf = VectorShelf(store if kept == "store" else NO_STORE, "encoder")
    rows = np.arange(18, dtype=np.float32).reshape(6, 3)
    shelf.put(keys_of("a", "c", "e"), rows[[0, 2, 4]])
    shelf.put(keys_of("b", "d", "f"), rows[[1, 3, 5]])
    np.testing.assert_array_equal(shelf.get(keys_of("a", "b", "c", "d", "e", "f")), rows)
    np.testing.assert_array_equal(shelf.get(keys_of("b", "e")), rows[[1, 4]])
    assert shelf.known(keys_of("0", "a", "bb", "f", "g")).tolist() == [False, True, False, True, False]


def test_an_empty_shelf_knows_nothing():
    shelf = VectorShelf(NO_STORE, "encoder")
    assert shelf.known(keys_of("a")).tolist() == [False]
    assert shelf.get(keys_of()).shape == (0, 0)


def test_encoders_do_not_share_a_shelf(store):
    VectorShelf(store, "one").put(keys_of("a"), np.ones((1, 2), np.float32))
    other = VectorShelf(store, "two")
    other.refresh()
    assert not other.known(keys_of("a")).any()


def test_others_find_it_when_they_look_again(store):
    mine, other = VectorShelf(store, "encoder"), VectorShelf(store, "encoder")
    mine.put(keys_of("a"), np.ones((1, 2), np.float32))
    assert not other.known(keys_of("a")).any()
    other.refresh()
    assert other.known(keys_of("a")).all()


def test_merging_leaves_one_shard_with_the_same_vectors(store):
    shelf, late = VectorShelf(store, "encoder"), VectorShelf(store, "encoder")
    rows = np.random.default_rng(0).random((30, 4), np.float32)
    names = keys_of(*(f"{row:02d}" for row in range(30)))
    for row in range(30):
        shelf.put(names[[row]], rows[[row]])
    late.refresh()
    shelf.merge()
    assert len(shards(store)) == 1
    fresh = VectorShelf(store, "encoder")
    fresh.refresh()
    for each in (shelf, late, fresh):  # late still reads the files it opened
        np.testing.assert_array_equal(each.get(names), rows)


def test_few_or_large_shards_are_left_alone(store, monkeypatch):
    shelf = VectorShelf(store, "encoder")
    for row in range(20):
        shelf.put(keys_of(f"{row:02d}"), np.ones((1, 2), np.float32))
    before = shards(store)
    monkeypatch.setattr(shelves, "_MANY", 20)
    shelf.merge()
    monkeypatch.setattr(shelves, "_MANY", 1)
    monkeypatch.setattr(shelves, "_LARGE", 1)
    shelf.merge()
    assert shards(store) == before


def test_the_store_lists_verifies_and_prunes_it(store):
    embed(texts_of(20), HashingEncoder(), "fake", store)
    listed = [entry for entry in store.entries() if entry.ref.stage == "vectors"]
    assert listed
    assert all(entry.note.endswith("vectors of fake") for entry in listed)
    assert store.verify() == []
    store.prune()
    assert shards(store) == []


# --- encoding with it ----------------------------------------------------------------------------


def test_a_text_is_encoded_once_whatever_corpora_it_comes_in(store):
    encoder = HashingEncoder()
    few, more = texts_of(30), texts_of(40, start=10)
    embed(few, encoder, "fake", store)
    found = embed(more, encoder, "fake", store)
    assert sorted(encoder.encoded) == sorted({*few.texts, *more.texts})
    np.testing.assert_array_equal(found.vectors, embed(more, HashingEncoder(), "fake").vectors)


def test_another_fingerprint_is_another_encoder(store):
    embed(texts_of(5), HashingEncoder(), "fake", store)
    other = HashingEncoder(salt="other")
    embed(texts_of(5), other, "fake", store)
    assert len(other.encoded) == 5


def test_an_encoder_nobody_can_tell_from_others_is_not_kept(store):
    class Anonymous:
        def encode(self, sentences):
            return np.ones((len(sentences), 2))

    embed(texts_of(5), Anonymous(), "anonymous", store)
    assert shards(store) == []


def test_an_interrupted_encode_goes_on_where_it_stopped(store):
    class Interrupted(HashingEncoder):
        def encode(self, sentences):
            if len(self.encoded) >= 24:
                raise KeyboardInterrupt
            return super().encode(sentences)

    texts, first, second = texts_of(50), Interrupted(), HashingEncoder()
    with pytest.raises(KeyboardInterrupt):
        embed(texts, first, "fake", store)
    found = embed(texts, second, "fake", store)
    assert (len(first.encoded), len(second.encoded)) == (24, 26)
    np.testing.assert_array_equal(found.vectors, embed(texts, HashingEncoder(), "fake").vectors)


def test_what_an_encoder_gets_wrong_is_not_kept(store):
    class Failing(HashingEncoder):
        def encode(self, sentences):
            vectors = super().encode(sentences)
            if len(self.encoded) > 16:
                vectors[0] = np.nan
            return vectors

    with pytest.raises(InvalidInput, match="not finite for 1 of 8 texts"):
        embed(texts_of(40), Failing(), "fake", store)
    good = HashingEncoder()
    assert np.isfinite(embed(texts_of(40), good, "fake", store).vectors).all()
    assert len(good.encoded) == 24


def test_a_damaged_shard_costs_its_own_texts(store, caplog):
    texts = texts_of(40)
    embed(texts, HashingEncoder(), "fake", store)
    part = store.folder(Ref("vectors", shards(store)[0])) / "vectors.npy"
    damaged = bytearray(part.read_bytes())
    damaged[-1] ^= 1
    part.write_bytes(damaged)
    again = HashingEncoder()
    found = embed(texts, again, "fake", store)
    assert len(again.encoded) == 8
    assert "computed again" in caplog.text
    np.testing.assert_array_equal(found.vectors, embed(texts, HashingEncoder(), "fake").vectors)


def test_a_full_disk_costs_the_memory_but_not_the_result(store, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    found = embed(texts_of(20), HashingEncoder(), "fake", store)
    monkeypatch.undo()
    np.testing.assert_array_equal(found.vectors, embed(texts_of(20), HashingEncoder(), "fake").vectors)
    assert "No space left on device" in caplog.text
    assert shards(store) == []


def test_kept_vectors_of_another_length_are_refused_and_not_mixed(store):
    embed(texts_of(5), HashingEncoder(), "fake", store)
    liar = HashingEncoder(dimension=7)
    liar.fingerprint = HashingEncoder().fingerprint
    with pytest.raises(InvalidInput, match=r"rows of 32 numbers, then of 7; .* or else its fingerprint must differ"):
        embed(texts_of(5, start=100), liar, "fake", store)


# --- several processes ---------------------------------------------------------------------------

_ENCODES = """
import os, sys
from pathlib import Path
sys.path.insert(0, "tests")
from fakes import HashingEncoder
from topics import Corpus, Store, embedding
embedding._FIRST = embedding._MOST = 8

class Telling(HashingEncoder):
    def encode(self, sentences):
        if sys.argv[3] == "die" and len(self.encoded) >= 24:
            os.kill(os.getpid(), 9)
        with Path(sys.argv[2]).open("a") as file:
            file.writelines(f"{sentence}\\n" for sentence in sentences)
        return super().encode(sentences)

texts = Corpus.from_texts([f"text number {row}" for row in range(60)]).texts
embedding.embed(texts, Telling(), "fake", Store(sys.argv[1]))
"""


def start(store: Store, told: Path, how: str = "live") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _ENCODES, str(store.root), str(told), how], cwd=ROOT)


def test_processes_with_the_same_texts_share_the_work(store, tmp_path):
    running = [start(store, tmp_path / "told") for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    told = (tmp_path / "told").read_text().splitlines()
    assert len(told) == len(set(told)) == 60


def test_a_killed_process_loses_the_chunk_it_was_at(store, tmp_path):
    assert start(store, tmp_path / "told", "die").wait(60) == -signal.SIGKILL
    assert start(store, tmp_path / "told").wait(60) == 0
    told = (tmp_path / "told").read_text().splitlines()
    assert len(told) == len(set(told)) == 60
    assert store.verify() == []


def test_a_corpus_of_words_is_found_again_after_a_move(store, tmp_path):
    texts, _ = themed_corpus(40)
    corpus = Corpus.from_texts(texts)
    before = embed(corpus.texts, HashingEncoder(), "fake", store).vectors
    shutil.copytree(store.root, tmp_path / "moved")
    again = HashingEncoder()
    np.testing.assert_array_equal(embed(corpus.texts, again, "fake", Store(tmp_path / "moved")).vectors, before)
    assert again.encoded == []
    assert list((store.root / "temporary").iterdir()) == []
