"""One thread for what libraries compute by themselves: with more, a product of matrices has other bits."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from threadpoolctl import LibController

    Limited = list[tuple[LibController, int | None]]  # libraries, and how many threads each had


class _Pools:
    """The pools of threads of what is loaded. Those of BLAS belong to the process, those of OpenMP to who asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._modules = -1
        self._shared: list[LibController] = []
        self._own: list[LibController] = []
        self._limited: Limited = []

    def enter(self) -> Limited:
        """Limit both; returns what gives OpenMP its threads back."""
        with self._lock, _in_charge():
            new = len(sys.modules) != self._modules
            if new:  # looking what is loaded takes milliseconds
                self._look()
            if new or not self._inside:
                self._limited += _limit(self._shared)
            self._inside += 1
            return _limit(self._own)

    def leave(self, limited: Limited) -> None:
        with self._lock, _in_charge():
            _restore(limited)
            self._inside -= 1
            if not self._inside:
                _restore(self._limited)
                self._limited = []

    def _look(self) -> None:
        from threadpoolctl import ThreadpoolController

        self._shared, self._own, self._modules = [], [], len(sys.modules)
        for library in ThreadpoolController().lib_controllers:
            shared = library.user_api == "blas" and getattr(library, "threading_layer", "") != "openmp"
            (self._shared if shared else self._own).append(library)


def _limit(libraries: Iterable[LibController]) -> Limited:
    before = [(library, library.get_num_threads()) for library in libraries]
    for library, _ in before:
        library.set_num_threads(1)
    return before


def _restore(limited: Limited) -> None:
    for library, threads in reversed(limited):
        if threads is not None:
            library.set_num_threads(threads)


@contextmanager
def _in_charge() -> Iterator[None]:
    """Threadpoolctl lets one thread at a time set those of OpenBLAS, and lets others believe that they did."""
    from threadpoolctl import OpenBLASController

    OpenBLASController.clear_controlling_thread(force=True)
    try:
        yield
    finally:
        OpenBLASController.clear_controlling_thread(force=True)


_pools = _Pools()


@contextmanager
def one_thread() -> Iterator[None]:
    """Within this block BLAS computes in one thread, and so does OpenMP for who is in it.

    Blocks may lie within each other, and beside each other in several threads: BLAS gets its threads back after the
    last of them, not in the middle of another one's products.
    """
    limited = _pools.enter()
    try:
        yield
    finally:
        _pools.leave(limited)
