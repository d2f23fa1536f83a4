"""The neighbour graph: UMAP's fuzzy weights, sharpened by what many community detections agree on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from topics.data import NOISE, Graph, Neighbors
from topics.graph.fuzzy import fuzzy_weights
from topics.graph.leiden import agreed, communities, inner_shares, network_of
from topics.ordered import side_by_side
from topics.progress import track

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from topics.data import Prior

_SAY = 3.0  # votes of the previous run, in those of all runs together


def build_graph(
    neighbors: Neighbors,
    consensus: int,
    seed: int,
    resolution: float = 1.0,
    threads: int = 1,
    prior: Prior | None = None,
) -> Graph:
    """Weigh the neighbourhood and sharpen it.

    The weights are UMAP's fuzzy simplicial set (McInnes, Healy and Melville 2018, section 3.1). Then
    `consensus` runs of Leiden (Traag, Waltman and van Eck 2019; modularity) with
    different seeds vote: a weight is multiplied by the square of the share of runs that put both
    ends into one community. Edges no run agrees with vanish; what is left hardly depends on the seed.

    Parameters
    ----------
    neighbors : Neighbors
        Of shape (u, q).
    consensus : int
        Number of runs; 0 leaves UMAP's weights as they are.
    seed : int
        The runs use `seed`, `seed + 1`, ...
    resolution : float
        Of the runs: more gives smaller communities, and so more topics.
    threads : int
        How many runs go on at once; the result does not depend on it.
    prior : Prior, optional
        Topics of a previous run. On two texts that had one they have three times as many votes as all the runs.

    Returns
    -------
    Graph
        Symmetric weights, and for each text the share of its weight the runs keep together (nan where
        there were no runs).
    """
    from scipy import sparse

    weights = fuzzy_weights(neighbors)
    u = weights.shape[0]
    if not consensus or not weights.nnz:
        return Graph(weights, np.full(u, np.nan, dtype=np.float32))
    share = _votes(weights, range(seed, seed + consensus), resolution, threads)
    if prior is not None:
        source = np.repeat(np.arange(u), np.diff(weights.indptr))
        share = _with_prior(share, prior.labels[source], prior.labels[weights.indices])
    agreement = inner_shares(weights, share, alone=1).astype(np.float32)
    share *= share
    share *= weights.data
    sharpened = sparse.csr_array(
        (share.astype(np.float32), weights.indices.copy(), weights.indptr.copy()), shape=weights.shape
    )
    sharpened.eliminate_zeros()
    return Graph(sharpened, agreement)


def _votes(weights: sparse.csr_array, seeds: range, resolution: float, threads: int) -> NDArray[np.float64]:
    """Of each weight the share of runs that put both ends together."""
    run = partial(communities, weights, resolution=resolution, network=network_of(weights))
    runs = track(side_by_side(run, seeds, threads), len(seeds), "Consensus", "runs")
    return agreed(weights, runs, len(seeds))


def _with_prior(share: NDArray[np.float64], one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.float64]:
    """The share of votes that keep both ends together, the previous run's topics voting as well where both had one."""
    known = (one != NOISE) & (other != NOISE)
    return np.where(known, (share + _SAY * (one == other)) / (1 + _SAY), share)
