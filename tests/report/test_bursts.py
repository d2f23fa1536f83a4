"""Bursts: the automaton finds the cheapest course, as trying all of them does."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from topics.report.bursts import HESITATION, RATIO, find_bursts


def by_trying_all(counts, totals):
    """The cheapest of all courses through the two states; ties, which do not occur in these, are left open."""
    p = len(counts)
    usual = sum(counts) / sum(totals)
    shares = (usual, min(RATIO * usual, 0.9999))

    def cost(states):
        entries = sum(now and not before for before, now in itertools.pairwise((0, *states)))
        likelihood = sum(
            r * math.log(shares[s]) + (d - r) * math.log1p(-shares[s])
            for r, d, s in zip(counts, totals, states, strict=True)
        )
        return entries * HESITATION * math.log(p) - likelihood

    return min(itertools.product((0, 1), repeat=p), key=cost)


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_the_cheapest_course(seed):
    random = np.random.default_rng(seed)
    totals = random.integers(5, 200, 9)
    counts = random.binomial(totals, np.where(random.random(9) < 0.3, 0.3, 0.08))[None, :]
    [bursts] = find_bursts(counts, totals)
    states = np.zeros(9, dtype=int)
    for burst in bursts:
        states[burst.first : burst.last + 1] = 1
        assert burst.documents == counts[0, burst.first : burst.last + 1].sum()
        assert burst.weight > 0
    assert tuple(states) == by_trying_all(counts[0].tolist(), totals.tolist())


def test_steady_topics_have_no_bursts_and_neither_have_empty_ones():
    totals = np.full(12, 100)
    assert find_bursts(np.array([[10] * 12, [0] * 12, [100] * 12]), totals) == ((), (), ())
    assert find_bursts(np.zeros((2, 3), dtype=np.int64), np.zeros(3, dtype=np.int64)) == ((), ())
    assert find_bursts(np.zeros((0, 0), dtype=np.int64), np.zeros(0, dtype=np.int64)) == ()


def test_a_rise_of_everything_is_no_burst():
    totals = np.array([100, 100, 5_000, 100])
    assert find_bursts(np.array([[10, 10, 500, 10]]), totals) == ((),)
