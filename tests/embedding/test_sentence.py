"""Options of sentence-transformers models: what they may be, and that they do what sentence-transformers does."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from builders import THEMES

from topics.data import Texts
from topics.embedding import convert, embed, open_encoder
from topics.embedding.checkpoint import Checkpoint
from topics.embedding.openvino import OpenVinoEncoder, unconverted
from topics.embedding.sentence import Asked, leaves_prompt_out
from topics.embedding.splitting import measures
from topics.embedding.torch import TorchEncoder
from topics.errors import InvalidConfig

WORDS = sorted({word for theme in THEMES for word in theme})
SENTENCES = [" ".join(WORDS[start : start + many]) for start, many in ((0, 3), (10, 30), (40, 1), (60, 90), (5, 12))]


# --- names --------------------------------------------------------------------------------------


def test_a_name_without_options_is_the_model_as_it_comes():
    assert Asked.of("org/model") == Asked("org/model")


def test_options_are_taken_from_behind_the_name():
    asked = Asked.of("org/model?prompt=a%26b: &dimensions=64&max_length=32&device=cpu&precision=f32")
    assert asked == Asked("org/model", "a&b: ", None, 64, 32, "cpu", "f32")


def test_a_folder_may_have_any_name(tmp_path):
    folder = tmp_path / "what?dimensions=3"
    folder.mkdir()
    assert Asked.of(str(folder)) == Asked(str(folder))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("colour=red", "unknown option colour; there are: prompt, prompt_name, dimensions"),
        ("dimensions=0", "dimensions='0'; a whole number from 1 on"),
        ("max_length=long", "max_length='long'; a whole number"),
        ("device=tpu", "device='tpu'; allowed are auto, cpu, cuda"),
        ("precision=int8", "precision='int8'; allowed are auto, bf16, f32"),
        ("prompt=a&prompt_name=b", "give prompt or prompt_name, not both"),
        ("prompt=a&prompt=b", "gives an option twice"),
    ],
)
def test_what_is_not_allowed_is_said(options, message):
    with pytest.raises(InvalidConfig, match=message):
        Asked.of(f"org/model?{options}")


def prompted(folder, **told):
    (folder / "config_sentence_transformers.json").write_text(json.dumps(told))
    return Checkpoint("m", folder)


def test_the_prompt_is_the_one_given_or_named_or_the_models_own(tmp_path):
    checkpoint = prompted(tmp_path, prompts={"query": "Q: ", "document": "D: "}, default_prompt_name="document")
    assert Asked("m").prompt_of(checkpoint) == "D: "
    assert Asked("m", prompt_name="query").prompt_of(checkpoint) == "Q: "
    assert Asked("m", prompt="").prompt_of(checkpoint) == ""
    with pytest.raises(InvalidConfig, match="no prompt 'news'; there are: document, query"):
        Asked("m", prompt_name="news").prompt_of(checkpoint)


def test_a_pooling_that_leaves_the_prompt_out_is_seen(tmp_path):
    (tmp_path / "1_Pooling").mkdir()
    config = tmp_path / "1_Pooling" / "config.json"
    for told, expected in (({}, False), ({"include_prompt": True}, False), ({"include_prompt": False}, True)):
        config.write_text(json.dumps(told))
        assert leaves_prompt_out(Checkpoint("m", tmp_path)) is expected


# --- against sentence-transformers, on a model of a few words --------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small, random BERT as a sentence-transformers model with a prompt of its own."""
    return sentence_model(tmp_path_factory.mktemp("sentence") / "model", prompts={"query": "stadium coach "})


def sentence_model(folder, include_prompt=True, **told):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(0)
    bert = folder.with_name(f"{folder.name}-bert")
    bert.mkdir()
    (bert / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(WORDS) + 5, max_position_embeddings=64, **sizes)).save_pretrained(bert)
    BertTokenizer(str(bert / "vocab.txt")).save_pretrained(bert)
    words = Transformer(str(bert), max_seq_length=64)
    model = SentenceTransformer(modules=[words, Pooling(32, include_prompt=include_prompt)], device="cpu", **told)
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def original(folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def prepared(folder):
    return convert(Checkpoint(str(folder), folder))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def cosines(got, want):
    return np.einsum("ij,ij->i", unit(got), unit(want))


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ("", {}),
        ("?prompt=goal league ", {"prompt": "goal league "}),
        ("?prompt_name=query", {"prompt_name": "query"}),
        ("?dimensions=8", {"truncate_dim": 8}),
        ("?prompt_name=query&dimensions=8&max_length=64", {"prompt_name": "query", "truncate_dim": 8}),
    ],
)
def test_both_ways_give_what_sentence_transformers_gives(folder, original, prepared, options, how):
    want = original.encode(SENTENCES, show_progress_bar=False, **how)
    fast = open_encoder(prepared, f"{folder}{options}{'&' if options else '?'}precision=f32")
    plain = TorchEncoder(
        Checkpoint("m", folder), prepared, how.get("prompt") or original.prompts.get(how.get("prompt_name"), ""),
        dimensions=how.get("truncate_dim"),
    )  # fmt: skip
    assert isinstance(fast, OpenVinoEncoder)
    for encoder in (fast, plain):
        got = encoder.encode(SENTENCES)
        assert got.shape == want.shape
        assert cosines(got, want).min() >= 0.999999


def test_fewer_tokens_are_read_when_asked(folder, original, prepared):
    original_length = original.max_seq_length
    original.max_seq_length = 6
    want = original.encode(SENTENCES, show_progress_bar=False)
    original.max_seq_length = original_length
    for encoder in (
        open_encoder(prepared, f"{folder}?max_length=6&precision=f32"),
        TorchEncoder(Checkpoint("m", folder), prepared, max_length=6),
    ):
        assert cosines(encoder.encode(SENTENCES), want).min() >= 0.999999


def test_a_prompt_that_is_left_out_of_the_pooling_goes_the_way_of_pytorch(tmp_path, caplog):
    from sentence_transformers import SentenceTransformer

    folder = sentence_model(tmp_path / "instructor", include_prompt=False)
    prepared = convert(Checkpoint(str(folder), folder))
    encoder = open_encoder(prepared, f"{folder}?prompt=goal league ")
    assert isinstance(encoder, TorchEncoder)
    assert "its pooling leaves the prompt out" in caplog.text
    want = SentenceTransformer(str(folder), device="cpu").encode(SENTENCES, prompt="goal league ")
    assert cosines(encoder.encode(SENTENCES), want).min() >= 0.999999
    assert isinstance(open_encoder(prepared, str(folder)), OpenVinoEncoder)


@pytest.mark.parametrize("threads", [1, 2])
def test_on_pytorch_a_vector_depends_on_its_text_alone_and_is_kept(folder, prepared, threads):
    encoder = TorchEncoder(Checkpoint("m", folder), prepared, threads=threads)
    many = [" ".join(np.random.default_rng(row).choice(WORDS, 1 + row % 60)) for row in range(150)]
    want = encoder.encode(many)
    order = np.random.default_rng(0).permutation(len(many))
    assert encoder.encode([many[row] for row in order]).tobytes() == want[order].tobytes()
    for row in range(0, len(many), 10):
        assert encoder.encode([many[row]]).tobytes() == want[row].tobytes()
    assert encoder.vector_key
    assert encoder.encode([]).shape == (0, 32)


def test_the_last_numbers_are_gone_and_the_rest_is_a_unit_row(folder, prepared):
    texts = Texts(tuple(SENTENCES), np.array([b"%032d" % row for row in range(len(SENTENCES))]))
    whole = embed(texts, open_encoder(prepared, f"{folder}?precision=f32"), "whole").vectors
    part = embed(texts, open_encoder(prepared, f"{folder}?precision=f32&dimensions=5"), "part").vectors
    np.testing.assert_allclose(part, unit(whole[:, :5]), atol=1e-6)


def test_a_device_that_is_not_there_says_how_to_do_without(folder, prepared):
    encoder = TorchEncoder(Checkpoint("m", folder), prepared, device="cuda:7")
    with pytest.raises(InvalidConfig, match=r"cannot run on device=cuda:7: .* Say .*\?device=cpu"):
        encoder.encode(["goal"])


def test_more_numbers_than_a_model_of_unknown_size_turns_out_to_have(folder):
    from topics.embedding.openvino import unconverted

    encoder = TorchEncoder(Checkpoint("m", folder), unconverted(Checkpoint("m", folder), "why"), dimensions=99)
    with pytest.raises(InvalidConfig, match="dimensions=99: m has 32; ask for fewer"):
        encoder.encode(["goal"])


@pytest.mark.parametrize("arithmetic", ["auto", "f32"])
def test_thousands_of_texts_keep_their_bits_in_any_batch_order_and_number_of_threads(prepared, arithmetic):
    rng = np.random.default_rng(1)
    lengths = np.minimum(rng.geometric(0.05, 3000), 62)
    texts = [" ".join(rng.choice(WORDS, length)) for length in lengths]
    want = OpenVinoEncoder(prepared, arithmetic=arithmetic).encode(texts)
    for threads, batch_size in ((1, 1), (2, 7), (3, 64), (2, 1000)):
        order = rng.permutation(len(texts))
        got = OpenVinoEncoder(prepared, threads, batch_size, arithmetic=arithmetic).encode(
            [texts[row] for row in order]
        )
        changed = np.flatnonzero((got != want[order]).any(axis=1))
        assert len(changed) == 0, [texts[order[row]] for row in changed[:3]]


@pytest.mark.parametrize("prompt", ["", "goal league "])
def test_tokens_are_counted_as_they_are_read(folder, original, prepared, prompt):
    want = [len(ids) for ids in original.tokenizer([prompt + text for text in [*SENTENCES, ""]])["input_ids"]]
    fast = open_encoder(prepared, f"{folder}?max_length=6&prompt={prompt}&device=cpu")
    plain = TorchEncoder(Checkpoint("m", folder), prepared, prompt, max_length=6)
    untold = TorchEncoder(Checkpoint("m", folder), unconverted(Checkpoint("m", folder), "a GPU"))
    for encoder in (fast, plain):
        assert encoder.count_tokens([*SENTENCES, ""]) == want
        assert encoder.max_length == 6
    assert untold.max_length == original.max_seq_length


def test_a_model_without_a_tokenizer_of_transformers_does_not_tell(folder, prepared):
    encoder = TorchEncoder(Checkpoint("m", folder), prepared)
    encoder._model = SimpleNamespace(tokenizer=object(), max_seq_length=64)
    assert (encoder.max_length, encoder.reads_all) == (0, False)
    assert not measures(encoder)
    boundless = TorchEncoder(Checkpoint("m", folder), unconverted(Checkpoint("m", folder), "a GPU"))
    boundless._model = SimpleNamespace(tokenizer=object(), max_seq_length=float("inf"))
    assert (boundless.max_length, boundless.reads_all) == (0, True)
