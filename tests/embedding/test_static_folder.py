"""Static models: read as sentence-transformers reads them, whoever wrote them; on small ones made here."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from surfaces_fakes import cache_model
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from topics.data import Corpus
from topics.embedding import embed
from topics.embedding.families import family_encoder
from topics.embedding.listing import installed
from topics.embedding.static_folder import MARK, StaticFolderEncoder, static_files
from topics.embedding.words import words_of
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.store import NO_STORE

WORDS = "the of bank rate goal ##s league naïve don t c 2020 東京 世界 नमस्ते été".split()
TEXTS = [
    "The banks rate of the bank",
    "goals, GOALS & a league",
    "",
    "nothing here",
    "Don't! the the the",
    "Naïve",
    "bank " * 3000,
]
HOSTILE = [
    "naïve été NAI\u0308VE E\u0301TE\u0301",
    "नमस्ते दुनिया",
    "Ⅷ ½ x² 2020_a __ a\u200db",
    "İstanbul ΟΔΥΣΣΕΥΣ straße ﬁn",
    "e-mail don’t don't C++ 'quoted'",
    "tab\tnew\nline\x00nul\x7f\u202e",
    "한국어 عَرَبِيّ русский עִבְרִית",
    "😀 a😀b 👩‍💻",
]


def tokenizer(words=WORDS):
    made = Tokenizer(models.WordPiece({word: row for row, word in enumerate(["[UNK]", *words])}, unk_token="[UNK]"))
    made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    return made


def table(rows=17, width=12):
    return np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)


def write(folder, tensors, made=None):
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors")
    (made or tokenizer()).save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"model_type": "model2vec", "normalize": true}')
    return folder


def ours(folder, words, rows, **told):
    folder.mkdir()
    for name, content in static_files(words, rows, told).items():
        (folder / name).write_bytes(content)
    return folder


def unit(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths, lengths, 1)


def by_sentence_transformers(folder):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


@pytest.mark.parametrize("normalised", [False, True])
def test_a_model_of_sentence_transformers_gives_its_vectors(tmp_path, normalised):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    modules = [StaticEmbedding(tokenizer(), embedding_weights=table()), *[Normalize()][: int(normalised)]]
    theirs = SentenceTransformer(modules=modules, device="cpu")
    theirs.save(str(tmp_path / "model"))
    encoder = family_encoder(f"static:{tmp_path / 'model'}")
    assert isinstance(encoder, StaticFolderEncoder)
    assert encoder.dimension == 12
    expected = unit(theirs.encode(TEXTS, show_progress_bar=False))
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)


def test_a_model_of_model2vec_is_the_mean_of_its_rows(tmp_path):
    folder = write(tmp_path / "m2v", {"embeddings": table().astype(np.float16)})
    rows = table().astype(np.float16).astype(np.float64)
    read = tokenizer()
    expected = [rows[read.encode(text, add_special_tokens=False).ids].sum(axis=0) for text in TEXTS]
    found = StaticFolderEncoder(str(folder)).encode(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, unit(np.array(expected)), atol=1e-6)


def test_tokens_of_newer_models_share_rows_and_have_weights(tmp_path):
    mapping = np.arange(len(WORDS) + 1) // 2
    weights = np.linspace(0.1, 2, len(WORDS) + 1)
    few = table()[: mapping.max() + 1]
    newer = write(tmp_path / "newer", {"embeddings": few, "mapping": mapping, "weights": weights})
    folded = few[mapping] * weights[:, None].astype(np.float32)
    older = write(tmp_path / "older", {"embeddings": folded})
    both = [StaticFolderEncoder(str(folder)).encode(TEXTS) for folder in (newer, older)]
    np.testing.assert_array_equal(*both)


def test_a_vector_depends_on_its_text_alone(tmp_path):
    encoder = StaticFolderEncoder(str(write(tmp_path / "model", {"embeddings": table(width=301)})))
    random = np.random.default_rng(1)
    texts = [" ".join(random.choice(WORDS, random.integers(0, 60))) for _ in range(2500)]
    whole, order = encoder.encode(texts), random.permutation(len(texts))
    assert encoder.encode([texts[row] for row in order]).tobytes() == whole[order].tobytes()
    for row in range(0, len(texts), 97):
        assert encoder.encode(texts[row : row + 1]).tobytes() == whole[row].tobytes()
    assert encoder.encode([]).shape == (0, 301)


def test_what_we_write_others_read_alike(tmp_path):
    words = sorted({word for text in [*TEXTS, *HOSTILE] for word in words_of(text)})[::2]
    folder = ours(tmp_path / "model", words, table(len(words)))
    encoder, theirs = StaticFolderEncoder(str(folder)), by_sentence_transformers(folder)
    texts = TEXTS + HOSTILE
    np.testing.assert_allclose(encoder.encode(texts), theirs.encode(texts, show_progress_bar=False), atol=1e-6)
    assert load_file(folder / "model.safetensors")["embeddings"].shape == (len(words) + 1, 12)


@pytest.mark.parametrize("text", [*TEXTS, *HOSTILE])
def test_the_tokenizer_we_write_has_the_same_words(text):
    words = sorted(set(words_of(text)))
    made = Tokenizer.from_str(static_files(words, table(len(words)), {})["tokenizer.json"].decode())
    assert made.encode(text).tokens == words_of(text)


def test_scripts_without_spaces_are_cut_into_words(tmp_path):
    encoder = StaticFolderEncoder(str(ours(tmp_path / "model", ["東京", "世界"], np.eye(2, dtype=np.float32))))
    np.testing.assert_allclose(encoder.encode(["世界、東京!", "東京", "京"]), [[0.5**0.5, 0.5**0.5], [1, 0], [0, 0]])


def test_the_fingerprint_is_that_of_the_files_that_decide(tmp_path):
    first = write(tmp_path / "first", {"embeddings": table()})
    copied = shutil.copytree(first, tmp_path / "copied")
    (copied / "README.md").write_text("about it")
    other = write(tmp_path / "other", {"embeddings": np.nextafter(table(), np.float32(9))})
    told = [StaticFolderEncoder(str(folder)).fingerprint for folder in (first, copied, other)]
    assert told[0] == told[1] != told[2]
    assert StaticFolderEncoder(str(first)).vector_key == told[0]


def test_a_name_on_the_hub_is_looked_for_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    cache_model(tmp_path / "cache", "owner/potion", write(tmp_path / "model", {"embeddings": table()}))
    found = family_encoder("static:owner/potion").encode(TEXTS)
    assert found.tobytes() == StaticFolderEncoder(str(tmp_path / "model")).encode(TEXTS).tobytes()
    (listed,) = [listed for listed in installed() if listed.where == "hub cache"]
    assert (listed.name, listed.family, listed.dimension) == ("static:owner/potion", "static", 12)
    with pytest.raises(ModelNotFound, match="no encoder 'owner/other'"):
        family_encoder("static:owner/other")


def test_it_embeds_a_corpus(tmp_path):
    encoder = StaticFolderEncoder(str(write(tmp_path / "model", {"embeddings": table()})))
    corpus = Corpus.from_texts(TEXTS)
    found = embed(corpus.texts, encoder, encoder.name, NO_STORE)
    np.testing.assert_allclose(found.vectors, encoder.encode(list(corpus.texts.texts)), atol=1e-6)


# --- what is none says so ------------------------------------------------------------------------


def test_options_of_word_vectors_are_refused(tmp_path):
    write(tmp_path / "model", {"embeddings": table()})
    with pytest.raises(InvalidConfig, match="takes no options, got sif"):
        family_encoder(f"static:{tmp_path / 'model'}?sif=1")


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json"])
def test_a_folder_without_a_part_names_it(tmp_path, missing):
    (write(tmp_path / "model", {"embeddings": table()}) / missing).unlink()
    with pytest.raises(ModelNotFound, match=f"has no {missing}, so it is no static model"):
        family_encoder(f"static:{tmp_path / 'model'}")


def test_other_models_of_sentence_transformers_are_no_static_ones(tmp_path):
    folder = write(tmp_path / "model", {"embeddings": table()})
    kinds = [{"path": "", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}]
    (folder / "modules.json").write_text(json.dumps(kinds))
    with pytest.raises(ModelNotFound, match="is no static model but made of Transformer, Pooling"):
        family_encoder(f"static:{folder}")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"weight": table()}, "has no table named embedding.weight or embeddings"),
        ({"embeddings": table()[0]}, "has no table named"),
        ({"embeddings": table(3)}, r"the tokenizer knows 17 tokens, the table has 3 rows"),
        ({"embeddings": np.full_like(table(), np.nan)}, "has values that are not finite"),
        ({"embeddings": table(), "mapping": np.array([99])}, "cannot be read .IndexError"),
        ({"embeddings": table(), "weights": np.ones(3)}, "cannot be read .ValueError"),
    ],
)
def test_a_table_that_does_not_fit_is_told(tmp_path, tensors, message):
    encoder = StaticFolderEncoder(str(write(tmp_path / "model", tensors)))
    with pytest.raises(InvalidInput, match=message):
        encoder.encode(["bank"])


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_told(tmp_path, name):
    folder = write(tmp_path / "model", {"embeddings": table()})
    (folder / name).write_bytes((folder / name).read_bytes()[:50])
    encoder = StaticFolderEncoder(str(folder))
    with pytest.raises(InvalidInput, match=r"cannot be read .*; get it again"):
        encoder.encode(["bank"])
    if name == "model.safetensors":
        with pytest.raises(InvalidInput, match="cannot be read"):
            encoder.dimension  # noqa: B018 - a property that raises


def test_a_folder_of_a_later_version_says_so(tmp_path):
    folder = ours(tmp_path / "model", ["bank"], table(1))
    config = json.loads((folder / "config.json").read_text())
    config[MARK]["words"] = 99
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InvalidInput, match="written by a later version of topics"):
        StaticFolderEncoder(str(folder)).encode(["bank"])
