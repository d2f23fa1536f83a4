"""Long texts are read to their end, short ones as ever; and nobody can tell in what company."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders import THEMES
from fakes import HashingEncoder
from surfaces_fakes import convert, documents, write_model

import topics
from topics import NO_STORE, Store
from topics.data import Lengths
from topics.embedding import families, reading_all, splitting
from topics.embedding.checkpoint import Checkpoint
from topics.embedding.openvino import OpenVinoEncoder
from topics.embedding.passages import cut
from topics.embedding.splitting import Splitting, longer, measure, measures
from topics.embedding.static import StaticEncoder
from topics.embedding.static_folder import StaticFolderEncoder, static_files
from topics.errors import InvalidConfig, InvalidInput
from topics.steps import EMBED, ENCODER
from topics.store import Ref, stage_key

WORDS = [word for theme in THEMES for word in theme]
LIMIT = 16


class Reading(HashingEncoder):
    """Reads so many words, and says so."""

    def __init__(self, max_length=LIMIT, **how):
        super().__init__(**how)
        self.max_length = max_length
        self.asked = []

    def count_tokens(self, sentences, /):
        return [len(text.split()) for text in sentences]

    def encode(self, sentences, /):
        self.asked.append(len(sentences))
        return super().encode([" ".join(text.split()[: self.max_length]) for text in sentences])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "words"
    write_model(folder)
    return convert(Checkpoint("words", folder))


@pytest.fixture
def encoder(model):
    return OpenVinoEncoder(model, max_length=LIMIT)


def texts_of(*lengths, seed=0):
    """Texts of so many words, in sentences of five."""
    random = np.random.default_rng(seed)
    words = [list(random.choice(WORDS, many)) for many in lengths]
    return [" ".join(w if i % 5 else f"{w}." for i, w in enumerate(some, 1)).capitalize() for some in words]


MIXED = texts_of(3, 100, 1, 13, 14, 400, 12, 60, 17, 16, 15, 250)


# --- vectors ------------------------------------------------------------------------------------


def test_a_text_that_fits_has_the_vector_it_always_had(encoder):
    short = [text for text in MIXED if encoder.count_tokens([text])[0] <= LIMIT]
    assert 4 <= len(short) < len(MIXED)
    got = Splitting(encoder).encode(MIXED)
    want = encoder.encode(MIXED)
    for row, text in enumerate(MIXED):
        assert (got[row].tobytes() == want[row].tobytes()) == (text in short)


def test_a_long_text_has_the_mean_of_its_passages_by_their_tokens(encoder):
    text = MIXED[5]
    found = cut(text, encoder.count_tokens, LIMIT, LIMIT // 8)
    vectors = encoder.encode([text[passage.start : passage.end] for passage in found]).astype(np.float64)
    mean = np.average(vectors, axis=0, weights=[passage.tokens for passage in found])
    [got] = Splitting(encoder).encode([text])
    np.testing.assert_allclose(got, mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize("portion", [1, 2, 7, 8192])
@pytest.mark.parametrize(("threads", "batch_size"), [(1, 64), (2, 3)])
def test_a_vector_has_the_same_bits_in_any_batch_order_portion_and_number_of_threads(
    model, encoder, monkeypatch, portion, threads, batch_size
):
    want = Splitting(encoder).encode(MIXED)
    monkeypatch.setattr(splitting, "_PASSAGES", portion)
    again = Splitting(OpenVinoEncoder(model, threads, batch_size, max_length=LIMIT))
    order = np.random.default_rng(portion).permutation(len(MIXED))
    assert again.encode([MIXED[row] for row in order]).tobytes() == want[order].tobytes()
    for row in order[:4]:
        assert again.encode([MIXED[row]]).tobytes() == want[row].tobytes()


def test_the_end_of_a_text_counts(encoder):
    head, one, other = texts_of(60, 60, 60)
    texts = [f"{head} {one}", f"{head} {other}"]
    first, second = encoder.encode(texts)
    assert first.tobytes() == second.tobytes()
    first, second = Splitting(encoder).encode(texts)
    assert first @ second < 0.99


def test_vectors_of_any_length_are_pooled_by_direction():
    class Scaled(Reading):
        def encode(self, sentences, /):
            return super().encode(sentences) * np.array([[1 + len(text) % 5] for text in sentences], dtype=np.float32)

    long = texts_of(100)
    np.testing.assert_allclose(Splitting(Scaled()).encode(long), Splitting(Reading()).encode(long), atol=1e-6)


def test_a_prompt_comes_before_every_passage(model):
    encoder = OpenVinoEncoder(model, prompt="bank rate ", max_length=LIMIT)
    assert encoder.count_tokens(["", "goal"]) == [2, 3]
    text = MIXED[1]
    found = cut(text, encoder.count_tokens, LIMIT)
    assert all(passage.tokens <= LIMIT for passage in found)
    assert len(found) > len(cut(text, OpenVinoEncoder(model).count_tokens, LIMIT))


def test_a_prompt_that_leaves_no_room_is_refused(model):
    encoder = Splitting(OpenVinoEncoder(model, prompt="bank rate inflation ", max_length=3))
    with pytest.raises(InvalidConfig, match="of the 3 tokens the encoder reads, 3 are its own or the prompt's"):
        encoder.encode(["goal league"])


def test_a_huge_text_is_encoded_in_portions(monkeypatch):
    monkeypatch.setattr(splitting, "_PASSAGES", 50)
    encoder = Reading()
    [got] = Splitting(encoder).encode(texts_of(20_000))
    assert max(encoder.asked) == 50
    assert len(encoder.asked) > 20
    assert np.linalg.norm(got) == pytest.approx(1)


def test_no_texts_no_vectors(encoder):
    assert Splitting(encoder).encode([]).shape == (0, encoder.dimension)


def test_what_an_encoder_gives_is_checked():
    encoder = Reading()
    encoder.encode = lambda sentences: np.ones((1, 3))
    with pytest.raises(InvalidInput, match=r"an array of shape \(1, 3\) for \d+ texts"):
        Splitting(encoder).encode(texts_of(100))


# --- which encoders -----------------------------------------------------------------------------


def test_its_vectors_are_kept_apart(encoder):
    split = Splitting(encoder)
    assert split.fingerprint != encoder.fingerprint
    assert split.fingerprint.startswith(encoder.fingerprint)
    assert split.vector_key not in (encoder.vector_key, split.fingerprint)
    assert "icu4py" in split.vector_key


def test_an_encoder_nobody_can_tell_from_another_stays_so():
    encoder = Reading()
    del encoder.fingerprint
    assert Splitting(encoder).fingerprint == Splitting(encoder).vector_key == ""


def test_what_reads_all_is_left_as_it_is(tmp_path):
    (tmp_path / "words.txt").write_text("goal 1 0\nbank 0 1\n")
    encoder = StaticEncoder(path=tmp_path / "words.txt")
    assert reading_all(encoder, "static:words.txt") is encoder
    assert measure(encoder, MIXED).limit == 0


@pytest.mark.parametrize("name", ["remote:m?url=http://localhost/v1", "<HashingEncoder>"])
def test_what_does_not_say_how_much_it_reads_is_refused_with_what_can_be_done(name):
    encoder = families.family_encoder(name) or HashingEncoder()
    assert not measures(encoder)
    assert measure(encoder, MIXED).limit == 0
    with pytest.raises(
        InvalidConfig, match=r"long=split: (remote:m|<Hash).* does not say .* long=truncate.*count_tokens"
    ):
        reading_all(encoder, name)


def test_a_static_model_reads_all_unless_its_tokenizer_cuts(tmp_path):
    for name, data in static_files(("bank", "goal"), np.eye(2, dtype=np.float32), {}).items():
        (tmp_path / name).write_bytes(data)
    encoder = StaticFolderEncoder(str(tmp_path))
    assert reading_all(encoder, "static") is encoder
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    tokenizer["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    with pytest.raises(InvalidConfig, match="does not say how many tokens"):
        reading_all(StaticFolderEncoder(str(tmp_path)), "static")


def test_terms_of_sparse_encoders_are_not_pooled():
    class Sparse(Reading):
        def packed(self, sentences, /):
            raise AssertionError

    for encoder in ("sparse:naver/splade-v3", Sparse()):
        with pytest.raises(InvalidConfig, match=r"long=split: the terms that .* finds in passages are not pooled"):
            topics.fit(texts_of(3, 40), encoder=encoder, long="split", store=NO_STORE)


def test_lengths_are_told_where_some_are_too_long():
    lengths = measure(Reading(), MIXED)
    assert lengths.tokens.tolist() == [len(text.split()) for text in MIXED]
    told = "Longer than the 16 tokens the encoder reads: 5 of 12 texts, "
    assert longer(lengths, "truncate") == [told + "cut off there (long=truncate)."]
    assert longer(lengths, "split") == [told + "read in passages (long=split)."]
    [told] = longer(lengths, "split", np.arange(12))
    assert "32 of 66 documents, " in told
    assert longer(measure(Reading(1000), MIXED), "split") == []
    assert longer(Lengths.unknown(), "truncate") == []


# --- topics -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cutting(world):
    """The encoder of the world, reading less than most of its documents."""
    return f"{world.model}?max_length=8"


@pytest.fixture(scope="module")
def split(world, cutting):
    return world.fit(encoder=cutting, long="split")


def test_new_documents_are_read_as_those_of_the_fit(world, cutting, split, tmp_path):
    texts = [f"{text} Once more {text}" for text in documents()["text"][:20] if text]
    for run in (split, topics.load(split.save(tmp_path / "run"))):
        assert run.config.long == "split"
        found = topics.api.vectors_of(run, topics.Corpus.from_texts(texts).texts, world.store("shared"))
        want = topics.embed(texts, cutting, long="split", store=world.store("other"))
        assert want.fingerprint == run.model.fingerprint
        assert set(map(bytes, found)) == set(map(bytes, want.vectors))
        assert not run.assign(texts, store=world.store("shared"))["known"].any()
        assert len(run.search(texts[0], store=world.store("shared")).documents)


def test_a_run_that_truncates_has_the_keys_and_vectors_it_always_had(world, cutting, split):
    run = world.fit(encoder=cutting)
    keys = {stage.name: stage.key for stage in run.stages}
    inputs = [Ref("encoder", keys["encoder"]), Ref("texts", _texts(world), within=None)]
    assert keys["encoder"] == stage_key(
        ENCODER.name, ENCODER.version, ENCODER.resolve({"name": world.model}), [], ENCODER.libraries
    )
    assert keys["embeddings"] == stage_key(EMBED.name, 2, {"name": cutting}, inputs, EMBED.libraries)
    assert keys["embeddings"] != {stage.name: stage.key for stage in split.stages}["embeddings"]
    assert run.model.vectors.tobytes() != split.model.vectors.tobytes()


def _texts(world):
    return topics.corpus.read(topics.corpus.Source(str(world.csv))).corpus.texts.fingerprint[:40]


def test_where_all_texts_fit_only_the_fingerprint_tells(world):
    short, split = world.fit(), world.fit(long="split")
    assert split.model.vectors.tobytes() == short.model.vectors.tobytes()
    assert split.model.labels.tobytes() == short.model.labels.tobytes()
    assert short.provenance["advice"] == split.provenance["advice"] == []


def test_a_run_says_how_many_documents_were_too_long(world, cutting, split, caplog):
    assert split.provenance["advice"] == [
        "Longer than the 8 tokens the encoder reads: 159 of 159 documents, read in passages (long=split)."
    ]
    with caplog.at_level("INFO", logger="topics"):
        again = world.fit(encoder=cutting)
    [told] = again.provenance["advice"]
    assert told.endswith("cut off there (long=truncate).")
    assert "Longer than the 8 tokens the encoder reads: 157 of 157 texts" in caplog.text


def test_the_report_says_so_too(split, tmp_path):
    folder = split.save(tmp_path / "run")
    for name in ("report.html", "report.md"):
        assert "Longer than the 8 tokens the encoder reads" in (folder / name).read_text("utf-8")


def test_an_object_that_says_how_much_it_reads_can_be_split(tmp_path):
    texts, store = texts_of(*[40] * 30, seed=1), Store(tmp_path)
    run = topics.fit(texts, encoder=Reading(), long="split", store=store)
    assert run.model.fingerprint == Splitting(Reading()).fingerprint
    again = Reading()
    assert topics.fit(texts, encoder=again, long="split", store=store) == run
    assert not again.asked
    assert run.provenance["advice"]
    assert run.assign(texts_of(50), store=store)["topic"].between(-1, len(run.topics)).all()


def test_given_vectors_leave_nothing_to_split():
    with pytest.raises(InvalidConfig, match="long=split: vectors were given, and no text is left to split"):
        topics.fit(texts_of(3, 4, 5), embeddings=np.eye(3), long="split", store=NO_STORE)


def test_another_word_is_refused():
    with pytest.raises(InvalidConfig, match="long='both': Input should be 'truncate' or 'split'"):
        topics.fit(["a"], long="both", store=NO_STORE)
