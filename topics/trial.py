"""Encoders tried on a sample of one's own documents: how fast each is here, and how well it tells classes apart."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import embedding
from topics.catalogue import list_encoders
from topics.config import Config
from topics.corpus import Source, read
from topics.data import ConvertedEncoder, Corpus, Texts
from topics.embedding.listing import REMOTE, Listed, describe
from topics.errors import InvalidConfig, InvalidInput, TopicsError
from topics.limits import one_thread
from topics.pairs import nearest_others
from topics.steps import ENCODER
from topics.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.embedding.families import NamedEncoder
    from topics.workshop import Workshop

log = logging.getLogger(__name__)

_LARGE = 2 * 10**9  # bytes; a larger model is tried only where it is named
_FEW = 64  # texts encoded again, only to measure, where the vectors of all are kept
_NEIGHBORS = 10
_WHOLE = ("dimension", "max_length", "texts")
_REAL = ("preparing", "loading", "per_second", "per_cpu_second", "estimate", "too_long", "agreement", "baseline")


def try_encoders(
    documents: Any,
    *names: str,
    text: str | None = None,
    class_: str | None = None,
    sample: int = 300,
    store: Store | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Try encoders on a sample of documents.

    Parameters
    ----------
    documents : as in `topics.fit`
    *names : str
        By default all on this machine that are not larger than 2 GB; services cost money and are tried only
        where they are named.
    text, class_ : str, optional
        Columns, where documents are a table.
    sample : int
        Distinct texts to try with: the first in the order of their hashes, so the same whatever the order
        of the rows.
    store : Store, optional
        Keeps the vectors, for a later fit.
    workers : int, optional
        As in `Config`.

    Returns
    -------
    DataFrame
        A row for each encoder; what is not known is missing. name, dimension, max_length, texts (in the sample),
        preparing and loading (seconds before the first text), per_second and per_cpu_second (texts, by the clock
        and by the time of all processors), estimate (seconds for all distinct texts), too_long (share of texts
        of which not all is read), agreement (see `class_agreement`), baseline (share of the largest class),
        problem (why it failed, or "").

    Raises
    ------
    InvalidInput, InvalidConfig
        If the documents cannot be read, or there is no encoder to try.
    """
    import pandas as pd

    if sample < 1:
        raise InvalidConfig(f"sample={sample}; allowed are whole numbers from 1 on.")
    config, store = Config.of(workers=workers), store or Store()
    source = Source(os.fspath(documents)) if isinstance(documents, str | os.PathLike) else documents
    corpus = read(source, text=text, class_=class_).corpus
    if not len(corpus.texts):
        raise InvalidInput("no document has any text; there is nothing to try encoders on.")
    texts = Texts(corpus.texts.texts[:sample], corpus.texts.keys[:sample])
    chosen = list(dict.fromkeys(names)) or _local(store)
    if not chosen:
        raise InvalidConfig("there is no encoder on this machine; name one, or see `topics encoders` how to get one.")
    classes = _classes(corpus)[: len(texts)]
    rows = []
    for number, name in enumerate(chosen, 1):
        log.info("Trying %s, %d of %d.", name, number, len(chosen))
        told: dict[str, Any] = {"name": name, **dict.fromkeys((*_WHOLE, *_REAL)), "texts": len(texts), "problem": ""}
        listed = describe(name)
        try:
            if not names and (listed.bytes or 0) > _LARGE:
                raise InvalidConfig(f"it has {listed.bytes:,} bytes; name it to have it tried.")
            told |= _tried(listed, texts, config.workshop(store), classes)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
            told["problem"] = str(error) if isinstance(error, TopicsError) else f"{type(error).__name__}: {error}"
        if told["per_second"]:
            told["estimate"] = len(corpus.texts) / told["per_second"]
        rows.append(told)
    return pd.DataFrame(rows).astype(dict.fromkeys(_WHOLE, "Int64") | dict.fromkeys(_REAL, "float64"))


def _local(store: Store) -> list[str]:
    return [row["name"] for row in list_encoders((), store) if not row["problem"] and row["family"] != REMOTE]


def _tried(listed: Listed, texts: Texts, workshop: Workshop, classes: NDArray[np.int64]) -> dict[str, Any]:
    began = time.perf_counter()
    prepared: ConvertedEncoder = workshop.load(workshop.run(ENCODER, [], {"name": listed.name}).ref)
    ready = time.perf_counter()
    encoder = embedding.open_encoder(prepared, threads=workshop.threads, batch_size=workshop.batch_size)
    with one_thread():  # as every stage runs: the vectors are those of a fit
        if listed.family != REMOTE:  # where a request costs
            encoder.encode([texts.texts[0]])
        loaded, timed = time.perf_counter(), _Timed(encoder)
        found = embedding.embed(texts, timed, listed.name, workshop.store).vectors
        if not timed.texts and listed.family != REMOTE:
            timed.encode(list(texts.texts[:_FEW]))
    length = prepared.max_length or listed.max_length
    return {
        "dimension": found.shape[1],
        "max_length": length,
        "preparing": ready - began,
        "loading": loaded - ready,
        "per_second": timed.texts / timed.seconds if timed.texts else None,
        "per_cpu_second": timed.texts / max(timed.cpu_seconds, 1e-6) if timed.texts else None,
        "too_long": _too_long(texts.texts, prepared.tokenizer or _tokenizer(listed), length),
        **class_agreement(found, classes, workshop.threads),
    }


class _Timed:
    """An encoder, and how long it took."""

    def __init__(self, encoder: NamedEncoder) -> None:
        self._encoder = encoder
        self.fingerprint, self.vector_key = encoder.fingerprint, encoder.vector_key
        self.texts, self.seconds, self.cpu_seconds = 0, 0.0, 0.0

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        began, spent = time.perf_counter(), time.process_time()
        vectors = self._encoder.encode(sentences)
        self.texts += len(sentences)
        self.seconds += time.perf_counter() - began
        self.cpu_seconds += time.process_time() - spent
        return vectors


def _tokenizer(listed: Listed) -> str:
    file = next(iter(sorted(listed.folder.rglob("tokenizer.json"))), None) if listed.folder else None
    return file.read_text("utf-8") if file else ""


def _too_long(texts: Sequence[str], tokenizer: str, length: int | None) -> float | None:
    if not tokenizer or not length:
        return None
    from tokenizers import Tokenizer

    read_all = Tokenizer.from_str(tokenizer)
    read_all.no_truncation()
    read_all.no_padding()
    return sum(len(tokens.ids) > length for tokens in read_all.encode_batch_fast(list(texts))) / len(texts)


def _classes(corpus: Corpus) -> NDArray[np.int64]:
    """The class most documents of a text have, as a number, ties by name; shape (u,); -1 where there is none."""
    import pandas as pd

    numbers = np.full(len(corpus.texts), -1, dtype=np.int64)
    if "class" in corpus.meta:
        table = pd.DataFrame({"row": corpus.rows, "class": corpus.meta["class"].to_numpy()})
        counts = table[table["row"] >= 0].dropna().value_counts().reset_index()
        first = counts.sort_values(["count", "class"], ascending=[False, True]).drop_duplicates("row")
        numbers[first["row"]] = pd.factorize(first["class"], sort=True)[0]
    return numbers


def class_agreement(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], threads: int = 1
) -> dict[str, float | None]:
    """How well neighbours tell a text's class, each text left out in turn.

    Parameters
    ----------
    vectors : ndarray of shape (u, d), float32
        Unit rows.
    classes : ndarray of shape (u,)
        -1 where it is not known; such texts do not count.

    Returns
    -------
    dict
        agreement, the share of texts whose class is that of most of their ten nearest others by cosine,
        of equally many that of the nearest; baseline, the share of the largest class. Both None with
        fewer than two texts or classes.

    Examples
    --------
    >>> line = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
    >>> class_agreement(line, np.array([0, 0, 1, 1]))  # the two of the other class outvote the one nearest
    {'agreement': 0.0, 'baseline': 0.5}
    """
    known = np.flatnonzero(classes >= 0)
    labels, sizes = np.unique(classes[known], return_inverse=True, return_counts=True)[1:]
    if len(sizes) < 2:
        return {"agreement": None, "baseline": None}
    around = labels[nearest_others(vectors[known], min(_NEIGHBORS, len(known) - 1), threads)[0]]
    rows = np.arange(len(known))
    votes = np.zeros((len(known), len(sizes)), dtype=np.int64)
    np.add.at(votes, (rows[:, None], around), 1)
    first = (votes[rows[:, None], around] == votes.max(axis=1)[:, None]).argmax(axis=1)
    right = around[rows, first] == labels
    return {"agreement": float(right.mean()), "baseline": float(sizes.max() / len(known))}
