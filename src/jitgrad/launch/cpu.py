"""The launcher for the CPU: a probe list in, values out."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.launch import threads as pool
from jitgrad.launch.drivers import run_parallel, run_serial
from jitgrad.launch.failure import raise_from
from jitgrad.launch.probes import Probes, first_displaced, replaced
from jitgrad.loss.bind import BoundLoss
from jitgrad.loss.shim import RAISED

SLICE_SECONDS = 0.2
"""Longest stretch of compiled work: Ctrl-C is heeded in between."""


CALLS_WITHOUT_THREADS = 20
"""So many calls stay on one thread after one that was slower on several: a thread that has to wait for its
core keeps the others waiting, for milliseconds."""

MOST_LANES = 64
"""A multiple of every number of lanes."""


class Evaluation(NamedTuple):
    """What a launcher gives back.

    Attributes
    ----------
    values : ndarray of float64, shape (probes,)
        The loss at every probe.
    seconds : float
        Time of one evaluation on one thread; where threads were used, as it was known before.
    slower : bool
        Whether threads were used, and took longer than one would have: they wait for their cores.
    raised : int
        The first probe at which the loss raised, after which there are no values; -1 if it did not.
    """

    values: FloatArray
    seconds: float
    slower: bool
    raised: int


def evaluate(
    bound: BoundLoss,
    probes: Probes,
    seconds: float,
    *,
    skip: int = 0,
    threads: int | None = None,
    forgive: bool = False,
) -> Evaluation:
    """Evaluate a loss at every probe of a list.

    Parameters
    ----------
    bound : BoundLoss
        The loss and its arguments.
    probes : Probes
    seconds : float
        What one evaluation costs, measured earlier.
    skip : int, default 0
        Leave out this many probes at the beginning of the list; their values are NaN.
    threads : int, optional
        Number of threads. Default: as many as numba has, or one where starting them costs more than it saves.
    forgive : bool, default False
        Whether a probe at which the loss raises has the value NaN, and no exception leaves. For probes further away
        than the user can expect them.

    Returns
    -------
    Evaluation

    Raises
    ------
    Exception
        Whatever the loss raised, with a note that names the probe; unless `forgive`.
    """
    found = attempt(bound, probes, seconds, skip=skip, threads=threads, forgive=forgive)
    if found.raised >= 0:
        raise_from(bound, probes, found.raised)
    return found


def attempt(
    bound: BoundLoss,
    probes: Probes,
    seconds: float,
    *,
    skip: int = 0,
    threads: int | None = None,
    forgive: bool = False,
) -> Evaluation:
    """As `evaluate`, but stop where the loss raises, and leave it to the caller to find out what."""
    total = probes.point.size
    values = np.full(total, np.nan)
    statuses = np.zeros(total, np.int8)
    job = _Job(bound, probes, first_displaced(probes), values, statuses)
    job.run(skip, skip, 1)  # loads the driver, which must not be taken for work
    start, elapsed, most = skip, 0.0, 1
    while start < total:
        workers = workers_for(bound, (total - start) * seconds, threads)
        chunk = max(workers, int(SLICE_SECONDS * workers / max(seconds, 1e-9)))
        # Slices end where groups of lanes do, however long they are: the groups do not depend on the clock.
        stop = min(total, start + chunk + -(start + chunk - job.origin) % MOST_LANES)
        elapsed += job.run(start, stop, workers)
        most = max(most, workers)
        raised = np.flatnonzero(statuses[start:stop] & RAISED)
        if raised.size and not forgive:
            return Evaluation(values, seconds, slower=False, raised=start + int(raised[0]))
        if raised.size:
            job.run_past_exceptions(start + int(raised[0]), stop)
        start = stop
    count = max(1, total - skip)
    return Evaluation(values, elapsed / count if most == 1 else seconds, most > 1 and elapsed > count * seconds, -1)


class _Job(NamedTuple):
    bound: BoundLoss
    probes: Probes
    origin: int
    values: FloatArray
    statuses: Array

    def run(self, start: int, stop: int, workers: int) -> float:
        """Evaluate a range of probes and return the time it took, in seconds."""
        b = self.bound
        lanes = b.lanes.lanes_now() if b.lanes.count > 1 else 1
        b.entry[2] = lanes
        workers = min(workers, max(1, -(-(stop - start) // lanes)))  # each has memory for x in all lanes
        job = (b.entry, b.blocks, b.private, self.probes, self.origin, start, stop, self.values, self.statuses)
        before = time.perf_counter()
        if workers > 1:
            with pool.exclusive():
                alone = run_parallel(*job, workers)
        elif b.threaded:  # the loss starts threads of its own
            with pool.exclusive():
                alone = run_serial(*job)
        else:
            alone = run_serial(*job)
        elapsed = time.perf_counter() - before
        if lanes > 1:
            b.lanes.learn(alone, stop - start)
        return elapsed

    def run_past_exceptions(self, raised: int, stop: int) -> None:
        """Go on behind the probe that raised, one thread for all: each of several stopped at its first."""
        while raised < stop:
            self.values[raised] = np.nan
            self.statuses[raised + 1 : stop] = 0
            self.run(raised + 1, stop, 1)
            later = np.flatnonzero(self.statuses[raised + 1 : stop] & RAISED)
            raised = raised + 1 + int(later[0]) if later.size else stop


def workers_for(bound: BoundLoss, work: float, wanted: int | None) -> int:
    """Choose the number of threads for evaluations that take `work` seconds on one."""
    if bound.serial or wanted == 1:
        return 1
    if wanted is None and work < LEAST_PARALLEL_SECONDS:
        return 1
    limit = pool.thread_limit(wanted)
    if wanted is not None or limit == 1:
        return limit
    saved = work * (1.0 - 1.0 / limit)
    return limit if saved > pool.launch_seconds(_launch_nothing) else 1


LEAST_PARALLEL_SECONDS = 5e-6
"""No threading layer starts faster than this; below it the start is not even measured."""


def _launch_nothing() -> None:
    """Run an empty parallel loop, as `_Job.run` would."""
    nothing = np.empty((0, 4), np.int64)
    empty = replaced(np.zeros((1, 1)), np.empty(0, np.int64), np.empty((0, 1)), np.empty((0, 1)))
    job = (np.array([0, 0, 1, 0, 0, 0]), nothing, nothing, empty, 0, 0, 0, np.empty(0), np.empty(0, np.int8))
    with pool.exclusive():
        run_parallel(*job, pool.thread_limit(None))
