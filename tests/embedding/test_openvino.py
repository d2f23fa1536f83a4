"""Batches, and the bits they must not change; on a model of a few words made here."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from builders import THEMES
from hypothesis import given, settings
from hypothesis import strategies as st
from surfaces_fakes import convert, write_model

from topics.embedding.checkpoint import Checkpoint
from topics.embedding.openvino import OpenVinoEncoder, batches, precision

WORDS = [word for theme in THEMES for word in theme]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "words"
    write_model(folder)
    return convert(Checkpoint("words", folder))


@pytest.fixture(scope="module")
def sentences():
    rng = np.random.default_rng(0)
    lengths = [*range(1, 50), 15, 16, 17, 255, 256, 257, 900]
    return [" ".join(rng.choice(WORDS, length)) for length in lengths]


# --- batches ------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=60), st.integers(1, 70))
def test_every_text_is_in_one_batch_of_its_own_padded_length(lengths, batch_size):
    groups = batches(np.array(lengths, dtype=np.int64), batch_size)
    assert sorted(row for rows, _ in groups for row in rows.tolist()) == list(range(len(lengths)))
    for rows, length in groups:
        assert all(lengths[row] <= length < max(lengths[row], 1) + (4 if lengths[row] <= 64 else 16) for row in rows)
        assert length % (4 if length <= 64 else 16) == 0
        assert len(rows) <= batch_size
        assert len(rows) == 1 or len(rows) * length <= 4096
    padded = [length for _, length in groups]
    assert padded == sorted(padded, reverse=True)


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_the_padded_length_depends_on_the_text_alone(lengths, batch_size, random):
    def padding(lengths, batch_size):
        return {(lengths[row], length) for rows, length in batches(np.array(lengths), batch_size) for row in rows}

    shuffled = random.sample(lengths, len(lengths))
    assert padding(lengths, batch_size) == padding(shuffled, 64)


# --- encoding -----------------------------------------------------------------------------------


def test_vectors_are_unit_rows_near_those_of_texts_with_the_same_words(model):
    encoder = OpenVinoEncoder(model)
    bank, twice, both, goal = encoder.encode(["bank", "bank bank", "bank goal", "goal"])
    np.testing.assert_allclose(np.linalg.norm([bank, twice, both, goal], axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(bank, twice, atol=0.01)
    assert min(bank @ both, goal @ both) > bank @ goal


@pytest.mark.parametrize(("threads", "batch_size"), [(1, 1), (1, 64), (2, 1), (2, 7), (3, 64)])
def test_a_vector_has_the_same_bits_in_any_batch_order_and_number_of_threads(model, sentences, threads, batch_size):
    want = OpenVinoEncoder(model).encode(sentences)
    encoder = OpenVinoEncoder(model, threads, batch_size)
    order = np.random.default_rng(threads).permutation(len(sentences))
    assert encoder.encode(sentences).tobytes() == want.tobytes()
    assert encoder.encode([sentences[row] for row in order]).tobytes() == want[order].tobytes()
    for row in order[:5]:
        assert encoder.encode([sentences[row]]).tobytes() == want[row].tobytes()


def test_what_is_longer_than_the_model_reads_is_cut(model):
    long = " ".join(WORDS[:10] * 60)
    encoder = OpenVinoEncoder(model)
    short = " ".join(long.split()[: model.max_length])
    assert encoder.encode([long]).tobytes() == encoder.encode([short]).tobytes()


def test_no_sentences_no_vectors(model):
    assert OpenVinoEncoder(model).encode([]).shape == (0, model.dimension)


def test_vectors_stay_as_they_are_when_the_encoder_goes_on(model, sentences):
    encoder = OpenVinoEncoder(model)
    first = encoder.encode(sentences[:5])
    before = first.copy()
    encoder.encode(sentences[5:10])
    np.testing.assert_array_equal(first, before)


def test_a_copy_of_the_weights_that_is_read_only_will_do(model, sentences):
    weights = model.weights.copy()
    weights.flags.writeable = False
    mapped = dataclasses.replace(model, weights=weights)
    assert OpenVinoEncoder(mapped).encode(sentences).tobytes() == OpenVinoEncoder(model).encode(sentences).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_while_encoding_is_raised_and_nobody_waits_for_ever(model, sentences, threads):
    class Request:
        def infer(self, _):
            raise MemoryError("no room")

    class Compiled:
        def create_infer_request(self):
            return Request()

    encoder = OpenVinoEncoder(model, threads, batch_size=1)
    encoder.__dict__["_compiled"] = Compiled()
    with pytest.raises(MemoryError, match="no room"):
        encoder.encode(sentences)


def test_precision_is_one_of_two():
    assert precision() in {"bf16", "f32"}
