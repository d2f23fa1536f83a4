"""What we need from others, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into rows; a SentenceTransformer already does.

    An encoder with an attribute `fingerprint` (a string that changes whenever its vectors would) has
    its vectors kept in the store; without one they are computed in every run.
    """

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]: ...


@runtime_checkable
class MeasuringEncoder(Encoder, Protocol):
    """An encoder that says how much of a text it reads, so that longer ones can be split.

    One that reads all of any text says so by a true attribute `reads_all` instead.
    """

    @property
    def max_length(self) -> int:
        """Tokens read of a text; 0 if that is not known."""

    def count_tokens(self, sentences: list[str], /) -> Sequence[int]:
        """Tokens of each text, none cut off, those that are added to every text included."""
