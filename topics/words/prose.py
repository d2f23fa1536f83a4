"""What in a text looks like words and is none."""

from __future__ import annotations

import html
import re

# What looks like words and is none: tags, addresses, keys; each after a sign, found in a fraction of the time, without
# which it is not there. None looks twice at a letter (hence the look-behinds and `++`): texts without spaces would take
# quadratic time.
_NOT_WORDS = tuple(
    (re.compile(sign, re.IGNORECASE), re.compile(pattern, re.IGNORECASE))
    for sign, pattern in (
        ("<", r"</?[a-zA-Z][^<>]{0,300}>"),
        (";base64,", r"\bdata:[\w/.+-]{0,80}+;base64,[\w+/=-]*+"),
        ("://", r"(?<![a-z0-9+])[a-z][a-z0-9+]{1,9}+://\S*+"),
        (r"\.(?<=www\.)", r"\bwww\.\S+"),
        ("@", r"(?<![\w.+-])(?:mailto:)?[\w.+-]++@[\w-]++(?:\.[\w-]++)++"),
        (r"\.[\w-]++/", r"(?<![\w-])(?<![\w-]\.)[\w-]++(?:\.[\w-]++)++/\S*"),
        (r"\.", r"\.(?<=\w\.)(?:com|org|edu|gov|(?:co|ac|org|gov)\.uk)\b"),  # what stands before may name a firm
        (r"-[0-9a-f]{4}-", r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
        ("0x", r"\b0x[0-9a-f]++\b"),
        (r"\\", r"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2})"),
    )
)
# Hexadecimal, base64: long, with digits in two places, which face2face and a hashtag with a year have not.
_KEY = re.compile(r"(?=[a-z]*+\d++[a-z]++\d)(?:[0-9a-f]{7,}|[0-9a-z]{16,})")
_UNSEEN = tuple(  # what a browser does not show
    (re.compile(begin, re.IGNORECASE), re.compile(end, re.IGNORECASE))
    for begin, end in (("<!--", "-->"), (r"<script\b", r"</script\s*>"), (r"<style\b", r"</style\s*>"))
)
_ENTITIES = set("nbsp quot apos lsquo rsquo ldquo rdquo ndash mdash hellip".split())  # left where the & was lost
_ESCAPED = 3  # times an entity may have been escaped


def prose(text: str) -> str:
    """A text without what is no prose: addresses, tags, HTML entities, UUIDs.

    Examples
    --------
    >>> prose("Ask me@x.org &amp;amp; &lt;b&gt;see&lt;/b&gt; x.org/a?b")
    'Ask   &  see   '
    """
    for _ in range(_ESCAPED):
        if "&" not in text or text == (text := html.unescape(text)):
            break
    if "<" in text:
        for begin, end in _UNSEEN:
            text = _without(text, begin, end)
    for sign, pattern in _NOT_WORDS:
        if sign.search(text):
            text = pattern.sub(" ", text)
    return text


def _without(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> str:
    parts, at = [], 0
    while (opened := begin.search(text, at)) and (closed := end.search(text, opened.end())):
        parts.append(text[at : opened.start()])
        at = closed.end()
    return " ".join([*parts, text[at:]])


def is_noise(word: str) -> bool:
    """Whether what is spelled like a word, in lower case, is an entity or a key.

    Examples
    --------
    >>> [is_noise(word) for word in ("nbsp", "d41d8cd98f00b204", "word", "face2face", "mp3")]
    [True, True, False, False, False]
    """
    return word in _ENTITIES if word.isalpha() else _KEY.fullmatch(word) is not None
