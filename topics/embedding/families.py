"""Encoders by name: `scheme:rest?option=value&option=value`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import parse_qsl

from topics.errors import InvalidConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

#: Scheme -> module and class. A name without one of these is a sentence-transformers model.
FAMILIES = {
    "remote": ("topics.embedding.remote", "RemoteEncoder"),
    "static": ("topics.embedding.static", "StaticEncoder"),
    "transformer": ("topics.embedding.transformer", "TransformerEncoder"),
}


class NamedEncoder(Protocol):
    """An encoder that is known by what decides its vectors."""

    name: str
    fingerprint: str  # of all that decides a vector
    vector_key: str  # the same where a vector depends on its text alone, else empty

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]: ...


class Family(Protocol):
    """A class of encoders that are made from text."""

    def of(self, rest: str, options: Mapping[str, str], threads: int = 1, batch_size: int = 64) -> NamedEncoder: ...


def family_encoder(name: str, threads: int = 1, batch_size: int = 64) -> NamedEncoder | None:
    """The encoder a name with a scheme stands for; None for a name without one.

    Examples
    --------
    >>> family_encoder("all-MiniLM-L6-v2") is None
    True

    Raises
    ------
    InvalidConfig
        If an option is unknown, or given twice.
    ModelNotFound
        If its files are not there.
    """
    scheme, colon, rest = name.partition(":")
    if not colon or scheme not in FAMILIES:
        return None
    module, kind = FAMILIES[scheme]
    rest, _, query = rest.partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    options = dict(given)
    if len(options) < len(given):
        raise InvalidConfig(f"encoder {name!r} gives an option twice.")
    family = cast("Family", getattr(import_module(module), kind))
    return family.of(rest, options, threads, batch_size)
