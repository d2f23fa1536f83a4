"""Runs side by side, and one after the other: what changed between two, and the life of topics across many.

k topics, m documents that moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.api import opened
from topics.data import NOISE
from topics.errors import InvalidInput, SchemaMismatch
from topics.metrics import pairwise_agreement
from topics.updates.continuation import side_of
from topics.updates.matching import find_links, match, shared_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pandas as pd

    from topics.run import Run

_MOST = 1000  # runs of a history; more would be a circle


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two runs side by side, a and b."""

    a: str  # run id
    b: str
    documents: tuple[int, int]  # in each
    shared: int  # in both, by id and text, or by text
    ari: float | None  # agreement on those; None where there are none
    ami: float | None
    #: A row for each topic: change ("same", "new", "gone"), id_a, id_b (empty where there is none), name, size_a,
    #: size_b, share_a, share_b, shared, similarity, terms (overlap), terms_new, terms_gone (lists).
    topics: pd.DataFrame
    #: m rows: id, id_a and id_b, the topics it was in and is in, empty for none.
    moved: pd.DataFrame

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON; of the documents that moved, how many went from where to where."""
        import json

        flows = self.flows()
        return {
            "a": self.a,
            "b": self.b,
            "documents": list(self.documents),
            "shared": self.shared,
            "moved": len(self.moved),
            "ari": self.ari,
            "ami": self.ami,
            "topics": json.loads(self.topics.to_json(orient="records", double_precision=15)),
            "flows": json.loads(flows.to_json(orient="records")),
        }

    def flows(self) -> pd.DataFrame:
        """How many documents moved from where to where, most first: id_a, id_b, documents."""
        counts = self.moved.groupby(["id_a", "id_b"], sort=True).size().rename("documents").reset_index()
        return counts.sort_values("documents", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True, eq=False)
class History:
    """A run and those it goes on from, oldest first."""

    #: run, folder, documents, topics, decision and reason (of the update; "fitted" for a first fit).
    runs: pd.DataFrame
    #: A row for each topic of each run, and for each that ended in it: run (row of `runs`), topic_id, event, others
    #: (ids it came from or ended in), size, share, name.
    topics: pd.DataFrame
    broken: str  # why it goes no further back; empty if the first of `runs` went on from none

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        import json

        runs, topics = (json.loads(table.to_json(orient="records")) for table in (self.runs, self.topics))
        return {"runs": runs, "topics": topics, "broken": self.broken}


def compare(a: Run | str | os.PathLike[str], b: Run | str | os.PathLike[str]) -> Comparison:
    """Tell what is different in b.

    Topics are matched as those of a run with those of the run before it (`topics.updates.matching`), whether or not b
    goes on from a.

    Parameters
    ----------
    a, b : Run or path
    """
    import pandas as pd

    first, second = (_run_of(each) for each in (a, b))
    before, after = side_of(first), side_of(second)
    rows = shared_rows(before, after)
    links = find_links(before, after)
    matched = match(links)
    both = np.flatnonzero(rows >= 0)
    old, new = before.labels[rows[both]], after.labels[both]
    agreement = pairwise_agreement([old.astype(np.int32), new.astype(np.int32)]) if len(both) else {}
    pairs = {(int(t), int(p)): row for row, (t, p) in enumerate(zip(links.topic, links.previous, strict=True))}
    table = [_pair(first, second, int(former), topic, links, pairs) for topic, former in enumerate(matched)]
    gone = np.setdiff1d(np.arange(len(first.topics)), matched).tolist()
    table += [_row("gone", first.topics.iloc[row], None, {}) for row in gone]
    # A document moved if its topic is not the one that its topic of then was matched with.
    successor = np.full(len(first.topics) + 1, NOISE - 1)
    successor[matched[matched >= 0]] = np.flatnonzero(matched >= 0)
    successor[-1] = NOISE
    went = both[successor[old] != new]
    names = (np.append(run.topics["topic_id"].to_numpy(dtype=object), "") for run in (first, second))
    moved = pd.DataFrame(
        {
            "id": pd.array(second.documents["id"].to_numpy(dtype=object)[went], dtype="str"),
            "id_a": pd.array(next(names)[before.labels[rows[went]]], dtype="str"),
            "id_b": pd.array(next(names)[after.labels[went]], dtype="str"),
        }
    )
    return Comparison(
        first.provenance["run"],
        second.provenance["run"],
        (len(first.documents), len(second.documents)),
        len(both),
        agreement.get("ari"),
        agreement.get("ami"),
        pd.DataFrame(table),
        moved,
    )


def _pair(
    first: Run, second: Run, former: int, topic: int, links: Any, pairs: Mapping[tuple[int, int], int]
) -> dict[str, Any]:
    now = second.topics.iloc[topic]
    if former == NOISE:
        return _row("new", None, now, {})
    row = pairs[topic, former]
    told = {name: getattr(links, name)[row].item() for name in ("shared", "similarity", "terms")}
    return _row("same", first.topics.iloc[former], now, told)


def _row(change: str, was: Any, now: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    sides = {"a": was, "b": now}
    terms = {side: [] if topic is None else list(topic["terms"]) for side, topic in sides.items()}
    return {
        "change": change,
        **{f"id_{side}": "" if topic is None else topic["topic_id"] for side, topic in sides.items()},
        "name": (was if now is None else now)["name"],
        **{f"size_{side}": 0 if topic is None else int(topic["size"]) for side, topic in sides.items()},
        **{f"share_{side}": 0.0 if topic is None else float(topic["share"]) for side, topic in sides.items()},
        "shared": 0,
        "similarity": None,
        "terms": None,
        **told,
        "terms_new": [term for term in terms["b"] if term not in terms["a"]],
        "terms_gone": [term for term in terms["a"] if term not in terms["b"]],
    }


def history(run: Run | str | os.PathLike[str]) -> History:
    """Follow a run back to the first, and tell the life of every topic.

    A run records the folder of the one before it and what was in there. Where that is gone, or holds another run by
    now, the history ends and says so.

    Parameters
    ----------
    run : Run or path
        A run that is not saved is the last of its history.
    """
    import pandas as pd

    current = _run_of(run)
    where = current.saved.folder if current.saved else ""
    chapters = [_chapter(where, current.provenance, current.updated, current.topics, current.lineage)]
    before, broken = current.provenance.get("previous"), ""
    while before is not None and not broken and len(chapters) < _MOST:
        chapter, before, broken = _earlier(before)
        chapters += [] if chapter is None else [chapter]
    chapters.reverse()
    runs = pd.DataFrame([told for told, _ in chapters])
    topics = pd.concat([table.assign(run=number) for number, (_, table) in enumerate(chapters)], ignore_index=True)
    return History(runs, topics[["run", *(name for name in topics if name != "run")]], broken)


def _earlier(record: Mapping[str, str]) -> tuple[Any, Any, str]:
    """The chapter of a run that another records, what that run records itself, and why there is none."""
    import json

    import pandas as pd

    from topics.folder import LINEAGE, fingerprint_of, read_manifest

    if not record["folder"]:
        return None, None, f"run {record['run']} was in memory when it was gone on from; its folder is not known"
    folder = Path(record["folder"])
    try:
        manifest = read_manifest(folder)
    except (InvalidInput, SchemaMismatch) as error:
        return None, None, f"run {record['run']}: {str(error).removesuffix('.')}"
    if fingerprint_of(manifest) != record["fingerprint"]:
        return None, None, f"{folder} held run {record['run']} then; now it holds another, {manifest['run']}"
    try:
        topics = pd.read_parquet(folder / "topics.parquet")
        updated = json.loads((folder / "metrics.json").read_text("utf-8")).get("update", {})
        lineage = pd.read_parquet(folder / LINEAGE) if LINEAGE in manifest["digests"] else None
    except (OSError, ValueError) as error:
        return None, None, f"{folder} is damaged ({type(error).__name__}: {error})"
    return _chapter(str(folder), manifest, updated, topics, lineage), manifest.get("previous"), ""


def _chapter(
    folder: str, told: Mapping[str, Any], updated: Mapping[str, Any], topics: pd.DataFrame, lineage: Any
) -> tuple[dict[str, Any], pd.DataFrame]:
    """One run of a history, and its topics."""
    import pandas as pd

    events: dict[str, tuple[str, list[str]]] = {}
    ended: list[tuple[str, str, list[str], int, float, str]] = []
    for row in [] if lineage is None else lineage.itertuples():
        others = [] if row.previous_id in ("", row.topic_id) else [row.previous_id]
        if row.event == "died":
            ended.append((row.topic_id, "died", [], 0, 0.0, ""))
        elif row.event == "merged":
            ended.append((row.previous_id, "merged", [row.topic_id], 0, 0.0, ""))
        else:
            known = events.get(row.topic_id, (row.event, []))[1]
            events[row.topic_id] = (row.event, known + others)
    alive = set(topics["topic_id"])
    rows = [
        (name, *events.get(name, ("born", [])), int(size), float(share), title)
        for name, size, share, title in zip(
            topics["topic_id"], topics["size"], topics["share"], topics["name"], strict=True
        )
    ]
    rows += [row for row in ended if row[0] not in alive]
    table = pd.DataFrame(rows, columns=["topic_id", "event", "others", "size", "share", "name"])
    first = {
        "run": told["run"],
        "folder": folder,
        "topics": len(topics),
        "decision": updated.get("decision", "refitted" if "previous" in told else "fitted"),
        "reason": updated.get("reason", ""),
        "documents_new": updated.get("documents_new"),
        "documents_dropped": updated.get("documents_dropped"),
    }
    return first, table


def _run_of(run: Run | str | os.PathLike[str]) -> Run:
    found = opened(run)
    if found is None:
        raise InvalidInput("None is no run; give one, or its folder.")
    return found
