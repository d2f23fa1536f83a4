"""Numbers in a row as a little picture of letters, for where there are no drawings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_STEPS = "▁▂▃▄▅▆▇█"


def course(counts: ArrayLike, totals: ArrayLike | None = None, cells: int = 16) -> str:
    """A row of numbers, or of their shares of totals, the highest full; neighbours are averaged where there are many.

    Examples
    --------
    >>> course([0, 1, 2, 4])
    '▁▃▅█'
    >>> course([1, 1, 0], [2, 1, 5])
    '▅█▁'
    """
    shares = np.asarray(counts, dtype=np.float64)
    if not len(shares):
        return ""
    if totals is not None:
        shares = shares / np.maximum(np.asarray(totals, dtype=np.float64), 1)
    parts = [float(part.mean()) for part in np.array_split(shares, min(cells, len(shares)))]
    highest = max(parts) or 1.0
    return "".join(_STEPS[round(part / highest * (len(_STEPS) - 1))] for part in parts)
