"""A run with more documents, or fewer, whose topics stay what they are.

n documents, u texts of the last fit, a texts that came after it, k topics.
"""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.assembly import excerpts_of, named, run_id_of
from topics.data import NOISE, Poll
from topics.metrics import class_measures
from topics.updates.continuation import ids_given, record_of
from topics.updates.matching import COLUMNS
from topics.updates.occasions import with_documents
from topics.vectors import nearest
from topics.voting import VOTERS, novelty, reasons
from topics.words.terms import tokens_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import Texts
    from topics.run import Model, Run
    from topics.updates.joining import Joined
    from topics.updates.placement import Placed


def extend(run: Run, joined: Joined, fresh: Texts, vectors: NDArray[np.float32], placed: Placed) -> Run:
    """Put new documents among the topics of a run, and leave out those that go.

    Parameters
    ----------
    run : Run
    joined : Joined
    fresh : Texts
        The a texts that the run does not know.
    vectors : ndarray of shape (a, d), float32
        As those of the run were clustered.
    placed : Placed
        Where they belong.
    """
    import pandas as pd

    model = _with_added(_without_gone(run.model, joined.keys), fresh, vectors, placed)
    rows = rows_of(model.keys, joined.keys)
    documents = _documents(run, joined, model, rows)
    names = run.topics["topic_id"]
    sizes = np.bincount(documents["topic"][documents["topic"] != NOISE], minlength=len(names)).astype(np.int64)
    here = set(documents["id"])
    topics = run.topics.assign(
        size=sizes,
        share=sizes / max(int((rows >= 0).sum()), 1),
        status=pd.array(np.where(sizes > 0, "continued", "died"), dtype="str"),
    )
    topics["representative_ids"] = [[name for name in told if name in here] for told in topics["representative_ids"]]
    shown = run.representatives
    corpus = joined.corpus({})
    base = run.provenance.get("fit", run.provenance["run"])
    provenance = {
        **run.provenance,
        "run": run_id_of(corpus.fingerprint, run.config, base),
        "corpus": corpus.fingerprint,
        "fit": base,
        "ids_given": ids_given(run),
        "previous": record_of(run),
    }
    return changed(
        run,
        documents=documents,
        topics=topics,
        representatives=shown[shown["id"].isin(here)].reset_index(drop=True),
        layers=_layers(run.layers, topics),
        metrics=_metrics(run, documents, rows, corpus.meta),
        model=model,
        provenance=provenance,
        stages=(),
        rows=rows,
        lineage=_lineage(run.topics, topics, run.documents, joined.kept),
        excerpts=_excerpts(run, joined),
        periods=None if run.periods is None else with_documents(run.periods, run, documents, topics),
        updated={},
        saved=None,
    )


def rows_of(known: NDArray[np.bytes_], keys: NDArray[np.bytes_]) -> NDArray[np.int32]:
    """The row of each key among those known, which ascend; -1 for the empty key. All others must be there."""
    found: NDArray[np.int32] = np.where(keys == b"", NOISE, np.searchsorted(known, keys)).astype(np.int32)
    return found


def _without_gone(model: Model, keys: NDArray[np.bytes_]) -> Model:
    """Without the texts that came after the fit and that no document has any more; those of the fit stay and vote."""
    if model.added is None:
        return model
    stays = ~model.late | np.isin(model.keys, keys)
    return model if stays.all() else _rows_taken(model, np.flatnonzero(stays))


def _with_added(model: Model, fresh: Texts, vectors: NDArray[np.float32], placed: Placed) -> Model:
    if not len(fresh):
        return model
    keys = fresh.keys
    poll, _ = model.answers()
    added = np.zeros(len(model.keys), dtype=bool) if model.added is None else model.added
    nowhere = None if model.layout is None else np.full((len(keys), model.layout.shape[1]), np.nan, dtype=np.float32)
    longer: dict[str, Any] = {
        "keys": np.concatenate([model.keys, keys]),
        "vectors": np.concatenate([model.vectors, vectors]),
        "labels": np.concatenate([model.labels, placed.labels]),
        "strengths": np.concatenate([model.strengths, placed.strengths]),
        "nearest": np.concatenate([model.nearest, placed.nearest]),
        "voters": np.concatenate([model.voters, np.full(len(keys), NOISE, dtype=np.int32)]),
        "layout": None if nowhere is None or model.layout is None else np.concatenate([model.layout, nowhere]),
        "added": np.concatenate([added, np.ones(len(keys), dtype=bool)]),
        "spread": None if model.spread is None else np.concatenate([model.spread, np.zeros(len(keys), dtype=bool)]),
        "said": _said(model, fresh),
        "poll": Poll(**{name: np.concatenate([part, getattr(placed.poll, name)]) for name, part in vars(poll).items()}),
    }
    both = changed(model, **longer)
    return _rows_taken(both, np.argsort(both.keys, kind="stable"))


def _said(model: Model, fresh: Texts) -> sparse.csr_array | None:
    """Which of the terms that a run knows are words of which texts, those that come now last."""
    from scipy import sparse

    if model.presence is None or (model.said is None and model.late.any()):
        return None  # an older version did not count them
    columns, rows = tokens_of(fresh, model.vocabulary)
    pairs = np.unique(np.stack([rows, columns])[:, columns != NOISE], axis=1)
    v = len(model.vocabulary)
    ones = np.ones(pairs.shape[1], dtype=np.int32)
    came = sparse.csr_array((ones, (pairs[0], pairs[1])), shape=(len(fresh), v))
    before = sparse.csr_array((len(model.keys), v), dtype=np.int32) if model.said is None else model.said
    both: sparse.csr_array = sparse.vstack([before, came], format="csr")
    return both


def _rows_taken(model: Model, rows: NDArray[np.int64]) -> Model:
    """The same with some of its texts, in that order."""
    poll, _ = model.answers()
    names = ("keys", "vectors", "labels", "strengths", "nearest", "voters", "layout", "added", "spread", "said")
    arrays = {name: getattr(model, name) for name in names}
    taken: dict[str, Any] = {name: None if array is None else array[rows] for name, array in arrays.items()}
    if not taken["added"].any():
        taken["added"] = None
    if not model.late[rows].any():
        taken["said"] = None
    return changed(model, **taken, poll=Poll(**{name: part[rows] for name, part in vars(poll).items()}))


def _documents(run: Run, joined: Joined, model: Model, rows: NDArray[np.int32]) -> pd.DataFrame:
    """A row for each document, as a fit gives them."""
    import pandas as pd

    poll, _ = model.answers()
    novelties = novelty(poll.distances, poll.distances[model.at_fit])
    why = reasons(model.labels, model.nearest, model.strengths, poll.shared, novelties, model.threshold)
    names = run.topics["topic_id"]
    table = pd.DataFrame({"id": pd.array(list(joined.ids), dtype="str")})
    table["topic"] = np.append(model.labels, np.int32(NOISE))[rows].astype(np.int64)
    table["topic_id"] = named(names, table["topic"])
    table["strength"] = np.append(model.strengths, np.float32(0))[rows]
    table[["x", "y"]] = _positions(run, joined, model, rows)
    table["reason"] = pd.array(np.append(why, "empty")[rows], dtype="str")
    for column in joined.meta:
        table[column] = joined.meta[column].array
    table["confidence"] = np.append(poll.confidences, np.float32(0))[rows]
    table["nearest"] = np.append(model.nearest, np.int32(NOISE))[rows].astype(np.int64)
    table["nearest_id"] = named(names, table["nearest"])
    table["novelty"] = np.append(novelties, np.float32(np.nan))[rows]
    if "text" in run.documents:
        came = [joined.new.texts.texts[row] if row >= 0 else "" for row in joined.new.rows[joined.came]]
        table["text"] = pd.array([*run.documents["text"].iloc[joined.kept], *came], dtype="str")
    return table


def _excerpts(run: Run, joined: Joined) -> pd.DataFrame | None:
    """The first words of the documents that stay, and of those that came."""
    import pandas as pd

    if run.excerpts is None:
        return None
    stay = run.excerpts
    if len(joined.kept) < len(run.documents):
        stay = stay[stay["id"].isin(run.documents["id"].iloc[joined.kept])]
    new = joined.new
    came = excerpts_of(list(joined.ids)[len(joined.kept) :], new.rows[joined.came], new.texts, run.config.excerpt)
    return pd.concat([stay, came], ignore_index=True)


def _positions(run: Run, joined: Joined, model: Model, rows: NDArray[np.int32]) -> NDArray[np.float32]:
    """Old documents stay where they are; a new text lies amid its nearest texts of the fit."""
    drawn = np.full((len(model.keys), 2), np.nan, dtype=np.float32)
    old = rows_of(model.keys, run.text_keys()[joined.kept])
    drawn[old[old >= 0]] = run.documents[["x", "y"]].to_numpy(np.float32)[joined.kept][old >= 0]
    voting = np.flatnonzero(model.at_fit)
    settled = voting[np.isfinite(drawn[voting]).all(axis=1)]
    nowhere = np.setdiff1d(np.unique(rows[rows >= 0]), np.flatnonzero(np.isfinite(drawn).all(axis=1)))
    q = min(VOTERS, len(settled))
    for start, found, cosines in nearest(model.vectors[nowhere], model.vectors[settled], q) if q else ():
        weights = np.clip(cosines.astype(np.float64), 1e-6, 1) ** 4
        amid = np.einsum("ij,ijk->ik", weights, drawn[settled[found]].astype(np.float64)) / weights.sum(1)[:, None]
        drawn[nowhere[start : start + len(found)]] = amid.astype(np.float32)
    return np.concatenate([drawn, np.full((1, 2), np.nan, dtype=np.float32)])[rows]


def _layers(layers: pd.DataFrame, topics: pd.DataFrame) -> pd.DataFrame:
    size, share = (dict(zip(topics["topic_id"], topics[name], strict=True)) for name in ("size", "share"))
    return layers.assign(
        size=np.array([sum(size[name] for name in parts) for parts in layers["topic_ids"]], dtype=np.int64),
        share=np.array([sum(share[name] for name in parts) for parts in layers["topic_ids"]], dtype=np.float64),
    )


def _metrics(run: Run, documents: pd.DataFrame, rows: NDArray[np.int32], meta: pd.DataFrame) -> dict[str, Any]:
    """Counts anew; what is told of words, vectors and graph stays that of the last fit."""
    filled = rows >= 0
    labels = documents["topic"].to_numpy()[filled]
    told = dict(run.metrics)
    told |= {
        "documents": len(documents),
        "distinct": len(np.unique(rows[filled])),
        "duplicates": int(filled.sum()) - len(np.unique(rows[filled])),
        "empty": int((~filled).sum()),
        "outliers": int((labels == NOISE).sum()),
        "coverage": float((labels != NOISE).mean()) if len(labels) else 0.0,
    }
    if "class" in meta:
        told |= class_measures(meta["class"].to_numpy()[filled], labels.astype(np.int32))
    return told


def _lineage(before: pd.DataFrame, after: pd.DataFrame, old: pd.DataFrame, kept: NDArray[np.int64]) -> pd.DataFrame:
    """Every topic goes on; one that lost its last document died."""
    import pandas as pd

    stayed = old["topic"].to_numpy()[kept]
    shared = np.bincount(stayed[stayed != NOISE], minlength=len(before))
    rows = []
    for row, name in enumerate(before["topic_id"]):
        size, was = int(after["size"].iloc[row]), int(before["size"].iloc[row])
        if size or was:
            part = int(shared[row])
            event = "continued" if size else "died"
            rows.append((event, name, name, size, was, part, part / max(size, 1), part / max(was, 1), 1.0, 1.0))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
