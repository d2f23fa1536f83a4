"""A graph laid out by the package umap-learn itself."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from topics.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy import sparse

log = logging.getLogger(__name__)


def lay_out_by_package(
    weights: sparse.csr_array, start: NDArray[np.float64], min_dist: float, n_epochs: int, seed: int
) -> NDArray[np.float32]:
    """Move points as `layout.lay_out` does, by umap-learn: each sees at once where the others went, so on one thread.

    Parameters
    ----------
    weights : csr_array of shape (u, u), float32
    start : ndarray of shape (u, r)
    min_dist : float
    n_epochs, seed : int

    Returns
    -------
    ndarray of shape (u, r), float32
        The same bits for the same release of umap-learn and numba.
    """
    log.info("umap-learn compiles what it needs: some seconds in every process.")
    with warnings.catch_warnings(), _counted_epochs():
        warnings.simplefilter("ignore")  # it warns of TensorFlow, which nothing here uses
        umap: Any = import_module("umap.umap_")
        a, b = umap.find_ab_params(1.0, min_dist)
        points, _ = umap.simplicial_set_embedding(
            data=np.empty((weights.shape[0], 1), dtype=np.float32),  # of no use where a start is given
            graph=weights.tocoo(copy=True),  # UMAP prunes it in place
            n_components=start.shape[1],
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=n_epochs,
            init=start,
            random_state=np.random.RandomState(seed),
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
            parallel=False,
            verbose=False,
        )
    return np.ascontiguousarray(points, dtype=np.float32)


@contextmanager
def _counted_epochs() -> Iterator[None]:
    """Within this block the epochs of a layout are counted by `track`, in place of UMAP's own bar."""
    layouts: Any = import_module("umap.layouts")
    own = layouts.tqdm
    layouts.tqdm = lambda epochs, **_: track(epochs, len(epochs), "Laying out", "epochs")
    try:
        yield
    finally:
        layouts.tqdm = own
