"""Sums of terms on a device: threads share targets and terms, and add up what they found in a fixed order.

A target is a weighted sum of values at some probes, less the value at a reference. The sum is taken term by term: what
does not depend on the displaced coordinate cancels before it is rounded, which leaves errors 50 to 100 times smaller
than the difference of two sums does.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import types

from jitgrad.launch.cuda.device import Compiled
from jitgrad.launch.cuda.kernels import Kernel, view_of
from jitgrad.launch.cuda.place import Place
from jitgrad.launch.cuda.runner import ARENAS, INDEX, VALUES, Runner
from jitgrad.launch.probes import Probes
from jitgrad.loss.device.form import open_arena
from jitgrad.loss.device.target import SIMULATED, cuda
from jitgrad.loss.separable import Separable
from jitgrad.loss.shim import OK, RAISED

NO_REFERENCE, FAULTY, POINT = -1, -2, -3
"""In place of a reference: nothing is subtracted; the target has no derivative; the term at the point itself."""

WARP = 32
THREADS = 2**7 if SIMULATED else 2**17
"""Threads over which the terms are spread: half of what the largest GPUs hold at a time. The simulator starts threads
of the operating system."""

MOST_ROWS = 1024


def term_of(separable: Separable) -> Any:
    """Return the jitted function ``term(x, k, *args)``: ``x`` comes first in whatever kernels call."""
    term = separable.term
    return numba.njit(lambda x, k, *args: term(k, x, *args))


def terms_kernel(call: Any, count: Any, pick: Any) -> Kernel:
    """Make the kernel of a sum: thread ``(row, t)`` adds every `rows`-th term of target ``t``.

    The threads of a warp have neighbouring targets and the same terms, so that they read the same data at once.

    Parameters
    ----------
    call, count : device function
        ``call(x, (k, *args)) -> term, ok`` and ``count(x, args) -> number of terms, ok``.
    pick : device function
        As in `jitgrad.launch.cuda.kernels.probe_kernel`.
    """

    def evaluate_terms(
        points: Any, point: Any, begin: Any, coordinate: Any, value: Any, first: Any, weights: Any, reference: Any,
        args: Any, arenas: Any, partial: Any, statuses: Any,
    ) -> None:  # fmt: skip
        thread = cuda.grid(1)
        rows, targets = partial.shape
        padded = (targets + WARP - 1) // WARP * WARP
        row = thread // padded
        t = thread - row * padded
        if row < rows and t < targets:
            partial[row, t], statuses[row, t] = np.nan, RAISED
            if arenas.size > 0:
                open_arena(arenas, thread)
            base, p = reference[t], -1
            for probe in range(first[t], first[t + 1]):
                if point[probe] >= 0:
                    p = point[probe]
            total, fine = 0.0, True
            if base == FAULTY:
                total = np.nan
            elif p >= 0:
                chosen = pick(args, p)
                number, fine = count(view_of(points, p, 0, 0, coordinate, value), chosen)
                for k in range(row, int(number), rows):
                    subtracted = 0.0
                    if base != NO_REFERENCE:
                        low, high = (begin[base], begin[base + 1]) if base >= 0 else (0, 0)
                        subtracted, ok = call(view_of(points, p, low, high, coordinate, value), (k, *chosen))
                        fine = fine and ok
                    for probe in range(first[t], first[t + 1]):
                        if point[probe] >= 0 and probe != base:
                            low, high = begin[probe], begin[probe + 1]
                            term, ok = call(view_of(points, p, low, high, coordinate, value), (k, *chosen))
                            fine = fine and ok
                            total += weights[probe] * (term - subtracted)
            partial[row, t] = total
            if fine:
                statuses[row, t] = OK

    return evaluate_terms


def finish_kernel(partial: Any, ended: Any, sums: Any, statuses: Any) -> None:
    """Add up the rows of every target, the first first."""
    t = cuda.grid(1)
    if t < sums.size:
        total, status = 0.0, OK
        for row in range(partial.shape[0]):
            total += partial[row, t]
            status = max(status, ended[row, t])
        sums[t], statuses[t] = total, status


def finish_signature(dtype: Any) -> tuple[Any, ...]:
    """Return the types of the arguments of `finish_kernel`, for sums of a type."""
    sums = types.float64[::1] if dtype == np.float64 else types.float32[::1]
    return (types.float64[:, ::1], types.int8[:, ::1], sums, types.int8[::1])


def terms_signature(place: Place) -> tuple[Any, ...]:
    """Return the types of the arguments of a `terms_kernel`."""
    number, kinds = types.float64 if place.dtype == np.float64 else types.float32, place.arguments.kinds
    args = types.BaseTuple.from_types(kinds) if kinds else types.Tuple(())
    return (
        number[:, ::1], INDEX, INDEX, INDEX, number[::1], INDEX, VALUES, INDEX,
        args, ARENAS, types.float64[:, ::1], types.int8[:, ::1],
    )  # fmt: skip


class TermRunner(Runner):
    """A kernel for sums of terms, used as `Runner` is, and for differences of terms.

    Parameters
    ----------
    place, compiled
        As in `Runner`.
    """

    def __init__(self, place: Place, compiled: Compiled) -> None:
        super().__init__(place, compiled, "terms")

    def launch(self, probes: Probes, values: Any, statuses: Any) -> None:
        """Start the evaluation of a probe list that lies on the device."""
        count, keep = values.shape[0], self._place.buffers.keep
        every = keep("t.every", count + 1, np.arange)
        ones = keep("t.ones", count, np.ones)
        none = keep("t.none", count, lambda size: np.full(size, NO_REFERENCE))
        self.differentiate(probes, every, ones, none, values, statuses)

    def differentiate(self, probes: Probes, first: Any, weights: Any, reference: Any, sums: Any, statuses: Any) -> None:
        """Start the weighted sums of targets, as `jitgrad.difference.Differences` describes them, on the device.

        Parameters
        ----------
        probes : Probes
        first, weights, reference
            As in `Differences`; a target of reference `FAULTY` gets NaN.
        sums : device array, shape (targets,)
            Receives the derivatives.
        statuses : device array of int8, shape (targets,)
        """
        place, targets = self._place, sums.shape[0]
        if targets == 0:
            return
        device, empty = place.device, place.buffers.empty
        padded = -(-targets // WARP) * WARP
        rows = max(1, min(MOST_ROWS, min(THREADS, self.most_threads()) // padded))
        partial, ended = empty("t.partial", (rows, targets), np.float64), empty("t.ended", (rows, targets), np.int8)
        device.launch(self._compiled, rows * padded, (
            probes.points, probes.point, probes.begin, probes.coordinate, probes.value, first, weights, reference,
            place.arguments.values, self._arenas_for(rows * padded), partial, ended,
        ))  # fmt: skip
        finish = place.kernel(finish_kernel, finish_signature(sums.dtype))
        device.launch(finish, targets, (partial, ended, sums, statuses))
