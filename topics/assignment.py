"""One rule that places a text among the topics, at fit and ever after.

The 15 nearest texts that were there at fit vote with the fourth power of their similarity; those
the clusterer left out vote against. The rule looks at one text at a time, so its answer depends on
nothing but the text. (`umap.transform`, the usual way, moves with the batch.)
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from topics.data import NOISE, Approach, Calibration, Clusters, Embeddings, Neighbors, Poll, Reduction, Settled
from topics.graph.cells import parted
from topics.graph.seeking import seek
from topics.labels import by_size, centroids_of
from topics.progress import track
from topics.vectors import nearest
from topics.voting import LIKELIEST, STRANGE, VOTERS, calibrate, novelty, poll, vote

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from topics.executors import Executor

EXACT = 20_000  #: texts that vote: among more, voters are looked for in cells
SHARD = 1 << 23  #: bytes of vectors that are placed at once elsewhere
_CLEAR = 0.05  # auto: as clear as all but this share of the clustered documents
_DIAL = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # coverages of the curve


def settle(
    clusters: Clusters,
    embeddings: Embeddings,
    neighbors: Neighbors,
    copies: NDArray[np.int64],
    coverage: float | Literal["auto"],
    agreement: NDArray[np.float32] | None = None,
) -> Settled:
    """Apply the outlier policy.

    Texts the clusterer left out are offered to the topic their neighbours vote for, clearest first,
    until `coverage` of all documents with text have a topic; if the clusterer placed more than that,
    its least clear ones become outliers.

    Parameters
    ----------
    clusters : Clusters
        Over u texts.
    embeddings : Embeddings
        Of shape (u, d).
    neighbors : Neighbors
        Of shape (u, q).
    copies : ndarray of shape (u,)
        Documents that carry each text.
    coverage : float in [0, 1] or "auto"
        auto takes those whose neighbours speak as clearly as those of 95 % of the clustered texts. New
        texts need a strength that as large a share of the old ones has as got a topic.
    agreement : ndarray of shape (u,), optional
        Share of each text's ties that stay inside a group when the grouping is repeated, as `Graph` has it: a vote
        that names the clusterer's topic is right to that extent. By default, and where it is nan, all stay.

    Returns
    -------
    Settled
    """
    voters = by_size(clusters.labels, copies)
    k = int(voters.max(initial=NOISE)) + 1
    ballots, similarities = voters[neighbors.indices[:, :VOTERS]], 1 - neighbors.distances[:, :VOTERS]
    voted = vote(ballots, similarities, k)
    winner, strength, _ = voted
    clustered = voters != NOISE
    again = np.ones(len(voters)) if agreement is None else np.nan_to_num(agreement, nan=1)
    calibration = calibrate(strength[clustered], np.where(winner == voters, again, 0)[clustered])
    near = _near_centroids(embeddings.vectors, centroids_of(embeddings.vectors, voters, k))
    candidate = np.where(clustered, voters, _or_nearest(winner, near[0]))
    told = poll(ballots, similarities, voted, near, calibration, candidate)

    kept, threshold = _kept(clustered, strength, copies, coverage)
    labels = np.where(kept, candidate, NOISE)
    renamed = _by_final_size(labels, copies, k)
    return Settled(
        labels=renamed[labels],
        strengths=strength,
        nearest=renamed[candidate],
        voters=renamed[voters],
        centroids=centroids_of(embeddings.vectors, renamed[labels], int(renamed.max()) + 1),
        threshold=threshold,
        clustered=float(copies[clustered].sum() / max(int(copies.sum()), 1)),
        curve=_curve(clustered, strength, told.confidences, copies),
        poll=_renumbered(told, renamed),
        calibration=calibration,
    )


def resettle(
    labels: NDArray[np.int32],
    voters: NDArray[np.int32],
    before: Settled,
    embeddings: Embeddings,
    neighbors: Neighbors,
    copies: NDArray[np.int64],
) -> tuple[Settled, NDArray[np.int32]]:
    """Settle topics that were merged, split or dropped by hand: what has a topic keeps it.

    The votes are counted again. An outlier that only lay between topics which are one now joins it: its vote has
    become as clear as a new text needs it to be. Where fewer have a topic than before, new texts need a strength that
    as large a share of the old ones has as have one now: what is like the documents of a dropped topic has none.

    Parameters
    ----------
    labels, voters : ndarray of shape (u,)
        Topics of the texts, as they are to be, and as the clusterer would have given them; any numbers from 0 on.
    before : Settled
        Strengths, threshold and calibration are taken from it.
    embeddings, neighbors, copies
        As in `settle`.

    Returns
    -------
    (Settled, ndarray of shape (k + 1,))
        And the final number of each of the k topics; -1 for one without documents, and, last, for none.
    """
    k = int(max(labels.max(initial=NOISE), voters.max(initial=NOISE))) + 1
    ballots, similarities = voters[neighbors.indices[:, :VOTERS]], 1 - neighbors.distances[:, :VOTERS]
    voted = vote(ballots, similarities, k)
    winner, strength, _ = voted
    clear = np.float32(before.threshold)
    joins = (labels == NOISE) & (winner != NOISE) & (strength >= clear) & (before.strengths < clear)
    labels = np.where(joins, winner, labels).astype(np.int32)
    threshold, share = before.threshold, float((labels != NOISE).mean()) if len(labels) else 1.0
    if share < float((before.labels != NOISE).mean()):
        threshold = max(threshold, _passed_by(share, strength))
    near = _near_centroids(embeddings.vectors, centroids_of(embeddings.vectors, voters, k))
    otherwise = np.where(voters != NOISE, voters, _or_nearest(winner, near[0]))
    candidate = np.where(labels != NOISE, labels, otherwise).astype(np.int32)
    told = poll(ballots, similarities, voted, near, before.calibration, candidate)
    renamed = _by_final_size(labels, copies, k)
    settled = Settled(
        labels=renamed[labels],
        strengths=strength,
        nearest=renamed[candidate],
        voters=renamed[voters],
        centroids=centroids_of(embeddings.vectors, renamed[labels], int(renamed.max(initial=NOISE)) + 1),
        threshold=threshold,
        clustered=float(copies[voters != NOISE].sum() / max(int(copies.sum()), 1)),
        curve=_curve(voters != NOISE, strength, told.confidences, copies),
        poll=_renumbered(told, renamed),
        calibration=before.calibration,
    )
    return settled, renamed


def place(
    vectors: NDArray[np.float32],
    known: NDArray[np.float32],
    voters: NDArray[np.int32],
    centroids: NDArray[np.float32],
    calibration: Calibration,
    voting: int = VOTERS,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.float32], Poll]:
    """Let the texts known at fit vote on new ones.

    Parameters
    ----------
    vectors : ndarray of shape (a, d), float32
        Unit rows of the new texts.
    known : ndarray of shape (u, d), float32
    voters : ndarray of shape (u,)
        Topics of the known texts as the clusterer gave them, -1 for outliers.
    centroids : ndarray of shape (k, d), float32
    calibration : Calibration
    voting : int
        Neighbours that vote, at most 15: as many as did at fit.
    threads : int

    Returns
    -------
    (ndarray of shape (a,) int32, ndarray of shape (a,) float32, Poll)
        Topic and strength, and what else the neighbours say; whether that is strong enough is for the
        caller's threshold.
    """
    rows, similarities = _nearest(vectors, known, min(VOTERS, voting, len(known)), threads)
    return _placed(vectors, Approach(rows, similarities), voters, centroids, calibration, threads)


def approach(
    vectors: NDArray[np.float32],
    fitted: int,
    voting: int = VOTERS,
    threads: int = 1,
    room: int | None = None,
    executor: Executor | None = None,
) -> Approach:
    """Find the nearest of the first `fitted` vectors, of all that come after these; here, or through an executor.

    Among more than 20,000 they are looked for in cells (`graph.seeking`), where 99 of a hundred are found. `place`
    compares a document that comes later with all: that is cheap for a few.
    """
    q = min(VOTERS, voting, fitted)
    seeking: Callable[..., tuple[NDArray[np.int32], NDArray[np.float32]]]
    if fitted > EXACT:
        seeking = partial(seek, cells=parted(vectors[:fitted], threads, room), q=q)
    else:
        seeking = partial(_nearest, candidates=np.asarray(vectors[:fitted]), q=q, room=room)
    if executor is None:
        return Approach(*seeking(vectors[fitted:], threads=threads))
    rows = max(1, SHARD // vectors[:1].nbytes)
    shards = (np.asarray(vectors[start : start + rows]) for start in range(fitted, len(vectors), rows))
    found = track(
        executor.map(seeking, shards), len(vectors) - fitted, "Assigning", "documents", lambda part: len(part[0])
    )
    near, similarities = zip((np.empty((0, q), np.int32), np.empty((0, q), np.float32)), *found, strict=True)
    return Approach(np.concatenate(near), np.concatenate(similarities))


def spread(
    settled: Settled,
    embeddings: Embeddings,
    near: Approach,
    copies: NDArray[np.int64],
    coverage: float | Literal["auto"],
    threads: int = 1,
) -> Settled:
    """Place the texts that topics were not found in among these topics, as new ones are placed.

    Parameters
    ----------
    settled : Settled
        Of the first texts.
    embeddings : Embeddings
        Of all u texts.
    near : Approach
        From the others to the first.
    copies : ndarray of shape (u,)
        Documents that carry each text.
    coverage : float in [0, 1] or "auto"
        As in `settle`, which has turned it into the strength a new text needs.
    threads : int

    Returns
    -------
    Settled
        Of all texts. Topics are numbered by the documents they have now; those placed have no vote, centroids, curve
        and calibration are those of the texts that do.
    """
    n, k = len(settled.labels), len(settled.centroids)
    closest, strengths, told = _placed(
        embeddings.vectors[n:], near, settled.voters, settled.centroids, settled.calibration, threads
    )
    labels = np.where(strengths >= settled.threshold, closest, NOISE)
    if coverage == "auto":
        labels[novelty(told.distances, settled.poll.distances) >= STRANGE] = NOISE
    labels = np.concatenate([settled.labels, labels]).astype(np.int32)
    renamed = _by_final_size(labels, copies, k)
    centroids = np.empty_like(settled.centroids)
    centroids[renamed[:k]] = settled.centroids
    both = {name: np.concatenate([part, getattr(told, name)]) for name, part in vars(settled.poll).items()}
    return replace(
        settled,
        labels=renamed[labels],
        strengths=np.concatenate([settled.strengths, strengths]),
        nearest=renamed[np.concatenate([settled.nearest, closest])],
        voters=renamed[np.concatenate([settled.voters, np.full(len(closest), NOISE, dtype=np.int32)])],
        centroids=centroids,
        poll=_renumbered(Poll(**both), renamed),
    )


def scatter(drawn: Reduction, near: Approach) -> Reduction:
    """A map of all texts from one of the first: each other text lies amid the nearest of these."""
    weights = np.clip(near.similarities.astype(np.float64), 1e-6, 1) ** 4
    shares = weights / weights.sum(axis=1, keepdims=True)
    amid = np.einsum("ij,ijk->ik", shares, drawn.points[near.indices].astype(np.float64))
    return Reduction(np.concatenate([drawn.points, amid.astype(np.float32)]))


def _placed(
    vectors: NDArray[np.float32],
    near: Approach,
    voters: NDArray[np.int32],
    centroids: NDArray[np.float32],
    calibration: Calibration,
    threads: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32], Poll]:
    """What the nearest known texts say about others."""
    similarities = near.similarities
    ballots = voters[near.indices] if len(voters) else np.empty((len(vectors), 0), dtype=np.int32)
    voted = vote(ballots, similarities, len(centroids))
    central = _near_centroids(vectors, centroids, threads)
    closest = _or_nearest(voted[0], central[0])
    return closest, voted[1], poll(ballots, similarities, voted, central, calibration)


def nearest_centroids(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int32]:
    """The most similar centroid of each row, -1 if there is none."""
    return _or_nearest(np.full(len(vectors), NOISE, dtype=np.int32), _near_centroids(vectors, centroids)[0])


def _near_centroids(
    vectors: NDArray[np.float32], centroids: NDArray[np.float32], threads: int = 1
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    return _nearest(vectors, centroids, min(LIKELIEST, len(centroids)), threads)


def _nearest(
    vectors: NDArray[np.float32], candidates: NDArray[np.float32], q: int, threads: int = 1, room: int | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The q most similar candidates of each row, and how similar they are, (a, q) each."""
    rows, similarities = np.empty((len(vectors), q), dtype=np.int32), np.empty((len(vectors), q), dtype=np.float32)
    for start, found, cosines in nearest(vectors, candidates, q, threads, room=room) if q else ():
        rows[start : start + len(found)], similarities[start : start + len(found)] = found, cosines
    return rows, similarities


def _or_nearest(winners: NDArray[np.int32], near: NDArray[np.int32]) -> NDArray[np.int32]:
    """The topic that won, or that of the nearest centroid where nobody voted for any."""
    return np.where(winners == NOISE, near[:, 0], winners).astype(np.int32) if near.shape[1] else winners


def _kept(
    clustered: NDArray[np.bool_],
    strength: NDArray[np.float32],
    copies: NDArray[np.int64],
    coverage: float | Literal["auto"],
) -> tuple[NDArray[np.bool_], float]:
    """Which texts get a topic, and how clear a new one has to be."""
    if coverage == "auto":
        clear = float(np.quantile(strength[clustered], _CLEAR)) if clustered.any() else 0.0
        kept = clustered | (strength >= clear)
        return kept, _passed_by(float(kept.mean()) if len(kept) else 1.0, strength)
    order = np.lexsort((-strength, ~clustered))  # stable: ties stay in the order of their keys
    share = np.cumsum(copies[order]) / max(int(copies.sum()), 1)
    kept = np.zeros(len(strength), dtype=bool)
    kept[order[: int(np.searchsorted(share, coverage - 1e-9)) + 1 if coverage > 0 else 0]] = True
    return kept, _passed_by(coverage, strength)


def _passed_by(share: float, strength: NDArray[np.float32]) -> float:
    """The threshold that so many of the texts would pass: new ones cannot be clustered, they need one."""
    return float(np.quantile(strength, 1 - share)) if share < 1 and len(strength) else 0.0


def _by_final_size(labels: NDArray[np.int32], copies: NDArray[np.int64], k: int) -> NDArray[np.int32]:
    """New numbers for topics 0..k-1 and, last, for -1; topics that lost all their documents become -1."""
    final = by_size(labels, copies)
    renamed = np.full(k + 1, NOISE, dtype=np.int32)
    renamed[labels] = final
    return renamed


def _renumbered(told: Poll, renamed: NDArray[np.int32]) -> Poll:
    """A poll in the topics' final numbers; those that lost all their documents are in nobody's."""
    topics = renamed[told.topics]
    order = np.argsort(topics == NOISE, axis=1, kind="stable")
    probabilities = np.where(topics == NOISE, np.float32(0), told.probabilities)
    return Poll(
        confidences=told.confidences,
        shared=told.shared,
        distances=told.distances,
        topics=np.take_along_axis(topics, order, axis=1),
        probabilities=np.take_along_axis(probabilities, order, axis=1),
    )


def _curve(
    clustered: NDArray[np.bool_],
    strength: NDArray[np.float32],
    confidences: NDArray[np.float32],
    copies: NDArray[np.int64],
) -> pd.DataFrame:
    """What each coverage comes to, that of the clusterer among them: the mean confidence of the documents placed."""
    import pandas as pd

    total = max(int(copies.sum()), 1)
    rows = []
    for coverage in sorted({*_DIAL, float(copies[clustered].sum() / total)}) if clustered.any() else ():
        kept, _ = _kept(clustered, strength, copies, coverage)
        reached = float(copies[kept].sum() / total)
        _, threshold = _kept(clustered, strength, copies, reached)
        rows.append((reached, threshold, float(np.average(confidences[kept].astype(np.float64), weights=copies[kept]))))
    curve = pd.DataFrame(rows, columns=["coverage", "threshold", "agreement"], dtype="float64")
    return curve.drop_duplicates("coverage", ignore_index=True)
