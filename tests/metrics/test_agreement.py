"""Agreement with classes."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from topics.data import NOISE
from topics.metrics import agreement, class_measures

NAMES = {"nmi", "ami", "ari", "v_measure", "homogeneity", "completeness", "purity"}


def entropy(values):
    n = len(values)
    return -sum(times / n * math.log(times / n) for times in Counter(values).values())


def test_the_numbers_agree_with_the_definitions_in_loops():
    rng = np.random.default_rng(0)
    classes, labels = rng.integers(0, 4, 60), rng.integers(-1, 3, 60).astype(np.int32)
    labels[:30] = classes[:30] - 1
    found = agreement(classes.astype(object), labels)
    both = entropy(list(zip(classes.tolist(), labels.tolist(), strict=True)))
    c, t = entropy(classes.tolist()), entropy(labels.tolist())
    shared = c + t - both
    assert found["nmi"] == pytest.approx(2 * shared / (c + t))
    assert found["homogeneity"] == pytest.approx(shared / c)
    assert found["completeness"] == pytest.approx(shared / t)
    assert found["v_measure"] == pytest.approx(found["nmi"])
    pairs = [(classes[i] == classes[j], labels[i] == labels[j]) for i, j in combinations(range(60), 2)]
    a, b = sum(one for one, _ in pairs), sum(other for _, other in pairs)
    chance = a * b / len(pairs)
    assert found["ari"] == pytest.approx((sum(one and other for one, other in pairs) - chance) / ((a + b) / 2 - chance))
    most = sum(max(Counter(classes[labels == topic]).values()) for topic in np.unique(labels))
    assert found["purity"] == pytest.approx(most / 60)


def test_agreement_does_not_depend_on_names_and_is_one_where_topics_are_the_classes():
    classes = np.array(["x", "y", "y", "z", "z", "z"], dtype=object)
    labels = np.array([2, 0, 0, 1, 1, 1], dtype=np.int32)
    assert agreement(classes, labels) == pytest.approx(dict.fromkeys(NAMES, 1))


def test_documents_without_a_class_do_not_count_and_outliers_are_one_more_topic():
    classes = np.array(["x", None, "y", np.nan, "y", "x"], dtype=object)
    labels = np.array([0, 1, NOISE, 0, NOISE, 1], dtype=np.int32)
    known = [0, 2, 4, 5]
    assert agreement(classes, labels) == agreement(classes[known], labels[known])
    assert agreement(classes, labels)["purity"] == 1
    assert agreement(np.array([None, np.nan], dtype=object), np.zeros(2, np.int32)) == {}


def test_purity_is_the_share_in_the_majority_of_its_topic():
    classes = np.array(list("aabbbc"), dtype=object)
    assert agreement(classes, np.array([0, 0, 0, 1, 1, 1], np.int32))["purity"] == pytest.approx(4 / 6)


def test_chance_is_worth_nothing_where_that_is_promised():
    rng = np.random.default_rng(1)
    found = agreement(rng.integers(0, 5, 3000).astype(object), rng.integers(0, 40, 3000).astype(np.int32))
    assert found["ami"] == pytest.approx(0, abs=0.02)
    assert found["ari"] == pytest.approx(0, abs=0.02)
    assert found["nmi"] > 0.005


def test_the_order_of_the_documents_does_not_count():
    rng = np.random.default_rng(2)
    classes, labels = rng.integers(0, 4, 50).astype(object), rng.integers(-1, 5, 50).astype(np.int32)
    order = rng.permutation(50)
    assert class_measures(classes[order], labels[order]) == pytest.approx(class_measures(classes, labels), abs=1e-12)


def test_outliers_are_counted_once_and_left_out_once():
    classes = np.array(list("aabbab"), dtype=object)
    labels = np.array([0, 0, 1, 1, NOISE, NOISE], dtype=np.int32)
    found = class_measures(classes, labels)
    assert set(found) == NAMES | {f"{name}_placed" for name in NAMES}
    assert {name: found[name] for name in NAMES} == agreement(classes, labels)
    assert {name: found[f"{name}_placed"] for name in NAMES} == agreement(classes[:4], labels[:4])
    assert found["ari"] < 1
    assert found["ari_placed"] == 1


def test_where_all_are_outliers_there_is_nothing_without_them():
    found = class_measures(np.array(["a", "b"], dtype=object), np.array([NOISE, NOISE], dtype=np.int32))
    assert found["purity"] == 0.5
    assert found["purity_placed"] is None
    assert class_measures(np.array([None, None], dtype=object), np.zeros(2, np.int32)) == {}
