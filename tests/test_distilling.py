"""`topics distill`, from documents to a folder that encodes; by the library and by the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes import HashingEncoder, themed_corpus
from surfaces_fakes import in_this_process, stand_in

import topics
from topics import InvalidConfig, InvalidInput, ModelNotFound, Store

TEXTS = themed_corpus(400, themes=5)[0]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def make(tmp_path, store):
    def made(documents=TEXTS, output="model", **given):
        return topics.distill(documents, tmp_path / output, **{"encoder": HashingEncoder(), "store": store, **given})

    return made


def test_the_model_is_like_its_teacher_on_texts_neither_was_fitted_to(make, tmp_path, store):
    made = make()
    assert (made.path, made.encoder) == (tmp_path / "model", f"static:{tmp_path / 'model'}")
    assert (made.teacher, made.documents, made.held_out, made.dimension) == ("<HashingEncoder>", 400, 80, 32)
    assert made.after.cosine > made.before.cosine
    assert made.after.cosine > 0.9
    fresh = [text for text in themed_corpus(500, themes=5, seed=1)[0] if text not in TEXTS]
    found = topics.embed(fresh, made.encoder, store=store).vectors
    assert (found * HashingEncoder().encode(fresh)).sum(axis=1).mean() > 0.9


def test_neither_the_order_of_the_rows_nor_threads_nor_repeats_change_a_bit(make):
    first = contents(make().path)
    again = [*np.random.default_rng(0).permutation(TEXTS).tolist(), *TEXTS[:50], "", None]
    assert contents(make(again, "again", workers=3, store=topics.NO_STORE).path) == first
    assert contents(make(sample=200, output="other").path) != first


def test_what_the_teacher_encoded_is_kept(make):
    first, second = HashingEncoder(), HashingEncoder()
    make(encoder=first)
    make(encoder=second, output="again")
    assert len(first.encoded) > 400
    assert second.encoded == []


def test_the_folder_tells_what_it_was_made_of(make):
    made = make(sample=300, words=40)
    told = json.loads((made.path / "config.json").read_text("utf-8"))["topics"]
    assert (told["teacher"], told["documents"], told["held_out"]) == ("<HashingEncoder>", 300, 60)
    assert told["teacher_fingerprint"] == HashingEncoder().fingerprint
    assert told["after"] == {"cosine": round(made.after.cosine, 4), "neighbors": round(made.after.neighbors, 4)}
    assert made.words == 40
    assert sorted(contents(made.path)) == ["config.json", "model.safetensors", "modules.json", "tokenizer.json"]


def test_functions_and_transformers_can_teach(make):
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    made = make(encoder=make_pipeline(TfidfVectorizer(), TruncatedSVD(8, random_state=0)))
    assert made.dimension == 8
    assert made.after.cosine > 0.7
    assert make(encoder=lambda texts: HashingEncoder().encode(texts), output="function").after.cosine > 0.9


def test_an_earlier_model_is_replaced_whole_and_nothing_else_is(make, tmp_path, caplog):
    caplog.set_level("INFO", "topics")
    make(sample=200)
    assert "Replacing" not in caplog.text
    made = make()
    assert "Replacing the model in" in caplog.text
    assert json.loads((made.path / "config.json").read_text("utf-8"))["topics"]["documents"] == 400
    assert [path.name for path in tmp_path.glob(".model*")] == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    with pytest.raises(InvalidInput, match="is not empty and holds no distilled model"):
        make(output="mine")
    assert (tmp_path / "mine" / "config.json").read_text() == "{}"
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="file is a file"):
        make(output="file")
    with pytest.raises(InvalidInput, match="file is a file"):
        make(output="file/model")


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"documents": TEXTS[:60]}, InvalidInput, "there are 60 distinct documents with text; .* at least 100"),
        ({"documents": TEXTS[:99] * 3}, InvalidInput, "there are 99 distinct documents"),
        ({"documents": [f"word{i}" for i in range(200)]}, InvalidInput, "no word is in 3 of the 200 documents"),
        ({"sample": 99}, InvalidConfig, "sample=99; allowed are whole numbers from 100 to 10000"),
        ({"sample": 10_001}, InvalidConfig, "sample=10001"),
        ({"words": 0}, InvalidConfig, "words=0"),
        ({"encoder": 3}, InvalidConfig, "the encoder is a int"),
        ({"encoder": "precomputed:x.npy"}, InvalidConfig, "precomputed:x.npy: a teacher has to encode words"),
        ({"encoder": "nonesuch"}, ModelNotFound, "no encoder 'nonesuch'"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(make, tmp_path, monkeypatch, given, kind, message):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(kind, match=message):
        make(**given)
    assert not (tmp_path / "model").exists()


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def cli(world, tmp_path, monkeypatch, capfd):
    stand_in(world.store("distilled"), tmp_path, monkeypatch)
    return in_this_process(capfd)


def test_the_command_says_how_faithful_the_model_is_and_how_to_use_it(cli, world, tmp_path):
    code, out, err = cli("distill", world.model, world.csv, "--text", "text")
    assert code == 0, err
    assert "encodes 157 documents and" in err
    assert "On 31 documents that it was not fitted to: cosine with" in out
    assert f"Use it: topics fit {world.csv} --encoder static:outputs/documents-static" in out
    code, out, err = cli("fit", world.csv, "--text", "text", "--encoder", "static:outputs/documents-static")
    assert code == 0, err
    code, out, err = cli("encoders", "static:outputs/documents-static", "--json")
    listed = next(row for row in json.loads(out)["encoders"] if row["name"] == "static:outputs/documents-static")
    assert (listed["where"], listed["dimension"], listed["problem"]) == ("folder", 24, "")


def test_json_is_all_that_is_printed(cli, world, tmp_path):
    code, out, err = cli("distill", world.model, world.csv, "--sample", 120, "--output", "mine", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert (told["encoder"], told["path"], told["documents"]) == ("static:mine", "mine", 120)
    assert set(told["after"]) == {"cosine", "neighbors"}


def test_a_mistake_is_a_paragraph_and_exit_code_2(cli, world):
    code, out, err = cli("distill", "nonesuch", world.csv)
    assert (code, out) == (2, "")
    assert err.startswith("Error: no encoder 'nonesuch'")
