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
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from topics.run import Model, Run

UNWANTED = 0.1  #: more documents without a topic than at the fit, as a share of those that came
SHIFTED = 0.1  #: mean shift of the centroids
RENEWED = 0.2  #: share of the documents of the fit that came, or that went
_ENOUGH = 50  # documents that came, from which on their shares say something
_OF_A_TOPIC = 10  # ... and in a topic


@dataclass(frozen=True, eq=False)
class News:
    """How new documents differ from those of the fit."""

    came: int  # texts that came since the fit
    novelty: float  # share of them that no topic wants and that lie together
    outliers: float  # share of them that have no topic
    usual: float  # ... and of the texts of the fit
    together: Sequence[NDArray[np.int64]]  # rows of the model: groups of novel texts, largest first
    least: int  # texts that make a topic
    drift: float  # mean shift of the centroids
    renewed: float  # came, as a share of the texts of the fit

    @property
    def due(self) -> list[NDArray[np.int64]]:
        """The groups that are large enough for a topic."""
        return [group for group in self.together if len(group) >= self.least]


def news_of(run: Run) -> News:
    """Measure what came since the last fit.

    No topic wants a text that has none, or whose vote is less clear than that of half the texts of the fit. Such texts
    are novel if they lie together: where a share s of all texts came since the fit, at least a share of (1 + s) / 2 of
    their 15 nearest did. Groups are what mutual neighbours among them connect. Novelty is the share of novel texts.
    Drift is how far the mean of a topic's new texts lies from that of the old, as 1 - cosine, beyond what the number
    of the new makes likely; the mean over topics with ten new texts or more, by their number.
    """
    model = run.model
    at_fit = model.at_fit
    least = run.config.min_cluster_size or default_min_cluster_size(int(at_fit.sum()), run.config.resolution)
    came, were = int((~at_fit).sum()), max(int(at_fit.sum()), 1)
    together = lying_together(model)
    return News(
        came=came,
        novelty=sum(map(len, together)) / max(came, 1),
        outliers=float((model.labels[~at_fit] == NOISE).sum() / max(came, 1)),
        usual=float((model.labels[at_fit] == NOISE).sum() / were),
        together=together,
        least=least,
        drift=_drift(model),
        renewed=came / were,
    )


def reason_to_refit(news: News, dropped: float, grow: bool = False) -> str:
    """Why the topics should be found again; empty if there is no reason.

    `dropped` is the share of the texts of the fit that went. Where topics grow, that new ones are due is no reason.
    """
    if news.due and not grow:
        return f"{len(news.due[0])} new documents that no topic wants lie together; {news.least} or more make a topic"
    if news.came >= _ENOUGH and news.outliers > news.usual + UNWANTED:
        return (
            f"{news.outliers:.0%} have no topic of the {news.came} documents that came since the last fit, over "
            f"{UNWANTED:.0%} more than the {news.usual:.0%} at that fit"
        )
    if news.came >= _ENOUGH and news.drift > SHIFTED:
        return f"the centroids moved by {news.drift:.2f} on average, more than {SHIFTED}"
    if news.renewed > RENEWED:
        return f"{news.came} documents came since the last fit, more than {RENEWED:.0%} of those it had"
    if dropped > RENEWED:
        return f"{dropped:.0%} of the documents of the last fit went, more than {RENEWED:.0%}"
    return ""


def lying_together(model: Model) -> list[NDArray[np.int64]]:
    """Groups of novel texts, largest first: rows of the model, ascending. See `news_of`."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    at_fit = model.at_fit
    clear = float(np.median(model.strengths[at_fit])) if at_fit.any() else 0.0
    rows = np.flatnonzero(~at_fit & ((model.labels == NOISE) | (model.strengths < clear)))
    q = min(VOTERS, len(model.keys) - 1)
    if len(rows) < 2 or q < 1:
        return []
    found = np.concatenate([near for _, near, _ in nearest(model.vectors[rows], model.vectors, q + 1)])
    others = np.array([near[near != own][:q] for near, own in zip(found, rows, strict=True)])
    novel = (~at_fit[others]).mean(axis=1) >= (1 + (~at_fit).mean()) / 2
    place = np.full(len(at_fit), NOISE)
    place[rows[novel]] = np.arange(int(novel.sum()))
    source, target = np.repeat(np.arange(int(novel.sum())), q), place[others[novel]].ravel()
    tied = target != NOISE
    shape = (int(novel.sum()), int(novel.sum()))
    ties = sparse.csr_array((np.ones(int(tied.sum())), (source[tied], target[tied])), shape=shape)
    _, group = connected_components(ties.multiply(ties.T), directed=False)
    groups = [rows[novel][group == number] for number in np.unique(group)]
    return sorted(groups, key=lambda members: (-len(members), int(members[0])))


def _drift(model: Model) -> float:
    """Mean shift of the centroids beyond chance.

    Of n unit vectors with a mean cosine of r to their centre, the mean is expected at a cosine to it of about
    r / sqrt(r^2 + (1 - r^2) / n).
    """
    k, added = len(model.centroids), ~model.at_fit
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
