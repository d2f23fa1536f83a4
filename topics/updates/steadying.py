"""Clusters that go on from a previous run: what is not clearly otherwise stays as it was.

u texts, j topics of the previous run, k clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from topics.data import NOISE, Clusters, Graph, Prior
from topics.labels import by_size, members

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

APART = 0.07  #: a part leaves its topic if no more than this share of its ties leads back to the rest of it
JOINED = 0.2  #: a topic ends in another if at least this share of its ties leads there
GROWN = 0.1  #: a topic has not grown into a cluster of which it was less than this share
_ROUNDS = 20  # in which texts move; those that hold each other back let go one after the other
PULL = 2.0  #: a text moves if its ties to the other topic weigh so many times those to its own


def steady(clusters: Clusters, graph: Graph, prior: Prior, least: int, topics: int | None = None) -> Clusters:
    """Change the topics of a previous run only where the ties between the texts say so clearly.

    A clusterer cuts where a cut is best, and a few more texts can make another the best, in places that have nothing
    to do with them. So its clusters are read as proposals. A cluster most of whose texts had no topic is a new one,
    unless a topic has grown into it: its bulk is there, and a share of `GROWN`. A cluster that is a part of a topic
    becomes one of its own if it is `APART`; topics that lie in one cluster become one if they are `JOINED`; a text
    changes from one topic to another at a `PULL`. Ties are the weights of the graph. What had no topic goes where its
    cluster goes; of topics that share the cluster, to the one with most ties.

    Parameters
    ----------
    clusters : Clusters
        k clusters of u texts.
    graph : Graph
        Over the texts, without the votes of the previous run.
    prior : Prior
        The topics of the previous run.
    least : int
        Fewest texts of a topic that goes on.
    topics : int, optional
        How many there have to be. If the result had another number, and there were as many before, they stay: none is
        born, ends, splits or joins another, and only texts move. Else the clusters stay as they are.

    Returns
    -------
    Clusters
        By size, as always; strengths as they were.
    """
    before, found = prior.labels, clusters.labels
    j, k = int(before.max(initial=NOISE)) + 1, int(found.max(initial=NOISE)) + 1
    if not j or not k:
        return clusters
    ties = graph.weights.astype(np.float64)
    labels = _steadied(ties, before, found, least)
    if topics == j != len(_there(labels)):
        labels = _steadied(ties, before, found, least, same=True)
    if not len(_there(labels)) or topics not in (None, len(_there(labels))):
        return clusters
    return Clusters(by_size(labels), clusters.strengths)


def _steadied(
    ties: sparse.csr_array, before: NDArray[np.int32], found: NDArray[np.int32], least: int, same: bool = False
) -> NDArray[np.int64]:
    """Topics of the texts, by any numbers; if `same`, those of before and no others."""
    j, k = int(before.max()) + 1, int(found.max()) + 1
    shared = _shared(before, found, j, k)
    home = shared.argmax(axis=0) if same else _homes(ties, before, found, shared)
    labels = _placed(ties, before, found, shared, home)
    into = np.arange(j + k) if same else _joined(ties, labels, shared, home)
    labels, target = _at(into, labels), _at(into, _at(home, found))
    for _ in range(_ROUNDS):
        before_it, labels = labels, _moved(ties, labels, target)
        if np.array_equal(before_it, labels):
            break
    return labels if same else _without_small(labels, target, j, least)


def _there(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(labels[labels != NOISE])


def _shared(before: NDArray[np.int32], found: NDArray[np.int32], j: int, k: int) -> NDArray[np.int64]:
    """Texts of each previous topic in each cluster; shape (j, k)."""
    both = (before != NOISE) & (found != NOISE)
    return np.bincount(before[both] * np.int64(k) + found[both], minlength=j * k).reshape(j, k)


def _homes(
    ties: sparse.csr_array, before: NDArray[np.int32], found: NDArray[np.int32], shared: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The topic each cluster belongs to: a previous one, or j and its own number; shape (k,)."""
    j, k = shared.shape
    born = _born(found, shared)
    home: NDArray[np.int64] = np.where(born, j + np.arange(k), shared.argmax(axis=0))
    for topic in np.unique(home[home < j]):
        parts = np.flatnonzero(home == topic)
        main = parts[np.argmax(shared[topic, parts])]
        for part in parts[parts != main]:
            inside = found == part
            if _share_across(ties, inside, (before == topic) & ~inside) <= APART:
                home[part] = j + part
    return home


def _born(found: NDArray[np.int32], shared: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Clusters of texts that had no topic: most of theirs, and no topic's bulk is among them; shape (k,)."""
    sizes = np.bincount(found[found != NOISE], minlength=shared.shape[1])
    bulk = (2 * shared >= shared.sum(axis=1, keepdims=True)) & (shared >= GROWN * sizes) & (shared > 0)
    born: NDArray[np.bool_] = (2 * shared.sum(axis=0) < sizes) & ~bulk.any(axis=0)
    return born


def _share_across(ties: sparse.csr_array, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """The ties between two sets of texts, as a share of all that the one with fewer has."""
    across = float((ties @ other.astype(np.float64))[one].sum())
    total = ties.sum(axis=1)
    return across / max(min(float(total[one].sum()), float(total[other].sum())), 1e-300)


def _placed(
    ties: sparse.csr_array,
    before: NDArray[np.int32],
    found: NDArray[np.int32],
    shared: NDArray[np.int64],
    home: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Old texts where they were, or in the part that left with them; others in the topic of their cluster."""
    j, k = shared.shape
    target = _at(home, found)
    left = (before != NOISE) & (target >= j) & (_at(shared.argmax(axis=0), found) == before)
    left &= ~_at(_born(found, shared), found, fill=False)
    labels = np.where(before != NOISE, np.where(left, target, before), NOISE)
    pulls = (ties @ members(labels.astype(np.int32), j + k).T.astype(np.float64)).tocoo()
    text, topic = pulls.coords
    old = np.append(shared > 0, np.zeros((j, 1), dtype=bool), axis=1)
    asked = (before == NOISE)[text] & (target[text] >= 0) & (target[text] < j) & (topic < j)
    asked[asked] = old[topic[asked], found[text[asked]]]
    text, topic, weight = text[asked], topic[asked], pulls.data[asked]
    labels = np.where(before != NOISE, labels, target)
    order = np.lexsort((topic, -weight, text))
    first = order[np.unique(text[order], return_index=True)[1]]
    labels[text[first]] = topic[first]
    return labels


def _joined(
    ties: sparse.csr_array, labels: NDArray[np.int64], shared: NDArray[np.int64], home: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The topic each topic ends in, itself for most; shape (j + k,)."""
    j, k = shared.shape
    inside = members(labels.astype(np.int32), j + k).astype(np.float64)
    between = (inside @ ties @ inside.T).tocsr()
    total = np.asarray((inside @ ties).sum(axis=1))
    into = np.arange(j + k)
    for topic in np.flatnonzero(~np.isin(np.arange(j), home) & (shared.sum(axis=1) > 0)):
        other = home[shared[topic].argmax()]
        if between[topic, other] >= JOINED * min(total[topic], total[other]):
            into[topic] = other
    return into


def _moved(ties: sparse.csr_array, labels: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.int64]:
    """Texts whose cluster belongs to another topic than theirs go there if that pulls much more."""
    asked = np.flatnonzero((labels != NOISE) & (target != NOISE) & (labels != target))
    if not len(asked):
        return labels
    inside = members(labels.astype(np.int32), int(max(labels.max(), target.max())) + 1).T.astype(np.float64).tocsr()
    pulls = (ties[asked] @ inside).tocsr()
    rows = np.arange(len(asked))
    own, other = (np.asarray(pulls[rows, to[asked]]).ravel() for to in (labels, target))
    moved = labels.copy()
    goes = asked[(other > 0) & (other >= PULL * own)]
    moved[goes] = target[goes]
    return moved


def _without_small(labels: NDArray[np.int64], target: NDArray[np.int64], j: int, least: int) -> NDArray[np.int64]:
    """Topics that have become too small end: their texts go where their clusters went, or nowhere."""
    counts = np.bincount(labels[labels != NOISE], minlength=j)
    small = np.flatnonzero(counts < least)
    lost = np.isin(labels, small) & (labels != NOISE)
    elsewhere = np.where(np.isin(target, small), NOISE, target)
    return np.where(lost, elsewhere, labels)


def _at(values: NDArray[Any], rows: NDArray[Any], fill: Any = NOISE) -> NDArray[Any]:
    """The value of each row; `fill` where it is -1."""
    found: NDArray[Any] = np.append(values, np.asarray(fill, dtype=values.dtype))[rows]
    return found
