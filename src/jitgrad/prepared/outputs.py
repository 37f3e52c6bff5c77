"""Functions of several outputs, prepared once and called often: their values and Jacobians."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, FloatArray
from jitgrad.difference import Differences, combine, differences
from jitgrad.launch.evaluator import displaced_points
from jitgrad.launch.probes import Probes, replaced
from jitgrad.prepared.devices import Device, Evaluable
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.options import JacobianOptions
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.repair import raise_fault


class Values:
    """Callable ``values(u, *args)`` that returns the outputs of a function; made by `values_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, function: Any, device: Device, *, args_axes: ArgsAxes = None, number: bool = False) -> None:
        self._function, self._device = device.accept(function), device
        self._args_axes = None if args_axes is None else tuple(args_axes)
        self._number = number  # whether it may return one
        self._known: tuple[tuple[int, ...], np.dtype[Any], Evaluable] | None = None

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
        with self._device.call():
            found = outputs.evaluate(replaced(rows, np.arange(len(rows)), nothing, nothing))
        return found.reshape(*points.shape[:-1], outputs.width)

    def outputs(self, points: Array, args: tuple[Any, ...]) -> Evaluable:
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
        axes = _check.checked_axes(self._args_axes, args, points.shape[:-1])
        known = self._known
        like_last = known is not None and known[:2] == (points.shape, points.dtype)
        last = known[2] if known is not None and like_last else None
        outputs = self._device.outputs(self._function, points, args, axes, last, self._number)
        self._known = (points.shape, points.dtype, outputs)
        return outputs


class Jacobian:
    """Callable ``jacobian(u, *args)`` that returns the derivatives of all outputs; made by `jacobian_of`.

    It may be called from several Python threads at once.
    """

    def __init__(
        self, function: Any, device: Device, *, number: bool = False, **options: Unpack[JacobianOptions]
    ) -> None:
        self._device = device
        self._values = Values(function, device, args_axes=options.pop("args_axes", None), number=number)
        self._gradient = OutputGradient(function, **options)

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
            Of a function that may return one number and does, (..., k).
        """
        points = _check.checked_points(u)
        outputs = self._values.outputs(points, args)
        with self._device.call():
            return self.by_output(points, outputs)

    def by_output(self, points: Array, outputs: Evaluable) -> Array:
        """Differentiate a function that is ready to be evaluated around these points."""
        # Before anything is evaluated: points are checked as those of a gradient are, and not once per output.
        plan, rows = self._gradient.plan(points), rows_of(points)
        raise_fault(differences(rows, plan.targets[:0], plan.formula)[0], plan.formula)
        width = outputs.count(partial(first_list, plan, rows))
        # Outputs come first, as one more dimension of the batch: each has noise and curvature of its own.
        gradients = self._gradient(np.repeat(points[None], width, axis=0), outputs)
        return gradients[0] if outputs.number else np.ascontiguousarray(np.moveaxis(gradients, 0, -2))


class OutputGradient(Gradient):
    """The gradients of all outputs: points of shape (p, ..., k), the same p times, and `Outputs` as only argument."""

    @staticmethod
    def _accept(loss: Any) -> Any:
        return loss  # whoever made the outputs has looked at it

    def start(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> OutputSession:
        """Take the function that is prepared already."""
        del points
        return OutputSession(plan, *args)


class OutputSession:
    """A plan for the gradients of all outputs, and what evaluates the function.

    For whoever makes probes and judges values each output is a loss of its own at points of its own; but a list that
    is the same for all of them, as that of a formula is, is evaluated once.
    """

    def __init__(self, plan: Plan, outputs: Evaluable) -> None:
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


def first_list(plan: Plan, rows: Array) -> tuple[Probes, int]:
    """Return what the gradient of one output begins with: a list, and how many points in it are not wanted.

    As `jitgrad.prepared.stepwise.gradient_stepwise` has it.
    """
    if plan.searches and rows.shape[1]:
        return displaced_points(rows), 0
    found, needs_value = differences(rows, plan.targets, plan.formula)
    raise_fault(found, plan.formula)
    return found.probes, 0 if needs_value or plan.checks.size else len(rows)


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
