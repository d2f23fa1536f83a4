"""The steps of Leiden, compiled. Importing this loads numba.

A graph is four arrays, as `Network` has them: n nodes, m entries of a symmetric CSR matrix. Lists of what was touched
have a place too many: everything is written there and counted only if it is new, which takes a third less time than
asking first, as processors cannot foresee the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from topics.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOTHING = 1e-12  # gains below are rounding


class Network(NamedTuple):
    """A weighted graph; nodes may have loops."""

    ends: NDArray[np.int64]  # (n + 1,)
    neighbors: NDArray[np.int32]  # (m,)
    weights: NDArray[np.float64]  # (m,), positive
    strengths: NDArray[np.float64]  # (n,), weight of all edges of the texts a node stands for


@compiled
def move_nodes(network: Network, communities: NDArray[np.int64], order: NDArray[np.int64], resolution: float) -> None:
    """Move nodes to the community that gains most by it, until none gains; `communities` changes in place.

    The first nodes are looked at in `order`; after that, those next to one that moved.

    Parameters
    ----------
    communities : ndarray of shape (n,)
        Numbers below n.
    order : ndarray of shape (n,)
        A permutation.
    """
    ends, neighbors, weights, strengths = network
    n = len(communities)
    total, members = np.zeros(n), np.zeros(n, np.int64)
    for node in range(n):
        total[communities[node]] += strengths[node]
        members[communities[node]] += 1
    empty, empties = np.empty(n, np.int64), 0
    for community in range(n):
        if members[community] == 0:
            empty[empties] = community
            empties += 1
    scale = resolution / strengths.sum()
    queue, waiting, head, left = order.copy(), np.ones(n, np.bool_), 0, n
    to, touched = np.zeros(n), np.empty(n + 1, np.int64)
    while left:
        node = queue[head]
        head = (head + 1) % n
        left -= 1
        waiting[node] = False
        own, strength, found = communities[node], strengths[node], 0
        for edge in range(ends[node], ends[node + 1]):
            if neighbors[edge] != node:
                community = communities[neighbors[edge]]
                touched[found] = community
                found += to[community] == 0
                to[community] += weights[edge]
        total[own] -= strength
        best, gain = own, to[own] - scale * strength * total[own]
        for place in range(found):
            community = touched[place]
            gains = to[community] - scale * strength * total[community]
            if gains > gain + _NOTHING:
                best, gain = community, gains
            to[community] = 0
        to[own] = 0
        if gain < -_NOTHING and members[own] > 1 and empties:
            empties -= 1
            best = empty[empties]
        total[best] += strength
        if best == own:
            continue
        communities[node] = best
        members[own] -= 1
        members[best] += 1
        if members[own] == 0:
            empty[empties] = own
            empties += 1
        for edge in range(ends[node], ends[node + 1]):
            other = neighbors[edge]
            if not waiting[other] and communities[other] != best:
                waiting[other] = True
                queue[(head + left) % n] = other
                left += 1


@compiled
def split_communities(
    network: Network, communities: NDArray[np.int64], order: NDArray[np.int64], resolution: float
) -> NDArray[np.int64]:
    """Find the well connected parts of each community: nodes begin alone and join where it gains most.

    Returns
    -------
    ndarray of shape (n,)
        The part of each node, numbers below n.
    """
    ends, neighbors, weights, strengths = network
    n = len(communities)
    scale = resolution / strengths.sum()
    whole, outward = np.zeros(n), np.zeros(n)  # outward: weight of a part's edges to the rest of its community
    for node in range(n):
        whole[communities[node]] += strengths[node]
        for edge in range(ends[node], ends[node + 1]):
            if neighbors[edge] != node and communities[neighbors[edge]] == communities[node]:
                outward[node] += weights[edge]
    parts, total, alone = np.arange(n), strengths.copy(), np.ones(n, np.bool_)
    to, touched = np.zeros(n), np.empty(n + 1, np.int64)
    for node in order:
        strength, around = strengths[node], whole[communities[node]]
        if not alone[node] or outward[node] < scale * strength * (around - strength):
            continue
        found = 0
        for edge in range(ends[node], ends[node + 1]):
            other = neighbors[edge]
            if other != node and communities[other] == communities[node]:
                part = parts[other]
                touched[found] = part
                found += to[part] == 0
                to[part] += weights[edge]
        best, gain, shared = node, 0.0, 0.0
        for place in range(found):
            part = touched[place]
            gains = to[part] - scale * strength * total[part]
            connected = outward[part] >= scale * total[part] * (around - total[part])
            if connected and gains > gain + _NOTHING:
                best, gain, shared = part, gains, to[part]
            to[part] = 0
        if best != node:
            parts[node] = best
            total[best] += strength
            outward[best] += outward[node] - 2 * shared
            alone[node] = alone[best] = False
    return parts


@compiled
def join_nodes(network: Network, parts: NDArray[np.int64], k: int) -> Network:
    """The graph whose nodes are k parts, numbered from 0."""
    ends, neighbors, weights, strengths = network
    first = np.zeros(k + 1, np.int64)
    for part in parts:
        first[part + 1] += 1
    first = np.cumsum(first)
    free, members = first[:-1].copy(), np.empty(len(parts), np.int64)
    for node in range(len(parts)):
        members[free[parts[node]]] = node
        free[parts[node]] += 1
    new_ends, new_strengths, to = np.zeros(k + 1, np.int64), np.zeros(k), np.zeros(k)
    new_neighbors, new_weights, used = np.empty(len(neighbors) + 1, np.int32), np.empty_like(weights), 0
    for part in range(k):
        begin = used
        for node in members[first[part] : first[part + 1]]:
            new_strengths[part] += strengths[node]
            for edge in range(ends[node], ends[node + 1]):
                other = parts[neighbors[edge]]
                new_neighbors[used] = other
                used += to[other] == 0
                to[other] += weights[edge]
        for place in range(begin, used):
            new_weights[place] = to[new_neighbors[place]]
            to[new_neighbors[place]] = 0
        new_ends[part + 1] = used
    return Network(new_ends, new_neighbors[:used].copy(), new_weights[:used].copy(), new_strengths)
