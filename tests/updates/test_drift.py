"""Shifts of words: what pairs of texts have in common, no shift by chance, and one that was planted."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from builders import THEMES
from scipy import sparse

import topics
from topics.labels import members
from topics.updates.decision import REWORDED, News, drift_of, reason_to_refit, told
from topics.updates.drift import Shift, together, word_shifts

if TYPE_CHECKING:
    from numpy.typing import NDArray

K, WORDS, OLD = 4, 120, 150  # topics, words, old texts of a topic


def profiles(random: np.random.Generator) -> NDArray[np.float64]:
    """How often a text of each topic has each word: few often, many seldom; shape (K, WORDS)."""
    frequent = 0.5 / np.arange(1, WORDS + 1) ** 0.8
    return np.array([random.permutation(frequent) for _ in range(K)])


def texts_of(random: np.random.Generator, said: NDArray[np.float64], each: int) -> NDArray[np.int32]:
    return (random.random((K * each, WORDS)) < np.repeat(said, each, axis=0)).astype(np.int32)


def model_of(old: NDArray[np.int32], new: NDArray[np.int32]) -> Any:
    """What a run knows about the words of its texts, as many of each topic, old ones first."""
    labels = np.concatenate([np.repeat(np.arange(K), len(part) // K) for part in (old, new)]).astype(np.int32)
    late = np.arange(len(labels)) >= len(old)
    presence = members(labels[~late], K) @ sparse.csr_array(old)
    said = np.concatenate([np.zeros_like(old), new])
    words = tuple(f"w{number}" for number in range(old.shape[1]))
    return SimpleNamespace(
        labels=labels, late=late, centroids=np.zeros((K, 1)), vocabulary=words,
        presence=sparse.csr_array(presence), said=sparse.csr_array(said),
    )  # fmt: skip


def test_it_is_the_mean_over_pairs_of_texts() -> None:
    random = np.random.default_rng(0)
    said = profiles(random)
    old, new = texts_of(random, said, 20), texts_of(random, np.roll(said, 1, axis=0), 12)
    weights = np.log(len(old) / np.maximum(old.sum(axis=0), 1)) ** 2
    for shift in word_shifts(model_of(old, new)):
        was, came = (part[shift.topic * n : shift.topic * n + n] for part, n in ((old, 20), (new, 12)))
        within = [np.mean([weights @ (a * b) for a, b in combinations(part, 2)]) for part in (was, came)]
        across = np.mean([weights @ (a * b) for a in was for b in came])
        assert shift.texts == 12
        assert shift.shift == pytest.approx(1 - across / np.sqrt(within[0] * within[1]))


@pytest.mark.parametrize("each", [10, 20, 60])
def test_texts_like_the_old_ones_are_no_shift_however_few(each: int) -> None:
    found = []
    for seed in range(200):
        random = np.random.default_rng([each, seed])
        said = profiles(random)
        found.append(together(word_shifts(model_of(texts_of(random, said, OLD), texts_of(random, said, each)))))
    shifts, errors = np.array(found).T
    assert -0.05 < shifts.mean() < 0.01
    assert errors.mean() == pytest.approx(shifts.std(), rel=0.4)
    assert (shifts - 2 * errors > REWORDED).sum() == 0


@pytest.mark.parametrize("each", [20, 60])
def test_other_words_are_found(each: int) -> None:
    found = []
    for seed in range(50):
        random = np.random.default_rng([each, seed])
        said = profiles(random)
        later = np.where(random.random(said.shape) < 0.6, np.roll(said, 1, axis=1), said)
        found.append(together(word_shifts(model_of(texts_of(random, said, OLD), texts_of(random, later, each)))))
    shifts, errors = np.array(found).T
    assert (shifts - 2 * errors > REWORDED).mean() > 0.95


def test_what_cannot_be_told_is_left_out() -> None:
    random = np.random.default_rng(0)
    said = profiles(random)
    old = texts_of(random, said, OLD)
    few = model_of(old, texts_of(random, said, 9))
    assert word_shifts(few) == []  # fewer than ten texts
    assert word_shifts(model_of(old, np.zeros((K * 20, WORDS), dtype=np.int32))) == []  # without a word that is known
    few.presence = None  # the run was written by an older version
    assert word_shifts(few) == []
    assert together([]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("came", "moved", "reworded", "error", "drifted"),
    [
        (60, 0.0, 0.3, 0.05, True),
        (60, 0.0, 0.3, 0.15, False),  # great, and as likely by chance
        (60, 0.2, 0.0, 0.0, True),
        (60, 0.05, 0.05, 0.0, False),
        (40, 0.5, 0.5, 0.0, False),  # too few documents
    ],
)
def test_one_rule_of_drift_asks_for_a_refit_and_is_told(
    came: int, moved: float, reworded: float, error: float, drifted: bool
) -> None:
    shifts = {"drift": [Shift(0, came, moved)], "words": [Shift(0, came, reworded, error)]}
    news = News(came, novelty=0.0, outliers=0.0, usual=0.0, groups=[], least=10, renewed=0.1, **shifts)
    assert reason_to_refit(news, dropped=0.0) == drift_of(news)
    assert told(news, ["T0001"])["drifted"] is bool(drift_of(news)) is drifted
    assert told(news, ["T0001"])["term_shift_error"] == error


def test_new_words_about_the_same_are_a_reason_to_refit() -> None:
    random = np.random.default_rng(3)
    directions = np.eye(K)

    def drawn(n: int, other: int, start: int) -> tuple[pd.DataFrame, NDArray[np.float64]]:
        """Texts of each theme in the words of another one, and vectors that do not show it."""
        about = np.arange(n) % K
        rows = [" ".join(random.choice(THEMES[(theme + other) % K], 9)) + "." for theme in about]
        table = pd.DataFrame({"id": [f"d{start + row}" for row in range(n)], "text": rows})
        return table, directions[about] + random.normal(0, 0.05, (n, K))

    how = {"id": "id", "text": "text", "store": topics.NO_STORE}
    old, vectors = drawn(300, 0, 0)
    run = topics.fit(old, embeddings=vectors, keep_text=True, **how)
    same, vectors = drawn(56, 0, 300)
    calm = topics.update(run, same, embeddings=vectors, **how)
    assert calm.updated["decision"] == "assigned"
    assert calm.updated["term_shift"] < 0.1
    assert not calm.updated["drifted"]
    other, vectors = drawn(56, 1, 400)
    found = topics.update(run, other, embeddings=vectors, refit="never", **how).updated
    assert found["drift"] < 0.05
    assert found["term_shift"] > 0.5
    assert set() < set(found["term_shifts"]) <= set(run.topics["topic_id"])
    assert found["drifted"]
    assert "the words moved by" in found["reason"]
    assert topics.update(run, other, embeddings=vectors, **how).updated["decision"] == "refitted"
