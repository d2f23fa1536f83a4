"""Noun phrases, as spaCy tells parts of speech; the tests with spaCy itself run where it is installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import topics
from topics import NO_STORE
from topics.aspects import nouns
from topics.aspects.nouns import central_texts, check_spacy, decisive, noun_phrases, open_tagger
from topics.errors import InvalidConfig

SPEECH = {
    "ADJ": "reusable heavy monetary red old",
    "NOUN": "rocket rockets orbit policy rate bank engine",
    "PROPN": "spacex england",
    "VERB": "reaches sets",
    "DET": "the a",
    "ADP": "of into",
}
TAG = {word: tag for tag, words in SPEECH.items() for word in words.split()}
TEXTS = [
    "The reusable rocket reaches orbit.",
    "Reusable rockets of SpaceX reaches the orbit",
    "A reusable rocket, heavy.",
    "The Bank of England sets monetary policy",
    "Old monetary policy; the bank sets a rate",
    "the the of",
]
LABELS = np.array([0, 0, 0, 1, 1, 1], dtype=np.int32)


class Token(SimpleNamespace):
    pass


class Doc(list):
    def has_annotation(self, _):
        return True


def tagger(text):
    """Stands in for a pipeline of spaCy."""
    words = text.replace(",", " ,").replace(".", " .").replace(";", " ;").split()
    return Doc(Token(lower_=word.lower(), pos_=TAG.get(word.lower(), "PUNCT")) for word in words)


def test_phrases_are_runs_that_end_in_a_noun():
    got = noun_phrases(TEXTS, LABELS, 2, tagger, {"orbit"}, 10)
    assert got.terms == (("reusable rocket", "spacex"), ("bank", "england", "monetary policy", "rate"))


def test_a_phrase_has_at_most_four_words_and_no_stop_word():
    text = "red old heavy reusable red rocket"
    assert noun_phrases([text], LABELS[:1], 1, tagger, (), 5).terms == (("heavy reusable red rocket",),)
    assert noun_phrases([text], LABELS[:1], 1, tagger, {"reusable"}, 5).terms == (("red rocket",),)


def test_nothing_to_read_gives_nothing():
    assert noun_phrases([], LABELS[:0], 2, tagger, (), 5).terms == ((), ())
    assert noun_phrases(["the of"], LABELS[:1], 1, tagger, (), 5).terms == ((),)


def test_read_are_the_texts_nearest_to_each_centroid(monkeypatch):
    monkeypatch.setattr(nouns, "_NEAREST", 3)
    rng = np.random.default_rng(0)
    vectors, labels = rng.normal(size=(30, 4)).astype(np.float32), rng.integers(-1, 2, 30).astype(np.int32)
    settled = SimpleNamespace(labels=labels, centroids=np.eye(4, dtype=np.float32)[:2])
    rows = central_texts(settled, SimpleNamespace(vectors=vectors))
    nearest = [sorted(np.flatnonzero(labels == topic), key=lambda row: -vectors[row, topic])[:3] for topic in (0, 1)]
    assert rows.tolist() == sorted(nearest[0] + nearest[1])


def test_without_spacy_it_is_said_before_any_work(monkeypatch):
    monkeypatch.setattr(nouns, "find_spec", lambda name: None)
    with pytest.raises(InvalidConfig, match=r"aspects=pos needs spaCy, .*pip install 'topics\[spacy\]'"):
        topics.fit(["a text"], encoder=len, aspects=("pos",), store=NO_STORE)


# --- with spaCy ----------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path):
    """A blank pipeline that knows the parts of speech of some words, written to a folder."""
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("attribute_ruler")
    for tag, words in SPEECH.items():
        ruler.add([[{"LOWER": word}] for word in words.split()], {"POS": tag})
    pipeline.to_disk(tmp_path / "model")
    return str(tmp_path / "model")


def test_a_pipeline_of_spacy_says_what_the_stand_in_says(model):
    expected = noun_phrases(TEXTS, LABELS, 2, tagger, (), 10)
    assert noun_phrases(TEXTS, LABELS, 2, open_tagger(model), (), 10).terms == expected.terms


def test_a_pipeline_without_parts_of_speech_is_refused(tmp_path):
    spacy = pytest.importorskip("spacy")
    with pytest.raises(InvalidConfig, match="tells no parts of speech"):
        noun_phrases(TEXTS, LABELS, 2, spacy.blank("en"), (), 10)


@pytest.mark.parametrize("name", ["xx_no_such_model", "no/such/folder", "json"])
def test_a_model_that_is_not_there_is_named(name):
    pytest.importorskip("spacy")
    with pytest.raises(InvalidConfig, match=f"there is no model '{name}' of spaCy, .*pos=MODEL"):
        check_spacy(name)


def test_a_model_that_the_language_asks_for_is_looked_for_before_any_work():
    pytest.importorskip("spacy")
    with pytest.raises(InvalidConfig, match="no model 'eo_core_news_sm' of spaCy"):
        topics.fit(["a text"], encoder=len, aspects=("pos",), language="eo", store=NO_STORE)


def test_another_model_has_another_key(model):
    before = decisive(model)
    assert decisive(model) == before
    with open(f"{model}/meta.json", "a") as file:
        file.write(" ")
    assert decisive(model) != before


def test_a_run_has_the_noun_phrases_of_its_topics(model, tmp_path):
    documents = [f"{text} {number}" for number in range(12) for text in TEXTS[:5]]

    def encoder(texts):
        return np.array([["ocket" in text, "olicy" in text, 0.01 * (sum(map(ord, text)) % 7)] for text in texts], float)

    settings = {"encoder": encoder, "aspects": (f"pos={model}",), "store": NO_STORE, "consensus": 0, "n_epochs": 20}
    run = topics.fit(documents, topics=2, clusterer="kmeans", **settings)
    told = run.topics["aspect_pos"].tolist()
    assert sorted(("reusable rocket" in words, "monetary policy" in words) for words in told) == [
        (False, True),
        (True, False),
    ]
    again = topics.fit(documents[::-1], topics=2, clusterer="kmeans", **settings)
    assert again.topics["aspect_pos"].tolist() == told
