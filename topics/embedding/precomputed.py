"""Vectors that are there already: a row for each document, in an array or a file.

The rows belong to documents, the stages see distinct texts: documents with the same text get the mean
of their vectors. A document without text has no vector; its row may hold anything.

n documents, u distinct texts, d dimensions.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.corpus import MEMORY, STDIN, Source, columns, file_digest
from topics.data import Embeddings
from topics.embedding.sentence import options_of
from topics.embedding.vector_files import read_npy, read_parquet, read_safetensors
from topics.errors import InvalidConfig, InvalidInput
from topics.store import file_sha256
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from topics.data import Corpus

SCHEME = "precomputed:"  #: what the name of an encoder begins with that stands for a file of vectors
ARRAY = "<embeddings>"  #: what a run calls vectors that came as an array

_BLOCK = 8192  # texts at a time, so that a mapped file need not fit into memory
_SHOWN = 5  # documents an error names
_OPTIONS = {".npy": (), ".safetensors": ("tensor",)}  # of files that are no Parquet


def embed_documents(corpus: Corpus, rows: Any, name: str = ARRAY) -> Embeddings:
    """Vectors of the distinct texts of a corpus, from vectors of its documents.

    Parameters
    ----------
    corpus : Corpus
        n documents.
    rows : array_like of shape (n, d)
        Real numbers, a row for each document, in their order.
    name : str
        What to call them in the result and in errors.

    Returns
    -------
    Embeddings
        Unit rows of shape (u, d). What made them is not known: the fingerprint is empty.

    Raises
    ------
    InvalidInput
        If there are not n rows of d > 0 numbers, or if the row of a document with text holds NaN,
        infinity or only zeros, or the rows of one text cancel out.

    Examples
    --------
    >>> from topics.data import Corpus
    >>> corpus = Corpus.from_texts(["same", "other", "same", None])
    >>> embed_documents(corpus, [[2, 0], [0, 3], [0, 2], [9, 9]]).vectors.round(3)[corpus.rows[:3]].tolist()
    [[0.7070000171661377, 0.7070000171661377], [0.0, 1.0], [0.7070000171661377, 0.7070000171661377]]
    """
    told = name.strip("<>")
    given = _as_array(rows, told)
    if given.ndim != 2 or not given.shape[-1] or given.dtype.kind not in "iuf":
        raise InvalidInput(
            f"{told}: an array of shape {given.shape} and type {given.dtype}; expected ({len(corpus)}, d) real "
            "numbers, a row for each document."
        )
    if len(given) != len(corpus):
        raise InvalidInput(
            f"{told}: {len(given)} rows for {len(corpus)} documents; there must be a row for each document, in their "
            "order, for repeated and empty ones too. (A Parquet file may name an id column instead: ?column=C&id=ID.)"
        )
    vectors = np.empty((len(corpus.texts), given.shape[1]), dtype=np.float32)
    documents = np.flatnonzero(corpus.rows >= 0)
    documents = documents[np.argsort(corpus.rows[documents], kind="stable")]
    begin = np.append(0, np.cumsum(corpus.copies))  # documents[begin[t] : begin[t + 1]] carry text t
    infinite, zero, cancelled = [], [], []
    for first in range(0, len(vectors), _BLOCK):
        edges = begin[first : first + _BLOCK + 1]
        carriers = documents[edges[0] : edges[-1]]
        with np.errstate(over="ignore"):  # too large becomes infinite, which is refused
            block = np.array(given[carriers], dtype=np.float32, order="C")
        infinite.append(carriers[~np.isfinite(block).all(axis=1)])
        zero.append(carriers[~block.any(axis=1)])
        with np.errstate(invalid="ignore", over="ignore"):
            means = _means(block, edges - edges[0])
            vectors[first : first + _BLOCK] = unit_rows(means)
        cancelled.append(documents[edges[:-1][~means.any(axis=1)]])
    for bad, what in (
        (infinite, "hold NaN, infinity or numbers too large for float32"),
        (zero, "are all zeros, though the documents have text"),
        (cancelled, "cancel out with those of the same text"),
    ):
        _refuse(told, corpus, np.sort(np.concatenate(bad)), what)
    return Embeddings(vectors, name, "")


def embed_file(corpus: Corpus, name: str, location: str = MEMORY) -> Embeddings:
    """Vectors of the distinct texts of a corpus, from the file that `name` stands for; see `file_rows`."""
    return embed_documents(corpus, file_rows(corpus, name, location), name)


def file_rows(corpus: Corpus, name: str, location: str = MEMORY) -> NDArray[Any]:
    """The rows of a file of vectors, in the order of the documents.

    Parameters
    ----------
    corpus : Corpus
    name : str
        `precomputed:FILE?options`: a `.npy`; a `.safetensors` with `tensor=NAME`; Parquet with
        `column=NAME` and, where rows are to be found by the documents' ids, `id=NAME`. Without FILE
        the column is one of the input itself.
    location : str
        Where the documents were read.

    Returns
    -------
    ndarray of shape (n, d)
        A `.npy` stays on the disk, mapped.

    Raises
    ------
    InvalidConfig
        If an option is missing or not known.
    InvalidInput
        If the file cannot be used, or lacks the id of a document that has text.
    """
    place, options = _parsed(name, location)
    kind = Path(place).suffix.lower()
    if kind == ".npy":
        return read_npy(Path(place))
    if kind == ".safetensors":
        return read_safetensors(Path(place), options.get("tensor"))
    rows, ids = read_parquet(place, options.get("column"), options.get("id"))
    return rows if ids is None else rows[_matched(corpus, ids, f"the column {options['id']!r} of {place}")]


def digest(name: str, location: str = MEMORY) -> str:
    """SHA-256 over the file that `name` stands for.

    Raises
    ------
    InvalidConfig, InvalidInput
        As in `file_rows`.
    """
    place, _ = _parsed(name, location)
    if Path(place).suffix.lower() in _OPTIONS:
        return file_sha256(place)
    return str(file_digest(Source(place)))


def _parsed(name: str, location: str) -> tuple[str, dict[str, str]]:
    """The path of the file or of the input, and the options."""
    path, _, query = name.removeprefix(SCHEME).partition("?")
    options = options_of(query, name)
    kind = Path(path).suffix.lower()
    known = _OPTIONS.get(kind, ("column", "id")) if path else ("column",)
    for option in options:
        if option not in known:
            what = f"a file {kind}" if path else "the input itself"
            raise InvalidConfig(f"{name}: {what} has no option {option!r}; there are: {', '.join(known) or 'none'}.")
    if not path and location in (MEMORY, STDIN):
        raise InvalidInput(f"{name} is a column of the input, which is no file here; pass its values as embeddings=...")
    place = Path(path or location).expanduser()
    if path and kind in _OPTIONS and not place.is_file():
        raise InvalidInput(f"there is no file {path}; a path begins in the current folder, {Path.cwd()}, or with /.")
    if place.is_file() and kind not in (*_OPTIONS, ".parquet", ".pq", ""):
        raise InvalidInput(f"{place}: vectors are read from .npy, .safetensors and .parquet.")
    return str(place), options


def _as_array(rows: Any, name: str) -> NDArray[Any]:
    from scipy import sparse

    shape = getattr(rows, "shape", ())
    if sparse.issparse(rows):
        raise InvalidInput(
            f"{name}: a sparse matrix of shape {shape}; make it small and dense, for example with "
            "sklearn.decomposition.TruncatedSVD(100, random_state=0).fit_transform(matrix), or .toarray() if it fits."
        )
    if isinstance(rows, str | os.PathLike):
        raise InvalidInput(f"{name}: {os.fspath(rows)!r} is no array; for a file say encoder='{SCHEME}FILE'.")
    try:
        # Lists of arrays and Series of lists are rows; what has two dimensions is an array already.
        return np.asarray(rows if getattr(rows, "ndim", 1) == 2 else list(rows))
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that requires grad
        raise InvalidInput(f"{name}: {type(rows).__name__} is no array of shape (n, d): {error}") from None


def _means(block: NDArray[np.float32], begin: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of rows begin[t] to begin[t + 1], for each t; the order of rows within them changes no bit.

    They are added up in the order of their bytes. k copies of a float32 add up exactly, so their mean is it.
    """
    from scipy import sparse

    copies = np.diff(begin)
    ranked = np.argsort(block.view(f"V{block.itemsize * block.shape[1]}").ravel(), kind="stable")
    ranked = ranked[np.argsort(np.repeat(np.arange(len(copies)), copies)[ranked], kind="stable")]
    choose = sparse.csr_array((np.ones(len(block)), ranked, begin), shape=(len(copies), len(block)))
    return np.asarray(choose @ block.astype(np.float64) / copies[:, None], dtype=np.float64)


def _matched(corpus: Corpus, ids: Sequence[Any], name: str) -> NDArray[np.int64]:
    """The row of each document, by id; shape (n,). Documents without text may have none."""
    import pandas as pd

    found = columns.names(pd.Series(ids, dtype=object), fold=False)
    row = {told: place for place, told in enumerate(found) if told is not None}
    if len(row) < len(found):
        raise InvalidInput(f"{name}: {len(found) - len(row)} of {len(found)} ids are empty or occur more than once.")
    at = np.array([row.get(told, -1) for told in corpus.ids], dtype=np.int64)
    missing = [told for told, place, text in zip(corpus.ids, at, corpus.rows, strict=True) if place < 0 <= text]
    if missing:
        raise InvalidInput(
            f"{name} lacks {len(missing)} of {len(corpus)} documents: {_listed(map(repr, missing))}; it has "
            f"{_listed(map(repr, row))}. Name the id column of the input with --id."
        )
    return at


def _refuse(name: str, corpus: Corpus, bad: NDArray[np.int64], what: str) -> None:
    if len(bad):
        rows = _listed(f"{row} (id {corpus.ids[row]!r})" for row in bad.tolist())
        raise InvalidInput(
            f"{name}: {len(bad)} of {len(corpus)} rows {what}: {rows}, counted from 0 in the order of the documents. "
            "Embed them again, or leave these documents out."
        )


def _listed(items: Any) -> str:
    told = list(items)
    more = len(told) - _SHOWN
    return ", ".join(told[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
