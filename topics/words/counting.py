"""Counting words and phrases shard by shard, and adding the shards up.

All is integers, so the result depends neither on how texts were cut into shards nor on who counted them. A shard keeps
each of its words once and no list of tokens; a phrase is a pair of numbers, and spelled only if it is kept.
u texts, v terms.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

_SHARD = 4096  # texts
_BITS = 32  # of a code that tell its last word


@dataclass(frozen=True, eq=False)
class Phrases:
    """The phrases of one length in some texts, and how often each text holds each of them."""

    codes: NDArray[np.int64]  # (m,), ascending: number of the phrase without its last word << 32 | number of that word
    text: NDArray[np.int32]  # (p,)
    phrase: NDArray[np.int32]  # (p,), index of its code
    times: NDArray[np.int32]  # (p,)


@dataclass(frozen=True, eq=False)
class Counted:
    """What a shard holds: its words, and its phrases of one word, of two, and so on."""

    size: int  # texts
    words: Sequence[str]
    lengths: Sequence[Phrases]


def shards(texts: Sequence[str], size: int = _SHARD) -> Iterator[Sequence[str]]:
    """The texts in their order, some thousand at a time."""
    return (texts[start : start + size] for start in range(0, len(texts), size))


def count_shard(
    texts: Sequence[str], words_of: Callable[[str], Iterable[str]], left_out: Collection[str], ngrams: int
) -> Counted:
    """Count the words of some texts, and their phrases of up to `ngrams` words.

    Words in `left_out` are not counted and stand in no phrase.
    """
    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__
    for word in sorted(left_out):
        number[word]  # takes the next number: those that are left out come first
    first = len(number)
    tokens, ends = array("q"), np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        tokens.extend(map(number.__getitem__, words_of(text)))
        tokens.append(-1)  # no phrase reaches over the end of a text
        ends[row] = len(tokens)
    words = np.maximum(np.array(tokens, dtype=np.int64) - first, -1)
    rows = np.repeat(np.arange(len(texts)), np.diff(ends, prepend=0))
    found = []
    phrase = np.zeros(len(words) + 1, dtype=np.int64)  # of the length before: what ends where the next word begins
    for length in range(1, ngrams + 1):
        begin, last = phrase[:-1], words[length - 1 :]
        whole = np.flatnonzero((begin >= 0) & (last >= 0))
        codes, numbers = np.unique(begin[whole] << _BITS | last[whole], return_inverse=True)
        found.append(_tallied(codes, rows[whole], numbers))
        phrase = np.full(len(last), -1)
        phrase[whole] = numbers
    return Counted(len(texts), tuple(number)[first:], tuple(found))


def add_up(counted: Iterable[Counted], fewest: int) -> tuple[sparse.csr_array, tuple[str, ...]]:
    """Put shards together.

    Parameters
    ----------
    counted : iterable of Counted
        In the order of their texts.
    fewest : int
        Texts that must hold a term; those in fewer are dropped.

    Returns
    -------
    (csr_array of shape (u, v) int32, tuple of v str)
        Counts, and the terms, sorted.
    """
    parts = list(counted)
    words = sorted({word for part in parts for word in part.words})
    place = {word: number for number, word in enumerate(words)}
    known = [np.array([place[word] for word in part.words], dtype=np.int64) for part in parts]
    begins = [np.zeros(1, dtype=np.int64)] * len(parts)  # of each shard, the kept phrase that its phrases are, or -1
    terms: list[str] = []
    spelled: list[str] = [""]
    columns: list[list[NDArray[np.int64]]] = [[] for _ in parts]
    for length in range(len(parts[0].lengths) if parts else 0):
        levels = [part.lengths[length] for part in parts]
        codes = [_renumbered(*told) for told in zip(levels, begins, known, strict=True)]
        kept = _frequent(codes, levels, fewest)
        begins = [_places(kept, own) for own in codes]
        for own, numbers in zip(columns, begins, strict=True):
            own.append(np.where(numbers < 0, -1, numbers + len(terms)))
        both = zip((kept >> _BITS).tolist(), (kept & (1 << _BITS) - 1).tolist(), strict=True)
        spelled = [f"{spelled[before]} {words[last]}".lstrip(" ") for before, last in both]
        terms += spelled
    order = sorted(range(len(terms)), key=terms.__getitem__)
    final = np.empty(len(terms) + 1, dtype=np.int32)
    final[order], final[-1] = np.arange(len(terms), dtype=np.int32), -1
    return _stacked(parts, columns, final), tuple(terms[number] for number in order)


def _tallied(codes: NDArray[np.int64], rows: NDArray[np.int64], numbers: NDArray[np.int64]) -> Phrases:
    """How often each text holds each phrase, from one row and number for each occurrence."""
    pairs, times = np.unique(rows << _BITS | numbers, return_counts=True)
    narrow = (pairs >> _BITS).astype(np.int32), pairs.astype(np.int32), times.astype(np.int32)
    return Phrases(codes, *narrow)


def _renumbered(level: Phrases, begins: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """The codes of a shard's phrases in the numbers of all shards; negative where what they begin with was dropped.

    A phrase is in no more texts than what it begins with.
    """
    return np.asarray(begins[level.codes >> _BITS] << _BITS | words[level.codes & (1 << _BITS) - 1])


def _frequent(codes: list[NDArray[np.int64]], levels: list[Phrases], fewest: int) -> NDArray[np.int64]:
    """The codes, ascending, that as many texts hold."""
    held = [np.bincount(level.phrase, minlength=len(level.codes)) for level in levels]
    everything, place = np.unique(np.concatenate(codes), return_inverse=True)
    total = np.bincount(place, weights=np.concatenate(held), minlength=len(everything))
    return np.asarray(everything[(total >= fewest) & (everything >= 0)])


def _places(kept: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each code is among the kept ones, -1 where it is not."""
    if not len(kept):
        return np.full(len(codes), -1)
    place = np.minimum(np.searchsorted(kept, codes), len(kept) - 1)
    return np.where(kept[place] == codes, place, -1)


def _stacked(
    parts: list[Counted], columns: list[list[NDArray[np.int64]]], final: NDArray[np.int32]
) -> sparse.csr_array:
    """The counts of all shards below each other, in the final columns, ascending within a text."""
    from scipy import sparse

    data, indices, sizes = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for part, own in zip(parts, columns, strict=True):
        text = np.concatenate([level.text for level in part.lengths])
        column = np.concatenate([final[to[level.phrase]] for level, to in zip(part.lengths, own, strict=True)])
        times = np.concatenate([level.times for level in part.lengths])
        there = np.flatnonzero(column >= 0)
        ordered = there[np.argsort(text[there].astype(np.int64) << _BITS | column[there], kind="stable")]
        data.append(times[ordered])
        indices.append(column[ordered])
        sizes.append(np.bincount(text[ordered], minlength=part.size))
    ends = np.append(0, np.cumsum(np.concatenate(sizes)))
    narrow = ends.astype(np.int32) if ends[-1] < 2**31 else ends
    return sparse.csr_array(
        (np.concatenate(data), np.concatenate(indices), narrow), shape=(len(ends) - 1, len(final) - 1)
    )
