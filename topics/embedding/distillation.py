"""A static model made of any encoder: one vector a word, such that their weighted mean says what the encoder would.

A word starts as the encoder's vector of the word alone (Tulkens and van Dongen, "Model2Vec", 2024), and
weighs a / (a + p), where p is its probability (SIF: Arora, Liang and Ma, ICLR 2017). A bag of words of
such vectors is a poor copy of the encoder. So the vectors are then fitted by ridge regression to the
encoder's own vectors of some thousand texts of the corpus (Hoerl and Kennard 1970; in its dual form,
Saunders, Gammerman and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998).

n texts, V words, d dimensions.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topics.embedding.words import words_of
from topics.errors import InvalidInput
from topics.limits import one_thread
from topics.pairs import nearest_others
from topics.progress import track
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from scipy import sparse

log = logging.getLogger(__name__)

LEAST = 100  #: fewest texts with words that can be learned from
_SIF = 1e-3  # a
_FEWEST = 3  # texts a word has to be in
_LONGEST = 40  # letters; longer are keys, hashes and noise
_HELD_OUT = 5  # one text in so many is kept from the fit, to choose the penalty and to tell how good it is
_PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # in units of a text's own weight in the fit
_NEIGHBORS = 10


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words a static model knows, those of most texts first."""

    words: tuple[str, ...]
    weights: NDArray[np.float64]  # (V,), in (0, 1]


@dataclass(frozen=True)
class Fidelity:
    """How like its teacher a static model is, on texts it was not fitted to."""

    cosine: float  # mean, with the teacher's vector of the same text
    neighbors: float  # share of the teacher's ten nearest texts that are among one's own


@dataclass(frozen=True, eq=False)
class Student:
    """The vectors of words, and how well they do."""

    rows: NDArray[np.float32]  # (V, d), weighted: a text is the sum of them, scaled to length 1
    before: Fidelity  # of the words as the teacher sees them alone
    after: Fidelity  # fitted to four fifths of the texts; the rows are fitted to all
    held_out: int  # texts both were measured on
    penalty: float


def count_words(texts: Sequence[str], most: int) -> Vocabulary:
    """The words of at least three texts, those of most texts first, ties by the alphabet; at most `most`.

    Raises
    ------
    InvalidInput
        If there are none.
    """
    texts_with: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for text in track(texts, len(texts), "Counting words", "documents"):
        words = words_of(text)
        times.update(words)
        texts_with.update(set(words))
    known = [word for word, many in texts_with.items() if many >= _FEWEST and len(word) <= _LONGEST]
    if not known:
        raise InvalidInput(
            f"no word is in {_FEWEST} of the {len(texts):,} documents; a static model needs more documents, or longer "
            "ones."
        )
    chosen = sorted(known, key=lambda word: (-texts_with[word], word))[:most]
    chances = np.array([times[word] for word in chosen]) / times.total()
    return Vocabulary(tuple(chosen), _SIF / (_SIF + chances))


def bags(texts: Sequence[str], vocabulary: Vocabulary) -> sparse.csr_array:
    """Texts as weights of their words; shape (n, V), rows of sum 1 or, without a known word, 0."""
    from scipy import sparse

    place = {word: row for row, word in enumerate(vocabulary.words)}
    found = [Counter(row for word in words_of(text) if (row := place.get(word)) is not None) for text in texts]
    ends = np.concatenate([[0], np.cumsum([len(counts) for counts in found])]).astype(np.int64)
    columns = np.fromiter((row for counts in found for row in counts), np.int64, ends[-1])
    times = np.fromiter((many for counts in found for many in counts.values()), np.float64, ends[-1])
    matrix = sparse.csr_array((times * vocabulary.weights[columns], columns, ends), shape=(len(texts), len(place)))
    matrix.sort_indices()
    totals: NDArray[np.float64] = np.repeat(matrix.sum(axis=1), np.diff(matrix.indptr))
    return sparse.csr_array((matrix.data / totals, matrix.indices, matrix.indptr), shape=matrix.shape)


def distil(
    texts: Sequence[str],
    teacher: NDArray[np.float32],
    vocabulary: Vocabulary,
    words: NDArray[np.float32],
    threads: int = 1,
) -> Student:
    """Fit vectors of words so that the mean of a text's is the teacher's vector of the text.

    The last fifth of the texts is kept from a first fit. It decides on the penalty, by the mean cosine
    with the teacher, and is what the student is measured on; a second fit is to all texts.

    Parameters
    ----------
    texts : sequence of n str
        In an order that does not come from the outside, such as that of their keys.
    teacher : ndarray of shape (n, d)
        Unit rows: its vectors of the texts.
    vocabulary : Vocabulary
    words : ndarray of shape (V, d)
        Unit rows: its vectors of the words.
    threads : int
        Never changes a result.

    Raises
    ------
    InvalidInput
        If fewer than a hundred texts have a known word.
    """
    matrix = bags(texts, vocabulary)
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled) < LEAST:
        raise InvalidInput(
            f"{len(filled)} of {len(texts)} documents have words that a static model could be fitted to; it takes at "
            f"least {LEAST}."
        )
    matrix, targets, start = matrix[filled], teacher[filled].astype(np.float64), words.astype(np.float64)
    last = len(filled) - len(filled) // _HELD_OUT
    held_out, truth = matrix[last:], targets[last:]
    solve = ridge(matrix[:last], start, targets[:last])
    tried = {penalty: held_out @ solve(penalty) for penalty in _PENALTIES}
    penalty = max(_PENALTIES, key=lambda value: (_cosine(tried[value], truth), value))
    rows = ridge(matrix, start, targets)(penalty) * vocabulary.weights[:, None]
    log.info("Fitted %s words to %s documents, with a penalty of %g.", f"{len(rows):,}", f"{len(filled):,}", penalty)
    return Student(
        rows=rows.astype(np.float32),
        before=fidelity(held_out @ start, truth, threads),
        after=fidelity(tried[penalty], truth, threads),
        held_out=len(truth),
        penalty=penalty,
    )


def ridge(
    matrix: sparse.csr_array, start: NDArray[np.float64], targets: NDArray[np.float64]
) -> Callable[[float], NDArray[np.float64]]:
    r"""Ridge regression of texts on their words, towards a start.

    The vectors are W = start + D + C M, where C is the start with its mean taken out. M, of shape (d, d),
    moves all words alike, those too that no text here has; D, of shape (V, d), moves each on its own. They
    minimise

    .. math:: \lVert BW - T \rVert^2 + \lambda (s \lVert D \rVert^2 + t \lVert M \rVert^2)

    where B is `matrix`, T is `targets`, and s and t are the mean squared lengths of the rows of B and of
    BC, so that both ways count the same. There are fewer texts than words, so what is solved are n
    equations, not V: with K = B B'/s + BC (BC)'/t and A = (K + λI)⁻¹ (T - B start), D is B'A/s and M is
    (BC)'A/t.

    Parameters
    ----------
    matrix : sparse array of shape (n, V)
    start : ndarray of shape (V, d)
    targets : ndarray of shape (n, d)

    Returns
    -------
    callable
        From λ to W, of shape (V, d). It takes about 16 n² bytes and n³ / 3 multiplications, on one thread.
    """
    from scipy.linalg import cho_factor, cho_solve  # before the limit, which is set on what is loaded

    with one_thread():
        centred = start - start.mean(axis=0)
        moved, left = matrix @ centred, targets - matrix @ start
        alone, together = (matrix @ matrix.T).toarray(), moved @ moved.T
        s, t = (float(np.trace(kernel)) / len(kernel) for kernel in (alone, together))
        kernel = alone / s + together / (t or 1.0)

    def solve(penalty: float) -> NDArray[np.float64]:
        with one_thread():
            factor = cho_factor(kernel + penalty * np.eye(len(kernel)), overwrite_a=True, check_finite=False)
            duals = cho_solve(factor, left, check_finite=False)
            both: NDArray[np.float64] = matrix.T @ duals / s + centred @ (moved.T @ duals) / (t or 1.0)
            return start + both

    return solve


def fidelity(student: NDArray[np.float64], teacher: NDArray[np.float64], threads: int = 1) -> Fidelity:
    """How like the teacher's the vectors of texts are.

    Parameters
    ----------
    student, teacher : ndarray of shape (n, d)
        n is 2 or more.

    Examples
    --------
    >>> fidelity(np.eye(3), np.eye(3))
    Fidelity(cosine=1.0, neighbors=1.0)
    """
    both = [unit_rows(vectors) for vectors in (student, teacher)]
    q = min(_NEIGHBORS, len(teacher) - 1)
    mine, theirs = (nearest_others(vectors, q, threads)[0] for vectors in both)
    kept = (mine[:, :, None] == theirs[:, None, :]).any(axis=2).mean()
    return Fidelity(_cosine(student, teacher), float(kept))


def _cosine(student: NDArray[np.float64], teacher: NDArray[np.float64]) -> float:
    return float((unit_rows(student) * unit_rows(teacher)).sum(axis=1, dtype=np.float64).mean())
