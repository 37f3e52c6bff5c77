"""The launcher for any Python callable: one probe after the other, or all at once, on the calling thread."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from jitgrad.launch.probes import Probes, all_points, each_point, part_of
from jitgrad.launch.returns import Numbers, Returns
from jitgrad.launch.work import Failure, Reply
from jitgrad.loss.arguments import BatchedArguments

MOST_BYTES = 2**28
"""A vectorized loss gets no more points than this at once: a gradient of a million coordinates would need terabytes."""


@dataclass(frozen=True, eq=False)
class BlackBox:
    """A callable with its arguments.

    Attributes
    ----------
    fun : callable
        ``fun(x, *args)``, with `x` of shape (n,), an array of its own. Arguments are handed out as they are: copies of
        large arrays would cost more than most evaluations.
    arguments : BatchedArguments
    vectorized : bool, default False
        Whether `fun` takes points of shape (k, n), in one array of its own, and returns values for all of them. Of
        arguments that vary it gets one entry per point.
    returns : type, default Numbers
        What `fun` returns: see `jitgrad.launch.returns`.
    """

    fun: Callable[..., Any]
    arguments: BatchedArguments
    vectorized: bool = False
    returns: type[Returns] = Numbers

    def named_parts(self) -> dict[str, Any]:
        """Return what the caller passed, by the names of the parameters."""
        before = getattr(self.fun, "names", ())  # what a loss made from the caller's takes first
        shared = self.arguments.shared
        args = {f"args[{k}]": value for k, value in enumerate(shared[len(before) :])}
        return {"fun": self.fun} | dict(zip(before, shared, strict=False)) | args

    def run(self, probes: Probes, *, forgive: bool = False) -> Reply:
        """Evaluate the callable at every probe; see `jitgrad.launch.work.Work`."""
        returned = self.returns(self.fun, probes.point.size)
        before = perf_counter()
        failure = (self._together if self.vectorized else self._in_turn)(probes, returned, forgive)
        return Reply(returned.values, perf_counter() - before, failure)

    def _in_turn(self, probes: Probes, returned: Returns, forgive: bool) -> Failure | None:
        fun, arguments, args, last = self.fun, self.arguments, self.arguments.shared, -1
        vary, put = arguments.vary, returned.put
        for k, (row, x) in enumerate(each_point(probes)):
            if vary and row != last:
                args, last = arguments.at(row), row
            try:
                put(k, fun(x, *args))
            except Exception as error:  # noqa: BLE001  # it leaves with a note
                if not forgive:
                    return Failure(k, error, traceback.format_exc())
        return None

    def _together(self, probes: Probes, returned: Returns, forgive: bool) -> Failure | None:
        at_once = max(1, MOST_BYTES // max(1, probes.points[:1].nbytes + self.arguments.bytes_per_point))
        for start in range(0, probes.point.size, at_once):
            part = part_of(probes, start, start + at_once)
            try:
                found = self.fun(all_points(part), *self.arguments.of(part.point))
            except Exception as error:  # noqa: BLE001  # it leaves with a note
                failure = self._alone(part, start, returned, error, forgive)
                if failure is not None:
                    return failure
            else:
                returned.put_many(start, part.point.size, found)
        return None

    def _alone(self, probes: Probes, start: int, returned: Returns, error: Exception, forgive: bool) -> Failure | None:
        """Look for the probe at which a vectorized callable raised `error`: a call with many does not say."""
        trace = traceback.format_exc()
        for k, (row, x) in enumerate(each_point(probes), start):
            try:
                found = self.fun(x[None], *self.arguments.of(np.array([row])))
            except Exception as own:  # noqa: BLE001
                if not forgive:
                    return Failure(k, own, traceback.format_exc())
            else:
                returned.put_many(k, 1, found)
        if forgive:
            return None
        returned.forget(start)
        error.add_note(f"jitgrad: it raised this for {probes.point.size} points at once, and for none of them alone.")
        return Failure(start, error, trace)
