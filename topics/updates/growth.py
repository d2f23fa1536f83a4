"""New topics of documents that no topic wants, while no other document moves.

They are made anew in every update, of all the documents that came since the last fit; only their ids go on. So they do
not depend on how the documents were cut into updates, but for the numbers in the ids.
"""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.assembly import carriers, representative_text
from topics.data import NOISE, Embeddings, Settled, Texts
from topics.description import describe
from topics.labels import centroids_of
from topics.run import ASPECT
from topics.updates.continuation import ids_given, side_of
from topics.updates.matching import Identity, Side, identify
from topics.updates.occasions import with_documents
from topics.vectors import nearest
from topics.voting import STRANGE, novelty
from topics.words.terms import count_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from topics.data import Topics
    from topics.run import Run


def grown_topics(run: Run) -> int:
    """How many of the topics of a run came after its last fit; they are the last ones."""
    return int(run.provenance.get("grown", 0))


def ungrown(run: Run) -> Run:
    """The same run with the topics of its last fit alone, and documents placed among those."""
    import pandas as pd

    many = grown_topics(run)
    if not many:
        return run
    k = len(run.topics) - many
    model = run.model
    alone = np.where(model.labels >= k, placed_alone(run), model.labels).astype(np.int32)
    voters = np.where(model.voters >= k, NOISE, model.voters).astype(np.int32)
    ids = set(run.topics["topic_id"].iloc[:k])
    layers = run.layers.copy()
    kept = [[name for name in names if name in ids] for names in layers["topic_ids"]]
    layers["topic_ids"] = pd.Series(kept, dtype=object)
    documents = run.documents.copy()
    late = (documents["topic"] >= k).to_numpy()
    rows = run.text_rows()[late]
    documents.loc[late, "topic"] = alone[rows].astype(np.int64)
    documents.loc[late, "topic_id"] = np.array([*run.topics["topic_id"].iloc[:k], ""], dtype=object)[alone[rows]]
    shown = run.representatives
    return changed(
        run,
        documents=documents,
        topics=run.topics.iloc[:k].reset_index(drop=True),
        representatives=shown[shown["topic"] < k].reset_index(drop=True),
        layers=layers,
        subtopics=run.subtopics[run.subtopics["topic_id"].isin(ids)].reset_index(drop=True),
        merges=run.merges[many:],
        model=changed(
            model, labels=alone, voters=voters, centroids=model.centroids[:k], weights=model.weights[:k].tocsr()
        ),
        provenance={name: value for name, value in run.provenance.items() if name != "grown"},
    )


def placed_alone(run: Run) -> NDArray[np.int32]:
    """The topic of the last fit that each text would have if none had grown since; shape (u,)."""
    model = run.model
    poll, _ = model.answers()
    labels = np.where(model.strengths >= model.threshold, model.nearest, NOISE).astype(np.int32)
    if run.config.coverage == "auto":
        labels[novelty(poll.distances, poll.distances[model.at_fit]) >= STRANGE] = NOISE
    return labels


def grow(run: Run, groups: Sequence[NDArray[np.int64]], previous: Run, texts: Mapping[bytes, str]) -> Run:
    """Make a topic of each group.

    Parameters
    ----------
    run : Run
        With all documents, and the topics of the last fit.
    groups : sequence of ndarray
        Rows of its model, ascending.
    previous : Run
        The run before: topics that it made of these documents keep their ids.
    texts : mapping of bytes to str
        The texts that came since the last fit, by their keys.

    Returns
    -------
    Run
    """
    import pandas as pd

    model, k = run.model, len(run.topics)
    labels, voters = model.labels.copy(), model.voters.copy()
    for number, rows in enumerate(groups, start=k):
        labels[rows], voters[rows] = number, number
    own = centroids_of(model.vectors, np.where(labels >= k, labels - k, NOISE).astype(np.int32), len(groups))
    described = _described(run, labels, np.concatenate([model.centroids, own]), texts)
    texts_of = run.text_rows()
    documents = run.documents.copy()
    topic = np.append(labels, np.int32(NOISE))[texts_of].astype(np.int64)
    identity = _identity(run, topic, k, own, described, previous)
    late = topic >= k
    names = np.array([*run.topics["topic_id"], *identity.ids, ""], dtype=object)
    documents["topic"] = topic
    documents["topic_id"] = pd.array(names[topic], dtype="str")
    documents.loc[late, "reason"] = ""
    carrier = carriers(documents["id"], texts_of, {row for rows in described.representatives for row in rows})
    table = _rows(run, described, identity, k, topic, carrier, previous)
    shown = pd.DataFrame(
        [
            (k + number, carrier[row], representative_text(texts[model.keys[row]]))
            for number, chosen in enumerate(described.representatives)
            for row in chosen
        ],
        columns=["topic", "id", "text"],
    ).astype({"topic": "int64", "id": "str", "text": "str"})
    whole = pd.concat([run.topics, table], ignore_index=True)
    near = _nearest_old(own, model.centroids)
    old = run.model.vocabulary
    place = {term: column for column, term in enumerate(old)}
    weights = _over(described, place, len(old))
    return changed(
        run,
        documents=documents,
        topics=whole,
        periods=None if run.periods is None else with_documents(run.periods, run, documents, whole),
        representatives=pd.concat([run.representatives, shown], ignore_index=True),
        layers=_layers(run, identity.ids, table, near),
        merges=[*((parent, k + number) for number, parent in enumerate(near)), *run.merges],
        metrics=run.metrics | _counts(topic, texts_of, k + len(groups)),
        model=changed(
            model,
            labels=labels,
            voters=voters,
            centroids=np.concatenate([model.centroids, own]),
            weights=_stacked(model.weights, weights),
        ),
        provenance=run.provenance | {"grown": len(groups), "ids_given": max(identity.given, ids_given(run))},
        lineage=pd.concat([run.lineage, identity.lineage], ignore_index=True),
    )


def _described(
    run: Run, labels: NDArray[np.int32], centroids: NDArray[np.float32], texts: Mapping[bytes, str]
) -> Topics:
    """The words of the new topics, against the other documents that came; representatives are rows of the model."""
    model, config = run.model, run.config
    whose = np.flatnonzero(model.late)
    there, renamed = np.unique(labels[whose], return_inverse=True)
    first = int((there == NOISE).any())
    some = (renamed - first).astype(np.int32)
    poll, calibration = model.answers()
    settled = Settled(
        some, model.strengths[whose], some, some, centroids[there[first:]], model.threshold, 1.0, run.curve, poll,
        calibration,
    )  # fmt: skip
    distinct = Texts(tuple(texts[key] for key in model.keys[whose].tolist()), model.keys[whose])
    counts = count_terms(distinct, config.language, sorted(set(config.stop_words)), config.ngrams)
    copies = np.bincount(run.text_rows()[run.text_rows() >= 0], minlength=len(labels)).astype(np.int64)[whose]
    found = describe(
        settled, counts, Embeddings(model.vectors[whose], model.encoder, model.fingerprint), copies,
        config.n_terms, config.n_representatives, config.weighting, config.ranking,
    )  # fmt: skip
    late = np.flatnonzero(there[first:] >= len(run.topics)).tolist()
    picked: dict[str, Any] = {
        name: [getattr(found, name)[row] for row in late] for name in ("names", "terms", "term_weights")
    }
    picked["representatives"] = [whose[list(found.representatives[row])].tolist() for row in late]
    return changed(found, **picked, sizes=found.sizes[late], weights=found.weights[late].tocsr())


def _identity(
    run: Run, topic: NDArray[np.int64], k: int, own: NDArray[np.float32], described: Topics, previous: Run
) -> Identity:
    """Which topics that grew before these are."""

    def late(labels: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        return np.where(labels >= first, labels - first, NOISE)

    current = Side(run.documents["id"].tolist(), run.text_keys(), late(topic, k), own, described.terms)
    first = len(previous.topics) - grown_topics(previous)
    was = side_of(previous)
    before = changed(was, labels=late(was.labels, first), centroids=was.centroids[first:], terms=was.terms[first:])
    return identify(before, previous.topics["topic_id"].iloc[first:].tolist(), ids_given(previous), current)


def _rows(
    run: Run,
    described: Topics,
    identity: Identity,
    k: int,
    topic: NDArray[np.int64],
    carrier: Mapping[int, str],
    previous: Run,
) -> pd.DataFrame:
    """The new rows of `Run.topics`."""
    import pandas as pd

    many = len(described.names)
    sizes = np.bincount(topic[topic >= k] - k, minlength=many)
    seen = dict(zip(previous.topics["topic_id"], previous.topics["first_seen"], strict=True))
    told: dict[str, Any] = {
        "topic": np.arange(k, k + many),
        "topic_id": list(identity.ids),
        "size": sizes,
        "share": sizes / max(int((run.text_rows() >= 0).sum()), 1),
        "name": list(described.names),
        "terms": [list(words) for words in described.terms],
        "term_weights": [list(values) for values in described.term_weights],
        "representative_ids": [[carrier[row] for row in rows] for rows in described.representatives],
        "npmi": np.full(many, np.nan),
        "stability": np.full(many, np.nan),
        "first_seen": [seen.get(name, run.provenance["run"]) for name in identity.ids],
        "status": list(identity.status),
    }
    for column in run.topics.columns.difference(list(told)):
        told[column] = [[] for _ in range(many)] if column.startswith(ASPECT) else [""] * many
    return pd.DataFrame(told)[list(run.topics.columns)].astype(dict(run.topics.dtypes))


def _layers(run: Run, ids: Sequence[str], table: pd.DataFrame, near: Sequence[int]) -> pd.DataFrame:
    """A new topic is in the coarse topic of the old one nearest to it."""
    import pandas as pd

    layers = run.layers.copy()
    parents = [run.topics["topic_id"].iloc[parent] for parent in near]
    share, size = (dict(zip(ids, table[name], strict=True)) for name in ("share", "size"))
    more = [
        [name for name, parent in zip(ids, parents, strict=True) if parent in parts] for parts in layers["topic_ids"]
    ]
    both = [[*parts, *late] for parts, late in zip(layers["topic_ids"], more, strict=True)]
    layers["topic_ids"] = pd.Series(both, dtype=object)
    layers["size"] += np.array([sum(size[name] for name in late) for late in more], dtype=np.int64)
    layers["share"] += np.array([sum(share[name] for name in late) for late in more], dtype=np.float64)
    return layers


def _nearest_old(own: NDArray[np.float32], old: NDArray[np.float32]) -> list[int]:
    if not len(old):
        return [0] * len(own)
    return [int(row) for _, found, _ in nearest(own, old, 1) for row in found[:, 0]]


def _over(described: Topics, place: Mapping[str, int], v: int) -> Any:
    """c-TF-IDF of the new topics over the terms of the last fit; others of their terms stand in `Run.topics` alone."""
    from scipy import sparse

    table = described.weights.tocoo()
    row, column = table.coords
    to = np.array([place.get(described.vocabulary[number], NOISE) for number in column.tolist()], dtype=np.int64)
    known = to != NOISE
    return sparse.csr_array((table.data[known], (row[known], to[known])), shape=(table.shape[0], v))


def _stacked(weights: Any, more: Any) -> Any:
    from scipy import sparse

    both = sparse.vstack([weights, more.astype(weights.dtype)], format="csr")
    both.sort_indices()
    return sparse.csr_array(both)


def _counts(topic: NDArray[np.int64], rows: NDArray[np.int32], k: int) -> dict[str, Any]:
    inside = topic[rows >= 0]
    share = float((inside != NOISE).mean()) if len(inside) else 0.0
    return {"topics": k, "outliers": int((inside == NOISE).sum()), "coverage": share}
