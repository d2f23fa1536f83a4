"""What we need from others, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns texts into rows; a SentenceTransformer already does.

    An encoder with an attribute `fingerprint` (a string that changes whenever its vectors would) has
    its vectors kept in the store; without one they are computed in every run.
    """

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]: ...
