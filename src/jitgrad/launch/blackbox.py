"""The launcher for any Python callable: one probe after the other, or all at once, on the calling thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.launch.probes import Probes, all_points, each_point, part_of
from jitgrad.launch.work import Failure, Reply
from jitgrad.loss.arguments import BatchedArguments
from jitgrad.loss.returned import real_number, real_numbers

MOST_BYTES = 2**28
"""A vectorized loss gets no more points than this at once: a gradient of a million coordinates would need terabytes."""


@dataclass(frozen=True, eq=False)
class BlackBox:
    """A callable with its arguments.

    Attributes
    ----------
    fun : callable
        ``fun(x, *args) -> float``, with `x` of shape (n,), an array of its own. Arguments are handed out as they are:
        copies of large arrays would cost more than most evaluations.
    arguments : BatchedArguments
    vectorized : bool, default False
        Whether `fun` takes points of shape (k, n), in one array of its own, and returns values of shape (k,).
    """

    fun: Callable[..., Any]
    arguments: BatchedArguments
    vectorized: bool = False

    def named_parts(self) -> dict[str, Any]:
        """Return what the caller passed, by the names of the parameters."""
        return {"fun": self.fun} | {f"args[{k}]": value for k, value in enumerate(self.arguments.shared)}

    def run(self, probes: Probes, *, forgive: bool = False) -> Reply:
        """Evaluate the callable at every probe; see `jitgrad.launch.work.Work`."""
        values = np.full(probes.point.size, np.nan)
        before = perf_counter()
        failure = (self._together if self.vectorized else self._in_turn)(probes, values, forgive)
        return Reply(values, perf_counter() - before, failure)

    def _in_turn(self, probes: Probes, values: FloatArray, forgive: bool) -> Failure | None:
        fun, arguments, args, last = self.fun, self.arguments, self.arguments.shared, -1
        vary = arguments.vary
        for k, (row, x) in enumerate(each_point(probes)):
            if vary and row != last:
                args, last = arguments.at(row), row
            try:
                value = fun(x, *args)
                # A float, of NumPy too, is what most give: looking closer would cost as much as the call.
                values[k] = value if isinstance(value, float) else real_number(fun, value)
            except Exception as error:  # noqa: BLE001  # it leaves with a note
                if not forgive:
                    return Failure(k, error, traceback.format_exc())
        return None

    def _together(self, probes: Probes, values: FloatArray, forgive: bool) -> Failure | None:
        at_once = max(1, MOST_BYTES // max(1, probes.points[:1].nbytes))
        for start in range(0, values.size, at_once):
            part, out = part_of(probes, start, start + at_once), values[start : start + at_once]
            try:
                found = self.fun(all_points(part), *self.arguments.shared)
            except Exception as error:  # noqa: BLE001  # it leaves with a note
                failure = self._alone(part, out, error, forgive)
                if failure is not None:
                    return failure._replace(probe=start + failure.probe)
            else:
                out[:] = real_numbers(self.fun, found, out.size)
        return None

    def _alone(self, probes: Probes, values: FloatArray, error: Exception, forgive: bool) -> Failure | None:
        """Look for the probe at which a vectorized callable raised `error`: a call with many does not say."""
        trace = traceback.format_exc()
        for k, (_, x) in enumerate(each_point(probes)):
            try:
                found = self.fun(x[None], *self.arguments.shared)
            except Exception as own:  # noqa: BLE001
                if not forgive:
                    values[k:] = np.nan
                    return Failure(k, own, traceback.format_exc())
            else:
                values[k] = real_numbers(self.fun, found, 1)[0]
        if forgive:
            return None
        values[:] = np.nan
        error.add_note(f"jitgrad: it raised this for {values.size} points at once, and for none of them alone.")
        return Failure(0, error, trace)
