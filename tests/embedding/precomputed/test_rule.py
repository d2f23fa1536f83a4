"""Vectors that are given: each text gets the unit mean of those of its documents, whatever their order and form."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder
from given_vectors import VECTORS, corpus_of_table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from topics import InvalidInput
from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.precomputed import embed_documents

some_documents = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", " b ", "c", "", None]),
        st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(text for text, _ in rows))


def _slow(texts: list[str | None], rows: list[list[float]]) -> dict[str, list[float]]:
    """The unit mean of each text's vectors, in Python's exact fractions up to the root."""
    from fractions import Fraction
    from math import sqrt

    found = {}
    for text in {text.strip() for text in texts if text}:
        mine = [row for told, row in zip(texts, rows, strict=True) if told and told.strip() == text]
        mean = [sum(Fraction(row[axis]) for row in mine) / len(mine) for axis in range(3)]
        largest = max(abs(value) for value in mean)
        if not largest:
            return {}
        scaled = [float(value / largest) for value in mean]
        found[text] = [value / sqrt(sum(other * other for other in scaled)) for value in scaled]
    return found


@given(some_documents)
@settings(deadline=None)
def test_each_text_gets_the_unit_mean_of_its_documents(pairs):
    texts, rows = [text for text, _ in pairs], [[abs(value) + 1e-3 for value in row] for _, row in pairs]
    rows = np.array(rows, dtype=np.float32).tolist()
    corpus = Corpus.from_texts(texts)
    found = embed_documents(corpus, rows).vectors
    for text, vector in _slow(texts, rows).items():
        np.testing.assert_allclose(found[corpus.texts.texts.index(text)], vector, rtol=1e-6, atol=1e-7)


@given(some_documents, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_no_order_of_the_rows_changes_a_bit_of_the_vectors_or_of_the_refusal(pairs, random):
    def outcome(pairs):
        try:
            return embed_documents(Corpus.from_texts([text for text, _ in pairs]), [row for _, row in pairs])
        except InvalidInput as error:
            return str(error).split(" rows ")[1].split(":")[0]  # how many and why; which ones depends on the order

    first = outcome(pairs)
    shuffled = list(pairs)
    random.shuffle(shuffled)
    second = outcome(shuffled)
    if isinstance(first, str):
        assert second == first
    else:
        assert second.vectors.tobytes() == first.vectors.tobytes()


@given(st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=2, max_size=40).filter(any), st.integers(2, 50))
@settings(deadline=None)
def test_copies_of_a_vector_give_exactly_what_it_gives_alone(row, times):
    alone = embed_documents(Corpus.from_texts(["a"]), [row]).vectors
    assert embed_documents(Corpus.from_texts(["a"] * times), [row] * times).vectors.tobytes() == alone.tobytes()


def test_vectors_of_one_text_that_nearly_cancel_are_added_up_alike_in_any_order():
    rows = np.array([[2.0**80, 1], [1, 1], [-(2.0**80), 1], [3, 1]], dtype=np.float32)
    corpus = Corpus.from_texts(["a"] * 4)
    found = {embed_documents(corpus, rows[list(order)]).vectors.tobytes() for order in permutations(range(4))}
    assert len(found) == 1


def test_vectors_of_an_encoder_are_taken_as_it_gives_them(monkeypatch):
    corpus = corpus_of_table()
    want = embed(corpus.texts, HashingEncoder(16), "fake").vectors
    assert embed_documents(corpus, VECTORS).vectors.tobytes() == want.tobytes()
    monkeypatch.setattr("topics.embedding.precomputed._BLOCK", 7)
    assert embed_documents(corpus, np.asfortranarray(VECTORS)).vectors.tobytes() == want.tobytes()


def test_rows_of_documents_without_text_may_hold_anything():
    corpus = Corpus.from_texts(["a", "", None])
    assert embed_documents(corpus, [[3, 4], [np.nan, np.inf], [0, 0]]).vectors.round(2).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)]
    ]


@pytest.mark.parametrize(
    "form",
    [
        lambda rows: rows.astype(np.float64),
        lambda rows: rows.astype(">f4"),
        lambda rows: rows.tolist(),
        list,
        pd.DataFrame,
        lambda rows: pd.Series(list(rows), index=range(len(rows), 0, -1)),
        lambda rows: __import__("torch").from_numpy(rows),
    ],
    ids=["float64", "big endian", "lists", "list of arrays", "DataFrame", "Series", "tensor"],
)
def test_vectors_come_in_many_forms(form):
    want = embed_documents(corpus_of_table(), VECTORS).vectors
    assert embed_documents(corpus_of_table(), form(VECTORS)).vectors.tobytes() == want.tobytes()


def test_what_is_given_is_left_alone():
    rows = VECTORS.copy()
    rows.flags.writeable = False
    embed_documents(corpus_of_table(), rows)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1, 2], [3, 4]], r"^embeddings: 2 rows for 3 documents; there must be a row for each document"),
        ([1, 2, 3], r"shape \(3,\) and type int64; expected \(3, d\) real numbers"),
        (np.ones((3, 2, 2)), r"shape \(3, 2, 2\)"),
        (np.ones((3, 0)), r"shape \(3, 0\)"),
        (np.ones((3, 2), dtype=complex), r"type complex128"),
        (np.array([[1, None]] * 3, dtype=object), r"type object"),
        ([["a", "b"]] * 3, r"type <U1"),
        ([[1, 2], [3], [4, 5]], r"list is no array of shape \(n, d\)"),
        (sparse.csr_array(np.ones((3, 9))), r"a sparse matrix of shape \(3, 9\); .*TruncatedSVD\(100.*\.toarray\(\)"),
        ("vectors.npy", r"'vectors\.npy' is no array; for a file say encoder='precomputed:FILE'"),
        (5, r"int is no array"),
        ([[1, 2], [np.nan, 1], [1, np.inf]], r"2 of 3 rows hold NaN, infinity .*: 1 \(id 'y'\), 2 \(id 'z'\), counted"),
        ([[1, 2], [1e300, 1], [1, 1]], r"1 of 3 rows hold .*too large for float32: 1 \(id 'y'\)"),
        ([[1, 2], [0, 0], [1, 1]], r"1 of 3 rows are all zeros, though the documents have text: 1 \(id 'y'\)"),
        ([[1, 2], [1, 2], [-1, -2]], r"1 of 3 rows cancel out with those of the same text: [12] \("),
    ],
)
def test_what_cannot_be_vectors_of_these_documents_is_refused(rows, message):
    with pytest.raises(InvalidInput, match=message):
        embed_documents(Corpus.from_texts(["a", "b", "b"], ["x", "y", "z"]), rows)


def test_an_error_names_a_few_rows_and_counts_the_others():
    with pytest.raises(InvalidInput, match=r"9 of 9 rows hold .*: 0 \(id '0'\), .*, 4 \(id '4'\) and 4 more, counted"):
        embed_documents(Corpus.from_texts("abcdefghi", range(9)), np.full((9, 2), np.nan))
