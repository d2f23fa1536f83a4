"""Which topic of a run is which of the run before it: permanent ids, and what became of the topics.

Evidence is, first, the documents both runs have; where they share few, what topics are about: centroids and terms.
n documents, d dimensions, k topics, j topics of the run before, m pairs of topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE
from topics.vectors import nearest, unit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

MATCHED = 0.3  #: least evidence that makes two topics one
FEW = 5  #: with so many shared documents, these count as much as centroids and terms
ALIKE = 0.5  #: centroids of lesser cosine are not alike at all
PART = 0.2  #: least share of a topic that goes over to a new one in a split
MOST = 0.5  #: least share of a topic that goes over when it ends in another, or of a new one that comes from another
TURNED = 0.9  #: centroids of lesser cosine have drifted
REWORDED = 0.3  #: topics with fewer terms in common have drifted
_NEIGHBOURS = 3  # nearest centroids of each topic that are looked at, besides topics with shared documents

#: What a row of a lineage tells.
COLUMNS = {
    "event": "str",
    "topic_id": "str",
    "previous_id": "str",
    "size": "int64",
    "previous_size": "int64",
    "shared": "int64",
    "share_of_topic": "float64",
    "share_of_previous": "float64",
    "similarity": "float64",
    "terms": "float64",
}


@dataclass(frozen=True, eq=False)
class Side:
    """The topics of one run, as far as matching needs them. Its n documents are in any order."""

    documents: Sequence[str]  # (n,), ids
    keys: NDArray[np.bytes_]  # (n,), of their texts
    labels: NDArray[np.int64]  # (n,), -1 for none
    centroids: NDArray[np.float32]  # (k, d), unit rows
    terms: Sequence[Sequence[str]]  # (k,) lists

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Documents of each topic."""
        return np.bincount(self.labels[self.labels != NOISE], minlength=len(self.terms)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Links:
    """Pairs of topics that may be the same, by topic, then by previous topic."""

    previous: NDArray[np.int64]  # (m,)
    topic: NDArray[np.int64]  # (m,)
    shared: NDArray[np.int64]  # (m,) documents of both
    similarity: NDArray[np.float64]  # (m,) cosine of the centroids
    terms: NDArray[np.float64]  # (m,) share of words in common
    evidence: NDArray[np.float64]  # (m,) that they are one, 0 to 1
    still: NDArray[np.int64]  # (j,) documents of each previous topic that are still there
    known: NDArray[np.int64]  # (k,) documents of each topic that were there before


@dataclass(frozen=True, eq=False)
class Identity:
    """Who the k topics of a run are."""

    ids: Sequence[str]  # (k,) permanent
    previous: NDArray[np.int64]  # (k,) the topic of the run before that each is, -1 for a new one
    status: Sequence[str]  # (k,) the last event of each
    given: int  # ids given so far, in all runs: the next is one more
    lineage: pd.DataFrame  # see `COLUMNS`


def permanent_id(number: int) -> str:
    """The id of the topic that came as the so-manieth.

    Examples
    --------
    >>> permanent_id(7), permanent_id(12345)
    ('T0007', 'T12345')
    """
    return f"T{number:04d}"


def identify(previous: Side, ids: Sequence[str], given: int, current: Side) -> Identity:
    """Match the topics of a run with those of the run before it, and give ids to the new ones.

    The evidence of a pair is w * D + (1 - w) * L. D is the Dice coefficient of the two topics over the documents that
    both runs have; L the mean of how alike the centroids are, from 0 at a cosine of `ALIKE` to 1, and the share of
    terms in common; w = s / (s + `FEW`), s being how many documents of the one or the other, whichever has more, both
    runs have. Topics are matched one to one such that the sum of evidence is greatest (Kuhn 1955), pairs with less
    than `MATCHED` left out.

    Parameters
    ----------
    previous, current : Side
    ids : sequence of j str
        Permanent ids of the previous topics.
    given : int
        Ids given so far.

    Returns
    -------
    Identity
    """
    links = find_links(previous, current)
    matched = match(links)
    fresh = np.flatnonzero(matched == NOISE)
    names = ["" if row == NOISE else str(ids[row]) for row in matched.tolist()]
    for number, topic in enumerate(fresh.tolist(), start=given + 1):
        names[topic] = permanent_id(number)
    lineage = _events(links, matched, previous.sizes, current.sizes, names, ids)
    last = {topic_id: event for event, topic_id in zip(lineage["event"], lineage["topic_id"], strict=True)}
    return Identity(names, matched, [last[name] for name in names], given + len(fresh), lineage)


def shared_rows(previous: Side, current: Side) -> NDArray[np.int64]:
    """The row of each current document among the previous ones, by id and text, or by text if its id is new; or -1."""
    place = {name: row for row, name in enumerate(previous.documents)}
    by_id = np.array([place.get(name, -1) for name in current.documents], dtype=np.int64)
    by_id[by_id >= 0] = np.where(previous.keys[by_id] == current.keys, by_id, -1)[by_id >= 0]
    here = set(current.documents)
    gone = {
        key: row
        for row, (name, key) in reversed(list(enumerate(zip(previous.documents, previous.keys.tolist(), strict=True))))
        if key and name not in here
    }
    if gone:
        renamed = [gone.get(key, -1) if name not in place else -1 for name, key in _named_keys(current)]
        by_id = np.where(by_id >= 0, by_id, np.array(renamed, dtype=np.int64))
    return by_id


def _named_keys(side: Side) -> zip[tuple[str, bytes]]:
    return zip(side.documents, side.keys.tolist(), strict=True)


def find_links(previous: Side, current: Side) -> Links:
    """All pairs with a document in common, and the nearest by centroid."""
    from scipy import sparse

    j, k = len(previous.terms), len(current.terms)
    rows = shared_rows(previous, current)
    old = np.where(rows >= 0, previous.labels[rows], NOISE) if len(previous.labels) else np.full_like(rows, NOISE)
    both = (old != NOISE) & (current.labels != NOISE)
    ones = np.ones(int(both.sum()), dtype=np.int64)
    shared = sparse.csr_array((ones, (current.labels[both], old[both])), shape=(k, j))
    pairs = set(zip(*(part.tolist() for part in shared.nonzero()), strict=True))
    if j and k:
        near = _nearest(current.centroids, previous.centroids), _nearest(previous.centroids, current.centroids)
        pairs |= {(topic, row) for topic, found in enumerate(near[0]) for row in found}
        pairs |= {(topic, row) for row, found in enumerate(near[1]) for topic in found}
    topic, former = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    common = np.asarray(shared.todense() if not len(topic) else shared[topic, former]).ravel().astype(np.int64)
    still = np.bincount(old[(rows >= 0) & (old != NOISE)], minlength=j).astype(np.int64)
    known = np.bincount(current.labels[(rows >= 0) & (current.labels != NOISE)], minlength=k).astype(np.int64)
    similarity = _cosines(current.centroids, previous.centroids, topic, former)
    words = np.array(
        [overlap(current.terms[one], previous.terms[other]) for one, other in zip(topic, former, strict=True)],
        dtype=np.float64,
    )
    dice = 2 * common / np.maximum(still[former] + known[topic], 1)
    alike = (np.clip((similarity - ALIKE) / (1 - ALIKE), 0, 1) + words) / 2
    seen = np.maximum(still[former], known[topic])
    weight = seen / (seen + FEW)
    return Links(former, topic, common, similarity, words, weight * dice + (1 - weight) * alike, still, known)


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of words in common, of the longer list.

    Examples
    --------
    >>> overlap(["rain", "snow"], ["snow", "hail", "fog", "rain"])
    0.5
    """
    return len(set(one) & set(other)) / max(len(set(one)), len(set(other)), 1)


def match(links: Links) -> NDArray[np.int64]:
    """The previous topic of each topic, -1 for none, by optimal assignment within each set of topics that touch."""
    from scipy import sparse
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse.csgraph import connected_components

    j, k = len(links.still), len(links.known)
    matched = np.full(k, NOISE, dtype=np.int64)
    enough = np.flatnonzero(links.evidence >= MATCHED)
    if not len(enough):
        return matched
    topic, former, evidence = links.topic[enough], links.previous[enough], links.evidence[enough]
    ends = (topic, k + former)
    touching = sparse.csr_array((np.ones(len(enough)), ends), shape=(k + j, k + j))
    _, part = connected_components(touching, directed=False)
    for members in np.split(order := np.argsort(part[topic], kind="stable"), _borders(part[topic][order])):
        rows, row = np.unique(topic[members], return_inverse=True)
        columns, column = np.unique(former[members], return_inverse=True)
        gain = np.zeros((len(rows), len(columns)))
        gain[row, column] = evidence[members]
        chosen, partner = linear_sum_assignment(gain, maximize=True)
        real = gain[chosen, partner] > 0
        matched[rows[chosen[real]]] = columns[partner[real]]
    return matched


def _events(
    links: Links,
    matched: NDArray[np.int64],
    before: NDArray[np.int64],
    sizes: NDArray[np.int64],
    names: Sequence[str],
    ids: Sequence[str],
) -> pd.DataFrame:
    """What became of every topic, a row for each link: topics that go on, new ones, those that ended."""
    continuing: list[tuple[str, int, int, int]] = []
    ended: list[tuple[str, int, int, int]] = []
    where = {pair: row for row, pair in enumerate(zip(links.topic.tolist(), links.previous.tolist(), strict=True))}
    for topic, former in enumerate(matched.tolist()):
        if former != NOISE:
            row = where[topic, former]
            drifted = links.similarity[row] < TURNED or links.terms[row] < REWORDED
            continuing.append(("drifted" if drifted else "continued", topic, former, row))
            continue
        mine = np.flatnonzero(links.topic == topic)
        parts = (links.shared[mine] >= PART * np.maximum(links.still[links.previous[mine]], 1)) | (
            links.shared[mine] >= MOST * sizes[topic]
        )
        parents = mine[parts & (links.shared[mine] > 0)]
        continuing += [("split", topic, int(links.previous[row]), int(row)) for row in parents]
        if not len(parents):
            continuing.append(("born", topic, NOISE, -1))
    for former in np.setdiff1d(np.arange(len(before)), matched).tolist():
        of = np.flatnonzero((links.previous == former) & (links.shared > 0))
        row = int(of[np.argmax(links.shared[of])]) if len(of) else -1
        whole = len(of) and links.shared[row] >= MOST * links.still[former]
        if whole and matched[links.topic[row]] != NOISE:
            ended.append(("merged", int(links.topic[row]), former, row))
        elif not any(event == "split" and parent == former for event, _, parent, _ in continuing):
            ended.append(("died", NOISE, former, -1))
    return _table(links, continuing + ended, before, sizes, names, ids)


def _table(
    links: Links,
    events: Sequence[tuple[str, int, int, int]],
    before: NDArray[np.int64],
    sizes: NDArray[np.int64],
    names: Sequence[str],
    ids: Sequence[str],
) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for event, topic, former, row in events:
        size = 0 if topic == NOISE else int(sizes[topic])
        was = 0 if former == NOISE else int(before[former])
        shared = int(links.shared[row]) if row >= 0 else 0
        rows.append(
            (
                event,
                str(ids[former]) if topic == NOISE else names[topic],
                "" if former == NOISE else str(ids[former]),
                size,
                was,
                shared,
                shared / max(size, 1),
                shared / max(was, 1),
                float(links.similarity[row]) if row >= 0 else np.nan,
                float(links.terms[row]) if row >= 0 else np.nan,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def no_lineage() -> pd.DataFrame:
    """The lineage of a run that goes on from none: no rows."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})


def _nearest(queries: NDArray[np.float32], candidates: NDArray[np.float32]) -> list[list[int]]:
    q = min(_NEIGHBOURS, len(candidates))
    return [row for _, found, _ in nearest(unit_rows(queries), unit_rows(candidates), q) for row in found.tolist()]


def _cosines(
    one: NDArray[np.float32], other: NDArray[np.float32], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    if not len(rows):
        return np.empty(0)
    products: NDArray[np.float64] = np.einsum("ij,ij->i", one[rows], other[columns], dtype=np.float64)
    return products.astype(np.float32).astype(np.float64)


def _borders(parts: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.flatnonzero(np.diff(parts)) + 1
