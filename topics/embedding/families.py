"""Encoders by name: `scheme:rest?option=value&option=value`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from topics.embedding.sentence import options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

#: Scheme -> module and class. A name without one of these is a sentence-transformers model.
FAMILIES = {
    "remote": ("topics.embedding.remote", "RemoteEncoder"),
    "sparse": ("topics.embedding.sparse", "SparseEncoder"),
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

    example: str  # what such a name looks like
    needs: str  # what has to be there

    def of(self, rest: str, options: Mapping[str, str], threads: int = 1, batch_size: int = 64) -> NamedEncoder: ...


def is_family(name: str) -> bool:
    """Whether a name has a scheme.

    Examples
    --------
    >>> is_family("static:glove.txt"), is_family("all-MiniLM-L6-v2")
    (True, False)
    """
    scheme, colon, _ = name.partition(":")
    return bool(colon) and scheme in FAMILIES


def is_sparse(name: str) -> bool:
    """Whether a name is that of a sparse encoder, whose vectors come with the terms they are made of."""
    return name.startswith("sparse:")


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
    if not is_family(name):
        return None
    scheme, _, rest = name.partition(":")
    rest, _, query = rest.partition("?")
    return family_of(scheme).of(rest, options_of(query, name), threads, batch_size)


def family_of(scheme: str) -> Family:
    """The class behind a scheme."""
    module, kind = FAMILIES[scheme]
    return cast("Family", getattr(import_module(module), kind))
