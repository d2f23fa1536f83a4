"""One rule that places a text among the topics, at fit and ever after.

The 15 nearest texts that were there at fit vote with the fourth power of their similarity; those
the clusterer left out vote against. The rule looks at one text at a time, so its answer depends on
nothing but the text. (`umap.transform`, the usual way, moves with the batch.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from topics.data import NOISE, Clusters, Embeddings, Neighbors, Settled
from topics.labels import by_size, centroids_of
from topics.vectors import nearest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_VOTERS = 15  # neighbours
_POWER = 4  # of the similarity a vote counts
_CLEAR = 0.05  # auto: as clear as all but this share of the clustered documents


def settle(
    clusters: Clusters,
    embeddings: Embeddings,
    neighbors: Neighbors,
    copies: NDArray[np.int64],
    coverage: float | Literal["auto"],
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
        auto takes those whose neighbours speak as clearly as those of 95 % of the clustered texts.

    Returns
    -------
    Settled
    """
    voters = by_size(clusters.labels, copies)
    k = int(voters.max(initial=NOISE)) + 1
    centroids = centroids_of(embeddings.vectors, voters, k)
    ballots = neighbors.indices[:, :_VOTERS]
    winner, strength = vote(voters[ballots], 1 - neighbors.distances[:, :_VOTERS], k)
    alone = winner == NOISE
    winner[alone] = nearest_centroids(embeddings.vectors[alone], centroids)

    clustered = voters != NOISE
    clear = float(np.quantile(strength[clustered], _CLEAR)) if clustered.any() else 0.0
    candidate = np.where(clustered, voters, winner)
    order = np.lexsort((-strength, ~clustered))  # stable: ties stay in the order of their keys
    share = np.cumsum(copies[order]) / max(int(copies.sum()), 1)
    if coverage == "auto":
        kept, threshold = clustered | (strength >= clear), clear
    else:
        kept = np.zeros(len(strength), dtype=bool)
        kept[order[: int(np.searchsorted(share, coverage - 1e-9)) + 1 if coverage > 0 else 0]] = True
        # New documents cannot be clustered, so the dial becomes a threshold that as many would pass.
        threshold = float(np.quantile(strength, 1 - coverage)) if coverage < 1 and len(strength) else 0.0
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
        curve=_curve(clustered, winner == voters, strength, copies),
    )


def place(
    vectors: NDArray[np.float32],
    known: NDArray[np.float32],
    voters: NDArray[np.int32],
    centroids: NDArray[np.float32],
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Let the texts known at fit vote on new ones.

    Parameters
    ----------
    vectors : ndarray of shape (a, d), float32
        Unit rows of the new texts.
    known : ndarray of shape (u, d), float32
    voters : ndarray of shape (u,)
        Topics of the known texts as the clusterer gave them, -1 for outliers.
    centroids : ndarray of shape (k, d), float32
    threads : int

    Returns
    -------
    (ndarray of shape (a,) int32, ndarray of shape (a,) float32)
        Topic and strength; whether that is strong enough is for the caller's threshold.
    """
    k = len(centroids)
    topics, strengths = np.full(len(vectors), NOISE, dtype=np.int32), np.zeros(len(vectors), dtype=np.float32)
    if not len(known):
        return topics, strengths
    for start, rows, similarities in nearest(vectors, known, min(_VOTERS, len(known)), threads):
        block = slice(start, start + len(rows))
        topics[block], strengths[block] = vote(voters[rows], similarities, k)
        alone = topics[block] == NOISE
        topics[block][alone] = nearest_centroids(vectors[block][alone], centroids)
    return topics, strengths


def vote(
    ballots: NDArray[np.int32], similarities: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
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
    (ndarray of shape (a,) int32, ndarray of shape (a,) float32)
        The topic with most votes (ties: the lower number; -1 if nobody votes for any) and its
        strength in [0, 1]: its share of all votes times the votes' mean similarity.

    Examples
    --------
    >>> winner, strength = vote(np.array([[0, 1, 1]]), np.array([[0.9, 0.8, 0.8]]), k=2)
    >>> winner.tolist(), round(float(strength[0]), 3)
    ([1], 0.444)
    """
    a, q = ballots.shape
    if not a or not q or not k:
        return np.full(a, NOISE, dtype=np.int32), np.zeros(a, dtype=np.float32)
    close = np.clip(similarities.astype(np.float64), 0, 1)
    weight = close**_POWER
    # For each ballot, what all ballots for the same topic weigh: a x q x q, no a x k.
    same = ballots[:, :, None] == ballots[:, None, :]
    votes = np.einsum("iqp,ip->iq", same, weight)
    votes[ballots == NOISE] = -1
    most = votes.max(axis=1)
    winner = np.where(votes == most[:, None], ballots, k).min(axis=1)
    winner = np.where(most > 0, winner, NOISE).astype(np.int32)
    mine = (ballots == winner[:, None]) * weight
    won, total = mine.sum(axis=1), weight.sum(axis=1)
    share = np.divide(won, total, out=np.zeros(a), where=(total > 0) & (winner != NOISE))
    mean = np.divide((mine * close).sum(axis=1), won, out=np.zeros(a), where=won > 0)
    return winner, (share * mean).astype(np.float32)


def nearest_centroids(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int32]:
    """The most similar centroid of each row, -1 if there is none."""
    if not len(centroids):
        return np.full(len(vectors), NOISE, dtype=np.int32)
    if not len(vectors):
        return np.empty(0, dtype=np.int32)
    return np.concatenate([rows[:, 0] for _, rows, _ in nearest(vectors, centroids, 1)])


def _by_final_size(labels: NDArray[np.int32], copies: NDArray[np.int64], k: int) -> NDArray[np.int32]:
    """New numbers for topics 0..k-1 and, last, for -1; topics that lost all their documents become -1."""
    final = by_size(labels, copies)
    renamed = np.full(k + 1, NOISE, dtype=np.int32)
    renamed[labels] = final
    return renamed


def _curve(
    clustered: NDArray[np.bool_], right: NDArray[np.bool_], strength: NDArray[np.float32], copies: NDArray[np.int64]
) -> pd.DataFrame:
    """What each coverage would cost: the votes' agreement with the clusterer among texts as clear as those let in."""
    import pandas as pd

    total = max(int(copies.sum()), 1)
    begin = copies[clustered].sum() / total
    rows = []
    outside = np.sort(strength[~clustered])[::-1]
    weight = copies[~clustered][np.argsort(-strength[~clustered], kind="stable")]
    share = begin + np.cumsum(weight) / total
    for coverage in np.linspace(begin, 1, 11) if len(outside) else [begin]:
        many = int(np.searchsorted(share, coverage - 1e-9)) if len(outside) else 0
        threshold = float(outside[min(many, len(outside) - 1)]) if len(outside) else 0.0
        as_clear = clustered & (strength >= threshold)
        agreement = float(right[as_clear].mean()) if as_clear.any() else 1.0
        rows.append((float(coverage), threshold, agreement))
    return pd.DataFrame(rows, columns=["coverage", "threshold", "agreement"])
