"""Any encoder gives unit rows, or is told what is wrong with what it gave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fakes import HashingEncoder, themed_corpus

import topics
from topics import NO_STORE, embedding
from topics.data import ConvertedEncoder, Corpus, Texts
from topics.embedding import embed, open_encoder
from topics.embedding.openvino import OpenVinoEncoder
from topics.embedding.torch import TorchEncoder
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.progress import watched


class Giving:
    """An encoder that gives what it was told to."""

    def __init__(self, give):
        self.give = give

    def encode(self, sentences, /):
        return self.give(sentences)


def texts_of(n):
    return Corpus.from_texts(themed_corpus(n)[0]).texts


def test_every_text_gets_the_vector_of_its_own():
    texts, encoder = texts_of(50), HashingEncoder()
    found = embed(texts, encoder, "fake")
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(found.vectors, HashingEncoder().encode(list(texts.texts)), atol=1e-6)
    assert (found.encoder, found.fingerprint) == ("fake", encoder.fingerprint)
    assert encoder.encoded == list(texts.texts)


@pytest.mark.parametrize("chunk", [1, 7, 50])
def test_the_size_of_a_chunk_changes_no_bit_and_progress_is_told(monkeypatch, chunk):
    texts = texts_of(50)
    want = embed(texts, HashingEncoder(), "fake").vectors
    monkeypatch.setattr(embedding, "_FIRST", chunk)
    monkeypatch.setattr(embedding, "_MOST", chunk)
    told = []

    class Watcher:
        def start(self, task, total, unit):
            told.append((total, unit))

        def advance(self, amount):
            told.append(amount)

        def finish(self):
            pass

    with watched(Watcher()):
        got = embed(texts, HashingEncoder(), "fake").vectors
    assert got.tobytes() == want.tobytes()
    assert told[0] == (50, "documents")
    assert sum(told[1:]) == 50


@pytest.mark.parametrize(
    "give",
    [
        lambda texts: np.full((len(texts), 3), 5.0),
        lambda texts: np.full((len(texts), 3), 200, dtype=np.uint8),
        lambda texts: [[1, 1, 1]] * len(texts),
        lambda texts: np.full((len(texts), 3), 1e-30, dtype=np.float32),
        lambda texts: np.full((len(texts), 3), 1e30, dtype=np.float32),
    ],
    ids=["float64", "bytes", "lists", "tiny", "huge"],
)
def test_rows_have_length_one_whatever_came(give):
    found = embed(texts_of(4), Giving(give), "odd")
    np.testing.assert_allclose(found.vectors, np.full((4, 3), 3**-0.5), rtol=1e-6)
    assert found.vectors.dtype == np.float32
    assert found.fingerprint == ""


def test_a_row_of_zeros_stays():
    found = embed(texts_of(4), Giving(lambda texts: np.zeros((len(texts), 3))), "zero")
    assert not found.vectors.any()


def test_no_texts_no_vectors_and_no_question_asked():
    encoder = HashingEncoder()
    assert embed(Texts((), np.empty(0, "S32")), encoder, "fake").vectors.shape == (0, 0)
    assert encoder.encoded == []


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda texts: np.ones((3, 2)), r"encoder odd gave an array of shape \(3, 2\) for 4 texts; expected \(4, d\)"),
        (lambda texts: np.ones(4), r"shape \(4,\) for 4 texts"),
        (lambda texts: None, r"shape \(\) for 4 texts"),
        (lambda texts: [[1, 2], [1], [1], [1]], r"gave a list that is no array: .*; expected \(4, d\) numbers"),
        (lambda texts: [["a"]] * 4, "gave a list that is no array"),
        (lambda texts: {"vectors": 1}, "gave a dict that is no array"),
        (lambda texts: np.array([[1, np.nan]] * 2 + [[1, 1]] * 2), r"not finite for 2 of 4 texts"),
        (lambda texts: np.full((4, 2), np.inf), r"not finite for 4 of 4 texts"),
    ],
)
def test_what_is_no_matrix_of_finite_rows_is_refused(give, message):
    with pytest.raises(InvalidInput, match=message):
        embed(texts_of(4), Giving(give), "odd")


def test_rows_that_change_their_width_are_refused(monkeypatch):
    monkeypatch.setattr(embedding, "_FIRST", 3)
    with pytest.raises(InvalidInput, match="encoder odd gave rows of 3 numbers, then of 1; all its vectors"):
        embed(texts_of(4), Giving(lambda texts: np.ones((len(texts), len(texts)))), "odd")


def converted(name, reason):
    return ConvertedEncoder(str(name), "digest", reason, "", np.empty(0, np.uint8), "", 0, 8, 4)


def test_a_converted_model_runs_on_openvino_and_says_nothing(tmp_path, caplog):
    encoder = open_encoder(converted(tmp_path, ""), threads=2, batch_size=3)
    assert isinstance(encoder, OpenVinoEncoder)
    assert (encoder.name, encoder.fingerprint, encoder.dimension) == (str(tmp_path), "digest", 4)
    assert caplog.text == ""


def test_a_model_that_resisted_runs_on_pytorch_and_says_why(tmp_path, caplog):
    encoder = open_encoder(converted(tmp_path, "ValueError: it would not"))
    assert isinstance(encoder, TorchEncoder)
    assert (encoder.fingerprint, encoder.dimension) == ("digest", 4)
    assert "runs on PyTorch, several times slower: ValueError: it would not" in caplog.text


def test_a_gpu_is_left_to_pytorch_and_converts_nothing(tmp_path, caplog):
    caplog.set_level("INFO")
    (tmp_path / "config.json").write_text("{}")
    name = embedding.base_of(f"{tmp_path}?device=cuda:1&dimensions=2")
    assert name == f"{tmp_path}?device=cuda:1"
    prepared = embedding.prepare(name)
    assert (prepared.graph, prepared.reason) == ("", "it runs on cuda:1")
    encoder = open_encoder(prepared, f"{tmp_path}?device=cuda:1&dimensions=2")
    assert isinstance(encoder, TorchEncoder)
    assert "cuda:1" in encoder.vector_key
    assert encoder.dimension == 2
    assert f"{tmp_path} runs on cuda:1." in caplog.text


def test_options_make_other_vectors_of_the_same_prepared_model(tmp_path):
    prepared = converted(tmp_path, "")
    names = ["", "?prompt=query: ", "?dimensions=2", "?max_length=5", "?precision=f32", "?prompt="]
    made = [open_encoder(prepared, f"{tmp_path}{options}") for options in names]
    keys = [encoder.vector_key for encoder in made]
    assert len(set(keys[:4])) == 4
    assert len({encoder.fingerprint for encoder in made[:4]}) == 4
    assert keys[5] == keys[0]
    assert made[4].fingerprint == made[0].fingerprint
    assert {embedding.base_of(f"{tmp_path}{options}") for options in names} == {str(tmp_path)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?dimensions=5", "dimensions=5: .* has 4; ask for as many or fewer"),
        ("?max_length=9", "max_length=9: .* has 8; ask for as many or fewer"),
        ("?prompt_name=query", r"has no prompt 'query'; it has none: give prompt=TEXT"),
    ],
)
def test_more_than_the_model_has_is_refused(tmp_path, options, message):
    with pytest.raises(InvalidConfig, match=message):
        open_encoder(converted(tmp_path, ""), f"{tmp_path}{options}")


def test_a_model_that_resisted_and_is_gone_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFound, match="no encoder"):
        open_encoder(converted(tmp_path / "gone", "reason"))


def test_a_list_is_embedded_as_any_other_input_is_and_without_tables(tmp_path):
    texts = ["one", "", "two", " one ", "three\n"]
    as_list, as_series = (topics.embed(given, HashingEncoder(), store=NO_STORE) for given in (texts, pd.Series(texts)))
    assert as_list.vectors.tobytes() == as_series.vectors.tobytes()
    assert not as_list.vectors[1].any()
    for none in ([], ["", " "]):
        with pytest.raises(InvalidInput, match="is a text"):
            topics.embed(none, HashingEncoder(), store=NO_STORE)
