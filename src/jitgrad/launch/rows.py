"""The launcher for functions of several outputs on the CPU: a probe list in, one row of outputs per probe out.

One loop for every function, like `jitgrad.launch.drivers`, without lanes: each probe is evaluated once for all outputs.
"""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np

from jitgrad._errors import LossCompileError
from jitgrad._jit import element, kernel, parallel_kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch import threads as pool
from jitgrad.launch.cpu import CALLS_WITHOUT_THREADS, SLICE_SECONDS, workers_for
from jitgrad.launch.drivers import refresh
from jitgrad.launch.failure import probe_point, raise_from
from jitgrad.launch.memory import address_of, call_shim
from jitgrad.launch.probes import Probes, replaced
from jitgrad.loss.accept import loss_name
from jitgrad.loss.arguments import call_from_python
from jitgrad.loss.bind import BoundLoss, bind, rebind
from jitgrad.loss.derived import derived_loss, refuse_outputs
from jitgrad.loss.pack import HEAD
from jitgrad.loss.shim import RAISED

OUT = HEAD
"""Words of a block where the data pointer and the size of the array for the outputs stand."""

NOT_WRITTEN = np.empty(0)
"""Stands for that array when a function is bound."""


@element
def _run_rows(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    start: int,
    stop: int,
    rows: FloatArray,
    counts: IntArray,
    statuses: Array,
) -> None:
    """Evaluate probes ``start`` to ``stop - 1`` on the calling thread; go on behind one that raises."""
    points, point, begin = probes.points, probes.point, probes.begin
    coordinate, value = probes.coordinate, probes.value
    n, width = points.shape[1], rows.shape[1]
    x, result, block = np.empty(n, points.dtype), np.empty(1), np.empty(blocks.shape[1], np.int64)
    copies = np.empty(private[:, 3].sum() if private.shape[0] > 0 else 0, np.uint8)
    first_row, size = address_of(rows), rows.itemsize * width
    for k in range(start, stop):
        p = point[k]
        for j in range(n):
            x[j] = points[p, j]
        for r in range(begin[k], begin[k + 1]):
            x[coordinate[r]] = value[r]
        refresh(private, block, address_of(blocks) + entry[3] * p, copies)
        block[OUT], block[OUT + 1] = first_row + k * size, width
        statuses[k] = call_shim(entry[0], address_of(x), n, address_of(result), address_of(block), 0)
        counts[k] = int(result[0]) if statuses[k] == 0 else width


@kernel
def run_rows(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    start: int,
    stop: int,
    rows: FloatArray,
    counts: IntArray,
    statuses: Array,
) -> None:
    """Evaluate a range of probes on the calling thread.

    Parameters
    ----------
    entry, blocks, private
        As in `jitgrad.loss.bind.BoundLoss`, of a recorded function (`jitgrad.loss.derived`).
    probes : Probes
        Without directions.
    start, stop : int
        Range of probes.
    rows : ndarray of float64, shape (probes, width)
        Receives the outputs.
    counts : ndarray of int64, shape (probes,)
        Receives how many outputs there were.
    statuses : ndarray of int8, shape (probes,)
        Receives the status of every probe.
    """
    _run_rows(entry, blocks, private, probes, start, stop, rows, counts, statuses)


@parallel_kernel
def run_rows_parallel(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    start: int,
    stop: int,
    rows: FloatArray,
    counts: IntArray,
    statuses: Array,
    threads: int,
) -> None:
    """As `run_rows`, on `threads` threads, each with a contiguous part."""
    for thread in numba.prange(threads):
        first = start + (stop - start) * thread // threads
        last = start + (stop - start) * (thread + 1) // threads
        _run_rows(entry, blocks, private, probes, first, last, rows, counts, statuses)


class Outputs:
    """A function of several outputs with its arguments, ready to be evaluated around some points.

    Attributes
    ----------
    width : int
        How many outputs it has.
    number : bool
        False: one number is no output.
    """

    number = False

    def __init__(self, function: Any, bound: BoundLoss, width: int, seconds: float, threads: int | None) -> None:
        self.width = width
        self._function, self._bound, self._seconds, self._threads = function, bound, seconds, threads
        self._serial_calls = 0  # to come, that leave threads alone
        compiled = bound.compiled
        self._in_python = compiled is None or not compiled.packed  # nobody can say where the outputs shall go

    @staticmethod
    def of(
        function: Any,
        points: Array,
        args: tuple[Any, ...],
        axes: tuple[int | None, ...],
        batch: tuple[int, ...],
        threads: int | None,
    ) -> Outputs:
        """Compile a function for these arguments, and ask it at the first point how many outputs it has.

        Parameters
        ----------
        function : numba dispatcher
        points : ndarray of shape (m, n)
            At least one.
        args, axes, batch
            As in `jitgrad.loss.bind.bind`.
        threads : int or None

        Raises
        ------
        LossCompileError, TypeError, Exception
            If it does not compile, does not return a vector, or raises.
        """
        recorded = derived_loss("recorded", function, args)
        with pool.exclusive():  # the function may start threads of its own
            try:
                bound = bind(recorded, points, (NOT_WRITTEN, *args), (None, *axes), batch)
            except LossCompileError as error:
                refuse_outputs(function, error)
                raise
            seconds = bound.seconds(points)
        outputs = Outputs(function, bound, 0, seconds, threads)
        here = replaced(points, [0], np.empty((1, 0)), np.empty((1, 0)))
        outputs.width = outputs._width_at(here)
        return outputs

    def renewed(self, points: Array, args: tuple[Any, ...]) -> Outputs | None:
        """Return the same for other arguments of the same kinds, or None."""
        bound = rebind(self._bound, points, (NOT_WRITTEN, *args))
        if bound is None:
            return None
        outputs = Outputs(self._function, bound, self.width, self._seconds, self._threads)
        outputs._serial_calls = self._serial_calls
        return outputs

    def count(self, first: Any) -> int:
        """Return how many outputs there are; what compiled the function has looked at one point."""
        del first
        return self.width

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate the function at every probe of a list without directions.

        Parameters
        ----------
        probes : Probes
        skip : int, default 0
            Leave out this many at the beginning; their outputs are NaN.
        forgive : bool, default False
            Whether outputs are NaN where the function raises, and no exception leaves.

        Returns
        -------
        ndarray of float64, shape (probes, width)

        Raises
        ------
        ValueError
            If the number of outputs is not the same everywhere.
        Exception
            Whatever the function raises, with a note that names the probe; unless `forgive`.
        """
        total = probes.point.size
        rows, counts = np.full((total, self.width), np.nan), np.full(total, self.width)
        statuses = np.zeros(total, np.int8)
        self._run(probes, skip, skip, rows, counts, statuses, 1)  # loads the driver, which must not be taken for work
        start = skip
        while start < total:
            workers = self._workers((total - start) * self._seconds)
            stop = min(total, start + max(workers, int(SLICE_SECONDS * workers / max(self._seconds, 1e-9))))
            self._run(probes, start, stop, rows, counts, statuses, workers)
            raised = start + np.flatnonzero(statuses[start:stop] & RAISED)
            if raised.size and not forgive:
                raise_from(self._bound, probes, int(raised[0]))
            rows[raised] = np.nan
            start = stop
        other = np.flatnonzero(counts != self.width)
        if other.size:
            raise ValueError(
                f"function {loss_name(self._function)!r} must have the same number of outputs everywhere, but it has "
                f"{self.width} and, elsewhere, {counts[other[0]]}. Return an array of fixed length."
            )
        return rows

    def _run(
        self,
        probes: Probes,
        start: int,
        stop: int,
        rows: FloatArray,
        counts: IntArray,
        statuses: Array,
        workers: int,
    ) -> None:
        if self._in_python:
            for k in range(start, stop):
                self._call(probes, k, rows, counts, statuses)
            return
        b = self._bound
        job = (b.entry, b.blocks, b.private, probes, start, stop, rows, counts, statuses)
        before = time.perf_counter()
        if workers > 1:
            with pool.exclusive():
                run_rows_parallel(*job, workers)
            if time.perf_counter() - before > (stop - start) * self._seconds and self._threads is None:
                self._serial_calls = CALLS_WITHOUT_THREADS
            return
        if b.threaded:
            with pool.exclusive():
                run_rows(*job)
        else:
            run_rows(*job)
        if stop > start:  # at most doubled: a call that the system interrupted says nothing about the function
            self._seconds = min((time.perf_counter() - before) / (stop - start), 2.0 * self._seconds)

    def _workers(self, work: float) -> int:
        """Choose the number of threads for evaluations that take `work` seconds on one."""
        if self._in_python:
            return 1
        if self._serial_calls > 0:
            self._serial_calls -= 1
            return 1
        return workers_for(self._bound, work, self._threads)

    def _call(self, probes: Probes, k: int, rows: FloatArray, counts: IntArray, statuses: Array) -> None:
        """Evaluate one probe from Python."""
        values = self._bound.values.at(int(probes.point[k]))[1:]
        try:
            outputs = np.asarray(call_from_python(self._function, probe_point(probes, k), values))
        except Exception:  # noqa: BLE001  # it is raised once more where the probe is named
            statuses[k] = RAISED
            return
        counts[k] = outputs.size
        if outputs.size == self.width:
            rows[k] = outputs

    def _width_at(self, here: Probes) -> int:
        """Return how many outputs there are at the one probe of a list."""
        counts, statuses = np.zeros(1, np.int64), np.zeros(1, np.int8)
        self._run(here, 0, 1, np.empty((1, 0)), counts, statuses, 1)
        if statuses[0] & RAISED:
            raise_from(self._bound, here, 0)
        return int(counts[0])
