"""How much memory this process takes, took at most, and may take."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*", re.IGNORECASE)


def parse_size(told: str) -> int:
    """Bytes of a size as people write it.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> parse_size("4GB"), parse_size("1.5 GiB"), parse_size("500m"), parse_size("4096")
    (4000000000, 1610612736, 500000000, 4096)
    """
    found = _SIZE.fullmatch(told)
    if found is None:
        raise ValueError("must be a size such as 4GB, 500MB or 1.5GiB")
    number, unit, binary = found.groups()
    power = "kmgt".index(unit.lower()) + 1 if unit else 0
    return int(float(number) * (1024 if binary else 1000) ** power)


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
