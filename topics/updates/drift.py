"""How far topics have moved since the last fit: their centroids, and their words.

Both are cosines between what a topic was and what came to it since, freed of what chance makes of few texts.
k topics, u texts, v terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.labels import centroids_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from topics.run import Model

_OF_A_TOPIC = 10  # texts that came, from which on a topic is looked at


@dataclass(frozen=True)
class Shift:
    """How far a topic has moved, from 0, not at all, to 1."""

    topic: int
    texts: int  # that came to it since the last fit
    shift: float  # below 0 by chance alone
    error: float = 0.0  # standard error of it


def centroid_shifts(model: Model) -> list[Shift]:
    """How far the mean of a topic's new texts lies from that of the old, as 1 - cosine, beyond chance.

    Of n unit vectors with a mean cosine of r to their centre, the mean is expected at a cosine to it of about
    r / sqrt(r^2 + (1 - r^2) / n).
    """
    late, k = model.late, len(model.centroids)
    old = centroids_of(model.vectors[model.at_fit], model.labels[model.at_fit], k)
    vectors, labels = model.vectors[late], model.labels[late]
    new = centroids_of(vectors, labels, k)
    found = []
    for topic, n in _with_enough(labels, k):
        cosines = vectors[labels == topic].astype(np.float64) @ old[topic].astype(np.float64)
        r = float(np.clip(cosines.mean(), 1e-6, 1))
        seen = float(new[topic].astype(np.float64) @ old[topic].astype(np.float64))
        found.append(Shift(topic, n, max(1 - seen / (r / np.sqrt(r * r + (1 - r * r) / n)), 0.0)))
    return found


def word_shifts(model: Model) -> list[Shift]:
    """How far the words of a topic's new texts are from those of the old, as 1 - cosine, beyond chance.

    A text is the set of its words that the fit knows, each weighed by its rarity over all topics (the square of its
    inverse document frequency). Two texts have in common what the words in both weigh. The cosine is the mean of that
    over pairs of an old text and a new one, by the root of the means over pairs of two old texts and of two new ones.
    No text is paired with itself, so that each mean is as expected whatever the number of texts (U-statistics,
    Hoeffding 1948; as in the unbiased estimate of the maximum mean discrepancy, Gretton et al. 2012). Of few texts
    their ratio is rather too great, so that a shift is told too low. All begins with whole counts. The error is that
    of the new texts, by the part that each of them has in the cosine.

    A topic is left out in which no two texts have words in common; all are, if the run does not tell its counts.
    """
    if model.presence is None or model.said is None:
        return []
    late, k = model.late, len(model.centroids)
    words = np.flatnonzero([" " not in term for term in model.vocabulary])
    had = model.presence[:, words].astype(np.int64)
    sizes = np.bincount(model.labels[~late & (model.labels != NOISE)], minlength=k)
    weights = _rarity(np.asarray(had.sum(axis=0)).ravel(), int(sizes.sum()))
    said = model.said[:, words]
    labels = np.where(late, model.labels, NOISE)
    found = []
    for topic, n in _with_enough(labels, k):
        if sizes[topic] >= 2:
            texts = said[np.flatnonzero(labels == topic)].toarray().astype(np.int64)
            shift = _shift(had[[topic]].toarray().ravel(), int(sizes[topic]), texts, weights)
            found += [] if shift is None else [Shift(topic, n, *shift)]
    return found


def together(shifts: Sequence[Shift]) -> tuple[float, float]:
    """The mean shift, topics counted by their new texts, and its standard error; 0 of none."""
    if not shifts:
        return 0.0, 0.0
    n = np.array([each.texts for each in shifts], dtype=np.float64)
    mean = float(np.average([each.shift for each in shifts], weights=n))
    return mean, float(np.sqrt(np.sum((n * [each.error for each in shifts]) ** 2)) / n.sum())


def _with_enough(labels: NDArray[np.int32], k: int) -> list[tuple[int, int]]:
    sizes = np.bincount(labels[labels != NOISE], minlength=k)
    return [(topic, int(sizes[topic])) for topic in np.flatnonzero(sizes >= _OF_A_TOPIC).tolist()]


def _rarity(holding: NDArray[np.int64], texts: int) -> NDArray[np.float64]:
    return np.log(max(texts, 1) / np.maximum(holding, 1)) ** 2


def _shift(
    had: NDArray[np.int64], old: int, texts: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[float, float] | None:
    """1 - cosine of a topic's words, and its standard error.

    `had` counts the old texts with each word, `texts` is 1 where a new text has it.
    """
    new, has = len(texts), texts.sum(axis=0)
    within_old = float((weights * (had * (had - 1))).sum()) / (old * (old - 1))
    within_new = float((weights * (has * (has - 1))).sum()) / (new * (new - 1))
    across = float((weights * (had * has)).sum()) / (old * new)
    if within_old <= 0 or within_new <= 0:
        return None
    if across <= 0:
        return 1.0, 0.0
    cosine = across / np.sqrt(within_old * within_new)
    to_old = (texts * (weights * had)).sum(axis=1) / old
    to_new = (texts * (weights * (has - texts))).sum(axis=1) / (new - 1)
    parts = to_old / across - to_new / within_new
    return float(1 - cosine), float(cosine * parts.std(ddof=1) / np.sqrt(new))
