"""The one rule that places a text, at fit and afterwards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from fakes import random_embeddings
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.assignment import nearest_centroids, place, settle
from topics.data import NOISE, Calibration, Clusters, Embeddings
from topics.graph.neighbors import find_neighbors
from topics.vectors import unit_rows
from topics.voting import vote

EVEN = Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]))


def scene(u=400, k=4, outliers=0.3, seed=0):
    """Clusters around k directions, some members left out by the clusterer, some texts carried by several documents."""
    rng = np.random.default_rng(seed)
    theme = rng.integers(0, k, u)
    vectors = unit_rows((np.eye(16)[theme] + 0.35 * rng.normal(size=(u, 16))).astype(np.float32))
    labels = np.where(rng.random(u) < outliers, NOISE, theme).astype(np.int32)
    embeddings = Embeddings(vectors, "", "")
    copies = rng.choice([1, 1, 1, 4], u).astype(np.int64)
    return Clusters(labels, np.ones(u, np.float32)), embeddings, find_neighbors(embeddings, 20), copies


def settled(coverage, **how):
    return settle(*scene(**how), coverage)


def placed(new, embeddings, found, threads=1):
    return place(new, embeddings.vectors, found.voters, found.centroids, found.calibration, threads=threads)


def covered(labels, copies):
    return copies[labels != NOISE].sum() / copies.sum()


# --- votes --------------------------------------------------------------------------------------


def slow_vote(ballots, similarities, k):
    """The rule in loops: power four, the share of all votes times the votes' mean similarity."""
    winners, strengths = [], []
    for ballot, similarity in zip(ballots, similarities, strict=True):
        votes, total, dot = dict.fromkeys(range(k), 0.0), 0.0, dict.fromkeys(range(k), 0.0)
        for topic, cosine in zip(ballot.tolist(), similarity.tolist(), strict=True):
            weight = max(cosine, 0) ** 4
            total += weight
            if topic != NOISE:
                votes[topic] += weight
                dot[topic] += weight * cosine
        best = max(votes, key=lambda topic: (votes[topic], -topic), default=NOISE)
        if best == NOISE or votes[best] <= 0:
            winners.append(NOISE)
            strengths.append(0.0)
        else:
            winners.append(best)
            strengths.append(votes[best] / total * dot[best] / votes[best])
    return winners, strengths


@pytest.mark.parametrize("k", [1, 3, 40])
def test_votes_are_counted_as_in_loops(k):
    rng = np.random.default_rng(k)
    ballots = rng.integers(-1, k, (300, 15)).astype(np.int32)
    similarities = rng.uniform(-0.5, 1, (300, 15)).astype(np.float32)
    winner, strength, shared = vote(ballots, similarities, k)
    want_winner, want_strength = slow_vote(ballots, similarities, k)
    np.testing.assert_array_equal(winner, want_winner)
    np.testing.assert_allclose(strength, want_strength, rtol=1e-6)
    assert (winner.dtype, strength.dtype, shared.dtype) == (np.int32, np.float32, np.float32)
    assert (shared >= strength).all()


def test_the_lower_number_wins_a_tie():
    assert vote(np.array([[3, 1, 3, 1]]), np.full((1, 4), 0.5, np.float32), 4)[0].tolist() == [1]


@pytest.mark.parametrize(
    ("ballots", "similarities"),
    [([[-1, -1]], [[0.9, 0.9]]), ([[0, 1]], [[0.0, 0.0]]), ([[0, 1]], [[-0.5, -1.0]]), ([[]], [[]])],
    ids=["only outliers", "at right angles", "opposite", "no neighbours"],
)
def test_where_nobody_votes_nobody_wins(ballots, similarities):
    winner, strength, shared = vote(np.array(ballots, dtype=np.int32), np.array(similarities, dtype=np.float32), 2)
    assert winner.tolist() == [NOISE]
    assert strength.tolist() == shared.tolist() == [0]


def test_outliers_vote_against():
    similarities = np.full((1, 4), 0.9, np.float32)
    for outliers in range(4):
        ballots = np.array([[NOISE] * outliers + [2] * (4 - outliers)])
        winner, strength, _ = vote(ballots, similarities, 3)
        assert winner.tolist() == [2]
        assert strength[0] == pytest.approx(0.9 * (4 - outliers) / 4)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_strength_is_a_share_even_where_rounding_made_similarities_more_than_one(seed):
    rng = np.random.default_rng(seed)
    similarities = rng.uniform(-1.001, 1.001, (5, 15)).astype(np.float32)
    _, strength, _ = vote(rng.integers(-1, 3, (5, 15)).astype(np.int32), similarities, 3)
    assert ((strength >= 0) & (strength <= 1)).all()


# --- settle -------------------------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0.0, 0.01, 0.3, 0.7, 0.9, 0.999, 1.0])
def test_coverage_is_reached_and_passed_by_one_text_at_most(coverage):
    *_, copies = scene()
    got = covered(settled(coverage).labels, copies)
    assert coverage - 1e-9 <= got <= coverage + copies.max() / copies.sum()


@pytest.mark.parametrize("coverage", [0.3, 0.85])
def test_the_clearest_texts_come_in_first_and_those_clustered_before_the_others(coverage):
    clusters, *_ = scene()
    found = settled(coverage)
    inside, clustered = found.labels != NOISE, clusters.labels != NOISE
    partly = clustered if coverage < clustered.mean() else ~clustered
    assert found.strengths[partly & inside].min() >= found.strengths[partly & ~inside].max()
    assert inside[clustered].all() or not inside[~clustered].any()


def test_full_coverage_gives_everything_a_topic():
    assert (settled(1.0).labels != NOISE).all()


def test_no_coverage_leaves_no_topic():
    found = settled(0.0)
    assert (found.labels == NOISE).all()
    assert found.centroids.shape == (0, 16)


def test_raising_the_dial_takes_no_topic_away():
    dial = [settled(coverage) for coverage in np.linspace(0, 1, 21)]
    for less, more in pairwise(dial):
        assert ((less.labels == NOISE) | (more.labels != NOISE)).all()
        # Who shared a topic still does, whatever its number is now.
        kept = less.labels != NOISE
        pairs = set(zip(less.labels[kept].tolist(), more.labels[kept].tolist(), strict=True))
        assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})


def test_raising_the_dial_lowers_the_bar_for_new_documents():
    bars = [settled(coverage).threshold for coverage in np.linspace(0, 1, 21)]
    assert bars == sorted(bars, reverse=True)
    assert bars[-1] == 0


@pytest.mark.parametrize("coverage", ["auto", 0.2, 0.6, 1.0])
def test_topics_are_numbered_by_the_documents_they_end_up_with(coverage):
    *_, copies = scene()
    found = settled(coverage)
    k = len(found.centroids)
    sizes = [int(copies[found.labels == topic].sum()) for topic in range(k)]
    assert sizes == sorted(sizes, reverse=True)
    assert all(sizes)
    assert set(found.labels.tolist()) <= set(range(-1, k))
    assert set(found.voters.tolist()) <= set(range(-1, k))
    assert set(found.nearest.tolist()) <= set(range(-1, k))


def test_auto_keeps_what_was_clustered_and_adds_what_is_as_clear():
    clusters, *_ = scene()
    found = settled("auto")
    clustered = clusters.labels != NOISE
    assert (found.labels[clustered] != NOISE).all()
    clear = np.quantile(found.strengths[clustered], 0.05)
    np.testing.assert_array_equal(found.labels[~clustered] != NOISE, found.strengths[~clustered] >= clear)


@pytest.mark.parametrize("coverage", ["auto", 0.2, 0.6, 0.95])
def test_as_many_new_texts_as_old_ones_would_be_clear_enough(coverage):
    found = settled(coverage)
    placed = (found.labels != NOISE).mean() if coverage == "auto" else coverage
    assert (found.strengths >= found.threshold).mean() == pytest.approx(placed, abs=0.01)


def test_a_clustered_text_stays_where_the_clusterer_put_it():
    clusters, *_ = scene()
    found = settled(1.0)
    inside = clusters.labels != NOISE
    np.testing.assert_array_equal(found.voters[inside], found.labels[inside])
    np.testing.assert_array_equal(found.voters == NOISE, ~inside)
    pairs = set(zip(clusters.labels[inside].tolist(), found.labels[inside].tolist(), strict=True))
    assert len(pairs) == 4


def test_the_share_clustered_counts_documents():
    clusters, _, _, copies = scene()
    assert settled("auto").clustered == pytest.approx(covered(clusters.labels, copies))


def test_a_vote_is_right_as_far_as_the_grouping_is_firm():
    fully = settled("auto")
    half = settle(*scene(), "auto", agreement=np.full(400, 0.5, np.float32))
    np.testing.assert_array_equal(half.labels, fully.labels)
    assert fully.poll.confidences.mean() > 0.9
    assert 0.4 < half.poll.confidences.mean() < 0.5
    assert (half.poll.probabilities[:, 0] <= 0.5).all()
    unknown = settle(*scene(), "auto", agreement=np.full(400, np.nan, np.float32))
    np.testing.assert_array_equal(unknown.poll.confidences, fully.poll.confidences)


def test_centroids_are_those_of_the_final_topics():
    _, embeddings, _, _ = scene()
    found = settled(0.5)
    for topic, centroid in enumerate(found.centroids):
        mean = embeddings.vectors[found.labels == topic].mean(axis=0)
        np.testing.assert_allclose(centroid, mean / np.linalg.norm(mean), atol=1e-6)


def test_the_curve_says_what_every_setting_of_the_dial_would_give():
    curve = settled("auto").curve
    assert list(curve.columns) == ["coverage", "threshold", "agreement"]
    *_, copies = scene()
    for point in curve.itertuples():
        there = settled(point.coverage)
        inside = there.labels != NOISE
        assert point.coverage == covered(there.labels, copies)
        assert point.threshold == there.threshold
        want = np.average(there.poll.confidences[inside].astype(float), weights=copies[inside])
        assert point.agreement == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("outliers", [0, 0.3])
def test_the_curve_runs_to_everything_and_holds_what_was_clustered(outliers):
    found = settled("auto", outliers=outliers)
    coverage = found.curve["coverage"].to_numpy()
    assert (np.diff(coverage) > 0).all()
    assert coverage[-1] == pytest.approx(1)
    assert np.abs(coverage - found.clustered).min() < 1e-12
    assert (np.diff(found.curve["threshold"]) <= 0).all()
    assert found.curve["agreement"].between(0, 1).all()
    pd.testing.assert_frame_equal(found.curve, settled(0.5, outliers=outliers).curve)


def test_what_comes_in_is_left_as_it_was():
    clusters, embeddings, neighbors, copies = scene()
    for array in (clusters.labels, embeddings.vectors, neighbors.indices, neighbors.distances, copies):
        array.flags.writeable = False
    settle(clusters, embeddings, neighbors, copies, 0.5)


@pytest.mark.parametrize("coverage", ["auto", 0.0, 0.5, 1.0])
def test_without_any_cluster_there_are_outliers_only(coverage):
    _, embeddings, neighbors, copies = scene(u=30)
    found = settle(
        Clusters(np.full(30, NOISE, np.int32), np.zeros(30, np.float32)), embeddings, neighbors, copies, coverage
    )
    assert found.labels.tolist() == found.nearest.tolist() == [NOISE] * 30
    assert found.centroids.shape[0] == 0


@pytest.mark.parametrize("coverage", ["auto", 0.0, 0.5, 1.0])
@pytest.mark.parametrize("u", [0, 1, 2, 3])
@pytest.mark.parametrize("value", [None, 0, 0.5])
def test_tiny_and_constant_corpora_settle(u, coverage, value):
    embeddings = random_embeddings(u, 4)
    if value is not None:
        embeddings = Embeddings(np.full((u, 4), value, np.float32), "", "")
    one = Clusters(np.zeros(u, np.int32), np.ones(u, np.float32))
    found = settle(one, embeddings, find_neighbors(embeddings, 5), np.ones(u, np.int64), coverage)
    want = u if coverage in ("auto", 1.0) else int(np.ceil(coverage * u))
    assert (found.labels == 0).sum() == want
    assert np.isfinite(found.strengths).all()
    assert found.curve.notna().all(axis=None)


# --- place --------------------------------------------------------------------------------------


def test_new_texts_go_where_their_neighbours_are():
    clusters, embeddings, neighbors, copies = scene()
    found = settle(clusters, embeddings, neighbors, copies, "auto")
    new = unit_rows(embeddings.vectors + 0.02 * np.random.default_rng(1).normal(size=(400, 16)).astype(np.float32))
    topics, strengths, _ = placed(new, embeddings, found)
    clear = found.labels != NOISE
    assert (topics[clear] == found.labels[clear]).mean() > 0.97
    assert ((strengths >= 0) & (strengths <= 1)).all()


def test_a_new_text_gets_its_answer_whoever_comes_along():
    clusters, embeddings, neighbors, copies = scene()
    found = settle(clusters, embeddings, neighbors, copies, "auto")
    new = random_embeddings(600, 16, seed=5).vectors
    topics, strengths, poll = placed(new, embeddings, found)
    order = np.random.default_rng(2).permutation(600)
    for some, threads in ((order, 2), (order[:37], 1), *((order[i : i + 1], 1) for i in range(10))):
        again, strength, told = placed(new[some], embeddings, found, threads)
        assert again.tobytes() == topics[some].tobytes()
        assert strength.tobytes() == strengths[some].tobytes()
        for name, array in vars(told).items():
            assert array.tobytes() == getattr(poll, name)[some].tobytes(), name


def test_with_only_outliers_around_the_nearest_centroid_is_named_without_strength():
    known = np.eye(3, dtype=np.float32)
    voters = np.array([NOISE, NOISE, NOISE], dtype=np.int32)
    topics, strengths, poll = place(unit_rows(np.array([[0.1, 1, 0]], np.float32)), known, voters, known[:2], EVEN)
    assert topics.tolist() == [1]
    assert strengths.tolist() == poll.confidences.tolist() == [0]
    assert poll.topics.tolist() == [[NOISE] * 5]


@pytest.mark.parametrize("k", [0, 2])
def test_nothing_known_nothing_placed(k):
    nobody, centroids = np.empty(0, np.int32), np.eye(k, 3, dtype=np.float32)
    topics, strengths, poll = place(np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32), nobody, centroids, EVEN)
    assert topics.tolist() == [[NOISE] * 3, [0, 1, 0]][k // 2]
    assert strengths.tolist() == poll.confidences.tolist() == [0] * 3
    assert poll.distances.tolist() == [1] * 3


def test_nobody_new_nobody_placed():
    known = np.eye(3, dtype=np.float32)
    topics, strengths, poll = place(known[:0], known, np.zeros(3, np.int32), known[:1], EVEN)
    assert len(topics) == len(strengths) == len(poll.topics) == 0


def test_as_many_vote_on_new_texts_as_did_at_fit():
    _, embeddings, _, copies = scene(outliers=0)
    near = find_neighbors(embeddings, 3)
    found = settle(scene(outliers=0)[0], embeddings, near, copies, "auto")
    new = random_embeddings(5, 16, seed=5).vectors
    *_, poll = place(
        new, embeddings.vectors, found.voters, found.centroids, found.calibration, voting=near.indices.shape[1]
    )
    for row, vector in enumerate(new):
        cosines = np.sort(embeddings.vectors @ vector)[-3:]
        assert poll.distances[row] == pytest.approx(1 - cosines.mean(), abs=1e-6)


def test_the_nearest_centroid_is_the_most_similar_one():
    vectors, centroids = random_embeddings(50, 6).vectors, random_embeddings(7, 6, seed=1).vectors
    np.testing.assert_array_equal(nearest_centroids(vectors, centroids), (vectors @ centroids.T).argmax(axis=1))
    assert nearest_centroids(vectors, centroids[:0]).tolist() == [NOISE] * 50
    assert nearest_centroids(vectors[:0], centroids).tolist() == []
