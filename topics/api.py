"""The library as people call it: fit, embed, assign."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from topics import assignment
from topics.assembly import named
from topics.config import Config
from topics.corpus import Source, read
from topics.data import NOISE, Corpus, Embeddings, Texts
from topics.errors import InvalidInput
from topics.pipeline import embed_texts, fit_topics
from topics.store import Ref, Store, let_go
from topics.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from topics.protocols import Encoder
    from topics.run import Run

_BLOCK = 65_536  # documents put in order at once


def fit(
    documents: Any,
    config: Config | None = None,
    *,
    text: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of the flag and of the column
    date: str | None = None,
    class_: str | None = None,
    store: Store | None = None,
    encoder: str | Encoder | None = None,
    **settings: Any,
) -> Run:
    """Find the topics of documents.

    Parameters
    ----------
    documents : list of str, Series, DataFrame, Corpus, Source, or path
        A string is the path of a file, folder or glob.
    config : Config, optional
        Settings; those given by name change it.
    text, id, date, class_ : str, optional
        Columns, where documents are a table. Text and id are guessed, and the guess is logged.
    store : Store, optional
        By default `$TOPICS_STORE`, else `outputs/store`; `NO_STORE` remembers nothing.
    encoder : str or Encoder, optional
        A model's name or folder, or an object with `encode`.
    **settings
        Fields of `Config`.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput, InvalidConfig, ModelNotFound
    """
    if isinstance(encoder, str):
        settings["encoder"], encoder = encoder, None
    elif encoder is not None:
        settings["encoder"] = _name_of(encoder)
    config = Config.of(**{**(config.model_dump() if config else {}), **settings})
    columns = {"text": text, "id": id, "date": date, "class_": class_}
    source: Source | Corpus
    if isinstance(documents, str | os.PathLike):
        source = Source(os.fspath(documents), **columns)
    elif isinstance(documents, Source):
        source = documents
    else:
        source = read(documents, **columns).corpus
    workshop = Workshop(store or Store(), config.threads, config.batch_size)
    return fit_topics(source, config, workshop, encoder=encoder)


def embed(
    documents: Any,
    encoder: str | Encoder = "",
    *,
    text: str | None = None,
    store: Store | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Embeddings:
    """Embed documents, as `fit` does before anything else.

    Parameters
    ----------
    documents : as in `fit`
    encoder : str or Encoder, optional
        A model's name or folder, or an object with `encode`; by default that of `Config`.
    text : str, optional
        Column with the texts, where documents are a table.
    store : Store, optional
        Keeps the vectors, and finds them for a later `fit` of the same texts.
    workers, batch_size : int, optional
        As in `Config`; neither changes a bit.

    Returns
    -------
    Embeddings
        `vectors` of shape (n, d), float32, in the order of the documents: unit rows, and rows of zeros
        for documents without text.

    Raises
    ------
    InvalidInput, InvalidConfig, ModelNotFound
    """
    given, name = (None, encoder or Config.of().encoder) if isinstance(encoder, str) else (encoder, _name_of(encoder))
    told = {"workers": workers, "batch_size": batch_size}
    config = Config.of(encoder=name, **{key: value for key, value in told.items() if value is not None})
    corpus = read(documents, text=text).corpus
    workshop = Workshop(store or Store(), config.threads, config.batch_size)
    texts = workshop.hold("texts", corpus.texts.fingerprint[:40], corpus.texts)
    found: Embeddings = workshop.load(embed_texts(texts, config, workshop, _stepping(workshop), given))
    rows = np.zeros((len(corpus), found.vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = corpus.rows[start : start + _BLOCK]
        rows[start : start + _BLOCK][block >= 0] = found.vectors[block[block >= 0]]
        let_go(found.vectors)
    return Embeddings(rows, found.encoder, found.fingerprint)


def assign(run: Run, documents: Any, store: Store | None = None, encoder: Encoder | None = None) -> pd.DataFrame:
    """Place documents among the topics of a run.

    A text that was there at fit gets the answer it got then. Any other is placed by its neighbours
    among them, alone: no other document in the call can change its answer.

    Parameters
    ----------
    run : Run
    documents : as in `fit`
    store : Store, optional
    encoder : Encoder, optional
        Needed where the run was fitted with an encoder object.

    Returns
    -------
    DataFrame of n rows, in the order of the input
        id, topic (-1 outlier), topic_id, name, strength, nearest (the topic that came closest), known
        (whether the text was there at fit).

    Raises
    ------
    InvalidInput
        If the encoder is not the one the run was fitted with, or that was an object and none is given.
    """
    import pandas as pd

    corpus = documents if isinstance(documents, Corpus) else read(documents).corpus
    model, texts = run.model, corpus.texts
    place = np.searchsorted(model.keys, texts.keys)
    known = np.append(model.keys, b"")[place] == texts.keys
    labels, strengths, closest = (np.zeros(len(texts), dtype=kind) for kind in (np.int32, np.float32, np.int32))
    labels[known], strengths[known] = model.labels[place[known]], model.strengths[place[known]]
    closest[known] = model.nearest[place[known]]
    new = np.flatnonzero(~known)
    if len(new):
        workshop = Workshop(store or Store(), run.config.threads, run.config.batch_size)
        unseen = Texts(tuple(texts.texts[int(row)] for row in new), texts.keys[new])
        vectors = workshop.load(
            embed_texts(
                workshop.hold("texts", unseen.fingerprint[:40], unseen),
                run.config,
                workshop,
                _stepping(workshop),
                encoder,
            )
        )
        if vectors.fingerprint != model.fingerprint or vectors.vectors.shape[1] != model.vectors.shape[1]:
            raise InvalidInput(
                f"the encoder {vectors.encoder} here is not the one this run was fitted with (its files differ); "
                "install the same model, or fit again."
            )
        closest[new], strengths[new] = assignment.place(
            vectors.vectors, model.vectors, model.voters, model.centroids, workshop.threads
        )
        labels[new] = np.where(strengths[new] >= model.threshold, closest[new], NOISE)
    row = corpus.rows
    table = pd.DataFrame({"id": pd.array(list(corpus.ids), dtype="str")})
    table["topic"] = np.append(labels, np.int32(NOISE))[row].astype(np.int64)
    table["topic_id"] = named(run.topics["topic_id"], table["topic"])
    table["name"] = named(run.topics["name"], table["topic"])
    table["strength"] = np.append(strengths, np.float32(0))[row]
    table["nearest"] = np.append(closest, np.int32(NOISE))[row].astype(np.int64)
    table["known"] = np.append(known, False)[row]
    return table


def _stepping(workshop: Workshop) -> Callable[..., Ref]:
    return lambda stage, *inputs, **params: workshop.run(stage, inputs, params).ref


def _name_of(encoder: Encoder) -> str:
    return f"<{type(encoder).__qualname__}>"  # no name by which it could be found
