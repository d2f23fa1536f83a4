"""Compiled functions, and where they are kept: a processor compiles them once, not every process anew."""

from __future__ import annotations

import logging
import os
import platform
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_choosing = threading.Lock()  # where numba keeps things is a setting of the whole process


def compiled_folder() -> Path:
    """Where compiled functions are kept: `$NUMBA_CACHE_DIR`, or a folder of our own for this numba and processor."""
    import numba
    from llvmlite.binding import get_host_cpu_name

    if os.environ.get("NUMBA_CACHE_DIR"):
        return Path(os.environ["NUMBA_CACHE_DIR"])
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "topics" / "compiled"
    return root / f"numba{numba.__version__}-python{platform.python_version()}-{get_host_cpu_name()}"


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function with numba when it is first called, and keep the result for the next process.

    It lets other threads run meanwhile. Where nothing can be kept, each process compiles anew.
    """
    import numba
    from numba.core import config

    made = numba.njit(nogil=True)(function)
    folder = compiled_folder()
    with _choosing:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)  # looked at while the place is chosen, and only then
        try:
            # What numba keeps it runs when it reads it again: nobody else may write there.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.enable_caching()
        except (OSError, RuntimeError) as error:
            log.info("Compiled functions cannot be kept in %s (%s): every process compiles them.", folder, error)
        finally:
            config.CACHE_DIR = before
    if not any(folder.rglob(f"*.{function.__name__}-*.nbi")):
        _say_once()
    return made


@cache
def _say_once() -> None:
    log.info("Compiling for this processor: once, a few seconds.")
