"""What the nearest texts of a text say about it: a topic, how clearly, how surely, and what else it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE, Calibration, Poll

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

VOTERS = 15  #: neighbours
LIKELIEST = 5  #: topics of a text that are kept
FAR = 0.95  #: from this novelty on a text is far from all
STRANGE = 0.995  #: from this novelty on a new text has no topic, unless the share of texts that get one is given
_BLOCK = 4096  # texts whose votes are counted at once


def vote(
    ballots: NDArray[np.int32], similarities: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Count the votes of neighbours.

    Parameters
    ----------
    ballots : ndarray of shape (a, q)
        Topic each neighbour votes for, -1 for none.
    similarities : ndarray of shape (a, q)
        Cosine; a neighbour's vote counts max(similarity, 0)^4.
    k : int
        Number of topics.

    Returns
    -------
    (ndarray of shape (a,) int32, ndarray of shape (a,) float32, ndarray of shape (a,) float32)
        The topic with most votes (ties: the lower number; -1 if nobody votes for any); its strength
        in [0, 1]: its share of all votes times the votes' mean similarity; and the strength if it and
        the topic with the second most votes were one.

    Examples
    --------
    >>> winner, strength, shared = vote(np.array([[0, 1, 1]]), np.array([[0.9, 0.8, 0.8]]), k=2)
    >>> winner.tolist(), round(float(strength[0]), 3), round(float(shared[0]), 3)
    ([1], 0.444, 0.844)
    """
    a, q = ballots.shape
    if not a or not q or not k:
        return np.full(a, NOISE, dtype=np.int32), np.zeros(a, dtype=np.float32), np.zeros(a, dtype=np.float32)
    parts = [_counted(ballots[part], similarities[part], k) for part in _parts(a)]
    winners, strengths, shared = zip(*parts, strict=True)
    return np.concatenate(winners), np.concatenate(strengths), np.concatenate(shared)


def calibrate(strengths: NDArray[np.float32], right: NDArray[np.floating[Any]] | NDArray[np.bool_]) -> Calibration:
    """Learn how far a vote of some strength can be relied on.

    Isotonic regression (Zadrozny and Elkan 2002) of being right on strength, with two wrong votes added,
    of strengths 0 and 1: who has no vote is not trusted, and nobody fully.

    Parameters
    ----------
    strengths : ndarray of shape (a,)
        Of texts the clusterer placed, by votes they had no part in.
    right : ndarray of shape (a,)
        How far each vote is right, 0 to 1: whether it names the clusterer's topic, and how firmly that holds the text.

    Examples
    --------
    >>> found = calibrate(np.array([0.2, 0.4, 0.6, 0.8]), np.array([False, True, True, True]))
    >>> confidence(found, np.array([0.0, 0.3, 0.7])).round(3).tolist()
    [0.0, 0.375, 0.75]
    """
    from sklearn.isotonic import IsotonicRegression

    strength = np.concatenate([[0.0], strengths.astype(np.float64), [1.0]])
    agreed = np.concatenate([[0.0], right.astype(np.float64), [0.0]])
    fitted = IsotonicRegression(y_min=0, y_max=1).fit(strength, agreed)
    return Calibration(fitted.X_thresholds_, fitted.y_thresholds_)


def confidence(calibration: Calibration, strengths: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far a vote of that strength can be relied on; linear between the strengths it was learned at."""
    return np.interp(strengths, calibration.strengths, calibration.agreement)


def poll(
    ballots: NDArray[np.int32],
    similarities: NDArray[np.float32],
    voted: tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]],
    centroids: tuple[NDArray[np.int32], NDArray[np.float32]],
    calibration: Calibration,
    labels: NDArray[np.int32] | None = None,
) -> Poll:
    """Tell how sure a vote is, and how likely other topics are.

    The topic that won is as likely as its `confidence`. What is left goes to the other topics that neighbours
    or the nearest centroids speak for, in proportion to their votes; a centroid votes like a neighbour. None
    becomes likelier than the one that won.

    Parameters
    ----------
    ballots, similarities : ndarray of shape (a, q)
        As `vote` takes them.
    voted : three ndarrays of shape (a,)
        What it gave.
    centroids : two ndarrays of shape (a, c)
        The topics with the nearest centroids of each text, and their cosines.
    calibration : Calibration
    labels : ndarray of shape (a,), optional
        Topics the texts have, whose probability is the confidence; by default those that won.

    Returns
    -------
    Poll
    """
    winners, strengths, shared = voted
    sure = confidence(calibration, strengths)
    wanted = winners if labels is None else labels
    parts = [
        _likeliest(
            np.concatenate([ballots[part], centroids[0][part]], axis=1),
            np.concatenate([similarities[part], centroids[1][part]], axis=1),
            winners[part],
            sure[part],
            wanted[part],
        )
        for part in _parts(len(winners))
    ]
    topics, probabilities, confidences = zip(*parts, strict=True)
    return Poll(
        confidences=np.concatenate(confidences),
        shared=shared,
        distances=distance(similarities),
        topics=np.concatenate(topics),
        probabilities=np.concatenate(probabilities),
    )


def distance(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean cosine distance of each text's neighbours; 1, as at right angles, where it has none."""
    if not similarities.shape[1]:
        return np.ones(len(similarities), dtype=np.float32)
    found: NDArray[np.float32] = (1 - similarities.astype(np.float64)).mean(axis=1).astype(np.float32)
    return found


def novelty(distances: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the texts seen at fit that are nearer to their neighbours than a text is to its own.

    One minus the p-value of conformal anomaly detection (Vovk, Gammerman and Shafer 2005; Laxhammar and
    Falkman 2010) by mean distance of neighbours: of texts like those seen, no more than a share of e has a
    novelty above 1 - e.

    Parameters
    ----------
    distances : ndarray of shape (a,)
        Mean distance of the neighbours of each text, itself not among them.
    known : ndarray of shape (u,)
        The same of the texts seen at fit.

    Examples
    --------
    >>> novelty(np.array([0.1, 0.35, 0.9]), known=np.array([0.1, 0.2, 0.3, 0.4])).tolist()
    [0.0, 0.75, 1.0]
    """
    nearer = np.searchsorted(np.sort(known), distances, side="left")
    return np.asarray(nearer / max(len(known), 1), dtype=np.float32)


def reasons(
    labels: NDArray[np.int32],
    nearest: NDArray[np.int32],
    strengths: NDArray[np.float32],
    shared: NDArray[np.float32],
    novelties: NDArray[np.float32],
    threshold: float,
) -> NDArray[np.str_]:
    """Why each text has no topic; empty where it has one. Of several reasons, the first.

    Returns
    -------
    ndarray of shape (a,)
        "no topics" if there are none; "far from all" from a novelty of 0.95 on; "coverage reached" if its vote
        is clear enough, but the share of documents asked for was full; "between topics" if the vote would be
        clear enough, were the two topics with most votes one; else "unclear".

    Examples
    --------
    >>> four = reasons(
    ...     labels=np.array([0, -1, -1, -1]),
    ...     nearest=np.array([0, 0, 0, 0]),
    ...     strengths=np.array([0.8, 0.2, 0.2, 0.2]),
    ...     shared=np.array([0.8, 0.2, 0.4, 0.2]),
    ...     novelties=np.array([0.5, 0.99, 0.5, 0.5]),
    ...     threshold=0.3,
    ... )
    >>> four.tolist()
    ['', 'far from all', 'between topics', 'unclear']
    """
    rules = {
        "": labels != NOISE,
        "no topics": nearest == NOISE,
        "far from all": novelties >= FAR,
        "coverage reached": strengths >= np.float32(threshold),
        "between topics": shared >= np.float32(threshold),
    }
    return np.select(list(rules.values()), list(rules), "unclear")


def _parts(a: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, max(a, 1), _BLOCK))


def _weights(similarities: NDArray[np.float32]) -> NDArray[np.float64]:
    """What votes count, max(similarity, 0)^4: squared twice, since processors differ in the last bit of a power."""
    return np.asarray(np.square(np.square(np.clip(similarities.astype(np.float64), 0, 1))))


def _totals(topics: NDArray[np.int32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each of a text's votes, what all its votes for the same topic weigh; a x q x q, no a x k."""
    same = topics[:, :, None] == topics[:, None, :]
    return np.asarray(np.where(same, weights[:, None, :], 0.0).sum(axis=2))


def _counted(
    ballots: NDArray[np.int32], similarities: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    close = np.clip(similarities.astype(np.float64), 0, 1)
    weight = _weights(similarities)
    votes = np.where(ballots == NOISE, 0, _totals(ballots, weight))
    total = weight.sum(axis=1)

    def first(votes: NDArray[np.float64]) -> NDArray[np.int32]:
        most = votes.max(axis=1)
        named = np.where(votes == most[:, None], ballots, k).min(axis=1)
        return np.where(most > 0, named, NOISE).astype(np.int32)

    def strength(counting: NDArray[np.bool_]) -> NDArray[np.float32]:
        spoken = (counting * weight * close).sum(axis=1)
        share = np.divide(spoken, total, out=np.zeros(len(total)), where=total > 0)
        return np.asarray(share, dtype=np.float32)

    winner = first(votes)
    mine = (ballots == winner[:, None]) & (ballots != NOISE)
    second = first(np.where(mine, 0, votes))
    return winner, strength(mine), strength(mine | ((ballots == second[:, None]) & (ballots != NOISE)))


def _likeliest(
    topics: NDArray[np.int32],
    similarities: NDArray[np.float32],
    winners: NDArray[np.int32],
    sure: NDArray[np.float64],
    wanted: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Topics and probabilities, likeliest first, (a, 5) each, -1 and 0 where there are fewer; that of `wanted`."""
    votes = _totals(topics, _weights(similarities))
    again = np.tril(topics[:, :, None] == topics[:, None, :], -1).any(axis=2)
    votes[again | (topics == NOISE)] = 0
    won = (topics == winners[:, None]) & ~again & (topics != NOISE)
    others = np.where(won, 0, votes)
    left = others.sum(axis=1, keepdims=True)
    share = np.divide(others, left, out=np.zeros_like(others), where=left > 0)
    likely = np.where(won, sure[:, None], np.minimum(sure[:, None], (1 - sure[:, None]) * share))
    own = (likely * (topics == wanted[:, None])).sum(axis=1)
    order = np.lexsort((topics, -np.where(won, np.inf, others)), axis=-1)[:, :LIKELIEST]
    best = np.zeros((len(topics), LIKELIEST), dtype=np.float32)
    best[:, : order.shape[1]] = np.take_along_axis(likely, order, axis=1)
    named = np.full(best.shape, NOISE, dtype=np.int32)
    named[:, : order.shape[1]] = np.take_along_axis(topics, order, axis=1)
    named[best == 0] = NOISE
    return named, best, own.astype(np.float32)
