"""Any transformer, against one text at a time without padding; on random models of a few words made here."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from builders import THEMES
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

import topics
from topics.embedding.openvino import silence
from topics.embedding.pooling import chosen
from topics.embedding.splitting import reading_all
from topics.embedding.transformer import _TOGETHER, TransformerEncoder
from topics.errors import InvalidConfig, ModelNotFound

WORDS = [word for theme in THEMES for word in theme][:100]
SPECIAL = ["[UNK]", "[PAD]", "[CLS]", "[SEP]"]
DEPTH = 4
COMMON = {"vocab_size": len(WORDS) + len(SPECIAL), "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
BERT = {
    "hidden_size": 32,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 80,
    "initializer_range": 0.3,
}
DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
MODERN = {"global_attn_every_n_layers": 2, "local_attention": 16, "cls_token_id": 2, "sep_token_id": 3}
GPT = {"n_embd": 32, "n_layer": DEPTH, "n_head": 4, "n_positions": 80, "initializer_range": 0.3}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": DEPTH, "num_heads": 4}
KINDS = {
    "albert": BERT | {"embedding_size": 16},
    "bert": BERT,
    "deberta": BERT | DEBERTA,
    "deberta-v2": BERT | DEBERTA | {"share_att_key": True, "norm_rel_ebd": "layer_norm", "position_buckets": 16},
    "distilbert": {
        "dim": 32,
        "n_layers": DEPTH,
        "n_heads": 4,
        "hidden_dim": 48,
        "max_position_embeddings": 80,
        "initializer_range": 0.3,
    },
    "electra": BERT | {"embedding_size": 16},
    "gpt2": GPT,
    "modernbert": BERT | MODERN,
    "mpnet": BERT | {"max_position_embeddings": 82},
    "roberta": BERT | {"max_position_embeddings": 82},
    "xlm-roberta": BERT | {"max_position_embeddings": 82},
    # Run one by one:
    "mobilebert": BERT | {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16},
    "qwen3": BERT | {"num_key_value_heads": 2, "head_dim": 8},
    "t5": T5,
}
DECODERS = {"gpt2", "qwen3"}


def tokenizer_of(kind):
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(SPECIAL + WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if kind in DECODERS:
        return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=80, **names)


def write(kind, folder, **settings):
    torch.manual_seed(len(kind))
    with silence():
        model = AutoModel.from_config(AutoConfig.for_model(kind, **COMMON | KINDS[kind] | settings))
        with torch.no_grad():  # padding must not matter even where its embedding is not zero
            model.get_input_embeddings().weight[1] = 0.5
        model.save_pretrained(folder)
        tokenizer_of(kind).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Folder of a model of that kind, made when first asked for."""
    folders = {}

    def folder(kind):
        if kind not in folders:
            folders[kind] = write(kind, tmp_path_factory.mktemp("transformers") / kind)
        return folders[kind]

    return folder


@pytest.fixture(scope="session")
def texts():
    rng = np.random.default_rng(0)
    lengths = [1, 2, 3, 12, 13, 14, 14, 14, 15, 16, 16, 17, 30, 31, 32, 45, 46, 47, 60, 77, 78, 79, 200]
    return ["", "unheard"] + [" ".join(rng.choice(WORDS, length)) for length in lengths]


@functools.cache
def plain(folder):
    with silence():
        model = AutoModel.from_pretrained(folder).eval()
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer, model.get_encoder() if model.config.is_encoder_decoder else model


def reference(folder, text, pooling="mean", layers="last"):
    """One text, unpadded, as the documentation of transformers has it."""
    tokenizer, model = plain(folder)
    tokens = tokenizer([text], truncation=True, max_length=80)
    if not tokens["input_ids"][0]:
        return np.zeros(32, np.float32)
    with torch.no_grad():
        output = model(input_ids=torch.tensor(tokens["input_ids"]), output_hidden_states=True)
    hidden = [state[0].numpy() for state in output.hidden_states]
    states = {
        "last": lambda: output.last_hidden_state[0].numpy(),
        "second-to-last": lambda: hidden[-2],
        "mean-last-4": lambda: sum(hidden[-4:]) / 4,
        "concat-last-4": lambda: np.concatenate(hidden[-4:], axis=1),
        "-1,-3": lambda: (hidden[-1] + hidden[-3]) / 2,
        "0": lambda: hidden[0],
    }[layers]()
    return {
        "mean": lambda: states.mean(axis=0),
        "cls": lambda: states[0],
        "max": lambda: states.max(axis=0),
        "last": lambda: states[-1],
    }[pooling]()


# --- what a vector is ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_agrees_with_one_text_at_a_time_without_padding(made, texts, kind):
    got = TransformerEncoder(made(kind), pooling="mean").encode(texts)
    some = [0, 1, 2, 5, 8, 11, 14, len(texts) - 1]
    want = [reference(made(kind), texts[row]) for row in some]
    np.testing.assert_allclose(got[some], want, rtol=1e-5, atol=1e-5)
    assert got.dtype == np.float32
    assert len(np.unique(got.round(3), axis=0)) == len(set(texts))


CHOICES = list(product(["bert"], ["mean", "cls", "max", "last"], ["last", "mean-last-4", "concat-last-4", "-1,-3"]))
CHOICES += [("bert", "mean", "second-to-last"), ("bert", "max", "0"), ("gpt2", "last", "last")]
CHOICES += [("gpt2", "last", "second-to-last"), ("gpt2", "max", "mean-last-4"), ("gpt2", "mean", "0")]


@pytest.mark.parametrize(("kind", "pooling", "layers"), CHOICES)
def test_poolings_and_layers_are_what_they_are_called(made, texts, kind, pooling, layers):
    encoder, some = TransformerEncoder(made(kind), pooling=pooling, layers=layers), texts[3:9]
    got = encoder.encode(some)
    assert got.shape == (6, encoder.dimension)
    want = [reference(made(kind), text, pooling, layers) for text in some[::2]]
    np.testing.assert_allclose(got[::2], want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_has_the_same_bits_alone_in_any_batch_order_and_number_of_threads(made, texts, kind):
    one, two = (TransformerEncoder(made(kind), layers="mean-last-4", threads=threads) for threads in (1, 2))
    want = one.encode(texts)
    for encoder, start in ((two, 0), (one, 5), (two, 10)):
        order = np.random.default_rng(start).permutation(len(texts))[start:]
        assert encoder.encode([texts[row] for row in order]).tobytes() == want[order].tobytes()
    for row in (0, 1, 4, 6, 7, 9, 11, 14, 18, 22):
        assert one.encode([texts[row]]).tobytes() == want[row].tobytes()
    assert one.vector_key == two.vector_key == one.fingerprint


def test_the_architectures_that_share_a_batch_are_all_tested():
    assert set(KINDS) > _TOGETHER


def test_a_long_text_is_cut_and_a_short_limit_obeyed(made):
    long = " ".join(WORDS[:90] * 2)
    for kind, limit, room in (("bert", None, 78), ("bert", 20, 18), ("roberta", None, 78), ("gpt2", 20, 20)):
        encoder = TransformerEncoder(made(kind), max_length=limit)
        whole, short, shorter = encoder.encode([long, *(" ".join(long.split()[:many]) for many in (room, room - 1))])
        np.testing.assert_array_equal(whole, short)
        assert np.abs(whole - shorter).max() > 1e-3


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_tokens_are_counted_without_the_model_and_long_texts_are_split(made, texts, kind):
    encoder = TransformerEncoder(made(kind), max_length=20)
    tokenizer, _ = plain(made(kind))
    assert encoder.count_tokens(texts) == [len(tokenizer(text)["input_ids"]) for text in texts]
    assert "_model" not in vars(encoder)
    want, got = encoder.encode(texts), reading_all(encoder, kind).encode(texts)
    fits = np.array(encoder.count_tokens(texts)) <= 20
    np.testing.assert_array_equal(got[fits], want[fits])
    assert np.abs(got[~fits] - want[~fits]).max(axis=1).min() > 1e-3


def test_a_text_without_tokens_gives_zeros_and_no_texts_no_rows(made):
    encoder = TransformerEncoder(made("gpt2"), layers="concat-last-4")
    np.testing.assert_array_equal(encoder.encode(["", "  "]), np.zeros((2, 128)))
    assert encoder.encode([]).shape == (0, 128)


# --- what it is told by -------------------------------------------------------------------------


def test_text_options_are_those_of_the_constructor(made, texts):
    folder = made("bert")
    told = TransformerEncoder.of(
        folder, {"pooling": "max", "layers": "-2", "max_length": "30"}, threads=2, batch_size=3
    )
    said = TransformerEncoder(folder, pooling="max", layers="second-to-last", max_length=30)
    assert (told.name, told.fingerprint) == (folder, said.fingerprint)
    assert told.encode(texts).tobytes() == said.encode(texts).tobytes()


def test_every_option_and_the_weights_change_the_fingerprint(made, tmp_path):
    kinds = [{}, {"pooling": "cls"}, {"layers": "mean-last-4"}, {"layers": "concat-last-4"}, {"max_length": 30}]
    encoders = [TransformerEncoder(made("bert"), **options) for options in kinds]
    encoders += [TransformerEncoder(made("roberta")), TransformerEncoder(write("bert", tmp_path, hidden_act="relu"))]
    assert len({encoder.fingerprint for encoder in encoders}) == len(encoders)
    assert TransformerEncoder(made("bert"), threads=2).fingerprint == encoders[0].fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "sum"}, "pooling='sum'; allowed are mean, cls, max, last"),
        ({"layers": "first"}, "layers='first'; allowed are last, second-to-last, mean-last-4, concat-last-4, or num"),
        ({"layers": "1,"}, "layers='1,'; allowed are"),
        ({"layers": "-1,-6"}, r"layers='-1,-6'; .* has 4 layers: allowed are numbers from -5 to 4"),
        ({"layers": "5"}, "from -5 to 4"),
        ({"max_length": "many"}, "max_length='many'; allowed are whole numbers from 4"),
        ({"max_length": ""}, "max_length=''; allowed are"),
        ({"max_length": "3"}, "max_length=3; allowed are whole numbers from 4 to 80"),
        ({"max_length": "81"}, "max_length=81; allowed are whole numbers from 4 to 80, for so many positions"),
        ({"poling": "cls", "color": "1"}, "unknown option color, poling; there are: pooling, layers, max_length"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(made, options, message):
    with pytest.raises(InvalidConfig, match=message):
        TransformerEncoder.of(made("bert"), options)


@pytest.mark.parametrize("layers", ["mean-last-4", "concat-last-4", "second-to-last"])
def test_layers_a_shallow_model_does_not_have(tmp_path, layers):
    folder = write("bert", tmp_path, num_hidden_layers=1)
    with pytest.raises(InvalidConfig, match="has 1 layers"):
        TransformerEncoder(folder, layers=layers)


def test_a_model_that_does_not_tell_its_layers_apart():
    output = SimpleNamespace(hidden_states=[None] * 9, last_hidden_state="last")
    assert chosen(output, (4,), 4, False) == "last"
    with pytest.raises(InvalidConfig, match="gives 9 hidden states: layers must be last"):
        chosen(output, (3,), 4, False)


def test_positions_behind_the_padding_token_are_no_room_for_text(made):
    with pytest.raises(InvalidConfig, match="from 4 to 80"):
        TransformerEncoder(made("roberta"), max_length=81)
    assert np.isfinite(TransformerEncoder(made("roberta"), max_length=80).encode([" ".join(WORDS)])).all()


# --- what is not there, or not trusted ----------------------------------------------------------


def test_a_name_nobody_knows(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for name in ("bert-nowhere", "some/where/else"):
        with pytest.raises(
            ModelNotFound,
            match=f"no transformer '{name}'.*HF_HUB_OFFLINE forbids.*(that folder and name it|name a folder)",
        ):
            TransformerEncoder(name)


def test_a_name_without_an_owner_is_looked_up_as_it_is(monkeypatch, made, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    root = tmp_path / "models--tiny-bert"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("0" * 40)
    (root / "snapshots").mkdir()
    write("bert", root / "snapshots" / ("0" * 40))
    encoder = TransformerEncoder.of("tiny-bert", {})
    assert encoder.name == "tiny-bert"
    np.testing.assert_array_equal(encoder.encode(WORDS[:3]), TransformerEncoder(made("bert")).encode(WORDS[:3]))


def test_pickled_weights_are_never_read(tmp_path):
    folder = write("bert", tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelNotFound, match=r"\*\.safetensors in .*never read.*save_pretrained"):
        TransformerEncoder(folder)


def edit(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_code_that_comes_with_a_model_is_never_run(tmp_path):
    folder = write("bert", tmp_path)
    (tmp_path / "own.py").write_text("raise SystemExit('this code was run')")
    edit(tmp_path, model_type="own", auto_map={"AutoConfig": "own.Config", "AutoModel": "own.Model"})
    with pytest.raises(ModelNotFound, match=r"cannot be loaded.*never run .trust_remote_code is off"):
        TransformerEncoder(folder).encode(["bank"])


def test_weights_that_are_not_there_are_not_made_up(tmp_path):
    folder = write("bert", tmp_path)
    edit(tmp_path, num_hidden_layers=5)
    with pytest.raises(ModelNotFound, match=r"lack \d+ tensors, as encoder\.layer\.4"):
        TransformerEncoder(folder).encode(["bank"])


def test_damaged_files(tmp_path):
    folder = write("bert", tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelNotFound, match=r"cannot be loaded.*save it again"):
        TransformerEncoder(folder).encode(["bank"])
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelNotFound, match=r"is not JSON.*Get the file again"):
        TransformerEncoder(folder)


def test_what_is_no_text_transformer(tmp_path):
    folder = write("bert", tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "clip", "text_config": {"hidden_size": 3}}')
    with pytest.raises(InvalidConfig, match="is no text transformer"):
        TransformerEncoder(folder)


# --- what it leaves as it was -------------------------------------------------------------------


def test_nothing_heavy_is_loaded_before_the_first_text(made):
    code = (
        "import sys; from topics.embedding.transformer import TransformerEncoder\n"
        f"TransformerEncoder({made('bert')!r}).fingerprint\n"
        "assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_threads_and_messages_of_others_stay_as_they_are(made, texts, capfd):
    threads, told = torch.get_num_threads(), transformers_logging.get_verbosity()
    shown = transformers_logging.is_progress_bar_enabled()
    torch.set_num_threads(3)
    try:
        TransformerEncoder(made("bert"), threads=2).encode(texts)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)
    assert (transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()) == (told, shown)
    assert capfd.readouterr() == ("", "")


def test_topics_are_found_with_it(made):
    docs = [f"{theme[n % 5]} {theme[(n + 1) % 7]} {theme[n % 3]} {n}" for n in range(40) for theme in THEMES[:2]]
    run = topics.fit(docs, encoder=TransformerEncoder(made("bert"), layers="0"))
    assert len(run.documents) == len(docs)
