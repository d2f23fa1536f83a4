"""umap-learn without the compile stall: six of its functions are made to stay in numba's cache."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

# As shipped these compile again in every process, about four seconds.
_UNCACHED = {
    "umap.umap_": ("smooth_knn_dist", "compute_membership_strengths", "reset_local_metrics", "reprocess_row"),
    "umap.layouts": (
        "clip",
        "_nb_optimize_layout_euclidean_single_epoch",
        "_nb_optimize_layout_euclidean_single_epoch_parallel",
    ),
}


@cache
def umap_functions() -> Any:
    """The module `umap.umap_`, its compiled functions cached on disk from the second process on."""
    from importlib import import_module

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of TensorFlow, which nothing here uses
        module = import_module("umap.umap_")
    for name, functions in _UNCACHED.items():
        for function in functions:
            dispatcher = getattr(import_module(name), function, None)
            if dispatcher is not None and hasattr(dispatcher, "enable_caching"):
                dispatcher.enable_caching()
    return module
