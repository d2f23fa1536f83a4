"""Word vectors averaged over the words of a text: word2vec, GloVe and fastText files.

The average is weighted, and what all texts have in common is taken out of it, after Arora, Liang and
Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017 (SIF). Files of word
vectors carry no counts but have the frequent words first, so Zipf's law gives the probabilities; in a
file of another order use `sif=0`, `components=0`. Unlike in the paper the common directions come
from the vocabulary, not from the corpus: a text's vector depends on that text alone.

V words, d dimensions.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from topics.embedding.static_folder import StaticFolderEncoder, is_repository
from topics.embedding.word_files import read_word_vectors, word_probabilities
from topics.embedding.words import letters, spaced
from topics.errors import InvalidConfig, ModelNotFound
from topics.limits import one_thread
from topics.store import canonical, file_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_VERSION = 1  # raised when code here changes a vector
_BLOCK = 4096  # words in a product; fixed, other shapes give other bits
_GRID = 2.0**20  # directions are rounded to its parts: the last bits of a product differ between machines
_NOTHING = 1e-4  # of a vector's length; what is left below that is the rounding of the directions
_CASED = 0.01  # share of words with capitals that makes a vocabulary cased; a stray UNK does not

_OPTIONS: dict[str, tuple[Callable[[str], Any], Callable[[Any], bool], str]] = {
    "sif": (float, lambda value: isinstance(value, int | float) and 0 <= value < math.inf, "a number, 0 or more"),
    "components": (int, lambda value: isinstance(value, int) and value >= 0, "a whole number, 0 or more"),
    "lower": (str, lambda value: value in ("auto", "yes", "no"), "auto, yes or no"),
    "limit": (int, lambda value: value is None or (isinstance(value, int) and value > 0), "a whole number, 1 or more"),
}

_SPLIT = re.compile(r"n't\b|'(?:s|re|ll|ve|d|m)\b|['#+-]")  # where a word that is not known may come apart


class StaticEncoder:
    """A file of word vectors; `encode` gives unit rows, and rows of zeros for texts without a known word.

    The file is word2vec's text or binary format, GloVe's text or fastText's `.vec`, gzipped or not: its
    content tells. It is read when first needed and takes 4 * V * d bytes, and its words.

    A word is a run of letters, digits and combining marks, with apostrophes and hyphens inside; one that
    is not known is looked up in parts. Thai, Chinese, Japanese and their like are cut by ICU.

    Parameters
    ----------
    path : str or path
        The file.
    sif : float, default 1e-3
        a in the weight a / (a + p) of a word of probability p; 0 weighs all words alike.
    components : int, default 1
        How many common directions to remove; fewer than d.
    lower : {"auto", "yes", "no"}
        Whether capitals count as small letters. auto: if there are (almost) none in the vocabulary.
    limit : int, optional
        Use the most frequent words only, so many.

    Raises
    ------
    ModelNotFound
        If there is no such file.
    InvalidConfig
        If an option has a value that is not allowed.
    InvalidInput
        From `encode`, if the file is malformed or cut off.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     many = file.write(b"cat 3 4\\ndog 4 3\\nbank 0 -1\\n")
    ...     file.flush()
    ...     StaticEncoder(path=file.name, components=0).encode(["Cat!", "Who?"]).round(1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """

    example = "static:glove.6B.100d.txt?sif=1e-3"
    needs = "a file of word vectors: word2vec, GloVe or fastText's .vec; or a static model: what `topics distill` makes"
    reads_all = True  # of a text

    def __init__(
        self,
        *,
        path: str | Path,
        sif: float = 1e-3,
        components: int = 1,
        lower: Literal["auto", "yes", "no"] = "auto",
        limit: int | None = None,
    ) -> None:
        self._options = {"sif": sif, "components": components, "lower": lower, "limit": limit}
        for name, value in self._options.items():
            if not _OPTIONS[name][1](value):
                raise InvalidConfig(f"{name}={value!r}: static word vectors take {_OPTIONS[name][2]}.")
        self.name = f"static:{path}"
        self._path = Path(path).expanduser()
        if not self._path.is_file():
            raise ModelNotFound(
                f"{self.name} is not a file. Name a file of word vectors, for example static:glove.6B.300d.txt or "
                "static:cc.en.300.vec.gz, or a static model: a folder, or its name on the hub."
            )

    @classmethod
    def of(
        cls,
        rest: str,
        options: Mapping[str, str],
        threads: int = 1,  # noqa: ARG003
        batch_size: int = 64,  # noqa: ARG003
    ) -> Self | StaticFolderEncoder:
        """Make one of text: the path, and options by name; of a folder or a name of the hub the static model there.

        Threads and batches have no part in it.
        """
        path = Path(rest).expanduser()
        if (rest and path.is_dir()) or (is_repository(rest) and not path.exists()):
            return StaticFolderEncoder.of(rest, options)
        values: dict[str, Any] = {}
        for name, text in options.items():
            if name not in _OPTIONS:
                raise InvalidConfig(f"static word vectors have no option {name!r}; there are: {', '.join(_OPTIONS)}.")
            try:
                values[name] = _OPTIONS[name][0](text)
            except ValueError:
                raise InvalidConfig(f"{name}={text!r}: static word vectors take {_OPTIONS[name][2]}.") from None
        return cls(path=rest, **values)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the file, the options and what else decides a vector."""
        releases = {name: version(name) for name in ("numpy", "icu4py")} | {"unicode": unicodedata.unidata_version}
        told = {"file": file_sha256(self._path), "options": {**self._options, "sif": float(self._options["sif"] or 0)}}
        return hashlib.sha256(canonical({"static": _VERSION, **told, **releases})).hexdigest()

    @property
    def vector_key(self) -> str:
        """The fingerprint: a vector depends on its text alone."""
        return self.fingerprint

    @cached_property
    def dimension(self) -> int:
        """d, from the first line of the file."""
        return int(read_word_vectors(self._path, 1)[1].shape[1])

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(self._path, **self._options)  # type: ignore[arg-type]

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Encode texts; shape (len(sentences), d), float32."""
        vectors = np.zeros((len(sentences), self._loaded.vectors.shape[1]), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            vectors[row] = self._loaded.vector(sentence)
        return vectors


@dataclass(frozen=True, eq=False)
class _Loaded:
    rows: Mapping[str, int]  # word -> row
    vectors: NDArray[np.float32]  # (V, d)
    weights: NDArray[np.float64]  # (V,)
    directions: NDArray[np.float64]  # (components, d), of length 1
    lower: bool

    def vector(self, text: str) -> NDArray[np.float64]:
        """The unit vector of a text; shape (d,). Sums go word by word, not through BLAS: one way to the bits."""
        found = [row for word in _words(_folded(text, self.lower)) for row in self._known(word)]
        rows, times = np.unique(np.array(found, dtype=np.int64), return_counts=True)
        total = (self.vectors[rows] * (self.weights[rows] * times)[:, None]).sum(axis=0)
        least = _length(total) * _NOTHING
        for direction in self.directions:
            total = total - (total * direction).sum() * direction
        length = _length(total)
        return total / length if length > least else np.zeros(len(total))

    def _known(self, word: str) -> list[int]:
        parts = [word] if word in self.rows else [part for part in _SPLIT.split(word) if len(part) > 1]
        return [self.rows[part] for part in parts if part in self.rows]


def _length(vector: NDArray[np.float64]) -> float:
    return math.sqrt((vector * vector).sum())


def _folded(text: str, lower: bool) -> str:
    plain = unicodedata.normalize("NFC", text).replace("’", "'")
    return unicodedata.normalize("NFC", plain.lower()) if lower else plain


@cache
def _word_pattern() -> re.Pattern[str]:
    return re.compile(rf"{letters()}(?:['-]{letters()})*(?:\+\+|#)?")


def _words(text: str) -> list[str]:
    return _word_pattern().findall(spaced(text))


def _load(path: Path, sif: float, components: int, lower: str, limit: int | None) -> _Loaded:
    log.info("Reading word vectors from %s.", path)
    words, vectors = read_word_vectors(path, limit)
    if components >= vectors.shape[1]:
        raise InvalidConfig(f"components={components}: {path} has {vectors.shape[1]} dimensions; remove fewer.")
    capitals = sum(word != word.lower() for word in words)
    small = lower == "yes" or (lower == "auto" and capitals < _CASED * len(words))
    rows: dict[str, int] = {}
    for row, word in enumerate(words):
        rows.setdefault(_folded(word, small), row)
    chances = word_probabilities(len(words))
    weights = sif / (sif + chances) if sif else np.ones(len(words))
    return _Loaded(rows, vectors, weights, common_directions(vectors, weights, chances, components), small)


def common_directions(
    vectors: NDArray[np.float32], weights: NDArray[np.float64], chances: NDArray[np.float64], many: int
) -> NDArray[np.float64]:
    """The first principal directions, not centred, of weighted word vectors, each word as often as it is probable.

    Parameters
    ----------
    vectors, weights, chances : ndarray of shape (V, d), (V,) and (V,)
    many : int
        At most d.

    Returns
    -------
    ndarray of shape (many, d)
        Unit rows, rounded so that every machine has the same.
    """
    moments = np.zeros((vectors.shape[1], vectors.shape[1]))
    if not many:
        return moments[:0]
    scale = weights * np.sqrt(chances)
    with one_thread():
        for start in range(0, len(vectors), _BLOCK):
            block = vectors[start : start + _BLOCK] * scale[start : start + _BLOCK, None]
            moments += block.T @ block
        found = np.linalg.eigh(moments).eigenvectors[:, ::-1][:, :many].T
    found = np.round(found * _GRID) / _GRID
    return np.asarray(found / np.sqrt((found * found).sum(axis=1, keepdims=True)))
