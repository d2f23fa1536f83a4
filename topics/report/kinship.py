"""How topics hang together: which are alike, which coarser ones they are part of, how they merge into one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from topics.report.numbers import number
from topics.report.plain import ID, label, plain
from topics.report.values import Merge, Part, Similar, Sub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from topics.run import Run

SIMILAR = 3  #: topics named as similar to one
OTHERS = 6  #: other parts named of a coarser topic
PARTS = 2  #: coarser topics named, the finest
_WORDS, _NAME, _TERM = 3, 120, 60
_KEPT = 40  # terms of a merged topic that go on to the next merge


def similar_topics(run: Run) -> list[tuple[Similar, ...]]:
    """The topics whose centroids are nearest to each topic's, by cosine."""
    centroids = run.model.centroids.astype(np.float64)
    if len(centroids) != len(run.topics):
        return [()] * len(run.topics)
    cosines = np.round(centroids @ centroids.T, 4)
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(SIMILAR, len(centroids) - 1)]
    return [
        tuple(Similar(int(other), float(cosines[row, other])) for other in nearest) for row, nearest in enumerate(order)
    ]


def parts_of(run: Run) -> list[tuple[Part, ...]]:
    """The finest of the coarser topics each topic is part of; only those that have other parts."""
    number = {topic_id: row for row, topic_id in enumerate(run.topics["topic_id"])} if len(run.topics) else {}
    found: list[list[Part]] = [[] for _ in number]
    seen: list[set[frozenset[int]]] = [set() for _ in number]
    for record in run.layers.sort_values("layer", ascending=False, kind="stable").to_dict("records"):
        members = [number[topic_id] for topic_id in record["topic_ids"] if topic_id in number]
        whole = frozenset(members)
        for row in members:
            others = tuple(other for other in members if other != row)
            if others and whole not in seen[row] and len(found[row]) < PARTS:
                seen[row].add(whole)
                name = plain(record["name"], _NAME)
                found[row].append(Part(int(record["layer"]), name, others[:OTHERS], len(members)))
    return [tuple(parts) for parts in found]


def subs_of(run: Run, spots: Mapping[str, tuple[int, int]]) -> dict[str, tuple[Sub, ...]]:
    """The sub-topics of each topic that has any, by its permanent id; `spots` are places on the map by document id."""
    found: dict[str, list[Sub]] = {}
    for record in run.subtopics.to_dict("records"):
        name = plain(record["name"], _NAME)
        found.setdefault(record["topic_id"], []).append(
            Sub(
                name=name,
                label=label(name),
                words=tuple(plain(word, _TERM) for word in record["terms"]),
                size=int(record["size"]),
                share=float(record["share"]),
                stability=number(record["stability"]),
                central=plain(record["central_id"], ID),
                place=spots.get(record["central_id"]),
            )
        )
    return {topic_id: tuple(subs) for topic_id, subs in found.items()}


def merge_steps(run: Run) -> tuple[Merge, ...]:
    """How the topics become one, pair by pair, and what to call what becomes of each pair.

    A coarser topic that is in `run.layers` has its name from there; any other the terms that weigh most in its parts,
    each part counting by its documents.
    """
    if not run.merges or len(run.merges) >= len(run.topics):
        return ()
    sizes = [int(size) for size in run.topics["size"]]
    ids = run.topics["topic_id"].tolist()
    layered = {frozenset(record["topic_ids"]): record["name"] for record in run.layers.to_dict("records")}
    members = [frozenset([topic_id]) for topic_id in ids]
    terms = [
        Counter({term: float(weight) * size for term, weight in zip(words, weights, strict=True)})
        for words, weights, size in zip(run.topics["terms"], run.topics["term_weights"], sizes, strict=True)
    ]
    steps = []
    for kept, gone in run.merges:
        sizes[kept] += sizes[gone]
        members[kept] |= members[gone]
        terms[kept].update(terms[gone])
        terms[kept] = Counter(dict(sorted(terms[kept].items(), key=lambda item: (-item[1], item[0]))[:_KEPT]))
        name = layered.get(members[kept]) or ", ".join(plain(term, 60) for term in list(terms[kept])[:_WORDS])
        steps.append(Merge(int(kept), int(gone), plain(name, _NAME), sizes[kept]))
    return tuple(steps)
