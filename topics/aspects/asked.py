"""Which aspects there are, and how they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: What each aspect is called where people read it; `expansion` comes with every sparse encoder and is not asked for.
TITLES = {
    "expansion": "the encoder activates",
    "ctfidf": "by weight",
    "mmr": "unlike each other",
    "keybert": "nearest in meaning",
    "phrases": "phrases",
    "pos": "noun phrases",
}
_OPTIONS = {"ctfidf": "", "mmr": "LAMBDA", "keybert": "", "phrases": "", "pos": "MODEL"}
_ALLOWED = "ctfidf, mmr or mmr=LAMBDA from 0 to 1, keybert, phrases, pos or pos=MODEL of spaCy, by name or folder"


def parse_aspects(told: Iterable[str]) -> dict[str, str]:
    """Read aspects: their names, and after an equals sign what some of them take.

    Returns
    -------
    dict
        Aspect -> its option, empty where there is none; in the order they are told.

    Raises
    ------
    InvalidConfig
        If an aspect is unknown, comes twice or has a bad option.

    Examples
    --------
    >>> parse_aspects(["ctfidf", "MMR = 0.30", "pos=en_core_web_sm"])
    {'ctfidf': '', 'mmr': '0.3', 'pos': 'en_core_web_sm'}
    """
    asked: dict[str, str] = {}
    for part in told:
        name, equals, option = (word.strip() for word in part.partition("="))
        name = name.lower()
        if name not in _OPTIONS or bool(equals) != bool(option) or (option and not _OPTIONS[name]):
            raise InvalidConfig(f"{part!r} is not among the aspects there are: {_ALLOWED}.")
        if name in asked:
            raise InvalidConfig(f"{name} comes twice; every aspect is one column.")
        asked[name] = _share(option) if option and name == "mmr" else option
    return asked


def spell_aspects(asked: Mapping[str, str]) -> tuple[str, ...]:
    """The one way to write aspects.

    Examples
    --------
    >>> spell_aspects(parse_aspects(["Phrases", "mmr=.50"]))
    ('phrases', 'mmr=0.5')
    """
    return tuple(f"{name}={option}" if option else name for name, option in asked.items())


def _share(option: str) -> str:
    try:
        value = float(option)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise InvalidConfig(f"mmr={option}: LAMBDA is a number from 0, all unlike, to 1, all alike the topic.")
    return str(value)
