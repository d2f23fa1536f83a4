"""One epoch of a layout, compiled. Importing this loads numba."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from llvmlite import ir
from numba.cpython.unsafe.tuple import tuple_setitem
from numba.extending import intrinsic

from topics.compiling import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 128  #: entries of a table for each doubling of the squared distance
LOWEST, HIGHEST = -24, 14  #: binary logarithms of the squared distances a table reaches from and to

_FIRST = (127 + LOWEST) * STEPS  # 127 is what the exponent of a float32 is biased by
_KEPT = 16  # bits of a float32 behind those that tell its place in a table: 23 of the fraction less 7
_FURTHEST = np.float32(4)  # along one axis, times the learning rate, in one step


@intrinsic  # type: ignore[untyped-decorator]
def _bits(_typing: Any, _number: Any) -> Any:
    """The bits of a float32, as an int32."""

    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.IntType(32))

    return numba.types.int32(numba.types.float32), generate


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _stepped(apart: Any, table: Any, rate: Any) -> Any:
    """A difference of two points after a step along it, by the force the table has for their distance."""
    square = np.float32(0)
    for axis in range(len(apart)):
        square += apart[axis] * apart[axis]
    force = table[min(max((_bits(square) >> _KEPT) - _FIRST, 0), len(table) - 1)]
    for axis in range(len(apart)):
        step = min(max(force * apart[axis], -_FURTHEST), _FURTHEST)
        apart = tuple_setitem(apart, axis, apart[axis] + rate * step)
    return apart


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _apart(x: Any, others: Any, other: Any) -> Any:
    """The difference of a point and a row of `others`."""
    apart = x
    for axis in range(len(x)):
        apart = tuple_setitem(apart, axis, x[axis] - others[other, axis])
    return apart


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _moved(x: Any, before: Any, after: Any, share: Any) -> Any:
    """A point after its share of what its difference to another one changed by."""
    for axis in range(len(x)):
        x = tuple_setitem(x, axis, x[axis] + share * (after[axis] - before[axis]))
    return x


@compiled
def descend(
    x: tuple[np.float32, ...],
    start: int,
    end: int,
    old: NDArray[np.float32],
    new: NDArray[np.float32],
    ends: NDArray[np.int64],
    neighbors: NDArray[np.int32],
    shares: NDArray[np.float32],
    attraction: NDArray[np.float32],
    repulsion: NDArray[np.float32],
    epoch: int,
    rate: np.float32,
    seed: int,
    negatives: int,
) -> None:
    """Move the rows `start` to `end` of `old` and write them to `new`.

    A point sees all others where they were before this epoch, and draws its random numbers from the seed, the
    epoch and its row alone: no order of the rows and no number of threads can change a bit.

    Parameters
    ----------
    x : tuple of r zeros
        For its length, which the compiler has to know.
    old, new : ndarray of shape (u, r)
    ends, neighbors, shares : ndarray
        A symmetric CSR matrix; a share of 1 is drawn in every epoch, one of .1 in every tenth.
    attraction, repulsion : ndarray
        Force along the difference, by squared distance; see `layout.forces`.
    """
    u = np.uint64(old.shape[0])
    now, then = np.float32(epoch), np.float32(epoch + 1)
    for row in range(start, end):
        for axis in range(len(x)):
            x = tuple_setitem(x, axis, old[row, axis])
        state = np.uint64(row) * np.uint64(0x9E3779B97F4A7C15)
        state ^= np.uint64(epoch) * np.uint64(0xC2B2AE3D27D4EB4F) + np.uint64(seed) * np.uint64(0x165667B19E3779F9)
        state ^= state >> np.uint64(32)
        state *= np.uint64(0xD6E8FEB86659FD93)
        state ^= state >> np.uint64(32)
        for edge in range(ends[row], ends[row + 1]):
            if np.int32(then * shares[edge]) == np.int32(now * shares[edge]):
                continue
            # The other end is drawn here at the same time, in its own turn: both go half the way, so that they meet
            # and do not change places. Twice, as an edge is there in both directions.
            apart = _apart(x, old, neighbors[edge])
            nearer = _stepped(_stepped(apart, attraction, rate + rate), attraction, rate + rate)
            x = _moved(x, apart, nearer, np.float32(0.5))
            for _ in range(negatives):
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                drawn = np.int64(((state >> np.uint64(32)) * u) >> np.uint64(32))
                if drawn != row:
                    apart = _apart(x, old, drawn)
                    x = _moved(x, apart, _stepped(apart, repulsion, rate), np.float32(1))
        for axis in range(len(x)):
            new[row, axis] = x[axis]
