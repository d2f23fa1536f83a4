"""Births, deaths, splits and merges planted between two runs, and which of them the second run tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import topics
from topics.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPEATS = 6
_DIMENSIONS = 48
_OF_A_TOPIC = 60  # documents, before and after
_WIDTH = 0.06  # of a topic, in every direction
_NEAR = 0.9  # cosine of neighbours
_EVENTS = ("born", "died", "split", "merged")

_ABOUT = f"""## Planted births, deaths, splits and merges

{REPEATS} times: topics of {_OF_A_TOPIC} documents around directions in {_DIMENSIONS} dimensions. Between two runs two
topics are born; two lose all their documents; two lose those in their middle, and new ones come at either end; of two
pairs of neighbours the gap fills with new documents. The second run goes on from the first.

| event | planted | told | right | precision | recall |
|---|---:|---:|---:|---:|---:|
"""


def told() -> str:
    """Markdown."""
    counts = {event: np.zeros(3, dtype=int) for event in _EVENTS}  # planted, told, right
    for seed in range(REPEATS):
        for event, numbers in measured(seed).items():
            counts[event] += numbers
    rows = {**counts, "all": np.sum(list(counts.values()), axis=0)}
    return _ABOUT + "".join(
        f"| {event} | {planted} | {found} | {right} | {right / max(found, 1):.2f} | {right / max(planted, 1):.2f} |\n"
        for event, (planted, found, right) in rows.items()
    )


class World:
    """Directions, and documents around them; what is about what is in the ids of the documents."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.ids: list[str] = []
        self.rows: list[NDArray[np.float64]] = []

    def direction(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.draw.normal(size=_DIMENSIONS)
        return found / np.linalg.norm(found)

    def add(self, subject: str, centre: NDArray[np.float64], many: int = _OF_A_TOPIC) -> None:
        self.ids += [f"{subject} {len(self.ids) + number}" for number in range(many)]
        self.rows += list(centre + self.draw.normal(0, _WIDTH, (many, _DIMENSIONS)))

    def beside(self, one: NDArray[np.float64]) -> NDArray[np.float64]:
        """A direction near another: neighbours, but apart."""
        away = self.direction()
        away -= (away @ one) * one
        return _NEAR * one + np.sqrt(1 - _NEAR**2) * away / np.linalg.norm(away)

    def fit(self, before: Any = None) -> topics.Run:
        corpus = topics.Corpus.from_texts([f"text of {name}" for name in self.ids], self.ids)
        vectors = unit_rows(np.array(self.rows))
        return topics.fit(corpus, embeddings=vectors, store=topics.NO_STORE, workers=1, previous=before)


def measured(seed: int) -> dict[str, tuple[int, int, int]]:
    """Of each event how many were planted, told, and both."""
    first, second = World(seed), World(seed + 1000)
    for number in range(6):
        centre = first.direction()
        first.add(f"stays{number}", centre)
        second.add(f"new{number}", centre, _OF_A_TOPIC // 4)
    for number in range(2):
        first.add(f"dies{number}", first.direction())
        one = first.direction()
        other = first.beside(one)
        first.add(f"splits{number}", one, _OF_A_TOPIC // 3)
        first.add(f"splits{number}", other, _OF_A_TOPIC // 3)
        first.add(f"middle{number}", (one + other) / 2)
        second.add(f"left{number}", one)
        second.add(f"right{number}", other)
        one = first.direction()
        other = first.beside(one)
        first.add(f"one{number}", one)
        first.add(f"other{number}", other)
        second.add(f"between{number}", (one + other) / 2, 3 * _OF_A_TOPIC)
        second.add(f"born{number}", second.direction())
    before = first.fit()
    gone = {f"{subject}{number}" for subject in ("dies", "middle") for number in range(2)}
    for name, row in zip(first.ids, first.rows, strict=True):
        if name.split()[0] not in gone:
            second.ids.append(name)
            second.rows.append(row)
    after = second.fit(before)
    return compared(before, after)


def compared(before: topics.Run, after: topics.Run) -> dict[str, tuple[int, int, int]]:
    """What was planted beside what the lineage says, by the topics most of whose documents are about a subject."""
    was, now = (_subjects(run) for run in (before, after))
    want: set[tuple[str, str]] = {("died", was.get(f"dies{number}", "?")) for number in range(2)}
    want |= {("born", now.get(f"born{number}", "?")) for number in range(2)}
    found: set[tuple[str, str]] = set()
    for row in after.lineage.to_dict("records"):
        if row["event"] in _EVENTS:
            found.add((row["event"], row["previous_id" if row["event"] in ("split", "merged") else "topic_id"]))
    for number in range(2):
        want.add(("split", was.get(f"splits{number}", f"?{number}")))
        pair = {was.get(f"one{number}", "?"), was.get(f"other{number}", "??")}
        ended = {name for event, name in found if event == "merged"} & pair
        want.add(("merged", ended.pop() if len(ended) == 1 else f"?{number}"))
    return {
        event: (
            sum(one == event for one, _ in want),
            sum(one == event for one, _ in found),
            sum(one == event for one, _ in want & found),
        )
        for event in _EVENTS
    }


def _subjects(run: topics.Run) -> dict[str, str]:
    """The permanent id of the topic most documents about each subject are in."""
    table = run.documents[run.documents["topic"] >= 0]
    about = table["id"].str.split().str[0]
    return {str(name): str(ids.mode().iloc[0]) for name, ids in table["topic_id"].groupby(about)}
