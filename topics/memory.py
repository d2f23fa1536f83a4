"""How much memory this process takes, took at most, and may take."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from topics.errors import InvalidConfig

# Measured fitting 200,000 abstracts and reading a million short documents; 384 numbers a vector, 30 neighbours.
_START = 400_000_000  # bytes: the interpreter and the libraries
_OF_LETTER = 3  # as read, as kept, and what is counted in them
_OF_TEXT = 1500  # identifiers, keys, tables, answers
_OF_FITTED = 4000  # neighbours and their graphs
_FEWEST = 1000  # texts that topics are found in, if it is to be worth it

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


def check_fits(memory: int, letters: int, u: int, d: int, fit_on: int | None) -> None:
    """Refuse a fit that would take more memory than it may, however small its blocks are.

    Parameters
    ----------
    memory : int
        Bytes it may take.
    letters, u, d : int
        Of all texts together, texts, and numbers in the vector of each.
    fit_on : int, optional
        Texts that topics are found in; by default all.

    Raises
    ------
    InvalidConfig
        With the way out.
    """
    fitted = u if fit_on is None else min(fit_on, u)
    least = _START + _OF_LETTER * letters + (_OF_TEXT + 4 * d) * u
    wanted = least + _OF_FITTED * fitted
    if wanted <= memory:
        return
    most = (memory - least) // _OF_FITTED
    others = f"find the topics in a part of them (fit_on={most // 100 * 100}), " if most >= _FEWEST else ""
    raise InvalidConfig(
        f"max_memory={_told(memory)}: topics of {fitted:,} of these {u:,} texts take about {_told(wanted)}. Raise it, "
        f"{others or 'give fewer documents, '}or leave it out."
    )


def _told(size: int) -> str:
    return f"{size / 1e9:.1f}GB" if size >= 1e9 else f"{size / 1e6:.0f}MB"


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
