"""One thread for what libraries compute by themselves: with more, a product of matrices has other bits."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from threadpoolctl import ThreadpoolController, threadpool_limits


class _Pools:
    """The pools of threads of what is loaded. Those of BLAS belong to the process, those of OpenMP to who asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._modules = -1
        self._loaded: ThreadpoolController
        self._limited: list[threadpool_limits] = []

    def enter(self) -> threadpool_limits:
        """Limit both; returns what gives OpenMP its threads back."""
        from threadpoolctl import ThreadpoolController

        with self._lock, _in_charge():
            new = len(sys.modules) != self._modules
            if new:  # looking what is loaded takes milliseconds
                self._loaded, self._modules = ThreadpoolController(), len(sys.modules)
            if new or not self._inside:
                self._limited.append(self._limit("blas"))
            self._inside += 1
            return self._limit("openmp")

    def _limit(self, api: str) -> threadpool_limits:
        # Of all that is loaded the limits would be given back, not only of what was limited.
        return self._loaded.select(user_api=api).limit(limits=1)

    def leave(self, limited: threadpool_limits) -> None:
        with self._lock, _in_charge():
            limited.restore_original_limits()
            self._inside -= 1
            while self._limited and not self._inside:
                self._limited.pop().restore_original_limits()


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
