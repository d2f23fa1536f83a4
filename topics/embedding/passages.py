"""A long text in passages, none longer than an encoder reads.

Passages end at the ends of sentences, as Unicode Standard Annex #29 has them. A sentence that is too long
itself is cut where a line may be broken (Annex #14), and a word that is, anywhere.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Count = Callable[[list[str]], Sequence[int]]

_PART = 8  # pieces of what has to be cut inside a sentence, in a passage; their ends are where it may end
_CHARACTERS = 2**18  # given to a tokenizer at once: it takes up to a kilobyte a token


class Passage(NamedTuple):
    """A part of a text, without the white space around it, and its tokens as the encoder counts them."""

    start: int
    end: int
    tokens: int


def cut(text: str, count: Count, limit: int, overlap: int = 0) -> list[Passage]:
    """Cut a text into passages that an encoder reads to their end.

    Parameters
    ----------
    text : str
    count : callable
        From a list of str to the number of tokens of each, with those that are added to every text.
    limit : int
        Most tokens of a passage.
    overlap : int
        Most tokens that a passage repeats of the one before: whole sentences only.

    Returns
    -------
    list of Passage
        In the order of the text; between them lies nothing but white space. A text that fits is one
        passage, with the white space around it. Only a single character can be longer than `limit`.

    Raises
    ------
    InvalidConfig
        If what is added to every text leaves no room for any.

    Examples
    --------
    >>> text = "It was late. Nobody came. The rain went on."
    >>> [text[p.start : p.end] for p in cut(text, lambda texts: [len(t.split()) for t in texts], limit=6, overlap=2)]
    ['It was late. Nobody came.', 'Nobody came. The rain went on.']
    """
    [whole], [fixed] = counted(count, [text]), count([""])
    if whole <= limit:
        return [Passage(0, len(text), whole)]
    if fixed >= limit:
        raise InvalidConfig(
            f"of the {limit} tokens the encoder reads, {fixed} are its own or the prompt's: none is left."
        )
    starts, tokens = _units(text, lambda texts: [max(0, many - fixed) for many in count(texts)], limit - fixed)
    return _packed(text, starts, tokens, count, limit, fixed, overlap)


def counted(count: Count, texts: Sequence[str]) -> list[int]:
    """Count the tokens of many texts, so many characters at once that memory stays bounded.

    A text of more characters than that is counted in parts; where one ends inside a word, this can add a few.
    """
    [fixed] = count([""])
    totals = [fixed] * len(texts)
    for rows, parts in _portions(texts):
        for row, many in zip(rows, count(parts), strict=True):
            totals[row] += many - fixed
    return totals


def _portions(texts: Sequence[str]) -> Iterator[tuple[list[int], list[str]]]:
    rows: list[int] = []
    parts: list[str] = []
    size = 0
    for row, text in enumerate(texts):
        for start in range(0, len(text), _CHARACTERS):
            part = text[start : start + _CHARACTERS]
            if size + len(part) > _CHARACTERS:
                yield rows, parts
                rows, parts, size = [], [], 0
            rows.append(row)
            parts.append(part)
            size += len(part)
    if parts:
        yield rows, parts


def _units(text: str, count: Count, room: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What is kept together: sentences, or else pieces of them.

    Returns
    -------
    ndarray of shape (units + 1,) and of shape (units,)
        Where they start, and at last the text's length; tokens of each.
    """
    from icu4py.breakers import SentenceBreaker

    sentences = np.array([0, *_ends(SentenceBreaker(text, "en"))])
    tokens = np.array(counted(count, _parts(text, sentences)))
    starts, sizes = [], []
    for start, end, many in zip(sentences[:-1].tolist(), sentences[1:].tolist(), tokens.tolist(), strict=True):
        pieces = [(start, many)] if many <= room else _pieces(text, start, end, many, count, room)
        starts += [begin for begin, _ in pieces]
        sizes += [size for _, size in pieces]
    return np.array([*starts, len(text)]), np.array(sizes)


def _ends(breaker: Iterable[object]) -> Iterator[int]:
    # Lengths of the parts, since positions are ICU's own: a character beyond the basic plane counts twice there.
    return accumulate(len(str(part)) for part in breaker)


def _parts(text: str, bounds: NDArray[np.int64]) -> list[str]:
    return [text[start:end].strip() for start, end in pairwise(bounds.tolist())]


def _pieces(text: str, start: int, end: int, tokens: int, count: Count, room: int) -> list[tuple[int, int]]:
    """Start and tokens of pieces of a sentence, in order: several that fit a passage, or a word, or a part of one."""
    from icu4py.breakers import LineBreaker

    breaks = start + np.fromiter(_ends(LineBreaker(text[start:end], "en")), dtype=np.int64)
    most = max(1, room // _PART)
    done, left = [], [(start, end, tokens)]

    def is_small(begin: int, stop: int, many: int) -> bool:
        inside = breaks[np.searchsorted(breaks, begin, side="right")] < stop
        return many <= most or (many <= room and not inside) or stop - begin == 1

    while left:
        cuts = [_divided(begin, stop, -(-3 * many // (2 * most)), breaks) for begin, stop, many in left]
        counts = iter(counted(count, [part for bounds in cuts for part in _parts(text, bounds)]))
        found = [(begin, stop, next(counts)) for bounds in cuts for begin, stop in pairwise(bounds.tolist())]
        left = [piece for piece in found if not is_small(*piece)]
        done += [(begin, many) for begin, stop, many in found if is_small(begin, stop, many)]
    return sorted(done)


def _divided(start: int, end: int, parts: int, breaks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Bounds of about so many parts of equal length: at breaks, or anywhere if there is none inside."""
    parts = min(max(parts, 2), end - start)
    even = start + (end - start) * np.arange(1, parts, dtype=np.int64) // parts
    snapped = breaks[np.searchsorted(breaks, even, side="right") - 1]  # where none is before it, the last of all
    inside = snapped[(snapped > start) & (snapped <= even)]
    return np.unique(np.concatenate([[start], inside if len(inside) else even, [end]]))


def _packed(
    text: str, starts: NDArray[np.int64], tokens: NDArray[np.int64], count: Count, limit: int, fixed: int, overlap: int
) -> list[Passage]:
    """As many units in each passage as fit, the first ones repeated from the one before."""
    before = np.concatenate([[0], np.cumsum(tokens)])
    passages: list[Passage] = []
    first = fresh = 0  # units: where the passage begins, and what was in none before
    while fresh < len(tokens):
        last = _reach(before, first, limit - fixed)
        if last <= fresh:
            first, last = fresh, max(_reach(before, fresh, limit - fixed), fresh + 1)
        passage = _passage(text, int(starts[first]), int(starts[last]), count)
        while passage.tokens > limit and last - first > 1:  # tokens may be others than those of the units one by one
            if first < fresh:
                first = fresh
            else:
                last = first + max(1, min(last - first - 1, (last - first) * limit // passage.tokens))
            passage = _passage(text, int(starts[first]), int(starts[last]), count)
        if passage.start < passage.end or (last == len(tokens) and not passages):  # white space alone says nothing
            passages.append(passage)
        back = int(np.searchsorted(before, before[last] - overlap))
        first, fresh = min(max(back, first + 1), last), last
    return passages


def _reach(before: NDArray[np.int64], first: int, room: int) -> int:
    """The unit up to which all from `first` on have at most `room` tokens."""
    return int(np.searchsorted(before, before[first] + room, side="right")) - 1


def _passage(text: str, start: int, end: int, count: Count) -> Passage:
    whole = text[start:end]
    start += len(whole) - len(whole.lstrip())
    end = max(start, end - (len(whole) - len(whole.rstrip())))
    return Passage(start, end, count([text[start:end]])[0])
