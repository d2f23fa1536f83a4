"""Long texts read to their end: their passages are encoded, and the vectors pooled.

Not the default: on 2,500 documents each of 20 Newsgroups and arXiv, a quarter of them too long for all-MiniLM-L6-v2,
neighbours of the long ones were of the same class a little more often (0.637 against 0.623, 0.702 against 0.693), the
topics agreed with the classes no better (NMI 0.565 against 0.561, 0.720 against 0.735), and embedding took 2.6 and
1.2 times as long; see benchmarks/results/long.md.
"""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from topics.data import Lengths
from topics.embedding.objects import checked
from topics.embedding.passages import counted, cut
from topics.errors import InvalidConfig
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeGuard

    from numpy.typing import NDArray

    from topics.protocols import Encoder, MeasuringEncoder

_VERSION = 1  # raised when code here or in `passages` changes a vector
_PASSAGES = 8192  # encoded at once at most; encoders sort within them
_OVERLAP = 8  # of what a passage holds, the part it may repeat of the one before


class Splitting:
    """An encoder that reads texts of any length, made of one that reads the beginning.

    A text that fits has the vector the other encoder gives, bit for bit. A longer one is cut into
    passages that fit, and its vector is the direction of the mean of theirs, each of length 1 and weighted by
    its tokens. It depends on the text alone if theirs do.

    Parameters
    ----------
    encoder : MeasuringEncoder

    Raises
    ------
    InvalidConfig
        From `encode`, if a prompt leaves no room for text.
    """

    def __init__(self, encoder: MeasuringEncoder) -> None:
        self.name = str(getattr(encoder, "name", type(encoder).__name__))
        self._encoder, self._limit = encoder, encoder.max_length

    @property
    def fingerprint(self) -> str:
        told = str(getattr(self._encoder, "fingerprint", ""))
        return told and f"{told} split {_VERSION}"

    @property
    def vector_key(self) -> str:
        told = str(getattr(self._encoder, "vector_key", getattr(self._encoder, "fingerprint", "")))
        return told and f"{told} {releases()}"

    @cached_property
    def _overlap(self) -> int:
        return max(0, self._limit - self._encoder.count_tokens([""])[0]) // _OVERLAP

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32."""
        if not sentences:
            return self._encoder.encode([])
        fits = np.array(counted(self._encoder.count_tokens, sentences)) <= self._limit
        place = np.cumsum(~fits) - 1  # of a text among those that are split
        vectors, sums = np.empty((0, 0), np.float32), np.empty((0, 0))
        for rows, passages, tokens in self._portions(sentences, fits):
            found = checked(self._encoder.encode(passages), len(passages), self.name)
            if not sums.shape[1]:
                vectors = np.zeros((len(sentences), found.shape[1]), np.float32)
                sums = np.zeros(((~fits).sum(), found.shape[1]))
            whole = fits[rows]
            vectors[rows[whole]] = found[whole]
            # One after the other in the order of the text: the sum has the same bits wherever a portion ends.
            np.add.at(sums, place[rows[~whole]], tokens[~whole, None] * unit_rows(found[~whole]).astype(np.float64))
        vectors[~fits] = unit_rows(sums)
        return vectors

    def _portions(
        self, sentences: list[str], fits: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], list[str], NDArray[np.int64]]]:
        """Passages, the rows of their texts, and their tokens."""
        rows: list[int] = []
        passages: list[str] = []
        tokens: list[int] = []
        for row, sentence in enumerate(sentences):
            for text, many in [(sentence, 0)] if fits[row] else self._cut(sentence):
                rows.append(row)
                passages.append(text)
                tokens.append(many)
                if len(passages) == _PASSAGES:
                    yield np.array(rows), passages, np.array(tokens)
                    rows, passages, tokens = [], [], []
        if passages:
            yield np.array(rows), passages, np.array(tokens)

    def _cut(self, sentence: str) -> Iterator[tuple[str, int]]:
        for start, end, tokens in cut(sentence, self._encoder.count_tokens, self._limit, self._overlap):
            yield sentence[start:end], tokens


def releases() -> str:
    """What decides where a text is cut, besides the encoder."""
    return f"split {_VERSION} icu4py {version('icu4py')}"


def reading_all(encoder: Encoder, name: str) -> Encoder:
    """Make an encoder read long texts to their end; one that does so already (`reads_all`) stays what it is.

    Raises
    ------
    InvalidConfig
        If it does not say how much it reads.
    """
    if getattr(encoder, "reads_all", False):
        return encoder
    if not measures(encoder):
        raise InvalidConfig(
            f"long=split: {name} does not say how many tokens of a text it reads. Take long=truncate, which leaves "
            "long texts to the encoder; a sentence-transformers model by its name; transformer:MODEL; or an object "
            "with count_tokens(list of str) and max_length."
        )
    return Splitting(encoder)


def measure(encoder: Encoder, texts: Sequence[str]) -> Lengths:
    """Tokens of texts, and how many of them an encoder reads, if it says so."""
    if not measures(encoder):
        return Lengths.unknown()
    return Lengths(np.array(counted(encoder.count_tokens, texts), dtype=np.int32), encoder.max_length)


def longer(lengths: Lengths, long: str, copies: NDArray[np.int64] | None = None) -> list[str]:
    """Say how many texts are longer than the encoder reads, or documents that carry them, and what becomes of them.

    Examples
    --------
    >>> longer(Lengths(np.array([12, 512, 90], dtype=np.int32), limit=256), "truncate")
    ['Longer than the 256 tokens the encoder reads: 1 of 3 texts, cut off there (long=truncate).']
    """
    over = lengths.tokens > lengths.limit
    if not over.any():
        return []
    weights, what = (np.ones(len(over), np.int64), "texts") if copies is None else (copies, "documents")
    return [
        f"Longer than the {lengths.limit:,} tokens the encoder reads: {weights[over].sum():,} of {weights.sum():,} "
        f"{what}, {'read in passages' if long == 'split' else 'cut off there'} (long={long})."
    ]


def measures(encoder: Encoder) -> TypeGuard[MeasuringEncoder]:
    """Whether an encoder says how much of a text it reads, and counts tokens as it reads them."""
    return callable(getattr(encoder, "count_tokens", None)) and bool(getattr(encoder, "max_length", None))
