"""What the documents that came since the last fit say: are they new, have the topics moved, is it time to fit again.

a texts that came after the fit, d dimensions, k topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.clustering import default_min_cluster_size
from topics.data import NOISE
from topics.labels import centroids_of
from topics.vectors import nearest
from topics.voting import VOTERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.run import Model, Run

UNWANTED = 0.1  #: more documents without a topic than at the fit, as a share of those that came
SHIFTED = 0.1  #: mean shift of the centroids
RENEWED = 0.2  #: share of the documents of the fit that came, or that went
_ENOUGH = 50  # documents that came, from which on their shares say something
_OF_A_TOPIC = 10  # ... and in a topic


@dataclass(frozen=True, eq=False)
class News:
    """How new documents differ from those of the fit. a texts came after it."""

    came: int  # texts
    novelty: float  # share of them that no topic wants
    usual: float  # ... and of the texts of the fit
    together: NDArray[np.int64]  # rows of the model: the largest group of unwanted texts that lie together
    least: int  # texts that make a topic
    drift: float  # mean shift of the centroids
    renewed: float  # came, as a share of the texts of the fit


def news_of(run: Run) -> News:
    """Measure what came since the last fit.

    Novelty is the share of texts no topic wants. They lie together where of the neighbours of each, up to 15, at
    least half are such texts themselves; groups are what such ties connect, if both ends have them. Drift is how far
    the mean of a topic's new texts lies from that of the old, as 1 - cosine, beyond what the number of the new makes
    likely; the mean over topics with ten new texts or more, by their number.
    """
    model = run.model
    added = np.zeros(len(model.keys), dtype=bool) if model.added is None else model.added
    at_fit, unwanted = ~added, added & (model.labels == NOISE)
    least = run.config.min_cluster_size or default_min_cluster_size(int(at_fit.sum()), run.config.resolution)
    came, were = int(added.sum()), max(int(at_fit.sum()), 1)
    return News(
        came=came,
        novelty=float(unwanted.sum() / max(came, 1)),
        usual=float((model.labels[at_fit] == NOISE).sum() / were),
        together=_largest(lying_together(model, unwanted)),
        least=least,
        drift=_drift(model, added),
        renewed=came / were,
    )


def reason_to_refit(news: News, dropped: float) -> str:
    """Why the topics should be found again; empty if there is no reason. `dropped` is the share that went."""
    if len(news.together) >= news.least:
        return f"{len(news.together)} new documents that no topic wants lie together; {news.least} or more make a topic"
    if news.came >= _ENOUGH and news.novelty > news.usual + UNWANTED:
        return (
            f"no topic wants {news.novelty:.0%} of the {news.came} documents that came since the last fit, which is "
            f"over {UNWANTED:.0%} more than the {news.usual:.0%} at that fit"
        )
    if news.came >= _ENOUGH and news.drift > SHIFTED:
        return f"the centroids moved by {news.drift:.2f} on average, more than {SHIFTED}"
    if news.renewed > RENEWED:
        return f"{news.came} documents came since the last fit, more than {RENEWED:.0%} of those it had"
    if dropped > RENEWED:
        return f"{dropped:.0%} of the documents of the last fit went, more than {RENEWED:.0%}"
    return ""


def lying_together(model: Model, unwanted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Groups of unwanted texts, largest first: rows of the model, ascending."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    rows = np.flatnonzero(unwanted)
    voting = np.zeros(len(model.keys), dtype=bool)
    voting[model.voting] = True
    around = np.flatnonzero(voting | unwanted)
    q = min(VOTERS, len(around) - 1)
    if len(rows) < 2 or q < 1:
        return []
    place = np.searchsorted(around, rows)  # of each among those around, which include it
    found = np.concatenate([near for _, near, _ in nearest(model.vectors[rows], model.vectors[around], q + 1)])
    others = np.array([near[near != own][:q] for near, own in zip(found, place, strict=True)])
    inside = np.full(len(around), NOISE)
    inside[place] = np.arange(len(rows))
    strange = (inside[others] != NOISE).mean(axis=1) >= 0.5
    source, target = np.repeat(np.arange(len(rows)), q), inside[others].ravel()
    tied = (target != NOISE) & strange[source] & strange[target]
    ties = sparse.csr_array((np.ones(int(tied.sum())), (source[tied], target[tied])), shape=(len(rows), len(rows)))
    mutual = ties.multiply(ties.T)
    _, group = connected_components(mutual, directed=False)
    groups = [rows[(group == number) & strange] for number in np.unique(group[strange])]
    return sorted(groups, key=lambda members: (-len(members), int(members[0])))


def _largest(groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return groups[0] if groups else np.empty(0, dtype=np.int64)


def _drift(model: Model, added: NDArray[np.bool_]) -> float:
    """Mean shift of the centroids beyond chance.

    Of n unit vectors with a mean cosine of r to their centre, the mean is expected at a cosine to it of about
    r / sqrt(r^2 + (1 - r^2) / n).
    """
    k = len(model.centroids)
    old = centroids_of(model.vectors[~added], model.labels[~added], k)
    labels = model.labels[added]
    new = centroids_of(model.vectors[added], labels, k)
    sizes = np.bincount(labels[labels != NOISE], minlength=k)
    shifts = []
    for topic in np.flatnonzero(sizes >= _OF_A_TOPIC):
        cosines = model.vectors[added][labels == topic].astype(np.float64) @ old[topic].astype(np.float64)
        r, n = float(np.clip(cosines.mean(), 1e-6, 1)), int(sizes[topic])
        seen = float(new[topic].astype(np.float64) @ old[topic].astype(np.float64))
        shifts.append((max(1 - seen / (r / np.sqrt(r * r + (1 - r * r) / n)), 0.0), n))
    values, weights = np.array(shifts).reshape(-1, 2).T
    return float(np.average(values, weights=weights)) if shifts else 0.0


def told(news: News) -> dict[str, Any]:
    """The measures as they stand in a run."""
    return {"novelty": round(news.novelty, 6), "drift": round(news.drift, 6)}
