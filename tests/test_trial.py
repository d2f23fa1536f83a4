"""Encoders tried on documents: the sample, the measures, and what happens to one that fails."""

from __future__ import annotations

import json
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from fakes import HashingEncoder
from surfaces_fakes import DIMENSION, convert, documents, in_this_process

import topics
from topics import Corpus, InvalidConfig, InvalidInput, Store, try_encoders
from topics.embedding import families
from topics.trial import class_agreement
from topics.vectors import unit_rows


class Family(HashingEncoder):
    """Encoders by name whose texts are remembered; `fake:broken` fails."""

    example, needs = "fake:anything", "nothing"
    asked: ClassVar[Counter[str]] = Counter()

    def __init__(self, name: str) -> None:
        super().__init__(16, name)
        self.name, self.vector_key = name, self.fingerprint

    @classmethod
    def of(cls, rest, options, threads=1, batch_size=64):
        return cls(rest)

    def encode(self, sentences, /):
        if self.name == "broken":
            raise RuntimeError("no such luck")
        self.asked.update(sentences)
        return super().encode(sentences)


@pytest.fixture(autouse=True)
def here(world, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TOPICS_STORE", str(world.store("trial").root))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("topics.embedding.convert", convert)
    monkeypatch.setattr("topics.embedding.checkpoint.find_spec", lambda _: None)
    monkeypatch.setitem(families.FAMILIES, "fake", (__name__, "Family"))
    imported = families.import_module
    monkeypatch.setattr(
        families, "import_module", lambda n: type("M", (), {"Family": Family}) if n == __name__ else imported(n)
    )
    Family.asked = Counter()
    return tmp_path


# --- how well neighbours tell the class ---------------------------------------------------------


@pytest.mark.parametrize("u", [2, 3, 8, 60])
def test_agreement_is_that_of_counting_by_hand(u):
    random = np.random.default_rng(u)
    vectors = unit_rows(random.normal(size=(u, 4)).astype(np.float32))
    classes = np.append(random.integers(-1, 3, u - 2), [0, 1])
    known = [row for row in range(u) if classes[row] >= 0]
    right = 0
    for row in known:
        near = sorted((other for other in known if other != row), key=lambda o: -float(vectors[row] @ vectors[o]))[:10]
        votes = Counter(classes[other] for other in near)
        told = next(classes[other] for other in near if votes[classes[other]] == max(votes.values()))
        right += told == classes[row]
    found = class_agreement(vectors, classes)
    assert found["agreement"] == pytest.approx(right / len(known))
    assert found["baseline"] == pytest.approx(max(Counter(classes[known]).values()) / len(known))


@pytest.mark.parametrize("classes", [[-1, -1, -1], [1, 1, 1], [0, -1, -1]])
def test_without_two_classes_nothing_can_be_told(classes):
    found = class_agreement(np.eye(3, dtype=np.float32), np.array(classes))
    assert found == {"agreement": None, "baseline": None}


def test_texts_apart_by_class_agree_and_chance_does_not():
    random = np.random.default_rng(0)
    classes = np.repeat([0, 1], 40)
    apart = unit_rows((np.eye(2)[classes] + random.normal(0, 0.05, (80, 2))).astype(np.float32))
    assert class_agreement(apart, classes)["agreement"] == 1
    assert class_agreement(apart, random.permutation(classes))["agreement"] < 0.75


# --- the sample ---------------------------------------------------------------------------------


def test_the_sample_is_the_same_whatever_the_order_of_the_rows():
    table = documents()
    one = try_encoders(table, "fake:one", text="text", class_="class", sample=30)
    asked = Family.asked
    Family.asked = Counter()
    two = try_encoders(table.sample(frac=1, random_state=1), "fake:two", text="text", class_="class", sample=30)
    assert set(asked) == set(Family.asked)
    assert len(asked) == 30
    assert (one["texts"].item(), two["texts"].item()) == (30, 30)
    assert one["baseline"].item() == two["baseline"].item()


def test_a_text_with_several_classes_has_that_of_most_of_its_documents():
    table = documents(40)
    for row, known in ((40, "class 0"), (41, "class 1")):
        table.loc[row] = {**table.loc[1], "class": known}
    given, plain = (try_encoders(t, "fake:x", text="text", class_="class") for t in (table, documents(40)))
    assert given["agreement"].item() == plain["agreement"].item()


def test_the_estimate_is_for_all_distinct_texts():
    found = try_encoders(documents(), "fake:x", text="text", sample=20).loc[0]
    assert found["estimate"] == pytest.approx(157 / found["per_second"])


# --- what is kept -------------------------------------------------------------------------------


def test_a_later_fit_finds_the_vectors(here):
    store = Store(here / "store")
    try_encoders(documents(), "fake:x", text="text", sample=50, store=store)
    tried, Family.asked = Family.asked, Counter()
    topics.embed(documents(), "fake:x", text="text", store=store)
    assert not set(tried) & set(Family.asked)
    assert len(Family.asked) == 157 - 50


def test_where_all_vectors_are_kept_speed_is_measured_all_the_same(here):
    store = Store(here / "store")
    found = [try_encoders(documents(), "fake:x", text="text", store=store).loc[0] for _ in range(2)]
    assert found[1]["per_second"] > 0
    assert found[0]["agreement"] is found[1]["agreement"] or np.isnan(found[1]["agreement"])


def test_the_bits_are_those_of_a_fit(world, here):
    store, other = world.store("tried"), world.store("plain")
    try_encoders(world.csv, world.model, text="text", store=store)
    for where in (store, other):
        found = topics.embed(world.csv, world.model, text="text", store=where).vectors
        assert found.tobytes() == topics.embed(world.csv, world.model, text="text", store=other).vectors.tobytes()


# --- which are tried ----------------------------------------------------------------------------


def test_one_that_fails_says_why_and_the_others_go_on():
    found = try_encoders(documents(), "fake:broken", "nothing", "fake:x", text="text").set_index("name")
    assert found.problem["fake:broken"] == "RuntimeError: no such luck"
    assert "no encoder 'nothing'" in found.problem["nothing"]
    assert found.problem["fake:x"] == ""
    assert found.per_second.notna().tolist() == [False, False, True]


def test_a_service_is_tried_only_where_it_is_named(here, monkeypatch):
    from topics.embedding.remote import RemoteEncoder

    asked = []

    def encode(self, sentences, /):
        asked.append(sentences)
        return np.ones((len(sentences), 3), np.float32)

    monkeypatch.setattr(RemoteEncoder, "encode", encode)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    store = Store(here / "store")
    topics.embed(documents(), "fake:x", text="text", store=store)
    with pytest.raises(InvalidConfig, match="no encoder on this machine"):
        try_encoders(documents(), text="text", store=store)
    assert asked == []
    name = "remote:text-embedding-3-small"
    first = try_encoders(documents(), name, text="text", sample=20, store=store).loc[0]
    assert sum(map(len, asked)) == 20
    assert first["per_second"] > 0
    again = try_encoders(documents(), name, text="text", sample=20, store=store).loc[0]
    assert sum(map(len, asked)) == 20  # paid for once
    assert np.isnan(again["per_second"])
    assert again["dimension"] == 3


def test_a_large_model_is_tried_only_where_it_is_named(world, here, monkeypatch):
    monkeypatch.setattr("topics.trial._LARGE", 10)
    for name in ("modules.json", "model.safetensors"):
        (here / name).write_text("[]")
    (here / "words.json").write_text((world.folder / "model" / "words.json").read_text())
    store = Store(here / "store")
    topics.embed(["some text"], str(here), store=store)
    (found,) = try_encoders(documents(), text="text", store=store).itertuples()
    assert "bytes; name it to have it tried" in found.problem
    (found,) = try_encoders(documents(), str(here), text="text", store=store).itertuples()
    assert found.problem == ""


def test_a_text_longer_than_is_read_counts_as_too_long(world):
    texts = ["bank " * 257, "bank " * 256, "bank", "goal"]
    found = try_encoders(texts, world.model).loc[0]
    assert found["max_length"] == 256
    assert found["too_long"] == 0.25


def test_what_cannot_be_tried_is_refused():
    with pytest.raises(InvalidConfig, match="sample=0; allowed are whole numbers from 1 on"):
        try_encoders(["some text"], "fake:x", sample=0)
    with pytest.raises(InvalidInput, match="no document has any text"):
        try_encoders(Corpus.from_texts(["", " "]), "fake:x")


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def cli(capfd):
    return in_this_process(capfd)


def test_the_command_compares_end_to_end(cli, world):
    words = ("encoders", "--try", world.csv, "--text", "text", "--class", "class", world.model, "nothing")
    code, out, err = cli(*words)
    assert code == 0
    assert "Trying nothing, 2 of 2." in err
    assert "nothing: no encoder 'nothing'" in out
    assert "class told" in out
    code, out, err = cli(*words, "--json", "--sample", 100)
    good, bad = json.loads(out)
    assert (code, err) == (0, "")
    assert (good["name"], good["dimension"], good["max_length"], good["texts"]) == (world.model, DIMENSION, 256, 100)
    assert good["agreement"] > 0.7 > good["baseline"] > 0
    assert good["preparing"] > 0 < good["loading"]
    assert good["per_cpu_second"] > 0 == good["too_long"]
    assert bad["per_second"] is None
    assert "no encoder 'nothing'" in bad["problem"]


def test_without_classes_nothing_is_said_of_them(cli, world):
    code, out, _ = cli("encoders", "--try", world.csv, "--text", "text", world.model)
    assert code == 0
    assert "class told" not in out


def test_it_fails_only_where_all_do(cli, world):
    code, out, _ = cli("encoders", "--try", world.csv, "--text", "text", "nothing", "fake:broken")
    assert code == 1
    assert "RuntimeError: no such luck" in out


def test_documents_that_are_not_there_are_bad_usage(cli):
    code, _, err = cli("encoders", "--try", "nothing.csv")
    assert code == 2
    assert "there is no file, folder or glob 'nothing.csv'" in err
