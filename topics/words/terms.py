"""Texts to counted terms: one pass over the words, in any script."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import Counter
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from topics.data import TermCounts, Texts
from topics.errors import InvalidConfig
from topics.progress import track
from topics.words.counting import add_up, count_shard, shards
from topics.words.prose import is_noise, prose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from topics.words.counting import Counted

log = logging.getLogger(__name__)

# Python's \w knows no combining marks, of which Thai, Hindi, Tamil, vowelled Arabic and others make their words.
_MARKS = "".join(
    chr(code)
    for code in (*range(0x0300, 0x3100), *range(0xA600, 0xAC00), *range(0x10A00, 0x12000))
    if unicodedata.category(chr(code))[0] == "M"
)
_JOINERS = "\u200c\u200d"  # invisible, within words of Persian and the scripts of India
_REST = rf"[\w{_MARKS}{_JOINERS}]*"
# C++ and C# are words, so is don't; digits alone are not.
_WORD = re.compile(rf"\b[^\W\d_](?:\+\+|#)(?!\w)|[^\W\d_]{_REST}(?:['’][^\W\d_]{_REST})*")
# The same where all is ASCII, as most texts are: three times as fast.
_ASCII_WORD = re.compile(r"\b[^\W\d_](?:\+\+|#)(?!\w)|[^\W\d_]\w*(?:'[^\W\d_]\w*)*", re.ASCII)
_CLITICS = {"s", "re", "ll", "ve", "d", "m", "t"}  # what an English apostrophe leaves
_LONGEST = 40  # letters; longer are keys, hashes and noise
_REMEMBERED = 1 << 17  # words whose spelling is kept

# Written without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
}

_SAMPLE = 2000  # texts looked at to tell the languages
_SPOKEN = 0.1  # share of them that makes a language count

# In scikit-learn's list, yet what a document can be about.
_ENGLISH_CONTENT = set(
    "amount bill bottom call cry describe detail empty fill fire front full interest mill mine move name serious side "
    "sincere system thick thin top".split()
)
# What informal English adds; ambiguous ones (well, hell, shell, id) are left out.
_ENGLISH_INFORMAL = set(
    "arent aint didnt doesnt dont hadnt havent im isnt ive shouldnt thats theyre wasnt werent whats wont wouldnt youre "
    "youve gonna wanna just like got did does doing really lot lots thing things let lets make makes making know think "
    "want wants going say says said im ok okay yes yeah oh rt hi hello thanks thank etc use used using uses way".split()
)


def count_terms(
    texts: Texts,
    language: str = "auto",
    stop_words: Collection[str] = (),
    ngrams: int = 1,
    over: Callable[..., Iterable[Counted]] = map,
) -> TermCounts:
    """Count the words of every text.

    Words are runs of letters in any script, lower-cased; addresses, tags, HTML entities, keys (hexadecimal,
    UUID, base64), numbers and single letters are not words; Chinese, Japanese, Thai, Lao, Khmer and
    Burmese are segmented (ICU).
    Words of fewer than two texts are dropped in corpora of a hundred texts or more.

    Parameters
    ----------
    texts : Texts
        u of them.
    language : str
        Whose stop words to leave out: an ISO 639-1 code, "auto" for those detected, "none".
    stop_words : collection of str
        More words to leave out.
    ngrams : int
        Longest phrase counted; phrases are of neighbouring words that are no stop words.
    over : callable
        Maps a function over shards of texts, in their order, like `map`; it may do so in other processes.

    Returns
    -------
    TermCounts
        Integer counts of shape (u, v); the vocabulary is sorted.

    Raises
    ------
    InvalidConfig
        If there are no stop words for `language`.
    """
    languages = _languages(texts, language)
    left_out = words_left_out(languages, stop_words)
    counting = partial(count_shard, words_of=words_of, left_out=left_out, ngrams=ngrams)
    counted = track(
        over(counting, shards(texts.texts)), len(texts), "Counting terms", "documents", lambda shard: shard.size
    )
    counts, vocabulary = add_up(counted, 2 if len(texts) >= 100 else 1)
    return TermCounts(counts, vocabulary, languages)


def terms_of(text: str, left_out: Collection[str] = (), ngrams: int = 1) -> list[str]:
    """The terms of one text: its words in reading order, then its phrases.

    Examples
    --------
    >>> terms_of("C++ isn't <b>dead</b> &amp; neither is 東京大学; see https://x.org/y")
    ['c++', 'dead', 'neither', 'is', '東京', '大学', 'see']
    >>> terms_of("the neural network model", left_out={"the"}, ngrams=2)
    ['neural', 'network', 'model', 'neural network', 'network model']
    """
    words = words_of(text)
    if ngrams == 1:
        return [word for word in words if word not in left_out]
    terms: list[str] = []
    for length in range(1, ngrams + 1):
        for start in range(len(words) - length + 1):
            phrase = words[start : start + length]
            if not any(word in left_out for word in phrase):
                terms.append(" ".join(phrase))
    return terms


def tokens_of(texts: Texts, vocabulary: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The words of all texts in reading order.

    Returns
    -------
    (ndarray of shape (t,), ndarray of shape (t,)), int32
        Of each word its place in the vocabulary, -1 where it has none, and the row of its text.
    """
    place = {term: column for column, term in enumerate(vocabulary)}
    columns, lengths = [], []
    for text in track(texts.texts, len(texts), "Reading words", "documents"):
        words = words_of(text)
        columns.append(np.array([place.get(word, -1) for word in words], dtype=np.int32))
        lengths.append(len(words))
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), np.array(lengths, dtype=np.int64))
    return np.concatenate([np.empty(0, np.int32), *columns]), rows


def words_of(text: str) -> list[str]:
    """The words of one text, lower-cased, in reading order."""
    plain = prose(text).lower()
    if plain.isascii():
        found = _ASCII_WORD.findall(plain)
    else:
        found = _WORD.findall(_UNSPACED.sub(lambda run: f" {' '.join(_segmented(run.group()))} ", plain))
    return list(chain.from_iterable(map(_SPELLED.__getitem__, found)))


class _Spelled(dict[str, tuple[str, ...]]):
    """The words in what looks like one: most are themselves, noise is none.

    As good as all occurrences are of words seen before.
    """

    def __missing__(self, found: str) -> tuple[str, ...]:
        stripped = (part.strip("_" + _JOINERS) for part in _without_apostrophes(found))
        words = tuple(
            word for word in stripped if 1 < len(word) <= _LONGEST and word[0].isalpha() and not is_noise(word)
        )
        if len(found) <= _LONGEST:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[found] = words
        return words


_SPELLED = _Spelled()


def _without_apostrophes(word: str) -> list[str]:
    if word.isalpha():
        return [word]
    parts = re.split("['’]", word)
    if len(parts) > 1 and parts[-1] == "t":  # don't, isn't: stop words whatever the list says
        return []
    return [part for part in parts if part not in _CLITICS]


def _segmented(run: str) -> list[str]:
    from icu4py.breakers import WordBreaker

    return [str(word) for word in WordBreaker(run, "en")]


def words_left_out(languages: Iterable[str], stop_words: Iterable[str] = ()) -> set[str]:
    """All that is no term: the stop words of some languages, and others."""
    return {word.lower() for word in stop_words}.union(*(stop_words_of(code) for code in languages))


@cache
def stop_words_of(language: str) -> frozenset[str]:
    """The stop words of a language.

    Raises
    ------
    InvalidConfig
        If there is no list for it.
    """
    import stopwordsiso

    if not stopwordsiso.has_lang(language):
        raise InvalidConfig(
            f"language={language!r}: no stop words for it; there are lists for "
            f"{', '.join(sorted(stopwordsiso.langs()))}. Use 'auto' to detect, 'none' to keep all words."
        )
    if language == "en":  # the ISO list holds a thousand words more, computer and system among them
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return frozenset((ENGLISH_STOP_WORDS - _ENGLISH_CONTENT) | _ENGLISH_INFORMAL)
    return frozenset(word.lower() for word in stopwordsiso.stopwords(language))


def _languages(texts: Texts, language: str) -> Sequence[str]:
    if language == "none":
        return ()
    if language != "auto":
        stop_words_of(language)
        return (language,)
    step = max(len(texts) // _SAMPLE, 1)
    return detect_languages(texts.texts[::step])


def detect_languages(texts: Iterable[str]) -> tuple[str, ...]:
    """The languages of a tenth or more of the texts, most frequent first.

    Told by script where that settles it, else by whose stop words a text holds most of; texts too
    short to tell do not count, and where none can be told English is assumed.

    Examples
    --------
    >>> detect_languages(["the cat is on the mat", "der Hund ist in dem Haus"])
    ('de', 'en')
    """
    import stopwordsiso

    speakers: dict[str, list[str]] = {}  # of each stop word
    for code in sorted(set(stopwordsiso.langs()) - set(_SCRIPTS)):
        for word in stop_words_of(code):
            speakers.setdefault(word, []).append(code)
    heard: Counter[str] = Counter()
    for text in texts:
        found = _language_of(text[:2000], speakers)
        if found:
            heard[found] += 1
    total = heard.total()
    spoken = sorted((-many, code) for code, many in heard.items() if many >= _SPOKEN * total)
    return tuple(code for _, code in spoken) or ("en",)


def _language_of(text: str, speakers: dict[str, list[str]]) -> str | None:
    if not text.isascii():
        letters = sum(map(str.isalpha, text))
        for code, script in _SCRIPTS.items():
            found = script.findall(text)
            # A page of Japanese is mostly Han with some kana between; other scripts stand alone.
            if len(found) > letters * (0.1 if code == "ja" else 0.3):
                return code
    words = map(str.lower, (_ASCII_WORD if text.isascii() else _WORD).findall(text))
    hits = Counter(chain.from_iterable(speakers.get(word, ()) for word in words))
    best = max(hits, key=lambda code: (hits[code], code == "en", code), default="")
    return best if hits[best] >= 2 else None
