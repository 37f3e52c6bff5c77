"""Hessians and their products with vectors, prepared once and called often."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, FloatArray, IntArray
from jitgrad.difference import differences
from jitgrad.formula import AT_ZERO
from jitgrad.launch.evaluator import Evaluator
from jitgrad.prepared.along import ends_of_lines, free_directions, steps_along
from jitgrad.prepared.devices import Device
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.growing import grown_steps
from jitgrad.prepared.options import SecondOptions
from jitgrad.prepared.plan import Options, Plan, checked_options, make_plan
from jitgrad.prepared.products import directions_like
from jitgrad.prepared.repair import raise_fault
from jitgrad.prepared.second import combine_second, second_differences
from jitgrad.prepared.session import Launching
from jitgrad.steps import Auto, Rule, Scaling, StepRule, as_rule

PAIRS_AT_ONCE = 2**16
"""So many second derivatives go into one probe list: about 20 MB."""


@dataclass(frozen=True)
class ForSecond:
    """The steps of a rule for a second derivative.

    A formula of accuracy ``p`` has a truncation error that grows as ``h**p``, and rounding makes an error that grows as
    ``eps / h**2``. Their sum is smallest near ``eps**(1 / (p + 2))``, which is what rules for first derivatives give
    for a formula of the next order.
    """

    rule: StepRule

    def scaling(self, dtype: np.dtype[Any], order: int) -> Scaling:
        """Give the steps for a second derivative of accuracy `order` on coordinates of type `dtype`."""
        return self.rule.scaling(dtype, order + 1)


def second_options(**options: Unpack[SecondOptions]) -> Options:
    """Check the options of second derivatives.

    Raises
    ------
    TypeError, ValueError
        If one is not as `hessian_cpu` describes it.
    """
    rest: dict[str, Any] = {name: value for name, value in options.items() if name != "step"}
    rule: Rule = as_rule(options.get("step"))
    if not isinstance(rule, StepRule):
        raise TypeError(
            f"step must be a number, an array or a step rule for second derivatives, got {rule!r}, which looks for the "
            "step of a first derivative. Leave it out, or use Relative(r) or Absolute(h)."
        )
    return checked_options(method="central", step=ForSecond(rule), **rest)


def second_plan(options: Options, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Plan:
    """Work out where first derivatives have their nodes; order 2, and 4 in single precision, unless it is given.

    Steps are so large in single precision that order 2 would leave three digits.
    """
    order = options.order or (4 if dtype == np.float32 else 2)
    return make_plan(options._replace(order=order), shape, dtype)


class Seconds:
    """What Hessians and their products have in common: a loss with its arguments, from call to call.

    Parameters
    ----------
    device : Device
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._known: tuple[Any, Gradient, Launching] | None = None

    def session(self, loss: Any, args_axes: ArgsAxes, plan: Plan, points: Array, args: tuple[Any, ...]) -> Launching:
        """Compile the loss for these arguments, or take what is left of an earlier call."""
        key = (loss, args_axes, points.shape, points.dtype)
        if self._known is not None and self._known[0] == key:
            _, gradient, session = self._known
            if not session.fits(points, args):
                session = session.renewed(points, args) or gradient.start(plan, points, args)
        else:
            gradient = self._device.gradient(loss, args_axes=args_axes)
            session = gradient.start(plan, points, args)
        self._known = (key, gradient, session)
        return session


def differentiate_twice(session: Launching, rows: Array, plan: Plan, pairs: IntArray) -> FloatArray:
    """Return the second derivatives of all pairs.

    Parameters
    ----------
    session : Launching
    rows : ndarray of shape (m, n)
    plan : Plan
    pairs : ndarray of int64, shape (pairs, 2)
        Places in the plan's targets.
    """
    found, _ = differences(rows, plan.targets, plan.formula)
    raise_fault(found, plan.formula)
    second = np.empty(len(pairs))
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        probes = second_differences(found, pairs[part], plan.formula.limits, plan.stencil.order)
        combine_second(probes, session.evaluate(probes.probes), second[part])
    return second


class Hessian:
    """Callable ``hessian(x, *args)`` that returns the second derivatives of a loss; made by `hessian_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, loss: Any, device: Device, **options: Unpack[SecondOptions]) -> None:
        self._loss, self._device = device.accept(loss), device
        self._options = second_options(**options)
        self._sessions = Seconds(device)

    def __call__(self, x: npt.ArrayLike, *args: Any) -> Array:
        """Return the Hessian at `x`.

        Parameters
        ----------
        x : array_like of shape (..., n)
        *args
            What the loss takes after ``x``.

        Returns
        -------
        ndarray of shape (..., n, n)
            Symmetric; float32 for float32 `x`, else float64. With ``coords`` its last two axes have one entry per
            chosen coordinate.
        """
        points = _check.checked_points(x)
        with self._device.call():
            return self._at(points, args)

    def _at(self, points: Array, args: tuple[Any, ...]) -> Array:
        plan, rows = second_plan(self._options, points.shape, points.dtype), rows_of(points)
        n = plan.result_shape[-1]
        hessian = np.empty((len(rows), n, n), points.dtype)
        if hessian.size:
            raise_fault(differences(rows, plan.targets[:0], plan.formula)[0], plan.formula)
            i, j = np.triu_indices(n)
            pairs = np.stack([i, j], axis=1) + n * np.arange(len(rows))[:, None, None]
            each = plan.stencil.order**2 * i.size
            session = self._sessions.session(
                self._loss, self._options.args_axes, plan._replace(evaluations=len(rows) * each), points, args
            )
            limits = grown_limits(plan, Evaluator(rows, session.evaluate), points.shape[-1])
            plan = plan._replace(formula=plan.formula._replace(limits=limits))
            second = differentiate_twice(session, rows, plan, pairs.reshape(-1, 2)).reshape(len(rows), -1)
            hessian[:, i, j] = second
            hessian[:, j, i] = second
        return hessian.reshape(*plan.result_shape, n)


class HessianVector:
    """Callable ``hvp(x, v, *args)`` that returns the product of the Hessian with a vector; made by `hvp_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, loss: Any, device: Device, **options: Unpack[SecondOptions]) -> None:
        self._loss, self._device = device.accept(loss), device
        self._options = second_options(**options)
        self._sessions = Seconds(device)

    def __call__(self, x: npt.ArrayLike, v: npt.ArrayLike, *args: Any) -> Array:
        """Return the product of the Hessian at `x` with `v`.

        Parameters
        ----------
        x : array_like of shape (..., n)
        v : array_like of shape (..., n)
            One vector for every point.
        *args
            What the loss takes after ``x``.

        Returns
        -------
        ndarray of shape (..., n)
            float32 for float32 `x`, else float64. With ``coords`` its last axis has one entry per chosen coordinate.
        """
        points = _check.checked_points(x)
        along = directions_like(points, v)
        with self._device.call():
            return self._at(points, along, args)

    def _at(self, points: Array, along: Array, args: tuple[Any, ...]) -> Array:
        plan, rows = second_plan(self._options, points.shape, points.dtype), rows_of(points)
        m, n = rows.shape
        each = plan.result_shape[-1]
        if not plan.targets.size:
            return np.empty(plan.result_shape, points.dtype)
        raise_fault(differences(rows, plan.targets[:0], plan.formula)[0], plan.formula)
        z = np.concatenate([rows, np.zeros((m, 1), points.dtype)], axis=1)
        axes = (None,) * len(args) if self._options.args_axes is None else tuple(self._options.args_axes)
        session_along = partial(
            self._sessions.session,
            self._device.derived("joined", self._loss, args),
            (0 if points.ndim > 1 else None, *axes),
            plan._replace(evaluations=m * each * plan.stencil.order**2),
            z.reshape(*points.shape[:-1], n + 1),
        )
        scaled = np.zeros_like(rows)  # filled in once it is known how far to go
        session = session_along((scaled.reshape(points.shape), *args))
        limits = grown_limits(plan, Evaluator(z, session.evaluate), n)
        along = free_directions(along, limits[..., 1], limits[..., 2])
        scale = steps_along(rows, along, plan.formula._replace(limits=limits))
        scaled[...] = along * scale[:, None]
        if not self._device.compiled:  # workers may have been sent what is filled in only now
            session = session_along((scaled.reshape(points.shape).copy(), *args))
        plan = joined_plan(plan, rows, scaled, limits, self._options.bounds is not None)
        places = (each + 1) * np.arange(m)[:, None]
        pairs = np.stack(np.broadcast_arrays(places + np.arange(each), places + each), axis=-1).reshape(-1, 2)
        second = differentiate_twice(session, z, plan, pairs).reshape(m, each) / scale[:, None]
        return second.astype(points.dtype).reshape(plan.result_shape)


def grown_limits(plan: Plan, evaluator: Evaluator, n: int) -> FloatArray:
    """Return steps and bounds of the first `n` coordinates of every point, (m, n, 3).

    The least steps are those that were asked for, or, of `Auto`, what a look at the loss shows.

    Parameters
    ----------
    plan : Plan
    evaluator : Evaluator
        Its points may have one coordinate more.
    n : int
    """
    m, width = evaluator.points.shape
    limits = np.broadcast_to(plan.formula.limits, (m, n, 3)).copy()
    if isinstance(plan.rule, ForSecond) and isinstance(plan.rule.rule, Auto):
        flat = limits.reshape(-1, 3)
        targets = np.arange(m)[:, None] * width + np.arange(n)
        unit = float(plan.formula.settings[AT_ZERO])
        flat[:, 0] = grown_steps(evaluator, targets.reshape(-1), flat[:, 1], flat[:, 2], unit)
    return limits


def joined_plan(plan: Plan, rows: Array, along: Array, limits: FloatArray, bounded: bool) -> Plan:
    """Turn the plan for ``x`` into that for ``(x, t)``, with a step of 1 for the multiple ``t`` of the direction.

    Within bounds the coordinates take half of the room, and the move along the direction the other half: they are
    displaced together.
    """
    m, n = rows.shape
    largest = float(np.finfo(rows.dtype).max)
    first, last = np.full(m, -largest), np.full(m, largest)
    if bounded:
        x, free = rows.astype(np.float64), limits[..., 1] < limits[..., 2]
        half = 0.5 - 8.0 * float(np.finfo(rows.dtype).eps)
        # Rounded to the type of the points by the nodes; they stay inside by the margin.
        limits[..., 1] = np.where(free, x - half * (x - limits[..., 1]), limits[..., 1])
        limits[..., 2] = np.where(free, x + half * (limits[..., 2] - x), limits[..., 2])
        first, last = ends_of_lines(rows, along, limits[..., 1], limits[..., 2])
    line = np.stack([np.ones(m), first, last], axis=-1)[:, None]
    each = plan.result_shape[-1]
    targets = np.concatenate([plan.targets.reshape(m, each) % n, np.full((m, 1), n)], axis=1)
    targets = targets + (n + 1) * np.arange(m)[:, None]
    formula = plan.formula._replace(limits=np.concatenate([limits, line], axis=1))
    return plan._replace(targets=targets.reshape(-1), formula=formula)
