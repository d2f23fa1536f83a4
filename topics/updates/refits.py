"""Further fits of a run's vectors: with other seeds, or of some of the texts.

They need no text and no encoder, since they begin with the vectors and end with the labels. Each step is looked up in
the store, so that asking for more of them computes only those.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topics import metrics
from topics.assignment import settle
from topics.config import Config
from topics.data import Embeddings
from topics.grouping import group, of_a_part
from topics.pipeline import hold_vectors
from topics.steps import ACTIVATE, EMBED, POSTPROCESS, PRECOMPUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from topics.data import Reduction
    from topics.run import Run
    from topics.store import Ref
    from topics.workshop import Workshop

log = logging.getLogger(__name__)

SHARE = 0.9  #: of the texts a resampled fit is made from


@dataclass(frozen=True, eq=False)
class Fit:
    """As far as a further fit goes: the layout that was clustered, if one was, and the topic of each text."""

    layout: Reduction | None
    labels: NDArray[np.int32]


def held_vectors(run: Run, workshop: Workshop) -> Ref:
    """A reference to a run's vectors, under the name the fit gave them, so that what it made of them is found."""
    whole = Embeddings(run.model.vectors, run.model.encoder, run.model.fingerprint)
    names = {EMBED.name: EMBED.name, ACTIVATE.name: EMBED.name, PRECOMPUTED.name: PRECOMPUTED.name}
    names |= {POSTPROCESS.name: POSTPROCESS.name}
    known = [record for record in run.stages if record.name in names]
    return workshop.hold(names[known[-1].name], known[-1].key, whole) if known else hold_vectors(whole, workshop)


class Refits:
    """Fits of a run's vectors, or of some of them, as far as its labels."""

    def __init__(self, run: Run, workshop: Workshop) -> None:
        self._run, self._workshop = run, workshop
        model, rows = run.model, run.text_rows()
        copies = np.bincount(rows[rows >= 0], minlength=len(model.keys)).astype(np.int64)
        self._whole = Embeddings(model.vectors[model.voting], model.encoder, model.fingerprint)
        self._labels, self._copies = model.labels[model.voting], copies[model.voting]
        self._parts = len(model.keys) / max(
            len(self._labels), 1
        )  # texts of the run, for each that topics were found in
        self._vectors = held_vectors(run, workshop) if model.added is None else hold_vectors(self._whole, workshop)

    def with_seed(self, seed: int) -> Fit:
        return self._fit(self._whole, self._vectors, self._copies, seed)

    def over_seeds(self, number: int) -> tuple[dict[str, float | None], NDArray[np.float64]]:
        """Agreement of all fits with one another, the run itself among them, and how far its topics come again."""
        labels = self._labels
        others = []
        for further in range(1, number + 1):
            log.info("Fitting again with another seed, %d of %d.", further, number)
            others.append(self.with_seed((self._run.config.seed + further) % 2**31).labels)
        recurring = [metrics.recurrence(labels, other, len(self._run.topics)) for other in others]
        return metrics.pairwise_agreement([labels, *others]), np.mean(recurring, axis=0)

    def over_resamples(self, number: int) -> tuple[dict[str, float | None], NDArray[np.float64]]:
        """Agreement of the run with each fit, over the texts that fit has, and how far its topics come again."""
        u = len(self._copies)
        found, recurring = [], []
        for further in range(1, number + 1):
            log.info("Fitting again without some of the texts, %d of %d.", further, number)
            draw = np.random.default_rng([self._run.config.seed, further])
            rows = np.sort(draw.choice(u, math.ceil(SHARE * u), replace=False))
            part = Embeddings(self._whole.vectors[rows], self._whole.encoder, self._whole.fingerprint)
            ref = hold_vectors(part, self._workshop)
            other = self._fit(part, ref, self._copies[rows], self._run.config.seed).labels
            labels = self._labels[rows]
            found.append(metrics.pairwise_agreement([labels, other]))
            recurring.append(metrics.recurrence(labels, other, len(self._run.topics)))
        return {name: _mean_of([each[name] for each in found]) for name in found[0]}, _known_mean(recurring)

    def _fit(self, embeddings: Embeddings, ref: Ref, copies: NDArray[np.int64], seed: int) -> Fit:
        config = Config.of(**{**self._run.config.model_dump(), "seed": seed})
        shop = self._workshop
        sized = of_a_part(config, len(embeddings.vectors), round(len(embeddings.vectors) * self._parts))
        made = group(ref, sized, shop, lambda stage, *inputs, **params: shop.run(stage, inputs, params).ref)
        settled = settle(shop.load(made.clusters), embeddings, shop.load(made.near), copies, config.coverage)
        return Fit(shop.load(made.layout) if made.layout else None, settled.labels)


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _known_mean(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of each column over the rows that know it; nan where none does."""
    stacked = np.array(rows)
    known = ~np.isnan(stacked)
    times = known.sum(axis=0)
    means: NDArray[np.float64] = np.divide(
        np.where(known, stacked, 0).sum(axis=0), times, out=np.full(len(times), np.nan), where=times > 0
    )
    return means
