"""A compiled kernel of a loss on a device, with the memory that its threads need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core import types

from jitgrad.launch.cuda.device import WORD, Compiled
from jitgrad.launch.cuda.kernels import COPIES, peak_kernel
from jitgrad.launch.probes import Probes
from jitgrad.loss.accept import loss_name
from jitgrad.loss.shim import RAISED

if TYPE_CHECKING:
    from jitgrad.launch.cuda.bound import CudaLoss

MOST_THREADS = 2**20
"""Probes of one launch: more than any GPU works on at once, and few enough to be interrupted in between."""

MOST_MEMORY = 2**28
"""Bytes that the threads of a launch may have together, for copies of ``x`` and for what the loss allocates."""

FEWEST_THREADS = 32
"""A warp: fewer threads would idle in step with it."""

FIRST_ARENA = 2**17
"""Bytes that the first thread gets, which shows what the others need."""

INDEX, VALUES, ARENAS = types.int64[::1], types.float64[::1], types.int64[:, ::1]
"""Types of what kernels get."""

KINDS = ("view", *COPIES)
"""Forms of ``x``, the best first: no copy, copies that a warp reads at once, copies in one piece."""

_PEAK_SIGNATURE = (ARENAS, INDEX)


class Form:
    """A kernel for one form of ``x``: views, or copies in a scratch matrix.

    Parameters
    ----------
    bound : CudaLoss
    k : int
        On which of its devices.
    compiled : Compiled
    kind : str
        One of `KINDS`.
    """

    def __init__(self, bound: CudaLoss, k: int, compiled: Compiled, kind: str) -> None:
        self._bound, self._k = bound, k
        self._compiled, self.kind = compiled, kind
        self.allocates = compiled.allocates
        self._arenas: Any = None

    def learn(self, points: Any) -> None:
        """Find out how much an evaluation allocates, by one at the first of `points`, if it is not known yet."""
        bound, buffers, device = self._bound, self._bound.buffers[self._k], self._bound.devices[self._k]
        if not self.allocates or bound.width > 0:
            return
        nothing = buffers.empty("nothing", (0,), np.int64)
        nowhere = buffers.empty("nowhere", (0,), bound.dtype)
        point, begin = buffers.put("first point", np.zeros(1, np.int64)), buffers.put("no begin", np.zeros(2, np.int64))
        directions = buffers.empty("no directions", (0, bound.n), bound.dtype)
        probe = Probes(points, point, begin, nothing, nowhere, nothing, nowhere, directions)
        values, statuses = buffers.empty("value", (1,), np.float64), buffers.empty("status", (1,), np.int8)
        peak, bound.width = FIRST_ARENA + 1, 0
        while peak > bound.width:
            bound.width = max(FIRST_ARENA, peak if bound.width else 0)
            self.most_threads()  # raises if it is too much
            self.launch(probe, values, statuses)
            peak = self.peak()
        if not device.get(statuses)[0] & RAISED:  # else it ended before it had asked for everything
            bound.width = peak

    def most_threads(self) -> int:
        """Return how many threads a launch may have."""
        copy = self._bound.n * self._bound.dtype.itemsize if self.kind in COPIES else 0
        each = max(1, self._bound.width + copy)
        if FEWEST_THREADS * each > MOST_MEMORY:
            raise MemoryError(
                f"one evaluation of loss {loss_name(self._bound.loss)!r} takes {each} bytes, but {FEWEST_THREADS} "
                f"threads of a GPU share {MOST_MEMORY}. Allocate less in the loss (before its loops), or use grad_cpu."
            )
        return min(MOST_THREADS, MOST_MEMORY // each)

    def launch(self, probes: Probes, values: Any, statuses: Any) -> None:
        """Start the evaluation of a probe list that lies on the device, one thread per probe."""
        bound, k, count = self._bound, self._k, values.shape[0]
        shape = {"column": (bound.n, count), "row": (count, bound.n)}.get(self.kind, (0, 0))
        width = bound.width // WORD if self.allocates else 0
        scratch = bound.buffers[k].empty("scratch", shape, bound.dtype)
        self._arenas = bound.buffers[k].empty("arenas", (count, width), np.int64)
        arguments = (*probes, bound.on[k].values, scratch, self._arenas, values, statuses)
        bound.devices[k].launch(self._compiled, count, arguments)

    def peak(self) -> int:
        """Return how many bytes of its arena a thread of the last launch has asked for."""
        device, threads = self._bound.devices[self._k], self._arenas.shape[0]
        peaks = self._bound.buffers[self._k].empty("peaks", (threads,), np.int64)
        device.launch(self._bound.helper(self._k, peak_kernel, _PEAK_SIGNATURE), threads, (self._arenas, peaks))
        return -(-int(device.get(peaks).max()) // (2 * WORD)) * 2 * WORD
