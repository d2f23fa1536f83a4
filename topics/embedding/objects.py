"""Encoders given as objects: with `encode`, scikit-learn transformers, callables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from topics.errors import InvalidConfig, InvalidInput
from topics.limits import one_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from topics.data import Texts
    from topics.protocols import Encoder

_BLOCK = 64  # texts a transformer sees at once: products of another shape give other bits
_FITS = 2**31  # bytes a sparse matrix may take once it is dense
_ALLOWED = (
    "an object with encode(list of str), a scikit-learn transformer of texts, or a function from a list of str to "
    "an array of shape (n, d)"
)


@dataclass(frozen=True, eq=False)
class _Wrapped:
    name: str
    fingerprint: str
    of_texts: Callable[[list[str]], Any]
    total: int  # of texts that will be encoded

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        return cast("NDArray[np.float32]", _dense(self.of_texts(sentences), self.name, self.total))


def as_encoder(given: Any, total: int = 0) -> Encoder:
    """Make an encoder of what people have.

    An attribute `fingerprint` - a string that changes whenever the vectors would - says that they may be
    kept; a function can have one as well. Without it they are computed in every run.

    Parameters
    ----------
    given : object
        What has `encode(list of str) -> (n, d)`, as a SentenceTransformer does, is taken as it is. What has
        `transform` is a scikit-learn transformer of texts, fitted as by `fitted`. It works on one thread
        and on blocks of 64 texts, the last one filled up, so that a vector does not depend on the texts
        around it. Anything else that can be called gets a list of str, at most 8192 at once. Sparse rows
        are taken as well, up to 2 GiB once they are dense.
    total : int
        How many texts there are to encode, in whatever portions.

    Raises
    ------
    InvalidConfig
        For anything else.

    Examples
    --------
    Any function will do:

    >>> def vowels(texts):
    ...     return [[text.count(letter) for letter in "aeiou"] for text in texts]
    >>> vowels.fingerprint = "vowels 1"
    >>> as_encoder(vowels).encode(["banana", "onion"])
    [[3, 0, 0, 0, 0], [0, 0, 1, 2, 0]]

    So contextual word models plug in, such as those of Flair, pooled over the words of a text:

    >>> from flair.data import Sentence  # doctest: +SKIP
    >>> from flair.embeddings import DocumentPoolEmbeddings, FlairEmbeddings, WordEmbeddings  # doctest: +SKIP
    >>> words = [WordEmbeddings("glove"), FlairEmbeddings("news-forward"), FlairEmbeddings("news-backward")]
    ... # doctest: +SKIP
    >>> pooled = DocumentPoolEmbeddings(words)  # doctest: +SKIP
    >>> def flair(texts):
    ...     vectors = []
    ...     for text in texts:  # one by one: padding in a batch would move the last bits
    ...         sentence = Sentence(text)
    ...         pooled.embed(sentence)
    ...         vectors.append(sentence.get_embedding().detach().cpu().numpy())
    ...     return np.stack(vectors)
    >>> topics.fit(documents, encoder=flair)  # doctest: +SKIP
    """
    if isinstance(given, type):
        raise InvalidConfig(f"the encoder is the class {given.__qualname__}; pass an object of it: {_ALLOWED}.")
    if type(given).__module__.startswith("sentence_transformers.sparse_encoder"):
        raise InvalidConfig(
            "the encoder is a SparseEncoder of sentence-transformers, whose rows are as long as a vocabulary; save it "
            "with save_pretrained(FOLDER) and name sparse:FOLDER, which makes dense ones of them."
        )
    if callable(getattr(given, "encode", None)) and not isinstance(given, str):
        return cast("Encoder", given)
    fingerprint = str(getattr(given, "fingerprint", ""))
    if _is_transformer(given):
        return _Wrapped(name_of(given), fingerprint, lambda texts: _transformed(given, texts), total)
    if not callable(given):
        raise InvalidConfig(f"the encoder is a {type(given).__qualname__}, {given!r:.80}; expected {_ALLOWED}.")
    return _Wrapped(name_of(given), fingerprint, given, total)


def name_of(given: Any) -> str:
    """What a run calls an object: its type, or a function's own name. Nothing can be found by it again.

    Examples
    --------
    >>> name_of(len), name_of([])
    ('<len>', '<list>')
    """
    return f"<{getattr(given, '__name__', type(given).__qualname__).strip('<>')}>"


def fitted(given: Any, texts: Texts) -> Any:
    """The same object; for a transformer that is not fitted, a clone that is.

    The clone is fitted on the distinct texts in the order of their keys. If the transformer has a
    fingerprint, the clone's tells of these texts too: its vectors depend on them.

    Raises
    ------
    InvalidConfig
        As in `as_encoder`.
    """
    as_encoder(given)
    if callable(getattr(given, "encode", None)) or not _is_transformer(given) or not len(texts):
        return given
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    try:  # asking is surer than `check_is_fitted`, which looks at the last step of a pipeline alone
        given.transform([texts.texts[0]])
    except NotFittedError:
        pass
    else:
        return given
    copy = clone(given)
    with one_thread():
        copy.fit(list(texts.texts))
    if fingerprint := getattr(given, "fingerprint", ""):
        copy.fingerprint = f"{fingerprint} fitted on {texts.fingerprint}"
    return copy


def checked(vectors: object, rows: int, name: str) -> NDArray[np.float32]:
    """What an encoder gave for so many texts, as an array.

    Raises
    ------
    InvalidInput
        If it is no array of as many rows of finite numbers.
    """
    try:
        array = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"encoder {name} gave a {type(vectors).__name__} that is no array: {error}; expected ({rows}, d) numbers."
        ) from None
    if array.ndim != 2 or len(array) != rows:
        raise InvalidInput(
            f"encoder {name} gave an array of shape {array.shape} for {rows} texts; expected ({rows}, d)."
        )
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).any(axis=1).sum())
        raise InvalidInput(f"encoder {name} gave values that are not finite for {bad} of {rows} texts.")
    return array


def _is_transformer(given: Any) -> bool:
    return callable(getattr(given, "transform", None))


def _transformed(transformer: Any, texts: list[str]) -> Any:
    from scipy import sparse
    from sklearn.exceptions import NotFittedError

    parts: list[Any] = []
    with one_thread():
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            try:
                rows = transformer.transform(block + block[-1:] * (_BLOCK - len(block)))
            except NotFittedError as error:
                raise InvalidInput(
                    f"the transformer {name_of(transformer)} is not fitted ({error}); pass the one that was "
                    "fitted with the topics: run.encoder."
                ) from None
            rows = rows if _is_sparse(rows) else np.asarray(rows)
            parts.append(rows[: len(block)] if rows.shape[:1] == (_BLOCK,) else rows)
    return sparse.vstack(parts, format="csr") if _is_sparse(parts[0]) else np.concatenate(parts)


def _dense(rows: Any, name: str, total: int) -> Any:
    if not _is_sparse(rows):
        return rows
    needed = max(total, rows.shape[0]) * rows.shape[1] * 4
    if needed > _FITS:
        raise InvalidInput(
            f"encoder {name} gave sparse rows of {rows.shape[1]:,} numbers, {needed / 2**30:.1f} GiB once dense; make "
            "them shorter: make_pipeline(encoder, TruncatedSVD(100, random_state=0)), both of scikit-learn."
        )
    return rows.astype(np.float32).toarray()


def _is_sparse(rows: Any) -> bool:
    from scipy import sparse

    return bool(sparse.issparse(rows))
