"""How often the terms of a topic occur, alone and together: in whole documents, or in windows that slide over them.

u texts, k topics of m terms each, o occurrences of those terms.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import TermCounts

_TOKENS = 1 << 20  # tokens held at once
_EVENTS = 1 << 17  # beginnings and ends of occurrences looked at together


@dataclass(frozen=True, eq=False)
class Occurrences:
    """What every coherence of a topic's terms is computed from. Terms that occur nowhere are left out."""

    total: int  # documents or windows
    together: Sequence[NDArray[np.float64]]  # (k,) of shape (m, m): how many hold both; on the diagonal, the term


@dataclass(frozen=True, eq=False)
class Positions:
    """Where some terms stand in texts that were split into tokens: an index of these terms and no others."""

    terms: Sequence[str]
    lengths: NDArray[np.int64]  # (u,), tokens of each text
    term: NDArray[np.int64]  # (o,), which term; ascending
    text: NDArray[np.int64]  # (o,), ascending within a term
    place: NDArray[np.int64]  # (o,), tokens before it in its text; ascending within a text


def in_documents(counts: TermCounts, topics: Sequence[Sequence[str]]) -> Occurrences:
    """Count the texts that hold terms of a topic.

    Parameters
    ----------
    counts : TermCounts
        Of shape (u, v).
    topics : sequence of k sequences of str
        Distinct terms of each topic.
    """
    column = {term: number for number, term in enumerate(counts.vocabulary)}
    kept = [[column[term] for term in terms if term in column] for terms in topics]
    wanted = np.unique(np.array([number for numbers in kept for number in numbers], dtype=np.int64))
    held = presence(counts, wanted)
    together = []
    for numbers in kept:
        own = held[:, np.searchsorted(wanted, numbers)] if numbers else held[:, :0]
        together.append((own.T @ own).toarray())
    return Occurrences(held.shape[0], together)


def presence(counts: TermCounts, columns: NDArray[np.int64]) -> sparse.csc_array:
    """Which texts hold which of some terms, as 1.0; shape (u, len(columns))."""
    from scipy import sparse

    ones = np.ones(counts.counts.nnz)
    held = sparse.csr_array((ones, counts.counts.indices, counts.counts.indptr), shape=counts.counts.shape)
    return sparse.csc_array(sparse.csc_array(held)[:, columns])


def locate(texts: Iterable[Sequence[str]], terms: Iterable[str]) -> Positions:
    """Find terms in tokenised texts, in one pass.

    Parameters
    ----------
    texts : iterable of u sequences of str
        Tokens, in reading order.
    terms : iterable of str
        A term with a space in it is a phrase: it stands where its first word does.

    Returns
    -------
    Positions

    Examples
    --------
    >>> found = locate([["new", "york", "is", "new"], ["york"]], ["new", "new york"])
    >>> [(found.terms[n], int(t), int(p)) for n, t, p in zip(found.term, found.text, found.place)]
    [('new', 0, 0), ('new', 0, 3), ('new york', 0, 0)]
    """
    names = tuple(dict.fromkeys(terms))
    phrases = [(number, name.split()) for number, name in enumerate(names) if " " in name]
    number_of = {name: number for number, name in enumerate(names)}
    for _, words in phrases:
        for word in words:
            number_of.setdefault(word, len(number_of))
    spelled = [(number, [number_of[word] for word in words]) for number, words in phrases]
    lengths = array("q")
    parts: list[tuple[NDArray[np.int64], ...]] = []
    for first, sizes, tokens in _numbered(texts, number_of):
        text = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(len(tokens)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        lengths.extend(sizes.tolist())
        single = np.flatnonzero((tokens >= 0) & (tokens < len(names)))
        parts.append((tokens[single], text[single] + first, place[single]))
        order = np.argsort(tokens, kind="stable")
        for number, spelling in spelled:
            begin = _beginnings(tokens, text, order, spelling)
            parts.append((np.full(len(begin), number), text[begin] + first, place[begin]))
    found = [np.concatenate([part[axis] for part in parts] or [np.empty(0, np.int64)]) for axis in range(3)]
    term, where, place = (np.asarray(values, dtype=np.int64) for values in found)
    order = np.lexsort((place, where, term))
    return Positions(names, np.array(lengths, dtype=np.int64), term[order], where[order], place[order])


def _numbered(
    texts: Iterable[Sequence[str]], number_of: dict[str, int]
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """Whole texts, some million tokens at a time: the first one's number, their lengths, numbers of their tokens."""
    first, sizes, tokens = 0, array("q"), array("q")
    for text in texts:
        sizes.append(len(text))
        tokens.extend(map(number_of.get, text, repeat(-1)))
        if len(tokens) >= _TOKENS:
            yield first, np.array(sizes), np.array(tokens)
            first, sizes, tokens = first + len(sizes), array("q"), array("q")
    yield first, np.array(sizes, dtype=np.int64), np.array(tokens, dtype=np.int64)


def _beginnings(
    tokens: NDArray[np.int64], text: NDArray[np.int64], order: NDArray[np.int64], words: Sequence[int]
) -> NDArray[np.int64]:
    """Where a phrase begins; `order` sorts the tokens."""
    span = slice(*np.searchsorted(tokens, [words[0], words[0] + 1], sorter=order))
    begin: NDArray[np.int64] = order[span]
    begin = begin[begin + len(words) <= len(tokens)]
    begin = begin[text[begin] == text[begin + len(words) - 1]]
    for further, word in enumerate(words[1:], 1):
        begin = begin[tokens[begin + further] == word]
    return begin


def in_windows(found: Positions, topics: Sequence[Sequence[str]], size: int) -> Occurrences:
    """Count the windows of `size` tokens that hold terms of a topic (boolean sliding window, Roeder et al. 2015).

    A text of l tokens has l - size + 1 windows, a shorter one is a window by itself, one without tokens too.
    As in gensim, whose numbers are those in print, a term counts as gone once its first occurrence of several
    in a window has left it, until the next one enters.

    Parameters
    ----------
    found : Positions
        Of these terms at least.
    topics : sequence of k sequences of str
        Distinct terms of each topic.
    size : int
        At least 1.
    """
    term, begin, end = _stays(found, size)
    span = np.searchsorted(term, np.arange(len(found.terms) + 1))
    number_of = {name: number for number, name in enumerate(found.terms)}
    together = []
    for terms in topics:
        numbers = [number_of[name] for name in terms if name in number_of]
        stays = [slice(span[number], span[number + 1]) for number in numbers if span[number] < span[number + 1]]
        together.append(_overlaps([begin[stay] for stay in stays], [end[stay] for stay in stays]))
    return Occurrences(int(_windows(found, size).sum()), together)


def _windows(found: Positions, size: int) -> NDArray[np.int64]:
    return np.maximum(found.lengths - size + 1, 1)


def _stays(found: Positions, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """From which window on, and up to which, a term is in sight: term, begin, end; windows counted over all texts."""
    apart = found.lengths + size
    # On one line, where occurrences in different texts, and of different terms, are no window's length apart.
    line = found.place + (np.cumsum(apart) - apart)[found.text] + found.term * apart.sum()
    first = np.searchsorted(line, line - size, side="right")  # in the window that ends with this occurrence
    new = np.diff(first, prepend=-1) != 0
    windows = _windows(found, size)
    offset = (np.cumsum(windows) - windows)[found.text]
    begin = offset + np.maximum(found.place - size + 1, 0)
    end = offset + np.minimum(found.place[first] + 1, windows[found.text])
    return found.term[new], begin[new], end[new]


def _overlaps(begins: Sequence[NDArray[np.int64]], ends: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """For how many windows two terms are in sight together; shape (m, m), from m sets of disjoint stays."""
    m = len(begins)
    together = np.zeros((m, m))
    if not m:
        return together
    when = np.concatenate([*begins, *ends])
    who = np.concatenate([np.full(len(part), term) for parts in (begins, ends) for term, part in enumerate(parts)])
    change = np.repeat([1, -1], len(when) // 2)
    order = np.argsort(when, kind="stable")
    when, who, change = when[order], who[order], change[order]
    lasting = np.diff(when, append=when[-1])
    in_sight = np.zeros(m)
    for start in range(0, len(when), _EVENTS):
        block = slice(start, start + _EVENTS)
        steps = np.zeros((len(when[block]), m))
        steps[np.arange(len(steps)), who[block]] = change[block]
        steps[0] += in_sight
        seen = np.cumsum(steps, axis=0)
        together += seen.T @ (seen * lasting[block, None])  # whole numbers: exact, in whatever order they are added
        in_sight = seen[-1]
    return together
