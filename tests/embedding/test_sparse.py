"""Sparse encoders: what is active, what its projection keeps, what a run makes of both."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import sentence_transformers
import torch
from fakes import HashingEncoder
from scipy import sparse
from splade import IMPLIED, MONEY, SPORT, VOCABULARY, write_router, write_splade, write_static

import topics
from topics.data import Corpus
from topics.embedding import activate, is_sparse, objects, prepare
from topics.embedding.listing import describe
from topics.embedding.openvino import silence
from topics.embedding.packing import packed, unpacked
from topics.embedding.projection import PARTS, project
from topics.embedding.sparse import SparseEncoder
from topics.embedding.wordpieces import whole_words
from topics.errors import InvalidConfig, InvalidInput, ModelNotFound
from topics.pipeline import fit_topics
from topics.steps import STAGES
from topics.store import NO_STORE, Ref, Store
from topics.updates.refits import Refits
from topics.workshop import Workshop


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A model in which a word activates itself and what it implies."""
    return write_splade(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def deep(tmp_path_factory):
    """A model with attention, whose last bits could depend on a batch."""
    return write_splade(tmp_path_factory.mktemp("deep"), layers=2, threshold=3.0)


@pytest.fixture(scope="session")
def texts():
    rng = np.random.default_rng(0)
    words = [*MONEY, *SPORT, "the", "unheard"]
    return ["", "unheard"] + [" ".join(rng.choice(words, many)) for many in (1, 2, 3, 7, 8, 9, 15, 16, 17, 30, 46, 90)]


@pytest.fixture(scope="session")
def documents():
    rng = np.random.default_rng(1)
    return [f"{' '.join(rng.choice(theme, 6))} {row}" for row in range(40) for theme in (MONEY, SPORT)]


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


# --- a run ---------------------------------------------------------------------------------------


def test_topics_are_found_and_told_by_words_nobody_said(plain, documents, tmp_path):
    name, store = f"sparse:{plain}?dimensions=512", Store(tmp_path / "store")
    run = topics.fit(documents, encoder=name, store=store)
    assert len(run.topics) >= 2
    for terms, words in zip(run.topics["terms"], run.topics["aspect_expansion"], strict=True):
        theme = "economy" if set(terms) & set(MONEY) else "football"
        assert theme in words
        assert set(words[:5]) <= {*IMPLIED[theme], theme}
        assert not {"the", "[CLS]", "##ing", "Bank"} & set(words)
    assert run.model.vectors.shape == (len(documents), 512)
    again = topics.fit(documents[::-1], encoder=name, store=store, workers=2, batch_size=3)
    assert again == run
    loaded = topics.load(run.save(tmp_path / "run"))
    assert loaded == run
    assert loaded.topics["aspect_expansion"].tolist() == run.topics["aspect_expansion"].tolist()
    assert loaded.topics.columns[-1] == "aspect_expansion"
    placed = loaded.assign(["treasury deposit bank", "coach stadium goal"], store=store)
    assert placed["nearest"].nunique() == 2


def counting(monkeypatch):
    seen = []
    original = SparseEncoder.packed
    monkeypatch.setattr(SparseEncoder, "packed", lambda self, texts: seen.extend(texts) or original(self, texts))
    return seen


def test_the_model_sees_a_text_once(plain, documents, tmp_path, monkeypatch):
    store, seen = Store(tmp_path), counting(monkeypatch)
    topics.fit(documents, encoder=f"sparse:{plain}", store=store)
    assert sorted(seen) == sorted(documents)
    seen.clear()
    assert all(stage.cached for stage in topics.fit(documents, encoder=f"sparse:{plain}", store=store).stages)
    other = topics.fit(documents, encoder=f"sparse:{plain}?dimensions=64", store=store)
    assert other.model.vectors.shape[1] == 64
    topics.embed(documents, f"sparse:{plain}?dimensions=128", store=store)
    topics.fit([*documents, "one more"], encoder=f"sparse:{plain}", store=store)
    assert seen == ["one more"]


def test_its_name_and_its_object_give_the_same(plain, documents):
    name = f"sparse:{plain}"
    named = topics.fit(documents, encoder=name, store=NO_STORE)
    given = topics.fit(documents, encoder=SparseEncoder(plain), store=NO_STORE)
    assert given.topics["aspect_expansion"].tolist() == named.topics["aspect_expansion"].tolist()
    assert given.model.vectors.tobytes() == named.model.vectors.tobytes()
    assert not given.model.vectors.flags.writeable
    assert given.model.fingerprint == named.model.fingerprint
    texts = Corpus.from_texts(documents).texts
    found = activate(texts, SparseEncoder(plain), name)
    assert found.embeddings.vectors.tobytes() == SparseEncoder(plain).encode(list(texts.texts)).tobytes()
    assert found.embeddings.vectors.tobytes() == topics.embed(list(texts.texts), name, store=NO_STORE).vectors.tobytes()


def test_stages_may_run_elsewhere_and_leave_their_results_in_the_store(plain, documents, tmp_path):
    store, config = Store(tmp_path), topics.Config.of(encoder=f"sparse:{plain}")

    def elsewhere(stage, inputs, params):
        return Workshop(Store(store.root)).run(STAGES[stage.name], inputs, params)

    corpus = Corpus.from_texts(documents)
    store.save(Ref("corpus", corpus.key), corpus)
    run = fit_topics(corpus, config, Workshop(store), elsewhere)
    assert run == topics.fit(documents, config, store=NO_STORE)


def test_what_a_fit_made_of_its_vectors_is_found_by_further_fits(plain, documents, tmp_path):
    store = Store(tmp_path)
    run = topics.fit(documents, encoder=f"sparse:{plain}", store=store)
    graphs = {entry.ref.key for entry in store.entries("graph")}
    Refits(run, Workshop(store)).with_seed(run.config.seed)
    assert {entry.ref.key for entry in store.entries("graph")} == graphs


def test_vectors_that_are_post_processed_leave_the_expansions_as_they_are(plain, documents):
    run = topics.fit(documents, encoder=f"sparse:{plain}", store=NO_STORE, postprocess="center")
    assert {"economy", "football"} <= {word for words in run.topics["aspect_expansion"] for word in words}


def test_stop_words_of_the_run_are_not_listed(plain, documents):
    left_out = ["economy", "Football", "bank"]
    run = topics.fit(documents, encoder=f"sparse:{plain}", store=NO_STORE, stop_words=left_out, n_terms=4)
    for words in run.topics["aspect_expansion"]:
        assert 0 < len(words) <= 4
        assert not {"economy", "football", "bank"} & set(words)


def test_runs_of_other_encoders_have_no_such_column_and_no_such_stage():
    run = topics.fit([f"text number {row}" for row in range(30)], encoder=HashingEncoder(), store=NO_STORE)
    assert "aspect_expansion" not in run.topics
    assert not {"activations", "expansions"} & {stage.name for stage in run.stages}


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
