"""Evaluate a probe list on GPUs: slices of it, as large as memory allows, one after another on each device."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.failure import raise_from
from jitgrad.launch.probes import Probes, part_of
from jitgrad.loss.shim import RAISED


def evaluate(bound: CudaLoss, probes: Probes, *, skip: int = 0, forgive: bool = False) -> FloatArray:
    """Evaluate a loss at every probe of a list, as `jitgrad.launch.cpu.evaluate` does.

    Parameters
    ----------
    bound : CudaLoss
    probes : Probes
    skip : int, default 0
        Leave out this many probes at the beginning of the list; their values are NaN.
    forgive : bool, default False
        Whether a probe at which the loss raises has the value NaN, and no exception leaves.

    Returns
    -------
    ndarray of float64, shape (probes,)

    Raises
    ------
    Exception
        Whatever the loss raised, with a note that names the probe; unless `forgive`.
    MemoryError
        If one evaluation allocates more than all threads together may.
    """
    total = probes.point.size
    values, statuses = np.full(total, np.nan), np.zeros(total, np.int8)
    with bound.lock:
        jobs = [_Job(bound, k, probes) for k in range(len(bound.places))] if skip < total else []
        for job in jobs:
            job.runner.learn(job.points)
        start = skip
        while start < total:
            count = min(*(job.runner.most_threads() for job in jobs), -(-(total - start) // len(jobs)))
            parts = [
                slice(s, min(s + count, total)) for s in range(start, min(total, start + count * len(jobs)), count)
            ]
            for job, part in zip(jobs, parts, strict=False):
                job.launch(part)
            enough = [job.collect(part, values, statuses) for job, part in zip(jobs, parts, strict=False)]
            if all(enough):  # else once more
                start = parts[-1].stop
    raised = np.flatnonzero(statuses & RAISED)
    if raised.size and not forgive:
        raise_from(bound, probes, int(raised[0]))
    return values


class _Job:
    """A probe list on one of the devices."""

    def __init__(self, bound: CudaLoss, k: int, probes: Probes) -> None:
        self._probes = probes
        self._place, self._buffers = bound.places[k], bound.places[k].buffers
        replacements = np.diff(probes.begin).max(initial=0)
        self.runner = bound.runner(k, replacing=bool(replacements <= 1 and probes.along.size == 0))
        self.points = self._buffers.put("points", probes.points)
        self._directions = self._buffers.put("directions", probes.directions)
        self._values: Any = None
        self._statuses: Any = None

    def launch(self, part: slice) -> None:
        """Start the evaluation of a slice of the list."""
        buffers, count = self._buffers, part.stop - part.start
        lists = part_of(self._probes, part.start, part.stop)._asdict()
        there = {name: buffers.put(name, lists[name]) for name in lists.keys() - {"points", "directions"}}
        self._values = buffers.empty("values", (count,), np.float64)
        self._statuses = buffers.empty("statuses", (count,), np.int8)
        self.runner.launch(
            Probes(points=self.points, directions=self._directions, **there), self._values, self._statuses
        )

    def collect(self, part: slice, values: FloatArray, statuses: Array) -> bool:
        """Wait for a slice; return whether there was memory enough. If not, there will be the next time."""
        place = self._place
        values[part], statuses[part] = place.device.get(self._values), place.device.get(self._statuses)
        if not (self.runner.allocates and (statuses[part] & RAISED).any()):
            return True
        before, place.width = place.width, max(place.width, self.runner.peak())
        return place.width == before
