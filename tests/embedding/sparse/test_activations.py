"""Sparse encoders: what is active in a text, what the projection keeps of it, and which terms are words."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sentence_transformers
import torch
from scipy import sparse
from splade import VOCABULARY, write_router, write_splade, write_static

import topics
from topics.embedding.openvino import silence
from topics.embedding.packing import packed, unpacked
from topics.embedding.projection import PARTS, project
from topics.embedding.sparse import SparseEncoder
from topics.embedding.wordpieces import whole_words
from topics.errors import InvalidInput
from topics.store import NO_STORE


def reference(folder, text):
    """What sentence-transformers itself makes of a text."""
    with silence():
        model = sentence_transformers.SparseEncoder(folder, device="cpu", local_files_only=True)
        return model.encode_document([text], show_progress_bar=False).to_dense().numpy()[0]


# --- activations ---------------------------------------------------------------------------------


def test_activations_are_those_of_sentence_transformers(deep, texts):
    got = SparseEncoder(deep).activations(texts)
    assert (got.shape, got.dtype) == ((len(texts), len(VOCABULARY)), np.float32)
    for row in (0, 1, 4, 9, 13):
        want = reference(deep, texts[row])
        np.testing.assert_allclose(got[[row]].toarray()[0], want, rtol=1e-3, atol=1e-4)
        assert (want > 0).sum() > 2


def test_only_the_strongest_terms_are_kept(deep, texts):
    whole, few = (SparseEncoder(deep, top=top).activations(texts).toarray() for top in (256, 3))
    for all_of_it, some in zip(whole, few, strict=True):
        best = sorted(range(len(VOCABULARY)), key=lambda term: (-all_of_it[term], term))[:3]
        assert set(np.flatnonzero(some)) == {term for term in best if all_of_it[term]}
        np.testing.assert_array_equal(some[best], all_of_it[best])


def test_what_is_packed_comes_out_again():
    rng = np.random.default_rng(0)
    dense = rng.integers(0, 4, (50, 30)).astype(np.float32) * (rng.random((50, 30)) < 0.3)
    dense[7] = 0
    rows = packed(dense, 30)
    assert rows.shape == (50, 60)
    got = unpacked(rows, 30)
    assert got.has_sorted_indices
    np.testing.assert_array_equal(got.toarray(), dense)
    assert unpacked(rows[:0], 30).shape == (0, 30)


@pytest.mark.parametrize("model", ["plain", "deep"])
def test_a_vector_has_the_same_bits_alone_in_any_order_batch_and_number_of_threads(model, texts, request):
    folder = request.getfixturevalue(model)
    one, two = SparseEncoder(folder), SparseEncoder(folder, threads=2, batch_size=3)
    want = one.encode(texts)
    order = np.random.default_rng(3).permutation(len(texts))
    assert two.encode([texts[row] for row in order]).tobytes() == want[order].tobytes()
    for row in range(len(texts)):
        assert one.encode([texts[row]]).tobytes() == want[row].tobytes()
    assert one.vector_key == two.vector_key == one.fingerprint


def test_batches_as_on_a_gpu_give_the_same_but_for_the_last_bits(deep, texts):
    encoder = SparseEncoder(deep)
    want = encoder.encode(texts)
    encoder._together = 4
    np.testing.assert_allclose(encoder.encode(texts), want, atol=1e-4)


def test_a_text_that_activates_nothing_gives_zeros_and_no_text_no_row(tmp_path):
    encoder = SparseEncoder(write_splade(tmp_path, threshold=500.0))
    np.testing.assert_array_equal(encoder.encode(["bank rate", ""]), np.zeros((2, 1024)))
    assert encoder.activations(["bank"]).nnz == 0
    assert encoder.encode([]).shape == (0, 1024)
    run = topics.fit([f"bank rate {row}" for row in range(12)], encoder=encoder, store=NO_STORE)
    assert np.isfinite(run.documents[["x", "y"]]).all(axis=None)
    assert run.topics["aspect_expansion"].tolist() == [[]] * len(run.topics)


def test_a_long_text_is_cut_and_a_short_limit_obeyed(plain):
    encoder = SparseEncoder(plain, max_length=6)
    assert (encoder.max_length, SparseEncoder(plain).max_length) == (6, 48)
    whole, short, shorter = encoder.encode(["bank goal rate match league", "bank goal rate match", "bank goal rate"])
    np.testing.assert_array_equal(whole, short)
    assert not np.array_equal(whole, shorter)


def test_models_without_a_transformer_and_with_two_ways_to_encode(plain, texts, tmp_path):
    static = SparseEncoder(write_static(tmp_path / "static", plain), max_length=4)
    got = static.activations(["goal bank rate coach match", "", "bank"]).toarray()
    assert [{VOCABULARY[term] for term in np.flatnonzero(row)} for row in got] == [
        {*"goal bank rate coach".split()},
        set(),
        {"bank"},
    ]
    router = SparseEncoder(write_router(tmp_path / "router", plain))
    np.testing.assert_array_equal(router.encode(texts), SparseEncoder(plain).encode(texts))


def test_values_that_are_not_finite_are_refused(plain, monkeypatch):
    encoder = SparseEncoder(plain)
    broken = np.full((1, len(VOCABULARY)), np.nan, np.float32)
    monkeypatch.setattr(encoder, "_infer", lambda features: broken)
    with pytest.raises(InvalidInput, match="not finite"):
        encoder.encode(["bank"])


# --- the projection ------------------------------------------------------------------------------


def rows_like_splade(many, terms, active, seed):
    rng = np.random.default_rng(seed)
    rows = np.zeros((many, terms), np.float32)
    common = rng.choice(terms, 3 * active, replace=False)
    for row in rows:
        row[rng.choice(common, active, replace=False)] = rng.gamma(2.0, 0.5, active)
    return rows


@pytest.mark.parametrize("dimensions", [256, 1024, 4096])
def test_cosines_stay_within_what_the_theory_says(dimensions):
    rows = rows_like_splade(120, 5000, 150, 0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    pairs = np.triu_indices(len(rows), 1)
    exact = (unit @ unit.T)[pairs]
    got = project(sparse.csr_array(rows), dimensions)
    error = (got @ got.T)[pairs] - exact
    spread = np.sqrt((1 + exact**2) / dimensions)
    assert np.abs(error).mean() < spread.mean()
    assert np.abs(error).max() < 5.5 * spread.max()
    assert abs(error.mean()) < 0.3 * spread.mean()


def test_one_heavy_term_among_others_does_not_spoil_a_cosine():
    rows = np.zeros((2, 2000), np.float32)
    rows[0, 5], rows[1, 9] = 10, 10
    rows[:, 100:140] = 1
    exact = 40 / 140
    got = project(sparse.csr_array(rows), 1024)
    assert abs(float(got[0] @ got[1]) - exact) < 0.1


def test_the_projection_is_this_one_for_ever():
    rows = sparse.csr_array(np.eye(3, dtype=np.float32))
    got = project(rows, 64)
    places = [np.flatnonzero(row).tolist() for row in got]
    assert places[:2] == [[7, 10, 23, 30, 37, 45, 48, 62], [1, 11, 20, 27, 37, 47, 52, 61]]
    assert np.sign(got[0, places[0]]).tolist() == [1, -1, 1, -1, 1, -1, 1, -1]
    assert all(len(row) == PARTS for row in places)


def test_a_projected_row_depends_on_no_other():
    rows = sparse.csr_array(rows_like_splade(60, 500, 20, 2))
    want = project(rows, 128)
    for row in (0, 17, 59):
        assert project(rows[[row]], 128).tobytes() == want[row].tobytes()


# --- whole words ---------------------------------------------------------------------------------


def test_words_of_the_model_leave_out_pieces_special_tokens_and_what_is_no_word(plain):
    words = dict(zip(VOCABULARY, SparseEncoder(plain).words, strict=True))
    assert [token for token, word in words.items() if not word] == [
        *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##ing", "##s", "42", "x", "[unused0]")
    ]
    assert words["Bank"] == words["bank"] == "bank"


def test_tokens_of_byte_level_vocabularies_are_words_where_they_begin_one():
    tokens = ["Ġbank", "ing", "ĠCafÃ©", "<s>", "Ġ", "##", "ĠA", None]
    decode = {"ĠCafÃ©": " Café"}
    got = whole_words(tokens, {"<s>"}, lambda token: decode.get(token, token.replace("Ġ", " ")))
    assert got == ("bank", "", "café", "", "", "", "", "")


def test_a_maltese_letter_does_not_make_a_vocabulary_byte_level():
    assert whole_words(["Ġ", "bank", "##ing", "##s"]) == ("", "bank", "", "")


def test_a_vocabulary_without_marks_has_only_words():
    assert whole_words(["bank", "c++", "don't", "-", "über"]) == ("bank", "c++", "don't", "", "über")


# --- what it leaves as it was ---------------------------------------------------------------------


def test_nothing_heavy_is_loaded_before_the_first_text(plain):
    code = (
        "import sys; from topics.embedding.sparse import SparseEncoder\n"
        f"SparseEncoder({plain!r}).fingerprint\n"
        "assert not {'torch', 'transformers', 'tokenizers', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_and_messages_of_others_stay_as_they_are(plain, texts, capfd):
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        SparseEncoder(plain, threads=2).encode(texts)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert capfd.readouterr() == ("", "")
