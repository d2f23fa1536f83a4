"""Foreign text made harmless to show: no control characters, no reversed reading order, no endless words."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

_GONE = re.compile("[\u202a-\u202c\u2066-\u2069\ufeff\ufffe\uffff]")  # direction: isolated by the page instead
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OVERRIDES = str.maketrans({"\u202d": "⟨LRO⟩", "\u202e": "⟨RLO⟩"})  # they can disguise what a text says
_ISOLATE, _POP = "\u2068", "\u2069"

ID = 80  #: longest id shown, in characters
LABEL = 26  #: longest name on a map


def plain(value: Any, limit: int) -> str:
    """Make one line of printable text, at most `limit` characters long.

    Control characters and line ends become spaces, bidirectional controls are left out, and
    overrides, which turn "fdp.exe" into "exe.pdf", are made visible.

    Examples
    --------
    >>> plain("a\\x00b\\nc\\u202ed", 20)
    'a b c⟨RLO⟩d'
    >>> plain("x" * 100, 5)
    'xxxx…'
    """
    text = str(value)[: 4 * limit + 100]  # no need to clean what is cut anyway
    if not (text.isascii() and text.isprintable()):
        text = _SURROGATE.sub("\ufffd", _CONTROL.sub(" ", _GONE.sub("", text.translate(_OVERRIDES))))
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """A plain text in quotes; if it has letters that run right to left, kept from moving its surroundings.

    Examples
    --------
    >>> quoted("rate, bank")
    '“rate, bank”'
    """
    foreign = any(unicodedata.bidirectional(letter) in ("R", "AL", "AN") for letter in text)
    return f"“{_ISOLATE}{text}{_POP}”" if foreign else f"“{text}”"


def short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def count(number: int) -> str:
    """A whole number with thousands apart.

    Examples
    --------
    >>> count(12345)
    '12,345'
    """
    return f"{number:,}".replace("-", "−")


def percent(share: float | None) -> str:
    """A share in percent, to one decimal; what is not all or nothing never reads as such.

    Examples
    --------
    >>> percent(0.8767), percent(0.99999), percent(1), percent(None)
    ('87.7%', '99.9%', '100%', '–')
    """
    if share is None:
        return "–"
    if share in (0, 1):
        return f"{share * 100:.0f}%"
    shown = round(share * 100, 1)
    if 0 < share < 1:
        shown = min(max(shown, 0.1), 99.9)
    return f"{shown:.1f}%".replace("-", "−")


def figure(number: float | None) -> str:
    """A number as it stands in a table: whole ones as a count, others to three decimals.

    Examples
    --------
    >>> figure(1200), figure(0.12345), figure(-0.5), figure(None)
    ('1,200', '0.123', '−0.500', 'not measured')
    """
    if number is None:
        return "not measured"
    if isinstance(number, int):
        return count(number)
    return f"{number:z.3f}".replace("-", "−") if abs(number) < 1e6 else f"{number:.4g}"


def label(name: str) -> str:
    """The first words of a name, as many as fit on a map.

    Examples
    --------
    >>> label("numerical, convergence, element")
    'numerical, convergence…'
    """
    if len(name) <= LABEL:
        return name
    head = name[:LABEL]
    return (head[: head.rfind(" ")] if " " in head else head[:-1]).rstrip(" ,;:·–-") + "…"
