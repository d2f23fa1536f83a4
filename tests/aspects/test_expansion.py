"""Words that show a topic from another side: those a sparse encoder activates in it."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from builders import make_run
from scipy import sparse

import topics
from topics.aspects import beyond_expected, expansions, word_columns
from topics.console import print_topic
from topics.report import summarize, to_html, to_markdown

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = [f"{first}{second}o" for first in LETTERS for second in "aeiu"]  # none is the plural of another


def made(seed, texts=60, terms=80, k=4, outliers=0.1):
    """Random activations: some terms are no words, some are the same word, some are common."""
    rng = np.random.default_rng(seed)
    words = [WORDS[number] for number in rng.integers(0, len(WORDS), terms)]
    words[:8] = [""] * 8
    words[8:12] = [words[20]] * 4
    chance = np.append(np.full(10, 0.9), np.full(terms - 10, 0.2))
    weights = rng.gamma(2, 0.5, (texts, terms)) * (rng.random((texts, terms)) < chance)
    labels = rng.integers(0, k, texts)
    weights[np.arange(texts), 40 + labels] += 2
    labels[rng.random(texts) < outliers] = -1
    return activations(weights, words), settled(labels, k)


def activations(weights, words):
    return SimpleNamespace(weights=sparse.csr_array(np.asarray(weights, dtype=np.float32)), words=tuple(words))


def settled(labels, k):
    return SimpleNamespace(labels=np.asarray(labels, dtype=np.int32), centroids=np.zeros((k, 2), np.float32))


def slowly(found, where, left_out, n_terms):
    """The definition, number by number."""
    dense, k = found.weights.toarray().astype(np.float64), len(where.centroids)
    total = [{} for _ in range(k)]
    for text, label in enumerate(where.labels):
        for term, word in enumerate(found.words):
            if label >= 0 and word and word not in left_out and dense[text, term]:
                total[label][word] = total[label].get(word, 0) + dense[text, term]
    of_topic = [sum(weights.values()) for weights in total]
    of_word = {word: sum(weights.get(word, 0) for weights in total) for weights in total for word in weights}
    told = []
    for topic, weights in enumerate(total):
        scores = {}
        for word, weight in weights.items():
            tfidf = weight / max(of_topic[topic], 1) * math.log(1 + sum(of_topic) / k / max(of_word[word], 1))
            beyond = weight - of_topic[topic] * of_word[word] / sum(of_topic)
            if k == 1 or beyond > 0:
                scores[word] = tfidf * (1 if k == 1 else beyond / weight)
        told.append(sorted(scores, key=lambda word: (-scores[word], word))[:n_terms])
    return told


@pytest.mark.parametrize("seed", range(8))
def test_words_are_those_of_the_definition(seed):
    found, where = made(seed, k=1 + seed % 5)
    left_out = {WORDS[3], found.words[40]}
    got = expansions(found, where, left_out, 7)
    assert [list(words) for words in got.terms] == slowly(found, where, left_out, 7)
    assert max(map(len, got.terms)) == 7


def test_the_order_of_the_texts_moves_no_word():
    found, where = made(11)
    order = np.random.default_rng(0).permutation(len(where.labels))
    mixed = activations(found.weights.toarray()[order], found.words)
    assert expansions(mixed, settled(where.labels[order], 4), (), 10).terms == expansions(found, where, (), 10).terms


def test_a_word_that_is_everywhere_is_no_topics_own():
    weights = [[5, 1, 0], [5, 1, 0], [6, 0, 1], [6, 0, 1]]
    got = expansions(activations(weights, ["common", "loan", "goal"]), settled([0, 0, 1, 1], 2), (), 5)
    assert [words[0] for words in got.terms] == ["loan", "goal"]
    assert got.terms == (("loan",), ("goal", "common"))


def test_plurals_are_listed_once_and_outliers_not_heard():
    weights = [[3, 2, 1, 0], [3, 2, 1, 0], [0, 0, 0, 9]]
    got = expansions(activations(weights, ["loans", "loan", "rate", "noise"]), settled([0, 0, -1], 1), (), 5)
    assert got.terms == (("loans", "rate"),)


def test_one_topic_lists_all_its_words_by_weight():
    got = expansions(activations([[1, 3, 2], [1, 3, 2]], ["few", "most", "some"]), settled([0, 0], 1), (), 2)
    assert got.terms == (("most", "some"),)


def test_nothing_active_and_no_topic_list_nothing():
    silent = activations(np.zeros((3, 4)), ["loan", "goal", "", "rate"])
    assert expansions(silent, settled([0, 0, 1], 2), (), 5).terms == ((), ())
    assert expansions(silent, settled([-1, -1, -1], 0), (), 5).terms == ()
    nothing = activations(np.ones((2, 2)), ["", ""])
    assert expansions(nothing, settled([0, 0], 1), (), 5).terms == ((),)


def test_terms_that_are_the_same_word_count_together():
    words, columns = word_columns(["rate", "", "loan", "rate"], {"loan"})
    assert words == ["rate"]
    np.testing.assert_array_equal(columns.toarray(), [[1], [0], [0], [1]])


def test_what_is_beyond_the_expected_is_between_nothing_and_all():
    found, where = made(5, k=3)
    weights = sparse.csr_array(np.array([found.weights.toarray()[where.labels == topic].sum(0) for topic in range(3)]))
    got, dense = beyond_expected(weights).toarray(), weights.toarray()
    expected = np.outer(dense.sum(1), dense.sum(0)) / dense.sum()
    held = dense > 0
    np.testing.assert_allclose((got * dense)[held], np.maximum(dense - expected, 0)[held], atol=1e-4)
    assert got[~held].sum() == 0
    assert beyond_expected(weights[[0]]).toarray()[0].tolist() == (dense[0] > 0).tolist()


# --- where they are shown ------------------------------------------------------------------------


@pytest.fixture
def run():
    made = make_run(n=60, k=3)
    made.topics["aspect_expansion"] = [["economy", "<b>money</b>"], ["football"], []]
    return made


def test_the_report_has_a_line_of_them(run):
    page, text = to_html(summarize(run)), to_markdown(summarize(run))
    assert page.count("The encoder activates") == 2
    assert "<bdi>economy</bdi>, <bdi>&lt;b&gt;money&lt;/b&gt;</bdi>." in page
    rows = [line for line in text.splitlines() if line.startswith("| T0")]
    assert [row.count(" | ") for row in rows] == [7, 7, 7]
    assert r"economy, \<b\>money\</b\> |" in rows[0]
    assert "| Terms | The encoder activates |\n|:--|:--|--:|--:|--:|--:|:--|:--|\n| T0001" in text


def test_the_report_of_another_encoder_says_nothing_of_them(run):
    page, text = to_html(summarize(make_run())), to_markdown(summarize(make_run()))
    assert "activate" not in page
    assert "| Terms |\n|:--|:--|--:|--:|--:|--:|:--|\n| T0001" in text


def test_a_topic_in_the_terminal_has_a_line_of_them(run, capsys):
    print_topic(run, "0")
    assert "the encoder activates: economy, <b>money</b>" in capsys.readouterr().out
    for other, topic in ((run, "2"), (make_run(), "0")):
        print_topic(other, topic)
        assert "activates" not in capsys.readouterr().out


def test_a_run_folder_keeps_them(run, tmp_path):
    loaded = topics.load(run.save(tmp_path / "run"))
    assert loaded == run
    assert loaded.topics["aspect_expansion"].tolist() == run.topics["aspect_expansion"].tolist()
    table = (tmp_path / "run" / "topics.csv").read_text()
    assert table.splitlines()[0].endswith(",aspect_expansion")
    assert table.splitlines()[1].endswith(",economy; <b>money</b>")
