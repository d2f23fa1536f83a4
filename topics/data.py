"""The values that flow between the stages. Frozen; every array is aligned as its comment says.

n documents, u distinct texts, d embedding dimensions, q neighbours, r reduced dimensions,
k topics, v terms. Stages see the u distinct texts, in the order of their keys, so that neither
the order of the rows nor repeated texts can move a result; documents come back in at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from topics.texts import NOISE, Corpus, Intake, Texts, distinct_texts, keys_of, normalise, text_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

__all__ = [
    "NOISE",
    "Activations",
    "Approach",
    "Aspect",
    "Calibration",
    "Candidates",
    "Clusters",
    "ConvertedEncoder",
    "Corpus",
    "Embeddings",
    "Graph",
    "Intake",
    "Isotropy",
    "Layers",
    "Lengths",
    "Measures",
    "Neighbors",
    "Parts",
    "Poll",
    "Postprocessing",
    "Prior",
    "Reduction",
    "Settled",
    "TermCounts",
    "Texts",
    "Timeline",
    "Topics",
    "VectorShard",
    "distinct_texts",
    "keys_of",
    "normalise",
    "read_only",
    "text_key",
]

V = TypeVar("V")


def read_only(value: V) -> V:
    """The same value, its arrays closed to writing: what a stage hands on nobody changes, as if it came from disk."""
    for part in (getattr(value, field.name) for field in fields(value)):  # type: ignore[arg-type]
        if is_dataclass(part):
            read_only(part)
        for array in (part, *(getattr(part, name, None) for name in ("data", "indices", "indptr"))):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
    return value


@dataclass(frozen=True, eq=False)
class Embeddings:
    """One unit vector per distinct text."""

    vectors: NDArray[np.float32]  # (u, d), rows of length 1
    encoder: str  # the name it was asked for by
    fingerprint: str  # decides the bits: weights, tokenizer, pooling, precision, padding

    def first(self, most: int) -> Embeddings:
        """Those of the first texts."""
        return Embeddings(self.vectors[:most], self.encoder, self.fingerprint)


@dataclass(frozen=True, eq=False)
class Activations:
    """What a sparse encoder finds in every text: weights for terms of its model's vocabulary of V, and a vector."""

    weights: sparse.csr_array  # (u, V) float32, the strongest of each text; no zeros, indices ascend
    words: Sequence[str]  # (V,), the word each term is; empty for special tokens and pieces of words
    embeddings: Embeddings  # the weights projected; zeros for a text without any


@dataclass(frozen=True, eq=False)
class Postprocessing:
    """What post-processing does to any vector: centre it, take k directions out, and turn it to r scaled axes."""

    mean: NDArray[np.float64]  # (d,)
    removed: NDArray[np.float64]  # (k, d), unit rows
    axes: NDArray[np.float64]  # (r, d), unit rows; none where vectors keep their d dimensions
    scales: NDArray[np.float64]  # (r,)

    @property
    def width(self) -> int:
        """d, of the vectors it takes."""
        return len(self.mean)

    @property
    def dimension(self) -> int:
        """Of the vectors it gives."""
        return len(self.axes) or self.width


@dataclass(frozen=True, eq=False)
class Isotropy:
    """How far vectors use their dimensions."""

    effective_dimension: float | None  # participation ratio of the variances, 1 to d
    mean_cosine: float | None  # of all pairs of different rows


@dataclass(frozen=True, eq=False)
class VectorShard:
    """Vectors of texts, kept for whatever corpus these texts come in; of a sparse encoder its packed activations."""

    keys: NDArray[np.bytes_]  # (m,) S32, ascending
    vectors: NDArray[np.float32]  # (m, d), unit rows unless packed


@dataclass(frozen=True, eq=False)
class Lengths:
    """How long each distinct text is to an encoder, and how much of it that encoder reads."""

    tokens: NDArray[np.int32]  # (u,), or none where there is no limit, or none is known
    limit: int  # tokens the encoder reads; 0 where there is no limit, or none is known

    @classmethod
    def unknown(cls) -> Lengths:
        """Lengths where there is no limit, or none is known."""
        return cls(np.empty(0, np.int32), 0)


@dataclass(frozen=True, eq=False)
class Neighbors:
    """The nearest other texts of every text, nearest first."""

    indices: NDArray[np.int32]  # (u, q), never the row itself
    distances: NDArray[np.float32]  # (u, q), cosine distance in [0, 2], ascending; ties by lower index


@dataclass(frozen=True, eq=False)
class Prior:
    """What a previous run found about its texts, for a fit that goes on from there."""

    keys: NDArray[np.bytes_]  # (u,) S32, ascending
    labels: NDArray[np.int32]  # (u,), -1 where there is no topic
    layout: NDArray[np.float32]  # (u, r) or (u, 0): where the texts lay when they were clustered; nan if nowhere
    drawn: NDArray[np.float32]  # (u, 2), on the map; nan if nowhere

    def first(self, most: int) -> Prior:
        """The same of the first texts."""
        return Prior(self.keys[:most], self.labels[:most], self.layout[:most], self.drawn[:most])

    def of(self, keys: NDArray[np.bytes_]) -> Prior:
        """The same of other texts; those it does not know are in no topic and lie nowhere."""
        place = np.searchsorted(self.keys, keys)
        known = np.append(self.keys, b"")[place] == keys
        row = np.where(known, place, len(self.keys))

        def taken(values: NDArray[Any], missing: float) -> NDArray[Any]:
            filler = np.full((1, *values.shape[1:]), missing, dtype=values.dtype)
            return np.concatenate([values, filler])[row]

        return Prior(keys, taken(self.labels, NOISE), taken(self.layout, np.nan), taken(self.drawn, np.nan))


@dataclass(frozen=True, eq=False)
class Approach:
    """The nearest of the texts that topics were found in, of each of the a others."""

    indices: NDArray[np.int32]  # (a, q), nearest first
    similarities: NDArray[np.float32]  # (a, q), cosines, descending; ties by lower index


@dataclass(frozen=True, eq=False)
class Graph:
    """A weighted neighbour graph."""

    weights: sparse.csr_array  # (u, u) float32, symmetric, in (0, 1]
    agreement: NDArray[np.float32]  # (u,), share of its weight that the consensus keeps inside its community


@dataclass(frozen=True, eq=False)
class Reduction:
    """Coordinates of every text in few dimensions."""

    points: NDArray[np.float32]  # (u, r)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which topic each text belongs to."""

    labels: NDArray[np.int32]  # (u,), 0..k-1, 0 the largest; -1 outlier
    strengths: NDArray[np.float32]  # (u,), in [0, 1]


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often a text is put where a vote of some strength says, if grouped again: linear between m points."""

    strengths: NDArray[np.float64]  # (m,), ascending from 0 to 1
    agreement: NDArray[np.float64]  # (m,), ascending, from 0 to less than 1


@dataclass(frozen=True, eq=False)
class Poll:
    """What the neighbours of every text say about it, beside the topic and its strength."""

    confidences: NDArray[np.float32]  # (u,), probability of its topic, or of the nearest where it has none
    shared: NDArray[np.float32]  # (u,), strength if the two topics with most votes were one
    distances: NDArray[np.float32]  # (u,), mean cosine distance of its neighbours
    topics: NDArray[np.int32]  # (u, 5), likeliest first; -1 where there are fewer
    probabilities: NDArray[np.float32]  # (u, 5), descending; 0 where there are fewer


@dataclass(frozen=True, eq=False)
class Settled:
    """Clusters after the outlier policy, with what `assign` needs to treat new documents alike."""

    labels: NDArray[np.int32]  # (u,), 0..k-1 by number of documents; -1 outlier
    strengths: NDArray[np.float32]  # (u,), in [0, 1]: how clearly the neighbours speak for the topic
    nearest: NDArray[np.int32]  # (u,), the topic the neighbours speak for, also for outliers
    voters: NDArray[np.int32]  # (u,), labels as the clusterer gave them: who votes on new documents
    centroids: NDArray[np.float32]  # (k, d), unit rows
    threshold: float  # a text below this strength is left an outlier
    clustered: float  # share of documents the clusterer itself placed
    curve: pd.DataFrame  # coverage, threshold, agreement: the trade-off the dial moves along
    poll: Poll
    calibration: Calibration


@dataclass(frozen=True, eq=False)
class TermCounts:
    """How often each term occurs in each text."""

    counts: sparse.csr_array  # (u, v) int32
    vocabulary: Sequence[str]  # (v,), sorted
    languages: Sequence[str]  # detected, most frequent first; whose stop words were left out


@dataclass(frozen=True, eq=False)
class Topics:
    """What each topic is about."""

    names: Sequence[str]  # (k,), the top terms
    sizes: NDArray[np.int64]  # (k,), documents
    terms: Sequence[Sequence[str]]  # (k,) lists, best first
    term_weights: Sequence[Sequence[float]]  # (k,) lists: c-TF-IDF of those terms, in nats
    representatives: Sequence[Sequence[int]]  # (k,) lists of text rows, most central first
    weights: sparse.csr_array  # (k, v) float32 c-TF-IDF of every term, in nats
    vocabulary: Sequence[str]  # (v,)


@dataclass(frozen=True, eq=False)
class Timeline:
    """Topics in groups of documents, such as periods: c cells with documents, by topic, then by group; p groups."""

    kind: str  # what the groups are: day, week, month, quarter, year or class
    names: Sequence[str]  # (p,), first days of periods, or classes
    totals: NDArray[np.int64]  # (p,), documents of each group, outliers too
    topics: NDArray[np.int32]  # (c,)
    groups: NDArray[np.int32]  # (c,)
    documents: NDArray[np.int64]  # (c,), at least 1
    terms: Sequence[Sequence[str]]  # (c,) lists, best first


@dataclass(frozen=True, eq=False)
class Aspect:
    """Words that show topics from another side than their terms do."""

    terms: Sequence[Sequence[str]]  # (k,) lists, best first


@dataclass(frozen=True, eq=False)
class Layers:
    """Coarser topics: l layers, each made of whole topics of the finer one."""

    merges: NDArray[np.int32]  # (k - 1, 2): who takes in whom, in order, down to one topic
    members: NDArray[np.int32]  # (l, k): the coarse topic of each topic, numbered by size; finest layer first
    terms: Sequence[Sequence[Sequence[str]]]  # l lists of lists, best first


@dataclass(frozen=True, eq=False)
class Parts:
    """Finer topics within the topics: p of them, by topic, the largest first."""

    topics: NDArray[np.int32]  # (p,), which topic each is part of
    sizes: NDArray[np.int64]  # (p,), documents
    shares: NDArray[np.float64]  # (p,), of the documents of the topic
    stability: NDArray[np.float32]  # (p,), share of the ties that stay inside when the grouping is repeated
    terms: Sequence[Sequence[str]]  # (p,) lists, best first: what tells a part from the others of its topic
    central: NDArray[np.int32]  # (p,), the text nearest to the middle


@dataclass(frozen=True, eq=False)
class Candidates:
    """The words that those of an aspect are chosen from."""

    terms: Sequence[Sequence[str]]  # (k,) lists, best first
    texts: Texts  # each of them once, to be encoded


@dataclass(frozen=True, eq=False)
class Measures:
    """Numbers about a result. All plain Python."""

    overall: dict[str, Any]  # name -> number
    npmi: NDArray[np.float32]  # (k,), coherence of each topic's terms; nan where it has fewer than two
    stability: NDArray[np.float32]  # (k,), mean agreement of the consensus inside each topic


@dataclass(frozen=True, eq=False)
class ConvertedEncoder:
    """A sentence encoder ready to run without PyTorch, or the reason why it has to run with it."""

    name: str  # as asked for
    digest: str  # SHA-256 over the files of the model it was made from
    reason: str  # why it could not be converted; empty if it was
    graph: str  # OpenVINO IR: input_ids, attention_mask (b, l) -> unit rows (b, d)
    weights: NDArray[np.uint8]  # (bytes,), of the graph
    tokenizer: str  # tokenizer.json
    pad: int  # id of the padding token
    max_length: int  # tokens; what is longer is cut
    dimension: int
