"""Functions of several outputs, prepared once and called often: their values and Jacobians."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, FloatArray
from jitgrad.difference import Differences, combine, differences
from jitgrad.launch.probes import Probes, replaced
from jitgrad.launch.rows import Outputs
from jitgrad.loss.accept import jitted_loss
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.options import JacobianOptions
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.repair import raise_fault


class Values:
    """Callable ``values(u, *args)`` that returns the outputs of a function; made by `values_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, function: Any, *, args_axes: ArgsAxes = None, threads: int | None = None) -> None:
        self._function = jitted_loss(function)
        self._args_axes = None if args_axes is None else tuple(args_axes)
        self._threads = _check.checked_threads(threads)
        self._known: tuple[tuple[int, ...], np.dtype[Any], Outputs] | None = None

    def __call__(self, u: npt.ArrayLike, *args: Any) -> FloatArray:
        """Return the outputs at `u`.

        Parameters
        ----------
        u : array_like of shape (..., k)
        *args
            What the function takes after ``u``.

        Returns
        -------
        ndarray of float64, shape (..., p)
        """
        points = _check.checked_points(u)
        rows, outputs = rows_of(points), self.outputs(points, args)
        nothing = np.empty((len(rows), 0))
        found = outputs.evaluate(replaced(rows, np.arange(len(rows)), nothing, nothing))
        return found.reshape(*points.shape[:-1], outputs.width)

    def outputs(self, points: Array, args: tuple[Any, ...]) -> Outputs:
        """Prepare to evaluate the function around points.

        Parameters
        ----------
        points : ndarray of shape (..., k)
            From `jitgrad._check.checked_points`; at least one.
        args : tuple

        Raises
        ------
        ValueError
            If there is no point: nobody can say how many outputs there are.
        """
        if 0 in points.shape[:-1]:
            raise ValueError(
                f"u must hold at least one point to show how many outputs the function has, got shape {points.shape}."
            )
        batch, rows = points.shape[:-1], rows_of(points)
        axes = _check.checked_axes(self._args_axes, args, batch)
        known, outputs = self._known, None
        if known is not None and known[:2] == (points.shape, points.dtype):
            outputs = known[2].renewed(rows, args)
        if outputs is None:
            outputs = Outputs.of(self._function, rows, args, axes, batch, self._threads)
        self._known = (points.shape, points.dtype, outputs)
        return outputs


class Jacobian:
    """Callable ``jacobian(u, *args)`` that returns the derivatives of all outputs; made by `jacobian_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, function: Any, **options: Unpack[JacobianOptions]) -> None:
        args_axes, threads = options.pop("args_axes", None), options.pop("threads", None)
        self._values = Values(function, args_axes=args_axes, threads=threads)
        self._gradient = OutputGradient(function, vectorize="off", **options)

    def __call__(self, u: npt.ArrayLike, *args: Any) -> Array:
        """Return the Jacobian at `u`.

        Parameters
        ----------
        u : array_like of shape (..., k)
        *args
            What the function takes after ``u``.

        Returns
        -------
        ndarray of shape (..., p, k)
            float32 for float32 `u`, else float64. With ``coords`` its last axis has one entry per chosen coordinate.
        """
        points = _check.checked_points(u)
        return self.by_output(points, self._values.outputs(points, args))

    def by_output(self, points: Array, outputs: Outputs) -> Array:
        """Differentiate a function that is ready to be evaluated around these points."""
        # Before anything is evaluated: points are checked as those of a gradient are, and not once per output.
        plan = self._gradient.plan(points)
        raise_fault(differences(rows_of(points), plan.targets[:0], plan.formula)[0], plan.formula)
        # Outputs come first, as one more dimension of the batch: each has noise and curvature of its own.
        gradients = self._gradient(np.repeat(points[None], outputs.width, axis=0), outputs)
        return np.ascontiguousarray(np.moveaxis(gradients, 0, -2))


class OutputGradient(Gradient):
    """The gradients of all outputs: points of shape (p, ..., k), the same p times, and `Outputs` as only argument."""

    def start(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> OutputSession:
        """Take the function that is prepared already."""
        del points
        return OutputSession(plan, *args)


class OutputSession:
    """A plan for the gradients of all outputs, and what evaluates the function.

    For whoever makes probes and judges values each output is a loss of its own at points of its own; but a list that
    is the same for all of them, as that of a formula is, is evaluated once.
    """

    def __init__(self, plan: Plan, outputs: Outputs) -> None:
        self.plan = plan
        self.shape, self.dtype = plan.shape, plan.dtype
        self.size, self.checked = plan.targets.size, plan.checks.size > 0
        self._outputs = outputs

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        """Whether these points and the function are those of the last call."""
        return (x.shape, x.dtype, *args) == (self.shape, self.dtype, self._outputs)

    def renewed(self, x: Array, args: tuple[Any, ...]) -> OutputSession | None:
        """Return a session for the function with other arguments, or None."""
        return OutputSession(self.plan, *args) if (x.shape, x.dtype) == (self.shape, self.dtype) else None

    def quick(self, *_: Any) -> None:
        """Return None: there is no compiled call for all outputs."""

    def attempt(self, *_: Any) -> None:
        """Return None: there is no compiled call for all outputs."""

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate at every probe the output whose loss it is of."""
        width = self._outputs.width
        count = len(probes.points) // max(width, 1)
        shared, heads = _shared(probes, width)
        if shared is not None:
            rows = self._outputs.evaluate(shared, heads if skip == heads * width else 0, forgive=forgive)
            return np.concatenate([rows[:heads].T.reshape(-1), rows[heads:].T.reshape(-1)])
        output, point = np.divmod(probes.point, count)
        own = probes._replace(points=probes.points[:count], point=point)
        return self._outputs.evaluate(own, skip, forgive=forgive)[np.arange(output.size), output]

    def differentiate(self, found: Differences, skip: int, gradient: Array) -> tuple[FloatArray, bool]:
        """Evaluate the probes and combine them; return the values and whether all derivatives are finite."""
        values = self.evaluate(found.probes, skip)
        return values, combine(found, values, gradient)


def _shared(probes: Probes, width: int) -> tuple[Probes | None, int]:
    """Return the probes of one output if those of all others are the same, and how many of them are points themselves.

    Such a list begins with the points, if it holds them, and goes on with one replacement per probe; each part is in
    order of the outputs.
    """
    if width == 0:
        return None, 0
    heads = int(np.searchsorted(probes.begin, 0, side="right")) - 1  # that replace nothing
    rest = probes.point.size - heads
    count = len(probes.points) // width
    if heads % width or rest % width or probes.coordinate.size != rest:
        return None, 0
    shift = np.arange(width)[:, None] * count
    head, tail = probes.point[:heads].reshape(width, -1) - shift, probes.point[heads:].reshape(width, -1) - shift
    coordinate, value = probes.coordinate.reshape(width, -1), probes.value.reshape(width, -1)
    if not all((part == part[0]).all() for part in (head, tail, coordinate, value)):
        return None, 0
    heads, rest = heads // width, rest // width
    one = probes._replace(
        points=probes.points[:count],
        point=np.concatenate([head[0], tail[0]]),
        begin=np.maximum(np.arange(heads + rest + 1) - heads, 0),
        coordinate=coordinate[0],
        value=value[0],
    )
    return one, heads
