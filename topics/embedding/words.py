"""The words of a text, in any script."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# Thai, Lao, Burmese, Khmer, kana, Han: written without spaces between words.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_PLAIN = re.compile(r"\w+")
#: What `words_of` takes for a word, in the language of Rust's tokenizers.
PATTERN = r"[\p{L}\p{N}\p{M}_\u200c\u200d]+"


@cache
def letters() -> str:
    """A pattern of the characters that words are made of."""
    # Python's \w knows no combining marks, of which Thai, Hindi, Tamil and others make their words.
    marks = "".join(chr(code) for code in range(0x300, 0x12000) if unicodedata.category(chr(code))[0] == "M")
    return rf"[\w{marks}\u200c\u200d]+"


def spaced(text: str) -> str:
    """The text, with spaces between the words of scripts that are written without (ICU)."""
    if not _UNSPACED.search(text):
        return text
    from icu4py.breakers import WordBreaker

    return _UNSPACED.sub(lambda run: f" {' '.join(map(str, WordBreaker(run.group(), 'en')))} ", text)


def words_of(text: str) -> list[str]:
    """Runs of letters, digits and marks, in small letters and composed (NFC); a sigma at the end is a sigma.

    Examples
    --------
    >>> words_of("Don't PANIC: naïve नमस्ते 世界、東京")
    ['don', 't', 'panic', 'naïve', 'नमस्ते', '世界', '東京']
    """
    if text.isascii():  # most are, and there are many
        return _PLAIN.findall(text.lower())
    lower = unicodedata.normalize("NFC", text).lower().replace("ς", "σ")  # which Rust and Python disagree about
    return _any_script().findall(spaced(unicodedata.normalize("NFC", lower)))


@cache
def _any_script() -> re.Pattern[str]:
    return re.compile(letters())
