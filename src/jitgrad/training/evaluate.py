"""The real function at many samples: in turn, all at once, compiled on all cores, or by workers; and counted."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from jitgrad import _check
from jitgrad._errors import LossCompileError
from jitgrad._types import FloatArray
from jitgrad.jacobian import values_of
from jitgrad.launch.probes import Probes, all_points, each_point, replaced
from jitgrad.launch.work import Failure, Reply
from jitgrad.loss.accept import is_jitted, loss_name
from jitgrad.prepared.team import Team

AS_RETURNED = "Return a number, or a one-dimensional array of as many numbers at every sample."


@dataclass(frozen=True, eq=False)
class Samples:
    """A function of pairs, as work that can be sent to workers: a point is ``u`` followed by ``x``.

    Attributes
    ----------
    function : callable
    k : int
        Length of ``u``.
    vectorized : bool
        Whether the function takes all samples at once.
    """

    function: Callable[..., Any]
    k: int
    vectorized: bool

    def named_parts(self) -> dict[str, Any]:
        """Return what the caller passed, by the names of the parameters."""
        return {"function": self.function}

    def run(self, probes: Probes, *, forgive: bool = False) -> Reply:
        """Evaluate the function at every sample; see `jitgrad.launch.work.Work`. Values have shape (probes, p)."""
        before = perf_counter()
        failure: Failure | None = None
        values: FloatArray
        rows: list[FloatArray] = []
        try:
            if self.vectorized:
                points = all_points(probes)
                values = _together(self.function, self.function(points[:, : self.k], points[:, self.k :]), len(points))
            else:
                for _, point in each_point(probes):
                    rows.append(_outputs(self.function, self.function(point[: self.k], point[self.k :]), rows))
                values = np.array(rows)
        except Exception as error:  # it leaves with a note
            if forgive:
                raise
            failure = Failure(len(rows), error, traceback.format_exc())
            values = np.full(probes.point.size, np.nan)
        return Reply(values, perf_counter() - before, failure)


class Function:
    """The real function.

    Parameters
    ----------
    function : callable
    workers : None, int, Executor or map-like callable
    vectorized : bool

    Attributes
    ----------
    evaluations : int
        How many samples it was evaluated at, in lists that came back whole.
    """

    def __init__(self, function: Any, workers: Any, vectorized: Any) -> None:
        if not callable(function):
            raise TypeError(f"function must be something that can be called, got {function!r}. Pass function(u, x).")
        self.evaluations = 0
        self._function = function
        self._team = Team(workers, progress=False)
        self._vectorized = _check.checked_flag("vectorized", vectorized)
        alone = is_jitted(function) and not self._vectorized and self._team.alone
        self._compiled = values_of(function, args_axes=(0,)) if alone else None
        self._work: Samples | None = None

    def call(self) -> AbstractContextManager[None]:
        """Send the function to workers once for all that is evaluated inside."""
        return self._team.call()

    def evaluate(self, u: FloatArray, x: FloatArray) -> FloatArray:
        """Return values of shape (m, p) for ``u`` of shape (m, k) and ``x`` of shape (m, n).

        Raises
        ------
        TypeError, ValueError
            If the function returns anything else.
        Exception
            Whatever the function raises, with a note that shows the sample.
        """
        values = None
        if self._compiled is not None:
            try:
                values = np.asarray(self._compiled(u, x))
            except LossCompileError:
                # It returns one number, or something that Python's call will name.
                self._compiled = None
        values = self._called(u, x) if values is None else values
        self.evaluations += len(u)
        return values

    def _called(self, u: FloatArray, x: FloatArray) -> FloatArray:
        if self._work is None:
            self._work = Samples(self._function, u.shape[1], self._vectorized)
        points = np.concatenate([u, x], axis=1)
        nothing = np.empty((len(points), 0))
        reply = self._team.given(self._work).run(replaced(points, np.arange(len(points)), nothing, nothing))
        if reply.failure is not None:
            k, error, _ = reply.failure
            where = "some of these samples" if self._vectorized else f"u = {u[k]}, x = {x[k]}"
            error.add_note(f"jitgrad: the function {loss_name(self._function)!r} raised this at {where}.")
            raise error
        return reply.values


def _outputs(function: Any, returned: Any, before: list[FloatArray]) -> FloatArray:
    """Return what a function gave for one sample, as an array of shape (p,)."""
    array = np.asarray(returned)
    if array.dtype.kind not in "fiub" or array.ndim > 1 or array.size == 0:
        raise TypeError(
            f"function {loss_name(function)!r} must return real numbers, got {type(returned).__name__} of dtype "
            f"{array.dtype} and shape {array.shape}. {AS_RETURNED}"
        )
    array = np.array(array, np.float64, ndmin=1)
    if before and array.shape != before[0].shape:
        raise ValueError(
            f"function {loss_name(function)!r} must return as many numbers at every sample, got {before[0].size} and "
            f"then {array.size}. {AS_RETURNED}"
        )
    return array


def _together(function: Any, returned: Any, count: int) -> FloatArray:
    """Return what a vectorized function gave for `count` samples, as an array of shape (count, p)."""
    array = np.asarray(returned)
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2) or len(array) != count:
        raise ValueError(
            f"function {loss_name(function)!r} with vectorized=True must return real numbers of shape ({count},) or "
            f"({count}, p) for {count} samples, got dtype {array.dtype} and shape {array.shape}. Return one row for "
            "each row of u, or leave out vectorized."
        )
    return np.array(array, np.float64).reshape(count, -1)
