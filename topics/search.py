"""What in a run is about the same as some words: its nearest topics and documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.api import vectors_of
from topics.assembly import named
from topics.data import Texts, normalise, text_key
from topics.embedding.precomputed import SCHEME
from topics.errors import InvalidInput
from topics.vectors import nearest, unit_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from topics.run import Run
    from topics.store import Store


_FIRST = 600  # characters of a document that are shown


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to, most similar first."""

    documents: pd.DataFrame  # id, topic (-1 outlier), topic_id, name, similarity, text (how it begins, if known)
    topics: pd.DataFrame  # topic, topic_id, name, similarity


def search(
    run: Run,
    query: str | NDArray[np.float32],
    topic: int | str | None = None,
    limit: int = 10,
    store: Store | None = None,
    encoder: Any = None,
) -> Found:
    """Find the topics and documents of a run that are nearest in meaning to some words.

    The query is embedded as new documents are, and compared with every text and every topic: nothing
    is approximated, and an index is not needed. Its vector is not kept.

    Parameters
    ----------
    run : Run
    query : str, or ndarray of shape (d,)
        Free text, or a vector of the space of `run.model.vectors`: where the run post-processed its vectors,
        `topics.postprocessing.postprocess(vectors, run.model.postprocessing)` brings unit rows of an encoder there.
    topic : int or str, optional
        Look only into this topic: its number or permanent id.
    limit : int
        Most documents, and most topics.
    store : Store, optional
        Keeps the encoder, ready to run.
    encoder : str or object, optional
        As in `fit`; by default that of the fit. Needed where that was an object and the run was loaded, or
        where the run was fitted on vectors.

    Returns
    -------
    Found
        Similarities are cosines. `text` is how a document begins, where that is known: the run keeps
        texts, or this is one of its representative documents.

    Raises
    ------
    InvalidInput
        If the query is empty or not a vector of that space, there is no such topic, `limit` is below 1,
        or the encoder is missing or another one.
    """
    import pandas as pd

    if limit < 1:
        raise InvalidInput(f"limit={limit}: at least 1 is needed.")
    row = None if topic is None else run.topic(topic)
    vector = _vector(run, query, store, encoder)
    model, text_rows, threads = run.model, run.text_rows(), run.config.threads

    similarity = _similarities(model.vectors, vector, threads)
    if row is not None:
        similarity[model.labels != row["topic"]] = -np.inf
    best = np.argsort(-similarity, kind="stable")[:limit]
    best = best[np.isfinite(similarity[best])]
    rank = np.full(len(model.keys) + 1, -1)  # one more, for documents without text
    rank[best] = np.arange(len(best))
    places = np.flatnonzero(rank[text_rows] >= 0)
    documents = run.documents.iloc[places].assign(row=text_rows[places], rank=rank[text_rows[places]])
    documents = documents.sort_values(["rank", "id"], ignore_index=True).head(limit)
    documents["name"] = named(run.topics["name"], documents["topic"])
    documents["similarity"] = similarity[documents["row"]]
    if "text" not in documents:
        kept = _representative_texts(run, text_rows)
        documents["text"] = pd.array([kept.get(int(place), "") for place in documents["row"]], dtype="str")
    documents["text"] = documents["text"].str.slice(0, _FIRST)

    topics = run.topics[["topic", "topic_id", "name"]].assign(
        similarity=_similarities(model.centroids, vector, threads)
    )
    if row is not None:
        topics = topics[topics["topic"] == row["topic"]]
    topics = topics.sort_values("similarity", ascending=False, kind="stable", ignore_index=True).head(limit)
    return Found(documents[["id", "topic", "topic_id", "name", "similarity", "text"]], topics)


def _vector(run: Run, query: str | NDArray[np.float32], store: Store | None, encoder: Any) -> NDArray[np.float32]:
    """The query as a unit row; shape (1, d)."""
    if isinstance(query, str):
        text = normalise(query)
        if not text:
            raise InvalidInput("the query is empty; say in a few words what to look for.")
        if encoder is None and run.encoder is None and run.config.encoder.startswith(("<", SCHEME)):
            raise InvalidInput(
                f"the vectors of this run are from {run.config.encoder}, which embeds no words here; name the encoder "
                "that made them (encoder=..., --encoder), or in Python give a vector in place of the words."
            )
        return vectors_of(run, Texts((text,), np.array([text_key(text)], dtype="S32")), store, encoder, keep=False)
    vector, d = np.asarray(query, dtype=np.float32), run.model.vectors.shape[1]
    if vector.shape != (d,) or not np.isfinite(vector).all() or not vector.any():
        raise InvalidInput(
            f"the query is an array of shape {vector.shape}; give a text, or a vector of {d} finite numbers that are "
            "not all zero."
        )
    return unit_rows(vector[None])


def _similarities(vectors: NDArray[np.float32], vector: NDArray[np.float32], threads: int) -> NDArray[np.float32]:
    """The cosine of each row with one vector; shape (rows,)."""
    # The rows take the part of the queries: then every block is full, and none is wasted on a single query.
    blocks = [similarity[:, 0] for _, _, similarity in nearest(vectors, vector, 1, threads)]
    return np.concatenate(blocks) if blocks else np.empty(0, dtype=np.float32)


def _representative_texts(run: Run, text_rows: NDArray[np.int32]) -> dict[int, str]:
    """What the run keeps of representative documents, by the rows of their texts."""
    kept = dict(zip(run.representatives["id"], run.representatives["text"], strict=True))
    places = np.flatnonzero(run.documents["id"].isin(list(kept)))
    return {int(text_rows[place]): kept[run.documents["id"].iloc[place]] for place in places}
