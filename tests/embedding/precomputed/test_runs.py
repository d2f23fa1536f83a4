"""Runs on vectors that are given, from end to end, and new documents for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fakes import HashingEncoder
from given_vectors import QUICK, TABLE, VECTORS, corpus_of_table
from pyarrow import parquet
from surfaces_fakes import digests

import topics
from topics import NO_STORE, InvalidConfig, InvalidInput, Store
from topics.data import Corpus
from topics.embedding.precomputed import embed_documents
from topics.verification import verify


def test_a_run_on_a_file_is_the_run_of_the_encoder_that_made_it(here):
    columns = {"text": "text", "id": "id"}
    want = topics.fit("input.csv", encoder=HashingEncoder(16), store=NO_STORE, **columns, **QUICK).documents
    for how in ({"encoder": "precomputed:vectors.npy"}, {"embeddings": VECTORS}):
        pd.testing.assert_frame_equal(
            topics.fit("input.csv", store=NO_STORE, **how, **columns, **QUICK).documents, want
        )
    own = topics.fit("input.parquet", encoder="precomputed:?column=embedding", store=NO_STORE, **columns, **QUICK)
    pd.testing.assert_frame_equal(own.documents, want)


@pytest.mark.parametrize("name", ["precomputed:vectors.npy", "precomputed:?column=embedding"])
def test_shuffling_documents_and_vectors_together_changes_no_bit(here, name):
    VECTORS_OF_COPIES = VECTORS + np.random.default_rng(1).normal(size=VECTORS.shape).astype(np.float32) / 100
    kept = []
    for seed in (None, 0, 1):
        order = np.arange(len(TABLE)) if seed is None else np.random.default_rng(seed).permutation(len(TABLE))
        np.save("vectors.npy", VECTORS_OF_COPIES[order])
        table = pa.Table.from_pandas(TABLE).take(order)
        lists = pa.array([row.tolist() for row in VECTORS_OF_COPIES[order]])
        parquet.write_table(table.append_column("embedding", lists), "input.parquet")
        run = topics.fit("input.parquet", encoder=name, store=Store("store"), id="id", text="text", **QUICK)
        assert run.documents["id"].tolist() == TABLE["id"].to_numpy()[order].tolist()
        kept.append(digests(run.save(f"run {seed}")))
    assert kept[1:] == kept[:1] * 2


def test_documents_in_memory_in_another_order_are_not_taken_for_the_same(here):
    """The store knows a corpus by its documents; here their order counts too."""
    texts = [f"text {row}" for row in range(30)]
    rows = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    np.save("rows.npy", rows)
    store = Store("store")
    for these in (texts, texts[::-1]):
        found = topics.fit(these, encoder="precomputed:rows.npy", store=store, **QUICK).model
        corpus = Corpus.from_texts(these)
        np.testing.assert_array_equal(found.vectors, embed_documents(corpus, rows).vectors)


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(here):
    def computed():
        run = topics.fit("input.csv", encoder="precomputed:vectors.npy", store=Store("store"), id="id", **QUICK)
        return {stage.name for stage in run.stages if not stage.cached}

    assert "precomputed" in computed()
    assert computed() == set()
    np.save("vectors.npy", VECTORS[:, ::-1])
    assert "precomputed" in computed()


@pytest.mark.parametrize(
    ("source", "name"),
    [("input.csv", "precomputed:vectors.npy"), ("input.parquet", "precomputed:?column=embedding")],
)
def test_a_run_on_a_file_is_proved_from_nothing(here, source, name):
    folder = topics.fit(source, encoder=name, store=NO_STORE, id="id", text="text", **QUICK).save("run")
    assert verify(folder).documents == len(TABLE)
    np.save("vectors.npy", np.random.default_rng(0).normal(size=VECTORS.shape))
    parquet.write_table(parquet.read_table("input.parquet").append_column("n", pa.array(range(160))), "moved.parquet")
    if source == "input.parquet":
        assert verify(folder, location="moved.parquet").documents == len(TABLE)
    else:
        with pytest.raises(topics.VerificationFailed, match="cannot be had again"):
            verify(folder)


def test_a_run_on_an_array_says_why_it_cannot_be_proved(here):
    folder = topics.fit("input.csv", embeddings=VECTORS, store=NO_STORE, id="id", **QUICK).save("run")
    with pytest.raises(topics.VerificationFailed, match=r"its vectors came from memory.*encoder='precomputed:FILE'"):
        verify(folder)


def test_embed_takes_files_as_well(here):
    found = topics.embed("input.parquet", "precomputed:?column=embedding", text="text", store=NO_STORE).vectors
    corpus = corpus_of_table()
    np.testing.assert_array_equal(
        found[corpus.rows >= 0], embed_documents(corpus, VECTORS).vectors[corpus.rows[corpus.rows >= 0]]
    )
    assert not found[corpus.rows < 0].any()


# --- new documents --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    return topics.fit(TABLE, text="text", id="id", embeddings=VECTORS, store=NO_STORE, **QUICK)


NEW = ["money rates rise", "", TABLE["text"][0], "a goal in the match", "money rates rise"]


THEIRS = HashingEncoder(16).encode(NEW)


def test_new_documents_are_placed_by_the_vectors_given(run):
    found = run.assign(NEW, embeddings=THEIRS)
    want = topics.fit(TABLE, text="text", id="id", encoder=HashingEncoder(16), store=NO_STORE, **QUICK).assign(NEW)
    pd.testing.assert_frame_equal(found, want)
    assert found["known"].tolist() == [False, False, True, False, False]


def test_the_order_of_new_documents_does_not_matter(run):
    turned = run.assign(NEW[::-1], embeddings=THEIRS[::-1]).iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(turned.drop(columns="id"), run.assign(NEW, embeddings=THEIRS).drop(columns="id"))


def test_the_encoder_that_made_the_vectors_may_be_given_instead(run):
    want = run.assign(NEW, embeddings=THEIRS)
    pd.testing.assert_frame_equal(run.assign(NEW, encoder=HashingEncoder(16), store=NO_STORE), want)


def test_known_documents_need_no_vectors(run):
    assert run.assign(TABLE["text"].tolist())["topic"].tolist() == run.documents["topic"].tolist()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {},
            InvalidInput,
            r"<embeddings>: vectors that were given, and no encoder .*embeddings=array.*--embeddings FILE",
        ),
        ({"embeddings": THEIRS[:, :7]}, InvalidInput, r"rows of 7 numbers, those of the fit have 16"),
        ({"embeddings": THEIRS[:2]}, InvalidInput, r"2 rows for 5 documents"),
        ({"embeddings": THEIRS, "encoder": len}, InvalidConfig, r"encoder and embeddings exclude each other"),
    ],
)
def test_new_documents_whose_vectors_are_missing_or_wrong_are_refused(run, given, error, message):
    with pytest.raises(error, match=message):
        run.assign(NEW, store=NO_STORE, **given)


def test_encoder_and_embeddings_exclude_each_other():
    with pytest.raises(InvalidConfig, match="encoder and embeddings exclude each other"):
        topics.fit(["a"], encoder="x", embeddings=[[1.0]])


def test_wrong_vectors_are_refused_for_known_documents_too(run):
    with pytest.raises(InvalidInput, match="rows of 3 numbers"):
        run.assign(TABLE["text"].tolist()[:1], embeddings=[[1, 2, 3]])
