"""umap-learn, without its compile stall and with our progress."""

from __future__ import annotations

import logging
import os
import warnings
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topics.progress import track

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

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
    if not _compiled():
        log.info("Compiling UMAP for this processor; once, about twenty seconds.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of TensorFlow, which nothing here uses
        module = import_module("umap.umap_")
    for name, functions in _UNCACHED.items():
        for function in functions:
            dispatcher = getattr(import_module(name), function, None)
            if dispatcher is not None and hasattr(dispatcher, "enable_caching"):
                dispatcher.enable_caching()
    return module


def _compiled() -> bool:
    """Whether numba has been here before, as far as can be seen: it keeps what it compiled beside the source."""
    spec = find_spec("umap")
    folders = [Path(folder) / "__pycache__" for folder in (spec and spec.submodule_search_locations) or ()]
    return any(any(folder.glob("*.nbi")) or not os.access(folder.parent, os.W_OK) for folder in folders)


@contextmanager
def counted_epochs() -> Iterator[None]:
    """Within this block the epochs of a layout are counted by `track`, in place of UMAP's own bar."""
    layouts: Any = import_module("umap.layouts")
    own = layouts.tqdm
    layouts.tqdm = lambda epochs, **_: track(epochs, len(epochs), "Laying out", "epochs")
    try:
        yield
    finally:
        layouts.tqdm = own
