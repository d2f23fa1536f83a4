"""The library as people call it: fit, embed, assign."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.config import Config
from topics.corpus import MEMORY, Source, read
from topics.data import Corpus, Embeddings, Texts, distinct_texts
from topics.embedding import as_encoder, fitted, name_of
from topics.embedding.precomputed import ARRAY, SCHEME, embed_documents
from topics.errors import InvalidConfig, InvalidInput
from topics.pipeline import embed_corpus, embed_texts, fit_topics
from topics.postprocessing import postprocess
from topics.run import Run, distribution_of
from topics.steps import ENCODER
from topics.store import NO_STORE, Ref, Store, let_go
from topics.updates.placement import Placed, assignments, place_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from topics.executors import Executor
    from topics.workshop import RunStage, Stage, Workshop

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
    encoder: Any = None,
    embeddings: Any = None,
    clusterer: Any = None,
    previous: Run | str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
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
    encoder : str or object, optional
        A model's name or folder, or an object: with `encode`, a scikit-learn transformer, a function from
        a list of str to an array; see `topics.embedding.as_encoder`. The run remembers an object, so that
        it can assign, and does not save it. A transformer that is not fitted is cloned and fitted.
    embeddings : array_like of shape (n, d), optional
        Vectors of the documents in their order, in place of an encoder. Documents with the same text get
        the mean of theirs; rows of documents without text do not count. From a file:
        `encoder="precomputed:FILE"`.
    clusterer : str or object, optional
        hdbscan, fast_hdbscan, leiden, kmeans or evoc, or an object with `fit_predict` that clusters the layout: a
        clone of it is fitted.
    previous : Run or path, optional
        A run, or its folder, to go on from: the layout and the clusters start from its, and topics that are the same
        keep their permanent ids and given names. Everything else is decided by these documents and settings.
    executor : Executor, optional
        Encodes, counts and assigns in other processes or on other machines, to the same bits: see
        `topics.executors`. `scheduler="tcp://host:8786"` stands for `executor=Dask("tcp://host:8786")`.
    **settings
        Fields of `Config`.

    Returns
    -------
    Run

    Raises
    ------
    InvalidInput, InvalidConfig, ModelNotFound
    """
    _check_one(encoder, embeddings)
    if embeddings is not None:
        settings["encoder"] = ARRAY
    elif isinstance(encoder, str):
        settings["encoder"], encoder = encoder, None
    elif encoder is not None:
        as_encoder(encoder)  # what cannot be one is said before anything is read
        settings["encoder"] = name_of(encoder)
    if isinstance(clusterer, str):
        settings["clusterer"], clusterer = clusterer, None
    elif clusterer is not None:
        settings["clusterer"] = name_of(clusterer)
    config = Config.of(**{**(config.model_dump() if config else {}), **settings})
    columns = {"text": text, "id": id, "date": date, "class_": class_}
    source: Source | Corpus
    if isinstance(documents, str | os.PathLike):
        source = Source(os.fspath(documents), **columns)
    elif isinstance(documents, Source):
        source = documents
    else:
        source = read(documents, **columns).corpus
    workshop = config.workshop(store or Store(), executor)
    config = config.model_copy(update={"scheduler": None})  # the run may outlive it
    return fit_topics(source, config, workshop, None, encoder, embeddings, clusterer, opened(previous))


def opened(run: Run | str | os.PathLike[str] | None) -> Run | None:
    """A run, or that of a folder."""
    if isinstance(run, str | os.PathLike):
        from topics.folder import load

        return load(os.fspath(run))
    return run


def embed(
    documents: Any,
    encoder: Any = "",
    *,
    text: str | None = None,
    store: Store | None = None,
    long: str | None = None,
    workers: int | None = None,
    batch_size: int | None = None,
    executor: Executor | None = None,
) -> Embeddings:
    """Embed documents, as `fit` does before anything else.

    Parameters
    ----------
    documents : as in `fit`
    encoder : str or object, optional
        As in `fit`; by default that of `Config`.
    text : str, optional
        Column with the texts, where documents are a table.
    store : Store, optional
        Keeps the vectors, and finds them for a later `fit` of the same texts.
    long : {"truncate", "split"}, optional
        As in `Config`.
    workers, batch_size : int, optional
        As in `Config`; neither changes a bit.
    executor : Executor, optional
        As in `fit`.

    Returns
    -------
    Embeddings
        `vectors` of shape (n, d), float32, in the order of the documents: unit rows, and rows of zeros
        for documents without text.

    Raises
    ------
    InvalidInput, InvalidConfig, ModelNotFound
    """
    given, name = (None, encoder or Config.of().encoder) if isinstance(encoder, str) else (encoder, name_of(encoder))
    told = {"long": long, "workers": workers, "batch_size": batch_size}
    config = Config.of(encoder=name, **{key: value for key, value in told.items() if value is not None})
    workshop = config.workshop(store or Store(), executor)
    step = _stepping(workshop)
    texts = None
    if isinstance(documents, list) and all(isinstance(each, str) for each in documents) and not name.startswith(SCHEME):
        # Without tables, which take a quarter of a second to load, and a million ids nobody asked for.
        _, whose, texts = distinct_texts(documents)
    if texts:
        given = None if given is None else fitted(given, texts)
        made = embed_texts(workshop.hold("texts", texts.fingerprint[:40], texts), config, workshop, step, given)
    else:
        corpus = read(documents, text=text).corpus
        whose, texts = corpus.rows, corpus.texts
        given = None if given is None else fitted(given, texts)
        location = documents.location if isinstance(documents, Source) else MEMORY
        if isinstance(documents, str | os.PathLike):
            location = os.fspath(documents)
        refs = (workshop.hold("corpus", corpus.key, corpus), workshop.hold("texts", texts.fingerprint[:40], texts))
        made = embed_corpus(*refs, config, workshop, step, given, location=location)
    found: Embeddings = workshop.load(made.vectors)
    rows = np.zeros((len(whose), found.vectors.shape[1]), dtype=np.float32)
    # In the order of the vectors, which may lie in a file: each part of it is then read once, and let go.
    order = np.argsort(whose, kind="stable")[int((whose < 0).sum()) :]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        rows[block] = found.vectors[whose[block]]
        let_go(found.vectors)
    return Embeddings(rows, found.encoder, found.fingerprint)


def assign(
    run: Run,
    documents: Any,
    store: Store | None = None,
    encoder: Any = None,
    embeddings: Any = None,
    *,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Place documents among the topics of a run.

    A text that was there at fit gets the answer it got then. Any other is placed by its neighbours
    among them, alone: no other document in the call can change its answer.

    Parameters
    ----------
    run : Run
    documents : as in `fit`
    store : Store, optional
    encoder : str or object, optional
        As in `fit`; by default that of the fit. Needed where that was an object and the run was loaded.
    embeddings : array_like of shape (n, d), optional
        Vectors of these documents, as in `fit`, before any post-processing. They must be made as those of
        the fit were; only d is checked. Needed where the run was fitted on vectors, for texts that were not there.
    executor : Executor, optional
        As in `fit`.

    Returns
    -------
    DataFrame of n rows, in the order of the input
        id, topic (-1 outlier), topic_id, name, strength, nearest (the topic that came closest), known
        (whether the text was there at fit), confidence, novelty and reason (as in `Run.documents`).

    Raises
    ------
    InvalidInput
        If the encoder is not the one the run was fitted with, or is needed and not given; or the vectors.
    """
    corpus = documents if isinstance(documents, Corpus) else read(documents).corpus
    return assignments(run, corpus, _placed(run, corpus, store, encoder, embeddings, executor))


def distribution(
    run: Run,
    documents: Any,
    store: Store | None = None,
    encoder: Any = None,
    embeddings: Any = None,
    *,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Tell the likeliest topics of documents, at most five of each, by the rule that gave `run.distribution`.

    Parameters
    ----------
    run, documents, store, encoder, embeddings, executor : as in `assign`

    Returns
    -------
    DataFrame
        id, topic, topic_id, probability: as `Run.distribution`.

    Raises
    ------
    InvalidInput
        As `assign`.
    """
    corpus = documents if isinstance(documents, Corpus) else read(documents).corpus
    placed = _placed(run, corpus, store, encoder, embeddings, executor)
    return distribution_of(corpus.ids, corpus.rows, placed.poll, run.topics["topic_id"])


def _placed(
    run: Run, corpus: Corpus, store: Store | None, encoder: Any, embeddings: Any, executor: Executor | None
) -> Placed:
    _check_one(encoder, embeddings)
    given = None if embeddings is None else given_vectors(run, corpus, embeddings)

    def vectors(new: NDArray[np.int64]) -> NDArray[np.float32]:
        if given is not None:
            return given[new]
        unseen = Texts(tuple(corpus.texts.texts[int(row)] for row in new), corpus.texts.keys[new])
        return vectors_of(run, unseen, store, encoder, executor=executor)

    return place_texts(run, corpus.texts, vectors, executor)


def _check_one(encoder: Any, embeddings: Any) -> None:
    if encoder is not None and embeddings is not None:
        raise InvalidConfig("encoder and embeddings exclude each other: with vectors nothing is left to encode.")


def given_vectors(run: Run, corpus: Corpus, embeddings: Any) -> NDArray[np.float32]:
    """Vectors of the distinct texts of a corpus, from those of its documents, as those of a run were clustered.

    Raises
    ------
    InvalidInput
        If they are not as long as those of the run.
    """
    vectors = embed_documents(corpus, embeddings).vectors
    if vectors.shape[1] != run.model.width:
        raise InvalidInput(
            f"embeddings: rows of {vectors.shape[1]} numbers, those of the fit have {run.model.width}; make them with "
            "the same encoder."
        )
    return _postprocessed(run, vectors)


def _postprocessed(run: Run, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors as an encoder gives them, as those of a run were clustered."""
    fitted = run.model.postprocessing
    return vectors if fitted is None else postprocess(vectors, fitted, run.config.threads)


def vectors_of(
    run: Run,
    texts: Texts,
    store: Store | None = None,
    encoder: Any = None,
    keep: bool = True,
    executor: Executor | None = None,
    run_stage: RunStage | None = None,
) -> NDArray[np.float32]:
    """Embed texts as those of a run were embedded, by its encoder or one that is given in its place.

    What the run did to its vectors after that is done to these.

    Parameters
    ----------
    run : Run
    texts : Texts
        a of them.
    store : Store, optional
    encoder : str or object, optional
        As in `assign`.
    keep : bool
        Keep the vectors, and look for them among those kept. The prepared encoder is kept either way.
    executor : Executor, optional
    run_stage : callable, optional
        As in `pipeline.fit_topics`; it finds the texts in the store.

    Returns
    -------
    ndarray of shape (a, d), float32
        Unit rows, or rows of zeros for texts of which no vector is left.

    Raises
    ------
    InvalidInput
        If the encoder is not the one the run was fitted with, or is needed and not given.
    """
    config, model = run.config, run.model
    if isinstance(encoder, str):
        config, encoder = Config.of(**{**config.model_dump(), "encoder": encoder}), None
    elif encoder is None:
        encoder = run.encoder
    workshop = config.workshop(store or Store(), executor)
    scratch = workshop if keep else replace(workshop, store=NO_STORE)  # sharing what is at hand

    def step(stage: Stage, *inputs: Ref, **params: Any) -> Ref:
        return (run_stage or (workshop if stage is ENCODER else scratch).run)(stage, inputs, params).ref

    ref = scratch.hold("texts", texts.fingerprint[:40], texts)
    if run_stage is not None:
        workshop.store.save(ref, texts, note=f"{len(texts)} texts")
    found: Embeddings = scratch.load(embed_texts(ref, config, scratch, step, encoder, measured=False).vectors)
    # Of vectors that were given, or made by an object that does not say which it is, the width is all that is known.
    another = model.fingerprint and found.fingerprint != model.fingerprint
    if another or found.vectors.shape[1] != model.width:
        raise InvalidInput(
            f"the encoder {found.encoder} here is not the one this run was fitted with (its files differ); "
            "install the same model, or fit again."
        )
    return _postprocessed(run, found.vectors)


def _stepping(workshop: Workshop) -> Callable[..., Ref]:
    return lambda stage, *inputs, **params: workshop.run(stage, inputs, params).ref
