"""The kernel that evaluates a probe list, one thread per probe, for every form in which a loss can get ``x``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jitgrad.loss.device.form import for_kernels, open_arena, perturbed
from jitgrad.loss.device.target import cuda
from jitgrad.loss.shim import OK, RAISED

Kernel = Callable[..., None]


@for_kernels
def view_of(points: Any, p: int, first: int, last: int, coordinate: Any, value: Any) -> Any:
    """Return a view of a point, for a probe whose replacements begin at `first` and end before `last`: one, or none."""
    i, v = -1, points.dtype.type(0)
    if last > first:
        i, v = coordinate[first], value[first]
    return perturbed(points[p], i, v)


def _view(
    points: Any, p: int, first: int, last: int, coordinate: Any, value: Any, along: Any, distance: Any,
    directions: Any, t: int, scratch: Any,
) -> Any:  # fmt: skip
    return view_of(points, p, first, last, coordinate, value)


def _copy_to(own: Callable[..., Any]) -> Callable[..., Any]:
    own = for_kernels(own)

    def copy(
        points: Any, p: int, first: int, last: int, coordinate: Any, value: Any, along: Any, distance: Any,
        directions: Any, t: int, scratch: Any,
    ) -> Any:  # fmt: skip
        x = own(scratch, t)
        for j in range(x.size):
            x[j] = points[p, j]
        if along.size > 0 and along[t] >= 0:
            for j in range(x.size):
                x[j] += distance[t] * directions[along[t], j]
        for r in range(first, last):
            x[coordinate[r]] = value[r]
        return x

    return copy


FORMS: dict[str, Callable[..., Any]] = {
    # Nothing is copied; for losses that only read elements, and probes that replace one coordinate at most.
    "view": _view,
    # A copy, element j of neighbouring threads side by side in memory, so that a warp reads it at once.
    "column": _copy_to(lambda scratch, t: scratch[:, t]),
    # A copy in one piece, for `x.reshape` for instance.
    "row": _copy_to(lambda scratch, t: scratch[t]),
}
"""Forms of ``x``, the best first."""

COPIES = ("column", "row")


def probe_kernel(call: Any, pick: Any, form: str) -> Kernel:
    """Make the kernel of a loss.

    Parameters
    ----------
    call : device function
        ``call(x, args) -> value, ok`` (`jitgrad.loss.device.form`).
    pick : device function
        ``pick(args, point) -> args`` of that point (`jitgrad.loss.device.pick`).
    form : str
        One of `FORMS`.
    """
    make_x = for_kernels(FORMS[form])

    def evaluate_probes(
        points: Any, point: Any, begin: Any, coordinate: Any, value: Any, along: Any, distance: Any, directions: Any,
        args: Any, scratch: Any, arenas: Any, values: Any, statuses: Any,
    ) -> None:  # fmt: skip
        t = cuda.grid(1)
        if t < values.size and point[t] >= 0:  # else it is left out
            # A loss that raises ends its thread here and now: what is to be seen then is written before.
            values[t], statuses[t] = np.nan, RAISED
            if arenas.size > 0:
                open_arena(arenas, t)
            p = point[t]
            x = make_x(
                points, p, begin[t], begin[t + 1], coordinate, value, along, distance, directions, t, scratch
            )  # fmt: skip
            result, ok = call(x, pick(args, p))
            values[t] = result
            if ok:
                statuses[t] = OK

    return evaluate_probes


def peak_kernel(arenas: Any, peaks: Any) -> None:
    """Collect how many bytes of its arena every thread asked for."""
    t = cuda.grid(1)
    if t < peaks.size:
        peaks[t] = arenas[t, 0]
