from __future__ import annotations

import pytest
from fakes import HashingEncoder

import topics
from topics import NO_STORE, Corpus, InvalidConfig, Store, embedding
from topics.embedding import families


class Family(HashingEncoder):
    """A family as the others are: made of text, known by its fingerprint."""

    def __init__(self, rest: str, options: dict[str, str]) -> None:
        super().__init__(int(options.get("d", "16")), rest)
        self.name, self.vector_key = rest, self.fingerprint

    @classmethod
    def of(cls, rest, options, threads=1, batch_size=64):
        return cls(rest, options)


@pytest.fixture(autouse=True)
def family(monkeypatch):
    monkeypatch.setitem(families.FAMILIES, "fake", (__name__, "Family"))
    monkeypatch.setattr(families, "import_module", lambda _: __import__("types").SimpleNamespace(Family=Family))


@pytest.mark.parametrize(
    "name", ["all-MiniLM-L6-v2", "./models/mine", "C:\\models\\mine", "org/model", "unknown:thing"]
)
def test_a_name_without_a_known_scheme_is_no_family(name):
    assert families.family_encoder(name) is None


def test_a_scheme_a_rest_and_options():
    made = families.family_encoder("fake:some:file.vec?d=8")
    assert (made.name, made.dimension) == ("some:file.vec", 8)


def test_an_option_given_twice_is_refused():
    with pytest.raises(InvalidConfig, match=r"'fake:x\?d=8&d=9' gives an option twice"):
        families.family_encoder("fake:x?d=8&d=9")


def test_every_family_can_be_asked_for(monkeypatch):
    monkeypatch.undo()
    for scheme, (module, kind) in families.FAMILIES.items():
        made = getattr(__import__(module, fromlist=[kind]), kind)
        assert callable(made.of), scheme


def test_it_goes_the_way_of_every_encoder(tmp_path):
    texts = [f"word{row % 3} again word{row % 3} number {row}" for row in range(40)]
    store = Store(tmp_path)
    run = topics.fit(texts, encoder="fake:x?d=8", store=store)
    assert run.model.vectors.shape[1] == 8
    assert run.model.encoder == "fake:x?d=8"
    assert all(stage.cached for stage in topics.fit(texts, encoder="fake:x?d=8", store=store).stages)
    assert run.assign(["word1 again"], store=store)["known"].tolist() == [False]
    again = topics.fit(texts, encoder="fake:x?d=9", store=store)
    assert not next(stage.cached for stage in again.stages if stage.name == "embeddings")


def test_its_vectors_are_those_of_the_object():
    corpus = Corpus.from_texts(["one two", "three"])
    made = families.family_encoder("fake:x")
    found = embedding.embed(corpus.texts, made, "fake:x", NO_STORE)
    assert found.fingerprint == made.fingerprint
