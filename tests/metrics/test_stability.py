"""Whether topics come again."""

from __future__ import annotations

import numpy as np
import pytest

from topics.metrics import pairwise_agreement, recurrence


def test_recurrence_agrees_with_sets():
    rng = np.random.default_rng(0)
    labels, again = rng.integers(-1, 5, 80).astype(np.int32), rng.integers(-1, 7, 80).astype(np.int32)
    found = recurrence(labels, again, 5)
    for topic in range(5):
        mine = set(np.flatnonzero(labels == topic))
        theirs = [set(np.flatnonzero(again == other)) for other in range(7)]
        assert found[topic] == pytest.approx(max(len(mine & other) / len(mine | other) for other in theirs))


def test_recurrence_at_its_ends():
    labels = np.array([0, 0, 1, 1, -1], dtype=np.int32)
    assert recurrence(labels, labels, 2).tolist() == [1, 1]
    assert recurrence(labels, 1 - labels % 2, 2).tolist() == [1, 2 / 3]
    assert recurrence(labels, np.full(5, -1, np.int32), 2).tolist() == [0, 0]
    assert np.isnan(recurrence(labels, labels, 3)).tolist() == [False, False, True]
    assert recurrence(np.empty(0, np.int32), np.empty(0, np.int32), 0).shape == (0,)


def test_agreement_is_the_mean_over_pairs_and_knows_no_names():
    rng = np.random.default_rng(1)
    one, two, three = (rng.integers(-1, 4, 50).astype(np.int32) for _ in range(3))
    pairs = [pairwise_agreement(pair) for pair in ([one, two], [one, three], [two, three])]
    for name in ("ari", "ami"):
        assert pairwise_agreement([one, two, three])[name] == pytest.approx(np.mean([pair[name] for pair in pairs]))
    assert pairwise_agreement([one, 9 - one]) == pytest.approx({"ari": 1, "ami": 1})


@pytest.mark.parametrize("partitions", [[], [np.zeros(3, np.int32)], [np.empty(0, np.int32)] * 2])
def test_there_is_no_agreement_of_one(partitions):
    assert pairwise_agreement(partitions) == {"ari": None, "ami": None}
