"""How a sparse encoder is named and told what to do, and what is refused."""

from __future__ import annotations

import json
import shutil

import pytest
import sentence_transformers
import torch
from splade import VOCABULARY

import topics
from topics.embedding import is_sparse, objects, prepare
from topics.embedding.listing import describe
from topics.embedding.openvino import silence
from topics.embedding.sparse import SparseEncoder
from topics.errors import InvalidConfig, ModelNotFound
from topics.store import NO_STORE

# --- what it is told by --------------------------------------------------------------------------


def test_text_options_are_those_of_the_constructor(deep, texts):
    given = {"dimensions": "256", "max_length": "20", "top": "9", "device": "cpu"}
    told = SparseEncoder.of(deep, given, threads=2, batch_size=3)
    said = SparseEncoder(deep, dimensions=256, max_length=20, top=9, device="cpu")
    assert (told.name, told.dimension, told.fingerprint) == (deep, 256, said.fingerprint)
    assert told.encode(texts).tobytes() == said.encode(texts).tobytes()


def test_options_and_weights_change_what_vectors_and_activations_are_kept_under(plain, deep):
    kinds = [{}, {"dimensions": 512}, {"max_length": 20}, {"top": 9}, {"device": "cuda"}]
    encoders = [SparseEncoder(plain, **options) for options in kinds] + [SparseEncoder(deep)]
    assert len({encoder.vector_key for encoder in encoders}) == len(encoders)
    assert len({encoder.fingerprint for encoder in encoders}) == len(encoders) - 1  # a device is told by the key alone
    assert len({encoder.activation_key for encoder in encoders}) == len(encoders) - 1  # dimensions come later


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": "100"}, r"dimensions=100; allowed are multiples of 8 from 64 to 65536\."),
        ({"dimensions": "8"}, "dimensions=8; allowed"),
        ({"dimensions": "many"}, "dimensions='many'; allowed"),
        ({"top": "0"}, r"top=0; allowed are whole numbers from 1 to 4096\."),
        ({"top": ""}, "top=''; allowed"),
        ({"max_length": "3"}, "max_length=3; allowed are whole numbers from 4"),
        ({"max_length": "49"}, "max_length=49; .* reads 48 tokens at most"),
        ({"device": "tpu"}, "device='tpu'; allowed are auto, cpu, cuda, cuda:N, mps"),
        ({"topp": "1", "color": "1"}, "unknown option color, topp; there are: dimensions, max_length, top, device"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(plain, options, message):
    with pytest.raises(InvalidConfig, match=message):
        SparseEncoder.of(plain, options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device")
def test_a_device_that_is_not_there(plain):
    with pytest.raises(InvalidConfig, match=r"cannot run on device=cuda: .*Say device=cpu"):
        SparseEncoder(plain, device="cuda").encode(["bank"])


def test_it_is_listed_with_what_its_files_tell(plain):
    listed = describe(f"sparse:{plain}?dimensions=512")
    assert (listed.family, listed.where, listed.dimension, listed.max_length) == ("sparse", "folder", 512, 48)
    assert listed.problem == ""
    assert describe(plain).problem == f"its vectors are sparse: name it sparse:{plain}"


def test_a_scheme_tells_a_sparse_encoder(plain):
    assert (is_sparse("sparse:x"), is_sparse("sparse-model"), is_sparse("static:x")) == (True, False, False)


# --- what is not there, is something else, or is not trusted --------------------------------------


def test_a_model_nobody_knows(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFound, match=r"'naver/splade-v3'.*HF_HUB_OFFLINE forbids"):
        topics.fit(["bank rate"], encoder="sparse:naver/splade-v3", store=NO_STORE)


def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_another_kind_of_model_is_told_what_to_be_named(plain, tmp_path):
    folder = copied(plain, tmp_path)
    (folder / "1_SpladePooling").rename(folder / "1_Pooling")
    (folder / "config_sentence_transformers.json").unlink()
    modules = [{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InvalidConfig, match="is no sparse encoder, its vectors are dense: name it without sparse:"):
        SparseEncoder(str(folder))
    (folder / "modules.json").unlink()
    with pytest.raises(InvalidConfig, match=r"name transformer:.*save_pretrained\(FOLDER\), and name sparse:FOLDER"):
        SparseEncoder(str(folder))
    with pytest.raises(InvalidConfig, match=r"has no modules\.json"):
        SparseEncoder(str(tmp_path))


def test_a_sparse_encoder_without_the_scheme_is_told_of_it(plain):
    with pytest.raises(InvalidConfig, match=f"is a sparse encoder: name it sparse:{plain}"):
        prepare(plain)
    with pytest.raises(InvalidConfig, match="name it sparse:"):
        topics.fit(["bank rate"], encoder=plain, store=NO_STORE)
    with silence():
        model = sentence_transformers.SparseEncoder(plain, device="cpu")
    with pytest.raises(InvalidConfig, match=r"save_pretrained\(FOLDER\) and name sparse:FOLDER"):
        objects.as_encoder(model)


def test_features_of_an_autoencoder_are_no_terms(plain):
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    encoder = SparseEncoder(plain)
    with silence():
        model = sentence_transformers.SparseEncoder(plain, device="cpu")
    model.append(SparseAutoEncoder(input_dim=len(VOCABULARY), hidden_dim=64, k=4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sentence_transformers.SparseEncoder", lambda *given, **how: model)
        with pytest.raises(InvalidConfig, match="not terms of a vocabulary"):
            encoder.encode(["bank"])


@pytest.mark.parametrize("name", ["pytorch_model.bin", "1_SpladePooling/pytorch_model.bin"])
def test_pickled_weights_are_never_read(plain, tmp_path, name):
    folder = copied(plain, tmp_path)
    (folder / name).write_bytes(b"code")
    if "/" not in name:
        (folder / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match=r"Pickled weights .* never read"):
        SparseEncoder(str(folder))


def test_weights_that_are_not_there_are_not_made_up(plain, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = copied(plain, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    left = {name: value for name, value in tensors.items() if "transform" not in name}
    save_file(left, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelNotFound, match=r"lack \d tensors, as cls\.predictions\.transform"):
        SparseEncoder(str(folder)).encode(["bank"])


def test_damaged_weights(plain, tmp_path):
    folder = copied(plain, tmp_path)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelNotFound, match=r"cannot be loaded.*save it again"):
        SparseEncoder(str(folder)).encode(["bank"])
