"""How much memory this process takes, and how much it took at most."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin to measure anew, where the system lets us: Linux does, elsewhere `peak` is that of the whole process."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def peak() -> int:
    """Most bytes of memory held at once since `forget_peak`, pages of mapped files included; 0 where nobody tells.

    Examples
    --------
    >>> forget_peak()
    >>> peak() > 1 << 20
    True
    """
    try:
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10
