"""Against anisotropy: vectors are moved, turned and stretched so that they use more of their dimensions.

Vectors of a language model share a mean and a few directions that say little about any one text, so that
all texts look alike (Li et al., "On the Sentence Embeddings from Pre-trained Language Models", EMNLP 2020).
Three steps against it, each fitted on the distinct texts of the corpus:

- `center` subtracts the mean vector;
- `remove-top-components` centres and takes out the first principal directions (Mu and Viswanath,
  "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", ICLR 2018);
- `whiten` centres and scales the principal directions to equal variance, of which it can keep the first
  ones only (Su et al., "Whitening Sentence Representations for Better Semantics and Faster Retrieval",
  arXiv:2103.15316, 2021). The covariance is shrunk towards a multiple of the identity first (Ledoit and
  Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of Multivariate
  Analysis 88, 2004): with many texts that changes nothing, with few it keeps directions in which texts
  hardly differ from being blown up to noise. Without it all of u <= d texts would be equally far apart:
  of 300 texts of three corpora, ten neighbours told the class of 51, 68 and 83 %, and without it of 1, 6 and 23 %.

Spread is no end in itself: encoders trained for cosines, as the default, had nothing to gain from any of it, others
sometimes had (`benchmarks/results/isotropy.md`).

u texts, d dimensions, k of them removed, r left.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from topics.data import Embeddings, Postprocessing
from topics.errors import InvalidConfig, InvalidInput
from topics.isotropy import Moments, moments
from topics.limits import one_thread
from topics.store import let_go

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

NONE = "none"  #: no step

_STEPS = {"center": None, "remove-top-components": 1, "whiten": 2}  # in their order; the least number each takes
_ALLOWED = (
    "none, or center, remove-top-components and whiten, separated by commas, each at most once and in this order; "
    "remove-top-components=K for whole numbers from 1, whiten=R from 2"
)
_SHARE = 100  # of the dimensions, one in so many is removed by default, after Mu and Viswanath
_BLOCK = 1024  # rows a thread works on at once
_MANY = 65_536  # rows after which mapped memory is given back
_GRID = 2.0**20  # directions and scales are rounded to its parts: the last bits of a product differ between machines
_MEAN_GRID = 2.0**24  # ... and the mean, which is known better, to those of float32
_NOTHING = 1e-4  # what is left of a unit row below that is the rounding of mean and directions


def parse_steps(text: str) -> dict[str, int | None]:
    """Read steps: `center`, `remove-top-components=3`, `center,remove-top-components=2,whiten=128`.

    Parameters
    ----------
    text : str
        Separated by commas or plus signs; "none" for no step.

    Returns
    -------
    dict
        Step -> its number, None where there is none; in the order they are taken.

    Raises
    ------
    InvalidConfig
        If a step is unknown, has a bad number, comes twice or after one it has to come before: nothing is left
        to be removed where all directions have the same variance.

    Examples
    --------
    >>> parse_steps("center + remove-top-components=2")
    {'center': None, 'remove-top-components': 2}
    >>> parse_steps("none")
    {}
    """
    told = [part.strip().lower() for part in text.replace("+", ",").split(",")]
    if told == [NONE]:
        return {}
    steps: dict[str, int | None] = {}
    for part in told:
        name, equals, number = (word.strip() for word in part.partition("="))
        least = _STEPS.get(name)
        good = number.isascii() and number.isdecimal() and least is not None and int(number) >= least
        if name not in _STEPS or name in steps or (equals and not good):
            raise InvalidConfig(f"{part!r} is not among the steps that are allowed: {_ALLOWED}.")
        steps[name] = int(number) if equals else None
    if list(steps) != [name for name in _STEPS if name in steps]:
        raise InvalidConfig(f"{text!r} is in another order than is allowed: {_ALLOWED}.")
    return steps


def spell_steps(steps: dict[str, int | None]) -> str:
    """The one way to write steps.

    Examples
    --------
    >>> spell_steps(parse_steps(" Center+WHITEN = 064"))
    'center,whiten=64'
    """
    return ",".join(name if number is None else f"{name}={number}" for name, number in steps.items()) or NONE


def fit_postprocessing(vectors: NDArray[np.float32], steps: str, threads: int = 1) -> Postprocessing:
    """Learn from vectors what the steps do to any vector.

    Parameters
    ----------
    vectors : ndarray of shape (u, d), float32
        Unit rows of distinct texts. Rows of zeros, of texts without a known word, do not count.
    steps : str
        As in `parse_steps`. `remove-top-components` without a number removes d / 100, at least one; `whiten`
        without a number keeps all dimensions. Both leave out directions in which the texts do not differ at
        all: there are at most u - 1 others.
    threads : int
        The result does not depend on it.

    Returns
    -------
    Postprocessing

    Raises
    ------
    InvalidConfig
        If the vectors have too few dimensions for the steps.

    Examples
    --------
    >>> cone = np.array([[0.8, 0.6], [0.8, -0.6]], dtype=np.float32)
    >>> postprocess(cone, fit_postprocessing(cone, "center")).tolist()
    [[0.0, 1.0], [0.0, -1.0]]
    """
    wanted = parse_steps(steps)
    u, d = vectors.shape
    nothing = np.zeros((0, d))
    if not u:  # no text, no vector, no dimension to have too few of
        return Postprocessing(np.zeros(d), nothing, nothing, np.zeros(0))
    components = (wanted["remove-top-components"] or max(d // _SHARE, 1)) if "remove-top-components" in wanted else 0
    if components and components >= d:
        raise InvalidConfig(f"postprocess={steps!r}: the vectors have {d} dimensions; remove fewer than that.")
    if (asked := wanted.get("whiten") or 0) > d - components:
        raise InvalidConfig(
            f"postprocess={steps!r}: of {d} dimensions{f' less {components}' if components else ''}, {asked} cannot "
            "be kept; keep fewer."
        )
    found = moments(vectors, threads)
    mean = np.round(found.mean * _MEAN_GRID) / _MEAN_GRID
    if not components and "whiten" not in wanted:
        return Postprocessing(mean, nothing, nothing, np.zeros(0))
    variances, directions = _principal(found)
    centred = Postprocessing(mean, directions[:components], nothing, np.zeros(0))
    if "whiten" not in wanted:
        return centred
    left = slice(components, components + asked if asked else None)
    if len(variances[left]) < asked:
        log.warning("whiten=%d: the texts differ in %d directions only; these are kept.", asked, len(variances[left]))
    shrunk = _shrunk(variances[components:], d - components, _fourth_moment(vectors, centred), found.rows)
    scales = np.sqrt(shrunk[:1] / shrunk[: len(variances[left])])
    return Postprocessing(mean, directions[:components], directions[left], np.round(scales * _GRID) / _GRID)


def postprocess(vectors: NDArray[np.float32], fitted: Postprocessing, threads: int = 1) -> NDArray[np.float32]:
    """Take the steps that were fitted.

    Parameters
    ----------
    vectors : ndarray of shape (n, d), float32
        Unit rows.
    fitted : Postprocessing
    threads : int
        The result does not depend on it.

    Returns
    -------
    ndarray of shape (n, r), float32
        Unit rows. Each depends on its own row and on what was fitted alone, to the bit. A row of zeros stays
        one; so does a row of which nothing but rounding is left, such as one that is the mean itself.

    Raises
    ------
    InvalidInput
        If the vectors have another width than those of the fit.
    """
    n, d = vectors.shape
    if d != fitted.width:
        raise InvalidInput(
            f"rows of {d} numbers; the post-processing was fitted on rows of {fitted.width}. Make them with the same "
            "encoder."
        )
    result = np.zeros((n, fitted.dimension), dtype=np.float32)

    def take(start: int) -> None:
        block = vectors[start : start + _BLOCK].astype(np.float64)
        given = block.any(axis=1)
        block = _projected(block, fitted)
        kept = given & (_lengths(block) > _NOTHING)
        if len(fitted.axes):
            block *= fitted.scales
        block[kept] /= _lengths(block)[kept, None]
        block[~kept] = 0
        result[start : start + _BLOCK] = block

    with one_thread(), ThreadPoolExecutor(threads) as pool:
        for first in range(0, n, _MANY):
            for _ in pool.map(take, range(first, min(first + _MANY, n), _BLOCK)):
                pass
            let_go(vectors)
    return result


def postprocess_embeddings(embeddings: Embeddings, fitted: Postprocessing, threads: int = 1) -> Embeddings:
    """`postprocess` for the texts of a corpus; the encoder stays what it was."""
    vectors = postprocess(embeddings.vectors, fitted, threads)
    lost = int((embeddings.vectors.any(axis=1) & ~vectors.any(axis=1)).sum())
    if lost:
        log.warning("Nothing is left of the vectors of %d of %d texts after post-processing.", lost, len(vectors))
    return Embeddings(vectors, embeddings.encoder, embeddings.fingerprint)


def _projected(block: NDArray[np.float64], fitted: Postprocessing) -> NDArray[np.float64]:
    """Rows centred, without what is removed, on the axes if there are any; not scaled."""
    block = block - fitted.mean
    if len(fitted.removed):
        block -= _products(_products(block, fitted.removed.T), fitted.removed)
    if len(fitted.axes):
        block = _products(block, fitted.axes.T)
    return block


def _products(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each row times a matrix, in a call of its own: within one product BLAS rounds rows by where they stand."""
    products: NDArray[np.float64] = np.matmul(rows[:, None, :], matrix)[:, 0]
    return products


def _lengths(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.sqrt((rows * rows).sum(axis=1))
    return lengths


def _principal(found: Moments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances, largest first, and directions of shape (p, d); those without any variance are left out."""
    d = len(found.total)
    with one_thread():
        variances, columns = np.linalg.eigh(found.covariance)
    # The products were of rows of length 1, so their rounding is that of numbers up to 1.
    real = variances[::-1] > d * np.finfo(np.float64).eps
    real[max(found.rows - 1, 0) :] = False
    # Rows one after the other, as they come back from a file: another layout, another product.
    directions = np.round(np.ascontiguousarray(columns[:, ::-1].T[real]) * _GRID) / _GRID
    directions /= _lengths(directions)[:, None]
    strongest = np.abs(directions).argmax(axis=1, keepdims=True)
    directions *= np.sign(np.take_along_axis(directions, strongest, axis=1))  # either sign would do; it is fixed
    return variances[::-1][real], directions


def _fourth_moment(vectors: NDArray[np.float32], centred: Postprocessing) -> float:
    """Sum of the fourth powers of the lengths of the rows, as far as they are not removed."""
    total = 0.0
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float64)
        lengths = _lengths(_projected(block[block.any(axis=1)], centred))
        total += float((lengths**4).sum())
        if start % _MANY == 0:
            let_go(vectors)
    return total


def _shrunk(variances: NDArray[np.float64], p: int, fourth: float, m: int) -> NDArray[np.float64]:
    """Eigenvalues of the covariance after Ledoit and Wolf, of m rows in p dimensions; those not given are 0."""
    mean = variances.sum() / p
    spread = (variances * variances).sum() / p - mean * mean
    noise = (fourth / max(m, 1) - (variances * variances).sum()) / (max(m, 1) * p)
    share = min(max(noise, 0.0) / spread, 1.0) if spread > 0 else 1.0
    return np.asarray((1 - share) * variances + share * mean)
