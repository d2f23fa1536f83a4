"""The values that flow between the stages. Frozen; every array is aligned as its comment says.

n documents, u distinct texts, d embedding dimensions, q neighbours, r reduced dimensions,
k topics, v terms. Stages see the u distinct texts, in the order of their keys, so that neither
the order of the rows nor repeated texts can move a result; documents come back in at the end.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

NOISE = -1  #: the label of a document that belongs to no topic, as in HDBSCAN

# Control characters other than white space; they carry no meaning and break terminals and spreadsheets.
_CONTROL = re.compile(f"[{''.join(chr(c) for c in (*range(32), *range(127, 160)) if not chr(c).isspace())}]")


def normalise(text: str) -> str:
    """Fold what does not change the meaning: Unicode composition (NFC), white space, control characters.

    Examples
    --------
    >>> normalise("  cafe\\u0301\\n\\tau lait ")
    'café au lait'
    """
    if text.isascii() and text.isprintable():  # most are, and there are many
        return " ".join(text.split())
    folded = " ".join(_CONTROL.sub(" ", unicodedata.normalize("NFC", text)).split())
    return folded.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are no text


def text_key(text: str) -> str:
    """The first 128 bits of the SHA-256 of a normalised text, in hex.

    Examples
    --------
    >>> text_key("topics")
    'f013aa4b8daf3e2242eafa6c635e1ea3'
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


_TOLD = 65_536  # rows of a corpus that are spelled at once for its fingerprint

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
class Texts:
    """Distinct, normalised texts in the order of their keys."""

    texts: Sequence[str]  # (u,), NFC, white space folded, none empty
    keys: NDArray[np.bytes_]  # (u,) S32: the first 128 bits of SHA-256, in hex; ascending

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the keys: equal for equal sets of texts, whatever their order was."""
        return hashlib.sha256(np.ascontiguousarray(self.keys).tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.texts)


def distinct_texts(texts: Iterable[object]) -> tuple[list[str], NDArray[np.int32], Texts]:
    """The texts once each, and whose they are.

    Returns
    -------
    (list of n str, ndarray of shape (n,) int32, Texts)
        The key of each text, empty where it is no text, and its row among the distinct ones, -1 there.
    """
    folded = [normalise(text) if isinstance(text, str) else "" for text in texts]
    keys = [text_key(text) if text else "" for text in folded]
    by_key = dict(zip(keys, folded, strict=True))
    by_key.pop("", None)
    ordered = sorted(by_key)
    place = {key: row for row, key in enumerate(ordered)}
    rows = np.array([place.get(key, NOISE) for key in keys], dtype=np.int32)
    return keys, rows, Texts(tuple(by_key[key] for key in ordered), np.array(ordered, dtype="S32"))


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents in the order they came; every document points at its distinct text."""

    ids: Sequence[str]  # (n,), unique
    rows: NDArray[np.int32]  # (n,), index into texts, -1 where there is no text
    texts: Texts
    meta: pd.DataFrame  # n rows: "date" and "class" where they were given

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.rows) == len(self.meta):
            raise InvalidInput(
                f"ids, rows and meta must have the same length, got {len(self.ids)}, "
                f"{len(self.rows)} and {len(self.meta)}."
            )

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_texts(
        cls, texts: Iterable[object], ids: Iterable[object] | None = None, meta: pd.DataFrame | None = None
    ) -> Corpus:
        """Make a corpus of texts in memory.

        Parameters
        ----------
        texts : iterable of n str
            Anything else (None, NaN, a number) counts as a document without text.
        ids : iterable of n, optional
            Unique; turned into strings. By default an id is made from the text itself: its key's
            first 16 digits, and "-2", "-3" after it when the text comes again.
        meta : DataFrame with n rows, optional
            Columns "date" and "class", either or both.

        Raises
        ------
        InvalidInput
            If lengths differ or ids repeat.

        Examples
        --------
        >>> corpus = Corpus.from_texts(["one", None, " one "])
        >>> corpus.ids
        ('7692c3ad3540bb80', 'empty', '7692c3ad3540bb80-2')
        >>> corpus.rows.tolist(), list(corpus.texts.texts)
        ([0, -1, 0], ['one'])
        """
        _, rows, distinct = distinct_texts(texts)
        return cls.of(rows, distinct, ids, meta)

    @classmethod
    def of(
        cls,
        rows: NDArray[np.int32],
        texts: Texts,
        ids: Iterable[object] | None = None,
        meta: pd.DataFrame | None = None,
    ) -> Corpus:
        """The same of distinct texts, and which of them each document has."""
        import pandas as pd

        names = (
            _ids_from(keys_of(rows, texts.keys).astype(str).tolist(), meta)
            if ids is None
            else tuple(str(name) for name in ids)
        )
        repeated = [name for name, times in Counter(names).items() if times > 1]
        if repeated:
            raise InvalidInput(
                f"{len(repeated)} ids occur more than once, {repeated[0]!r} among them; ids must be unique. "
                "Name another id column, or none to have ids made from the texts."
            )
        return cls(names, rows, texts, pd.DataFrame(index=range(len(rows))) if meta is None else meta)

    @cached_property
    def copies(self) -> NDArray[np.int64]:
        """How many documents carry each distinct text; shape (u,)."""
        return np.bincount(self.rows[self.rows >= 0], minlength=len(self.texts)).astype(np.int64)

    @property
    def text_keys(self) -> NDArray[np.bytes_]:
        """The key of each document's text, empty where there is none; shape (n,), S32."""
        return keys_of(self.rows, self.texts.keys)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, texts and metadata; the order of the documents does not count."""
        import pandas as pd

        names, keys = pd.Series(list(self.ids)), self.text_keys
        told = self.meta.reset_index(drop=True).astype(str)
        order = names.argsort(kind="stable").to_numpy()
        digest = hashlib.sha256()
        for start in range(0, max(len(order), 1), _TOLD):
            rows = order[start : start + _TOLD]
            table = pd.DataFrame({"id": names.iloc[rows], "key": keys[rows].astype(str)}).join(told.iloc[rows])
            digest.update(table.to_csv(index=False, header=not start).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @cached_property
    def key(self) -> str:
        """What it is kept under: the fingerprint does not know the order of the documents, this does."""
        digest = hashlib.sha256(self.fingerprint.encode())
        for name in self.ids:
            digest.update(f"\n{name}".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:40]


def keys_of(rows: NDArray[np.int32], keys: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """The key of each document's text, empty where there is none: where the row is -1."""
    found: NDArray[np.bytes_] = np.append(keys, b"").astype("S32")[rows]  # row -1 picks the last
    return found


def _ids_from(keys: Sequence[str], meta: pd.DataFrame | None) -> tuple[str, ...]:
    """Ids that follow the text wherever its row goes; repeated texts are told apart by what else is known of them."""
    times = Counter(keys)
    names = [key[:16] for key in keys]
    repeated = [row for row, key in enumerate(keys) if times[key] > 1 or not key]
    known = [""] * len(repeated)
    if meta is not None and len(meta.columns):
        known = [str(row) for row in meta.iloc[repeated].itertuples(index=False)]
    seen: Counter[str] = Counter()
    for _, _, row in sorted(zip((keys[row] for row in repeated), known, repeated, strict=True)):
        seen[keys[row]] += 1
        count = seen[keys[row]]
        names[row] = (keys[row][:16] or "empty") + (f"-{count}" if count > 1 else "")
    return tuple(names)


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


@dataclass(frozen=True)
class Intake:
    """What reading an input came to; the corpus itself is stored under its fingerprint."""

    corpus: str  # key it is stored under, of its fingerprint and its order
    texts: str  # fingerprint of its distinct texts
    columns: dict[str, str | None]  # used for text, id, date, class
    notes: tuple[str, ...]  # what was guessed, repaired or left out, as sentences
