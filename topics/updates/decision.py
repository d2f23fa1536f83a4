"""What the documents that came since the last fit say: are they new, have the topics moved, is it time to fit again.

a texts that came after the fit, d dimensions, k topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.clustering import default_min_cluster_size
from topics.data import NOISE
from topics.updates.drift import centroid_shifts, together, word_shifts
from topics.vectors import nearest
from topics.voting import VOTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from topics.run import Model, Run
    from topics.updates.drift import Shift

UNWANTED = 0.1  #: more documents without a topic than at the fit, as a share of those that came
SHIFTED = 0.1  #: mean shift of the centroids
REWORDED = 0.1  #: mean shift of the words, beyond twice its standard error
RENEWED = 0.2  #: share of the documents of the fit that came, or that went
_ENOUGH = 50  # documents that came, from which on their shares say something


@dataclass(frozen=True, eq=False)
class News:
    """How new documents differ from those of the fit."""

    came: int  # texts that came since the fit
    novelty: float  # share of them that no topic wants and that lie together
    outliers: float  # share of them that have no topic
    usual: float  # ... and of the texts of the fit
    groups: Sequence[NDArray[np.int64]]  # rows of the model: groups of novel texts, largest first
    least: int  # texts that make a topic
    drift: Sequence[Shift]  # of the centroids, by topic
    words: Sequence[Shift]  # of the words, by topic
    renewed: float  # came, as a share of the texts of the fit

    @property
    def due(self) -> list[NDArray[np.int64]]:
        """The groups that are large enough for a topic."""
        return [group for group in self.groups if len(group) >= self.least]


def news_of(run: Run) -> News:
    """Measure what came since the last fit.

    No topic wants a text that has none, or whose vote is less clear than that of half the texts of the fit. Such texts
    are novel if they lie together: where a share s of all texts came since the fit, at least a share of (1 + s) / 2 of
    their 15 nearest did. Groups are what mutual neighbours among them connect. Novelty is the share of novel texts.
    Drift, of centroids and of words, is measured in topics with ten new texts or more; see `updates.drift`. Groups that
    are large enough for a topic have no part in it: they say nothing of the topics that happen to be nearest.
    """
    model = run.model
    late = model.late
    least = run.config.min_cluster_size or default_min_cluster_size(int((~late).sum()), run.config.resolution)
    came, were = int(late.sum()), max(int((~late).sum()), 1)
    groups = lying_together(model)
    labels = model.labels.copy()
    for group in groups:
        if len(group) >= least:
            labels[group] = NOISE
    wanted = changed(model, labels=labels)
    return News(
        came=came,
        novelty=sum(map(len, groups)) / max(came, 1),
        outliers=float((model.labels[late] == NOISE).sum() / max(came, 1)),
        usual=float((model.labels[~late] == NOISE).sum() / were),
        groups=groups,
        least=least,
        drift=centroid_shifts(wanted),
        words=word_shifts(wanted),
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
    if moved := drift_of(news):
        return moved
    if news.renewed > RENEWED:
        return f"{news.came} documents came since the last fit, more than {RENEWED:.0%} of those it had"
    if dropped > RENEWED:
        return f"{dropped:.0%} of the documents of the last fit went, more than {RENEWED:.0%}"
    return ""


def drift_of(news: News) -> str:
    """How the topics have drifted; empty if they have not, or too few documents came to say so.

    The one rule of drift: for a refit, and for those who are told of it. A shift of words exceeds its threshold by more
    than twice its standard error; that of centroids is freed of what chance makes likely.
    """
    if news.came < _ENOUGH:
        return ""
    (moved, _), (reworded, error) = together(news.drift), together(news.words)
    if moved > SHIFTED:
        return f"the centroids moved by {moved:.2f} on average, more than {SHIFTED}"
    if reworded - 2 * error > REWORDED:
        return f"the words moved by {reworded:.2f} (error {error:.2f}) on average, more than {REWORDED}"
    return ""


def lying_together(model: Model) -> list[NDArray[np.int64]]:
    """Groups of novel texts, largest first: rows of the model, ascending. See `news_of`."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    late = model.late
    clear = float(np.median(model.strengths[~late])) if not late.all() else 0.0
    rows = np.flatnonzero(late & ((model.labels == NOISE) | (model.strengths < clear)))
    q = min(VOTERS, len(model.keys) - 1)
    if len(rows) < 2 or q < 1:
        return []
    found = np.concatenate([near for _, near, _ in nearest(model.vectors[rows], model.vectors, q + 1)])
    others = np.array([near[near != own][:q] for near, own in zip(found, rows, strict=True)])
    novel = late[others].mean(axis=1) >= (1 + late.mean()) / 2
    place = np.full(len(late), NOISE)
    place[rows[novel]] = np.arange(int(novel.sum()))
    source, target = np.repeat(np.arange(int(novel.sum())), q), place[others[novel]].ravel()
    tied = target != NOISE
    shape = (int(novel.sum()), int(novel.sum()))
    ties = sparse.csr_array((np.ones(int(tied.sum())), (source[tied], target[tied])), shape=shape)
    _, group = connected_components(ties.multiply(ties.T), directed=False)
    groups = [rows[novel][group == number] for number in np.unique(group)]
    return sorted(groups, key=lambda members: (-len(members), int(members[0])))


def told(news: News, ids: Sequence[str]) -> dict[str, Any]:
    """The measures as they stand in a run; `ids` are those of its topics."""
    shifts = {
        name: {ids[each.topic]: round(max(each.shift, 0.0), 6) for each in found}
        for name, found in (("drift", news.drift), ("term_shift", news.words))
    }
    reworded, error = together(news.words)
    return {
        "novelty": round(news.novelty, 6),
        "drift": round(together(news.drift)[0], 6),
        "term_shift": round(max(reworded, 0.0), 6),
        "term_shift_error": round(error, 6),
        "drifted": bool(drift_of(news)),
        "drifts": shifts["drift"],
        "term_shifts": shifts["term_shift"],
    }
