"""Stand-ins that are instant, offline and the same everywhere: an encoder, and documents it makes sense of."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np
from builders import THEMES

from topics.data import Embeddings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from topics.data import Texts

_FILLER = "the of and a to in it that was for".split()


class HashingEncoder:
    """Keeps the promise of `Encoder`: texts that share words get near vectors, whatever texts are around them.

    Every word is a fixed random direction, a text the sum of its words' directions.
    """

    def __init__(self, dimension: int = 32, salt: str = "") -> None:
        self.dimension = dimension
        self.fingerprint = f"hashing-{dimension}-{salt}"
        self.encoded: list[str] = []  # every text ever asked for, so that tests can tell what was computed
        self._salt = salt
        self._directions: dict[str, NDArray[np.float64]] = {}

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        self.encoded += sentences
        vectors = np.zeros((len(sentences), self.dimension))
        for row, sentence in enumerate(sentences):
            for word in re.findall(r"\w+", sentence.lower()):
                if word not in _FILLER:
                    vectors[row] += self._direction(word)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def _direction(self, word: str) -> NDArray[np.float64]:
        if word not in self._directions:
            seed = int.from_bytes(hashlib.sha256(f"{self._salt}{word}".encode()).digest()[:8])
            self._directions[word] = np.random.default_rng(seed).normal(size=self.dimension)
        return self._directions[word]


def themed_corpus(n: int = 300, themes: int = 4, mixed: float = 0.05, seed: int = 0) -> tuple[list[str], list[int]]:
    """Distinct, readable documents of clear themes, and some about two at once.

    Parameters
    ----------
    n : int
        Documents.
    themes : int
        How many of `builders.THEMES`, one after the other, are written about.
    mixed : float
        Share of documents that take their words from two themes.
    seed : int

    Returns
    -------
    (list of n str, list of n int)
        Texts, and the theme of each; -1 where it is mixed.

    Examples
    --------
    >>> texts, about = themed_corpus(3, themes=2, mixed=0)
    >>> about
    [0, 1, 0]
    """
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    about: list[int] = []
    for row in range(n):
        theme = row % themes
        words = list(rng.choice(THEMES[theme], size=6, replace=False))
        blended = themes > 1 and rng.random() < mixed
        if blended:
            words[3:] = rng.choice(THEMES[(theme + 1) % themes], size=3, replace=False)
        sentence = " ".join(f"{rng.choice(_FILLER)} {word}" for word in words)
        texts.append(f"{sentence.capitalize()}, note {row}.")
        about.append(-1 if blended else theme)
    return texts, about


def embeddings_of(texts: Texts, encoder: HashingEncoder | None = None) -> Embeddings:
    """The fake encoder's vectors, as the value the stages take."""
    encoder = encoder or HashingEncoder()
    return Embeddings(encoder.encode(list(texts.texts)), "fake", encoder.fingerprint)


def random_embeddings(u: int, dimension: int = 8, seed: int = 0) -> Embeddings:
    """Unit rows in random directions."""
    vectors = np.random.default_rng(seed).normal(size=(u, dimension))
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return Embeddings(vectors.astype(np.float32), "random", f"random-{seed}")
