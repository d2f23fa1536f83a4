"""Documents and their texts: how texts are told apart, and what a corpus is of them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from topics.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

NOISE = -1  #: the label of a document that belongs to no topic, as in HDBSCAN
_TOLD = 65_536  # rows of a corpus that are spelled at once for its fingerprint

# Control characters other than white space; they carry no meaning and break terminals and spreadsheets.
_CONTROL = re.compile(f"[{''.join(chr(c) for c in (*range(32), *range(127, 160)) if not chr(c).isspace())}]")


def normalise(text: str) -> str:
    """Fold what does not change the meaning: Unicode composition (NFC), white space, control characters.

    Examples
    --------
    >>> normalise("  cafe\\u0301\\n\\tau lait ")
    'café au lait'
    """
    if text.isascii() and text.isprintable():  # most are, and there are many
        return " ".join(text.split())
    folded = " ".join(_CONTROL.sub(" ", unicodedata.normalize("NFC", text)).split())
    return folded.encode("utf-8", "replace").decode("utf-8")  # lone surrogates are no text


def text_key(text: str) -> str:
    """The first 128 bits of the SHA-256 of a normalised text, in hex.

    Examples
    --------
    >>> text_key("topics")
    'f013aa4b8daf3e2242eafa6c635e1ea3'
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class Texts:
    """Distinct, normalised texts in the order of their keys."""

    texts: Sequence[str]  # (u,), NFC, white space folded, none empty
    keys: NDArray[np.bytes_]  # (u,) S32: the first 128 bits of SHA-256, in hex; ascending

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the keys: equal for equal sets of texts, whatever their order was."""
        return hashlib.sha256(np.ascontiguousarray(self.keys).tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.texts)


def distinct_texts(texts: Iterable[object]) -> tuple[list[str], NDArray[np.int32], Texts]:
    """The texts once each, and whose they are.

    Returns
    -------
    (list of n str, ndarray of shape (n,) int32, Texts)
        The key of each text, empty where it is no text, and its row among the distinct ones, -1 there.
    """
    folded = [normalise(text) if isinstance(text, str) else "" for text in texts]
    keys = [text_key(text) if text else "" for text in folded]
    by_key = dict(zip(keys, folded, strict=True))
    by_key.pop("", None)
    ordered = sorted(by_key)
    place = {key: row for row, key in enumerate(ordered)}
    rows = np.array([place.get(key, NOISE) for key in keys], dtype=np.int32)
    return keys, rows, Texts(tuple(by_key[key] for key in ordered), np.array(ordered, dtype="S32"))


@dataclass(frozen=True, eq=False)
class Corpus:
    """Documents in the order they came; every document points at its distinct text."""

    ids: Sequence[str]  # (n,), unique
    rows: NDArray[np.int32]  # (n,), index into texts, -1 where there is no text
    texts: Texts
    meta: pd.DataFrame  # n rows: "date" and "class" where they were given

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.rows) == len(self.meta):
            raise InvalidInput(
                f"ids, rows and meta must have the same length, got {len(self.ids)}, "
                f"{len(self.rows)} and {len(self.meta)}."
            )

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_texts(
        cls, texts: Iterable[object], ids: Iterable[object] | None = None, meta: pd.DataFrame | None = None
    ) -> Corpus:
        """Make a corpus of texts in memory.

        Parameters
        ----------
        texts : iterable of n str
            Anything else (None, NaN, a number) counts as a document without text.
        ids : iterable of n, optional
            Unique; turned into strings. By default an id is made from the text itself: its key's
            first 16 digits, and "-2", "-3" after it when the text comes again.
        meta : DataFrame with n rows, optional
            Columns "date" and "class", either or both.

        Raises
        ------
        InvalidInput
            If lengths differ or ids repeat.

        Examples
        --------
        >>> corpus = Corpus.from_texts(["one", None, " one "])
        >>> corpus.ids
        ('7692c3ad3540bb80', 'empty', '7692c3ad3540bb80-2')
        >>> corpus.rows.tolist(), list(corpus.texts.texts)
        ([0, -1, 0], ['one'])
        """
        _, rows, distinct = distinct_texts(texts)
        return cls.of(rows, distinct, ids, meta)

    @classmethod
    def of(
        cls,
        rows: NDArray[np.int32],
        texts: Texts,
        ids: Iterable[object] | None = None,
        meta: pd.DataFrame | None = None,
    ) -> Corpus:
        """The same of distinct texts, and which of them each document has."""
        import pandas as pd

        names = (
            _ids_from(keys_of(rows, texts.keys).astype(str).tolist(), meta)
            if ids is None
            else tuple(str(name) for name in ids)
        )
        repeated = [name for name, times in Counter(names).items() if times > 1]
        if repeated:
            raise InvalidInput(
                f"{len(repeated)} ids occur more than once, {repeated[0]!r} among them; ids must be unique. "
                "Name another id column, or none to have ids made from the texts."
            )
        return cls(names, rows, texts, pd.DataFrame(index=range(len(rows))) if meta is None else meta)

    @cached_property
    def copies(self) -> NDArray[np.int64]:
        """How many documents carry each distinct text; shape (u,)."""
        return np.bincount(self.rows[self.rows >= 0], minlength=len(self.texts)).astype(np.int64)

    @property
    def text_keys(self) -> NDArray[np.bytes_]:
        """The key of each document's text, empty where there is none; shape (n,), S32."""
        return keys_of(self.rows, self.texts.keys)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over ids, texts and metadata; the order of the documents does not count."""
        import pandas as pd

        names, keys = pd.Series(list(self.ids)), self.text_keys
        told = self.meta.reset_index(drop=True).astype(str)
        order = names.argsort(kind="stable").to_numpy()
        digest = hashlib.sha256()
        for start in range(0, max(len(order), 1), _TOLD):
            rows = order[start : start + _TOLD]
            table = pd.DataFrame({"id": names.iloc[rows], "key": keys[rows].astype(str)}).join(told.iloc[rows])
            digest.update(table.to_csv(index=False, header=not start).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @cached_property
    def key(self) -> str:
        """What it is kept under: the fingerprint does not know the order of the documents, this does."""
        digest = hashlib.sha256(self.fingerprint.encode())
        for name in self.ids:
            digest.update(f"\n{name}".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:40]


def keys_of(rows: NDArray[np.int32], keys: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """The key of each document's text, empty where there is none: where the row is -1."""
    found: NDArray[np.bytes_] = np.append(keys, b"").astype("S32")[rows]  # row -1 picks the last
    return found


def _ids_from(keys: Sequence[str], meta: pd.DataFrame | None) -> tuple[str, ...]:
    """Ids that follow the text wherever its row goes; repeated texts are told apart by what else is known of them."""
    times = Counter(keys)
    names = [key[:16] for key in keys]
    repeated = [row for row, key in enumerate(keys) if times[key] > 1 or not key]
    known = [""] * len(repeated)
    if meta is not None and len(meta.columns):
        known = [str(row) for row in meta.iloc[repeated].itertuples(index=False)]
    seen: Counter[str] = Counter()
    for _, _, row in sorted(zip((keys[row] for row in repeated), known, repeated, strict=True)):
        seen[keys[row]] += 1
        count = seen[keys[row]]
        names[row] = (keys[row][:16] or "empty") + (f"-{count}" if count > 1 else "")
    return tuple(names)


@dataclass(frozen=True)
class Intake:
    """What reading an input came to; the corpus itself is stored under its fingerprint."""

    corpus: str  # key it is stored under, of its fingerprint and its order
    texts: str  # fingerprint of its distinct texts
    columns: dict[str, str | None]  # used for text, id, date, class
    notes: tuple[str, ...]  # what was guessed, repaired or left out, as sentences
