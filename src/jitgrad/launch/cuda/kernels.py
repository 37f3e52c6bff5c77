"""The kernels that evaluate a probe list, one thread per probe.

Both take the same arguments, so that whoever launches them need not know which one it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from jitgrad.loss.device.form import open_arena, perturbed
from jitgrad.loss.device.target import SIMULATED, cuda
from jitgrad.loss.shim import OK, RAISED

Kernel = Callable[..., None]


def view_kernel(call: Any, pick: Any) -> Kernel:
    """Make the kernel for losses that only read elements of ``x``: probes that replace one coordinate, or none.

    Parameters
    ----------
    call : device function
        ``call(x, args) -> value, ok`` (`jitgrad.loss.device.form`).
    pick : device function
        ``pick(args, point) -> args`` of that point (`jitgrad.loss.device.pick`).
    """

    def evaluate_views(
        points: Any, point: Any, begin: Any, coordinate: Any, value: Any, along: Any, distance: Any, directions: Any,
        args: Any, scratch: Any, arenas: Any, values: Any, statuses: Any,
    ) -> None:  # fmt: skip
        t = cuda.grid(1)
        if t < values.size and point[t] >= 0:  # else it is left out
            # A loss that raises ends its thread here and now: what is to be seen then is written before.
            values[t], statuses[t] = np.nan, RAISED
            if arenas.size > 0:
                open_arena(arenas, t)
            p, r = point[t], begin[t]
            i, v = -1, points.dtype.type(0)
            if begin[t + 1] > r:
                i, v = coordinate[r], value[r]
            result, ok = call(perturbed(points[p], i, v), pick(args, p))
            values[t] = result
            if ok:
                statuses[t] = OK

    return evaluate_views


def copy_kernel(call: Any, pick: Any, own: Any) -> Kernel:
    """Make the kernel for all other losses and probes: every thread has a copy of ``x``.

    Parameters
    ----------
    call, pick
        As in `view_kernel`.
    own : function
        One of `COPIES`: ``own(scratch, t)`` is the memory of thread ``t``.
    """
    own = own if SIMULATED else njit(own)

    def evaluate_copies(
        points: Any, point: Any, begin: Any, coordinate: Any, value: Any, along: Any, distance: Any, directions: Any,
        args: Any, scratch: Any, arenas: Any, values: Any, statuses: Any,
    ) -> None:  # fmt: skip
        t = cuda.grid(1)
        if t < values.size and point[t] >= 0:  # else it is left out
            values[t], statuses[t] = np.nan, RAISED
            if arenas.size > 0:
                open_arena(arenas, t)
            p = point[t]
            x = own(scratch, t)
            for j in range(x.size):
                x[j] = points[p, j]
            if along.size > 0 and along[t] >= 0:
                for j in range(x.size):
                    x[j] += distance[t] * directions[along[t], j]
            for r in range(begin[t], begin[t + 1]):
                x[coordinate[r]] = value[r]
            result, ok = call(x, pick(args, p))
            values[t] = result
            if ok:
                statuses[t] = OK

    return evaluate_copies


COPIES: dict[str, Callable[..., Any]] = {
    # Element j of neighbouring threads lies side by side in memory, so that a warp reads it at once.
    "column": lambda scratch, t: scratch[:, t],
    # For losses that want x in one piece, for `x.reshape` for instance.
    "row": lambda scratch, t: scratch[t],
}


def peak_kernel(arenas: Any, peaks: Any) -> None:
    """Collect how many bytes of its arena every thread asked for."""
    t = cuda.grid(1)
    if t < peaks.size:
        peaks[t] = arenas[t, 0]
