"""What neighbours say: how surely, which topics else, how unusual, and why not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from topics.data import NOISE, Calibration
from topics.voting import calibrate, confidence, distance, novelty, poll, reasons, vote

EVEN = Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]))


def ballots_of(a=300, q=15, k=6, c=5, seed=0):
    """Votes of neighbours and the nearest centroids of texts; centroids are all different, as nearest ones are."""
    rng = np.random.default_rng(seed)
    ballots = rng.integers(-1, k, (a, q)).astype(np.int32)
    similarities = rng.uniform(-0.2, 1, (a, q)).astype(np.float32)
    near = np.array([rng.permutation(k)[:c] for _ in range(a)], dtype=np.int32).reshape(a, -1)
    return ballots, similarities, (near, rng.uniform(0, 1, near.shape).astype(np.float32))


def polled(ballots, similarities, near, calibration=EVEN, k=6, labels=None):
    return poll(ballots, similarities, vote(ballots, similarities, k), near, calibration, labels)


# --- confidence ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_confidence_rises_with_strength_from_nothing_to_less_than_certainty(seed, many):
    rng = np.random.default_rng(seed)
    strengths = rng.random(many).astype(np.float32)
    found = calibrate(strengths, rng.random(many) < strengths)
    grid = np.linspace(0, 1, 101)
    sure = confidence(found, grid)
    assert sure[0] == 0
    assert (np.diff(sure) >= 0).all()
    assert sure[-1] < 1


def test_confidence_is_the_isotonic_regression_of_agreement():
    rng = np.random.default_rng(1)
    strengths = np.sort(rng.random(400)).astype(np.float32)
    right = rng.random(400) < strengths**0.5
    want = isotonic_regression(np.concatenate([[0], right, [0]])).x
    np.testing.assert_allclose(confidence(calibrate(strengths, right), strengths), want[1:-1], atol=1e-9)


def test_confidence_means_what_it_says_on_votes_it_was_not_learned_from():
    rng = np.random.default_rng(2)
    strengths, others = rng.random((2, 20_000)).astype(np.float32)
    found = calibrate(strengths, rng.random(20_000) < strengths**0.5)
    right = rng.random(20_000) < others**0.5
    sure = confidence(found, others)
    for tenth in np.array_split(np.argsort(others), 10):
        assert right[tenth].mean() == pytest.approx(sure[tenth].mean(), abs=0.04)


def test_the_order_of_the_texts_is_nothing_to_confidence():
    rng = np.random.default_rng(3)
    strengths, right = rng.random(200).astype(np.float32).round(2), rng.random(200) < 0.8
    order = rng.permutation(200)
    for one, other in zip(
        vars(calibrate(strengths, right)).values(),
        vars(calibrate(strengths[order], right[order])).values(),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-12)


# --- distribution -------------------------------------------------------------------------------


def slow_distribution(ballots, similarities, near, k):
    """The rule in loops: the winner's confidence, the rest by votes, none above the first."""
    winners, strengths, _ = vote(ballots, similarities, k)
    for row, winner in enumerate(winners):
        votes = dict.fromkeys(range(k), 0.0)
        spoken = zip([*ballots[row], *near[0][row]], [*similarities[row], *near[1][row]], strict=True)
        for topic, cosine in spoken:
            if topic != NOISE:
                votes[topic] += max(float(cosine), 0) ** 4
        sure = float(strengths[row])
        rest = sum(votes[topic] for topic in votes if topic != winner)
        likely = {t: min(sure, (1 - sure) * votes[t] / rest) for t in votes if t != winner and votes[t]}
        yield sorted(
            (likely | ({winner: sure} if winner != NOISE else {})).items(), key=lambda item: (-item[1], item[0])
        )


@pytest.mark.parametrize("k", [1, 3, 6, 40])
def test_probabilities_are_those_of_the_rule_in_loops(k):
    ballots, similarities, near = ballots_of(k=k, c=min(k, 5))
    found = polled(ballots, similarities, near, k=k)
    for row, want in enumerate(slow_distribution(ballots, similarities, near, k)):
        got = found.probabilities[row][found.topics[row] != NOISE]
        np.testing.assert_allclose(got, [p for _, p in want[:5]], rtol=1e-5)
        np.testing.assert_allclose(got, [dict(want)[topic] for topic in found.topics[row] if topic != NOISE], rtol=1e-5)


@pytest.mark.parametrize("k", [1, 2, 6])
def test_the_first_is_the_winner_with_its_confidence_and_all_are_a_distribution(k):
    ballots, similarities, near = ballots_of(k=k, c=min(k, 5))
    winners, _, _ = vote(ballots, similarities, k)
    found = polled(ballots, similarities, near, k=k)
    np.testing.assert_array_equal(found.topics[:, 0], winners)
    np.testing.assert_array_equal(found.probabilities[:, 0], found.confidences)
    assert (np.diff(found.probabilities, axis=1) <= 0).all()
    assert (found.probabilities.sum(axis=1) <= 1 + 1e-6).all()
    np.testing.assert_array_equal(found.probabilities == 0, found.topics == NOISE)
    for row in found.topics:
        named = row[row != NOISE]
        assert len(set(named)) == len(named)
    assert (found.topics.dtype, found.probabilities.dtype, found.topics.shape) == (np.int32, np.float32, (300, 5))


def test_a_text_is_as_sure_as_its_own_topic_is_likely():
    ballots, similarities, near = ballots_of()
    labels = np.random.default_rng(1).integers(0, 6, 300).astype(np.int32)
    found = polled(ballots, similarities, near, labels=labels)
    for row in range(300):
        among = found.topics[row] == labels[row]
        if among.any():
            assert found.confidences[row] == found.probabilities[row][among]
        else:
            assert found.confidences[row] <= found.probabilities[row].min()


@pytest.mark.parametrize("some", [[0], [7, 3], list(range(0, 300, 7))])
def test_nobody_else_moves_a_poll(some):
    ballots, similarities, near = ballots_of()
    whole = polled(ballots, similarities, near)
    part = polled(ballots[some], similarities[some], (near[0][some], near[1][some]))
    for name, array in vars(part).items():
        assert array.tobytes() == getattr(whole, name)[some].tobytes(), name


@pytest.mark.parametrize("a", [0, 3])
def test_without_neighbours_or_topics_nothing_is_likely(a):
    none = (np.empty((a, 0), np.int32), np.empty((a, 0), np.float32))
    found = polled(*none, none, k=0)
    assert found.topics.tolist() == [[NOISE] * 5] * a
    assert found.confidences.tolist() == [0] * a
    assert found.distances.tolist() == [1] * a


# --- novelty and reasons ------------------------------------------------------------------------


def test_novelty_is_the_share_of_texts_nearer_to_their_neighbours():
    rng = np.random.default_rng(0)
    known, new = rng.random(500).astype(np.float32), rng.random(50).astype(np.float32)
    np.testing.assert_allclose(novelty(new, known), [(known < value).mean() for value in new], rtol=1e-6)
    assert novelty(known, known).max() < 1
    assert novelty(new, known[:0]).tolist() == [0] * 50
    assert novelty(new, known).dtype == np.float32


def test_of_texts_like_those_known_few_are_novel():
    rng = np.random.default_rng(1)
    found = novelty(rng.normal(size=5000), rng.normal(size=5000))
    for rare in (0.01, 0.05, 0.2):
        assert (found > 1 - rare).mean() == pytest.approx(rare, abs=0.02)


def test_distance_is_the_mean_of_the_neighbours():
    assert distance(np.array([[1.0, 0.5], [0.0, -1.0]], np.float32)).tolist() == [0.25, 1.5]


@pytest.mark.parametrize(
    ("label", "nearest", "strength", "shared", "novel", "want"),
    [
        (2, 2, 0.9, 0.9, 0.99, ""),
        (NOISE, NOISE, 0.0, 0.0, 0.99, "no topics"),
        (NOISE, 1, 0.6, 0.6, 0.9, "coverage reached"),
        (NOISE, 1, 0.2, 0.6, 0.95, "far from all"),
        (NOISE, 1, 0.2, 0.5, 0.94, "between topics"),
        (NOISE, 1, 0.2, 0.4, 0.0, "unclear"),
    ],
)
def test_an_outlier_says_why(label, nearest, strength, shared, novel, want):
    arrays = [np.array([value]) for value in (label, nearest, strength, shared, novel)]
    assert reasons(*arrays, threshold=0.5).tolist() == [want]
