"""Aspects a run asks for: how they are spelled, what makes them, where they are shown."""

from __future__ import annotations

import numpy as np
import pytest
from builders import make_run
from fakes import HashingEncoder, themed_corpus

import topics
from topics import NO_STORE, Config
from topics.aspects import parse_aspects, spell_aspects
from topics.console import print_topic
from topics.corpus import Source
from topics.embedding.precomputed import ARRAY
from topics.errors import InvalidConfig
from topics.pipeline import fit_topics
from topics.report import summarize, to_html, to_markdown
from topics.steps import STAGES
from topics.store import Store
from topics.updates.refits import Refits
from topics.workshop import Workshop

ASKED = ("ctfidf", "mmr=0.4", "keybert", "phrases")
TEXTS = themed_corpus(120, themes=3)[0]
FAST = {"n_epochs": 30, "consensus": 2}


@pytest.mark.parametrize("told", [("mmr",), ("keybert", "phrases"), ("pos=/a/Model", "mmr=0.25", "ctfidf"), ()])
def test_what_is_spelled_is_read_again(told):
    assert spell_aspects(parse_aspects(told)) == told
    assert Config.of(aspects=told).aspects == told


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("expansion", "not among the aspects there are: ctfidf, mmr"),
        ("", "not among"),
        ("mmr=", "not among"),
        ("keybert=3", "not among"),
        ("mmr=2", "LAMBDA is a number from 0"),
        ("mmr=nan", "LAMBDA is a number from 0"),
        ("mmr=many", "LAMBDA is a number from 0"),
    ],
)
def test_what_is_no_aspect_is_refused(told, message):
    with pytest.raises(InvalidConfig, match=message):
        Config.of(aspects=(told,))


def test_an_aspect_is_one_column():
    with pytest.raises(InvalidConfig, match="mmr comes twice"):
        Config.of(aspects=("mmr", "MMR=0.3"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    encoder = HashingEncoder()
    plain = topics.fit(TEXTS, encoder=encoder, store=store, **FAST)
    return store, plain, topics.fit(TEXTS, encoder=encoder, store=store, aspects=ASKED, **FAST)


def test_every_aspect_is_a_column_in_the_order_asked_for(runs):
    _, plain, run = runs
    assert list(run.topics.columns[-4:]) == ["aspect_ctfidf", "aspect_mmr", "aspect_keybert", "aspect_phrases"]
    assert list(run.topics.columns[:-4]) == list(plain.topics.columns)
    for name in run.topics.columns[-4:-1]:
        assert all(0 < len(words) <= 10 for words in run.topics[name])


def test_a_run_that_asks_for_none_has_the_same_topics_under_the_same_keys(runs):
    _, plain, run = runs
    keys = {stage.name: stage.key for stage in run.stages}
    assert {stage.name: stage.key for stage in plain.stages}.items() <= keys.items()
    assert run.topics["terms"].tolist() == plain.topics["terms"].tolist()
    assert set(keys) - {stage.name for stage in plain.stages} == {
        "by weight", "candidates", "marginal relevance", "embeddings of words", "by meaning", "phrases"
    }  # fmt: skip


def test_keybert_encodes_the_candidates_and_keeps_their_vectors(tmp_path):
    encoder, store = HashingEncoder(), Store(tmp_path)
    topics.fit(TEXTS, encoder=encoder, store=store, **FAST)
    before = len(encoder.encoded)
    run = topics.fit(TEXTS, encoder=encoder, store=store, aspects=("keybert",), **FAST)
    words = set(encoder.encoded[before:])
    assert {word for told in run.topics["aspect_keybert"] for word in told} <= words
    assert all(" " not in word for word in words)
    again = len(encoder.encoded)
    topics.fit(TEXTS, encoder=encoder, store=store, aspects=("keybert",), n_terms=4, **FAST)
    assert len(encoder.encoded) == again


def test_the_order_of_the_rows_moves_no_aspect(runs):
    _, _, run = runs
    settings = {"encoder": HashingEncoder(), "store": NO_STORE, "aspects": ASKED, **FAST}
    turned = topics.fit(TEXTS[::-1], workers=2, batch_size=7, **settings)
    assert turned == run


def test_words_are_post_processed_as_the_documents_are():
    settings = {"encoder": HashingEncoder(), "store": NO_STORE, "postprocess": "center,whiten=12", **FAST}
    run = topics.fit(TEXTS, aspects=("keybert",), **settings)
    assert "postprocessed of words" in {stage.name for stage in run.stages}
    assert all(run.topics["aspect_keybert"])


@pytest.mark.parametrize("encoder", [None, "precomputed:vectors.npy", ARRAY])
def test_keybert_without_an_encoder_is_refused_before_any_work(encoder):
    given = {"embeddings": np.eye(3)} if encoder is None else {"encoder": encoder}
    with pytest.raises(InvalidConfig, match=r"aspects=keybert .*no encoder\. mmr does without"):
        topics.fit(["one", "two", "three"], store=NO_STORE, aspects=("keybert",), **given)


def test_vectors_that_were_given_have_the_other_aspects(runs):
    rows = HashingEncoder().encode(TEXTS)
    run = topics.fit(TEXTS, embeddings=rows, store=NO_STORE, aspects=("ctfidf", "mmr", "phrases"), **FAST)
    assert run.topics["aspect_mmr"].map(len).min() > 0


def test_a_run_folder_keeps_them(runs, tmp_path):
    _, _, run = runs
    loaded = topics.load(run.save(tmp_path / "run"))
    assert loaded == run
    assert loaded.config.aspects == ASKED
    for name in run.topics.columns[-4:]:
        assert loaded.topics[name].tolist() == run.topics[name].tolist()


def test_further_fits_of_a_run_are_those_of_its_documents_and_not_of_its_words(runs):
    store, plain, run = runs
    for one in (plain, run):
        fit = Refits(one, Workshop(store)).with_seed(5)
        assert len(fit.labels) == len(one.model.keys)
    before = {entry.ref for entry in store.entries()}
    Refits(run, Workshop(store)).with_seed(5)
    assert {entry.ref for entry in store.entries()} == before


def test_plain_c_tf_idf_is_there_as_the_terms_or_beside_them(runs):
    store, _, run = runs
    by_weight = topics.fit(TEXTS, encoder=HashingEncoder(), store=store, ranking="ctfidf", **FAST)
    assert by_weight.topics["terms"].tolist() == run.topics["aspect_ctfidf"].tolist()
    assert all(list(weights) == sorted(weights, reverse=True) for weights in by_weight.topics["term_weights"])
    other = topics.fit(TEXTS, encoder=HashingEncoder(), store=store, weighting="bm25+sqrt", **FAST)
    assert (other.model.weights.data >= 0).all()
    assert other.topics["terms"].tolist() == run.topics["terms"].tolist()
    assert other.topics["term_weights"].tolist() != run.topics["term_weights"].tolist()


def test_aspects_can_be_made_elsewhere(world):
    store, config = (
        world.store("elsewhere"),
        Config.of(encoder=world.model, aspects=ASKED, postprocess="center", **FAST),
    )

    def elsewhere(stage, inputs, params):
        return Workshop(store).run(STAGES[stage.name], inputs, params)  # nothing is at hand but what the store holds

    run = fit_topics(Source(str(world.csv), id="id"), config, Workshop(store), elsewhere)
    assert all(run.topics["aspect_keybert"])
    settings = {"store": world.store("here"), "aspects": ASKED, "postprocess": "center", **FAST}
    assert world.fit(world.csv, id="id", **settings) == run


def test_reports_and_the_terminal_show_every_aspect_by_its_name(capsys):
    run = make_run(n=60, k=2)
    run.topics["aspect_phrases"] = [["interest rate", "a|b"], []]
    run.topics["aspect_mmr"] = [["rate"], ["goal"]]
    page, text = to_html(summarize(run)), to_markdown(summarize(run))
    assert page.count('<p class="aside">Phrases: <bdi>interest rate</bdi>, <bdi>a|b</bdi>.</p>') == 1
    assert page.count('<p class="aside">Unlike each other:') == 2
    assert "| Terms | Phrases | Unlike each other |" in text
    rows = [line for line in text.splitlines() if line.startswith("| T0")]
    assert rows[0].endswith(r" interest rate, a\|b | rate |")
    assert rows[1].endswith("|  | goal |")
    print_topic(run, "0")
    assert "  phrases: interest rate, a|b\n  unlike each other: rate\n" in capsys.readouterr().out
