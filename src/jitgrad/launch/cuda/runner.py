"""A compiled kernel of a loss on a device, run with the memory that its threads need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types

from jitgrad.launch.cuda.device import WORD, Compiled
from jitgrad.launch.cuda.kernels import COPIES, peak_kernel
from jitgrad.launch.cuda.place import Place
from jitgrad.launch.probes import Probes
from jitgrad.loss.shim import RAISED

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

PEAK_SIGNATURE = (ARENAS, INDEX)


class Runner:
    """A kernel for one form of ``x``: views, or copies in a scratch matrix.

    Parameters
    ----------
    place : Place
    compiled : Compiled
    form : str
        One of `FORMS`, or "terms".
    """

    def __init__(self, place: Place, compiled: Compiled, form: str) -> None:
        self._place, self._compiled, self.form = place, compiled, form
        self.allocates = compiled.allocates
        self._arenas: Any = None

    def learn(self, points: Any) -> None:
        """Find out how much an evaluation allocates, by one at the first of `points`, if it is not known yet."""
        place, buffers = self._place, self._place.buffers
        if not self.allocates or place.width > 0:
            return
        nothing = buffers.empty("nothing", (0,), np.int64)
        nowhere = buffers.empty("nowhere", (0,), place.dtype)
        point, begin = buffers.put("first point", np.zeros(1, np.int64)), buffers.put("no begin", np.zeros(2, np.int64))
        directions = buffers.empty("no directions", (0, place.n), place.dtype)
        probe = Probes(points, point, begin, nothing, nowhere, nothing, nowhere, directions)
        values, statuses = buffers.empty("value", (1,), np.float64), buffers.empty("status", (1,), np.int8)
        peak, place.width = FIRST_ARENA + 1, 0
        while peak > place.width:
            place.width = max(FIRST_ARENA, peak if place.width else 0)
            self.most_threads()  # raises if it is too much
            self.launch(probe, values, statuses)
            peak = self.peak()
        if not place.device.get(statuses)[0] & RAISED:  # else it ended before it had asked for everything
            place.width = peak

    def most_threads(self) -> int:
        """Return how many threads a launch may have."""
        place = self._place
        copy = place.n * place.dtype.itemsize if self.form in COPIES else 0
        each = max(1, place.width + copy)
        if FEWEST_THREADS * each > MOST_MEMORY:
            raise MemoryError(
                f"one evaluation of loss {place.name!r} takes {each} bytes, but {FEWEST_THREADS} "
                f"threads of a GPU share {MOST_MEMORY}. Allocate less in the loss (before its loops), or use grad_cpu."
            )
        return min(MOST_THREADS, MOST_MEMORY // each)

    def launch(self, probes: Probes, values: Any, statuses: Any) -> None:
        """Start the evaluation of a probe list that lies on the device, one thread per probe."""
        place, count = self._place, values.shape[0]
        shape = {"column": (place.n, count), "row": (count, place.n)}.get(self.form, (0, 0))
        scratch, arenas = place.buffers.empty("scratch", shape, place.dtype), self._arenas_for(count)
        arguments = (*probes, place.arguments.values, scratch, arenas, values, statuses)
        place.device.launch(self._compiled, count, arguments)

    def peak(self) -> int:
        """Return how many bytes of its arena a thread of the last launch has asked for."""
        place, threads = self._place, self._arenas.shape[0]
        peaks = place.buffers.empty("peaks", (threads,), np.int64)
        place.device.launch(place.kernel(peak_kernel, PEAK_SIGNATURE), threads, (self._arenas, peaks))
        return -(-int(place.device.get(peaks).max()) // (2 * WORD)) * 2 * WORD

    def _arenas_for(self, threads: int) -> Any:
        """Return memory for what the loss allocates, a row for each thread."""
        width = self._place.width // WORD if self.allocates else 0
        self._arenas = self._place.buffers.empty("arenas", (threads, width), np.int64)
        return self._arenas
