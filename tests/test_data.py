"""Promises of the values that everything else is made of."""

from __future__ import annotations

import hashlib
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.data import NOISE, Corpus, normalise, text_key
from topics.errors import InvalidInput

TEXTS = ["one whale", None, "two snails", " one\n whale ", float("nan"), "", "three"]


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_normalising_twice_is_normalising_once_and_leaves_nothing_unprintable_to_utf8(text):
    folded = normalise(text)
    assert normalise(folded) == folded
    assert folded == unicodedata.normalize("NFC", folded)
    assert folded.split() == (folded.split(" ") if folded else [])
    assert not any(unicodedata.category(c) == "Cc" for c in folded)
    folded.encode("utf-8")


def test_ways_to_write_the_same_text_have_one_key():
    assert (
        len({text_key(normalise(text)) for text in ("caf\u00e9 noir", "cafe\u0301 noir", "\tcafé\u00a0\x00noir\n")})
        == 1
    )


def test_a_key_is_the_beginning_of_the_sha256():
    assert text_key("grün") == hashlib.sha256("grün".encode()).hexdigest()[:32]


def test_every_document_points_at_its_text():
    corpus = Corpus.from_texts(TEXTS)
    assert len(corpus) == len(TEXTS)
    for row, text in zip(corpus.rows, TEXTS, strict=True):
        told = normalise(text) if isinstance(text, str) else ""
        assert (corpus.texts.texts[row] if row != NOISE else "") == told


def test_texts_are_distinct_and_in_the_order_of_their_keys():
    texts = Corpus.from_texts(TEXTS).texts
    keys = [key.decode() for key in texts.keys]
    assert keys == sorted(set(keys)) == [text_key(text) for text in texts.texts]


def test_copies_count_the_documents_of_each_text():
    corpus = Corpus.from_texts(TEXTS)
    copies = dict(zip(corpus.texts.texts, corpus.copies.tolist(), strict=True))
    assert copies == {"one whale": 2, "two snails": 1, "three": 1}


def test_made_ids_are_unique_and_follow_the_text():
    ids = Corpus.from_texts(TEXTS).ids
    assert len(set(ids)) == len(TEXTS)
    assert Corpus.from_texts(TEXTS[::-1]).ids[0] == ids[-1]
    assert [name for name in ids if name.startswith("empty")] == ["empty", "empty-2", "empty-3"]


def test_repeated_texts_are_told_apart_by_what_else_is_known_of_them():
    meta = pd.DataFrame({"class": ["b", None, "a"]})
    corpus = Corpus.from_texts(["same"] * 3, meta=meta)
    order = [2, 0, 1]
    moved = Corpus.from_texts(["same"] * 3, meta=meta.iloc[order].reset_index(drop=True))
    assert [corpus.ids[row] for row in order] == list(moved.ids)
    assert moved.fingerprint == corpus.fingerprint


def test_order_changes_neither_texts_nor_fingerprints():
    ids, meta = list("abcdefg"), pd.DataFrame({"class": list("xyzxyzx")})
    corpus = Corpus.from_texts(TEXTS, ids, meta)
    order = [3, 1, 6, 0, 2, 5, 4]
    moved = Corpus.from_texts([TEXTS[i] for i in order], [ids[i] for i in order], meta.iloc[order])
    assert moved.texts.texts == corpus.texts.texts
    assert moved.texts.fingerprint == corpus.texts.fingerprint
    assert moved.fingerprint == corpus.fingerprint


@pytest.mark.parametrize(
    ("texts", "ids", "classes"),
    [(["a", "c"], "12", "xy"), (["a", "b"], "13", "xy"), (["a", "b"], "12", "xz"), (["b", "a"], "12", "xy")],
)
def test_a_change_of_text_id_or_metadata_changes_the_fingerprint(texts, ids, classes):
    before = Corpus.from_texts(["a", "b"], "12", pd.DataFrame({"class": list("xy")}))
    after = Corpus.from_texts(texts, ids, pd.DataFrame({"class": list(classes)}))
    assert before.fingerprint != after.fingerprint


def test_a_corpus_without_any_text_is_still_a_corpus():
    corpus = Corpus.from_texts([None, ""])
    assert corpus.rows.tolist() == [NOISE, NOISE]
    assert len(corpus.texts) == 0
    assert corpus.copies.tolist() == []
    assert len(corpus.fingerprint) == 64


def test_dates_in_the_metadata_reach_the_fingerprint():
    first, second = (
        Corpus.from_texts(["a"], ["1"], pd.DataFrame({"date": pd.to_datetime([day], utc=True)}))
        for day in ("2024-01-01", "2024-01-02")
    )
    assert first.fingerprint != second.fingerprint


def test_repeated_ids_are_named():
    with pytest.raises(InvalidInput, match=r"1 ids occur more than once, 'x' among them.*Name another id column"):
        Corpus.from_texts(["a", "b", "c"], ["x", "y", "x"])


@pytest.mark.parametrize("ids", [["1"], ["1", "2", "3"]])
def test_lengths_must_agree(ids):
    with pytest.raises(InvalidInput, match=f"same length, got {len(ids)}, 2 and 2"):
        Corpus.from_texts(["a", "b"], ids)


def test_ids_of_any_kind_become_strings():
    corpus = Corpus.from_texts(["a", "b"], np.array([7, 8]))
    assert corpus.ids == ("7", "8")
