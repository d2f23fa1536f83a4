"""Phrases that hold together and are a topic's own."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import themed_corpus

from topics.aspects import phrases
from topics.data import Corpus
from topics.words.terms import count_terms, tokens_of, words_of
from topics.words.wording import distinct_phrases


def settled(labels, k):
    return SimpleNamespace(labels=np.asarray(labels, np.int32), centroids=np.zeros((k, 2), np.float32))


def found(texts, labels, k, n_terms=10, language="en"):
    corpus = Corpus.from_texts(texts)
    ordered = np.empty(len(corpus.texts), np.int32)
    ordered[corpus.rows] = labels
    vocabulary = count_terms(corpus.texts, language).vocabulary
    return [
        list(told)
        for told in phrases(*tokens_of(corpus.texts, vocabulary), settled(ordered, k), vocabulary, n_terms).terms
    ]


def slowly(texts, labels, k):
    """The definition, phrase by phrase."""
    vocabulary = set(count_terms(Corpus.from_texts(texts).texts, "en").vocabulary)
    occurs, holds, total = Counter(), {}, 0
    for row, text in enumerate(texts):
        words = words_of(text)
        total += len(words)
        for length in (1, 2, 3):
            for start in range(len(words) - length + 1):
                phrase = tuple(words[start : start + length])
                if vocabulary.issuperset(phrase):
                    occurs[phrase] += 1
                    holds.setdefault(phrase, set()).add(row)

    def npmi(one, other):
        both = occurs[one + other] / total
        return math.log(both / (occurs[one] / total) / (occurs[other] / total)) / -math.log(both)

    cohesion = {}
    for phrase, rows in holds.items():
        if len(phrase) == 1 or len(rows) < 2:
            continue
        cuts = [(phrase[:cut], phrase[cut:]) for cut in range(1, len(phrase))]
        triples = [whole for whole in holds if len(whole) == 3 and len(holds[whole]) > 1]
        longer = [whole for whole in triples if phrase in (whole[:2], whole[1:])]
        half = len(phrase) == 2 and any(len(holds[whole]) >= 0.8 * len(rows) for whole in longer)
        cohesion[phrase] = 0 if half else max(min(npmi(*cut) for cut in cuts), 0)
    sizes, placed, told = Counter(labels), sum(label >= 0 for label in labels), []
    for topic in range(k):
        scores = {}
        for phrase, holding in cohesion.items():
            own = sum(labels[row] == topic for row in holds[phrase])
            expected = sizes[topic] * sum(labels[row] >= 0 for row in holds[phrase]) / placed
            scores[phrase] = own * math.log(own / expected) * holding if own > expected else 0
        told.append({" ".join(phrase): score for phrase, score in scores.items() if score > 0})
    return told


@pytest.mark.parametrize("seed", range(4))
def test_phrases_are_those_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    words = "loan rate bank the goal match coach of orbit rocket".split()
    texts = list(dict.fromkeys(" ".join(rng.choice(words, rng.integers(3, 9))) for _ in range(60)))
    labels = rng.integers(-1, 3, len(texts)).tolist()
    got, scores = found(texts, labels, 3, 99), slowly(texts, labels, 3)
    for mine, score in zip(got, scores, strict=True):
        values = [score[phrase] for phrase in mine]
        assert values == sorted(values, reverse=True)
        # All the others are parts of one that is told, or hold one.
        assert all(distinct_phrases([*mine, phrase], 99) == mine for phrase in score)
        assert len(mine) >= 3


def test_phrases_hold_together_and_are_the_topics_own():
    texts = [f"{word} neural network model {word}" for word in ("red", "blue", "green", "grey")]
    texts += [f"{word} interest rate {word}" for word in ("red", "blue", "green", "grey")]
    assert found(texts, [0] * 4 + [1] * 4, 2) == [["neural network model"], ["interest rate"]]


def test_a_phrase_does_not_reach_across_a_stop_word_or_into_the_next_text():
    texts = ["bank of england", "bank of england now", "england bank", "england", "bank"]
    assert found(texts, [0] * 5, 1) == [[]]


def test_the_order_of_the_texts_moves_no_phrase():
    texts, about = themed_corpus(120, themes=3)
    order = np.random.default_rng(0).permutation(len(texts))
    mixed = found([texts[row] for row in order], [about[row] for row in order], 3)
    assert mixed == found(texts, about, 3)
    assert any(mixed)


def test_one_topic_has_phrases_too_and_nothing_has_none():
    texts = ["red neural network", "neural network blue", "blue", "red"]
    assert found(texts, [0] * 4, 1) == [["neural network"]]
    assert found(["42", "7"], [0, 0], 1) == [[]]
    assert found(["red", "blue"], [-1, -1], 0) == []
