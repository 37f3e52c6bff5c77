"""A gradient function prepared once and called often."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, Bounds, Method, Vectorize
from jitgrad.difference import differences
from jitgrad.estimators import RandomDirections
from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.threads import exclusive
from jitgrad.launch.widen import widen
from jitgrad.loss.accept import jitted_loss
from jitgrad.loss.bind import BoundLoss, bind
from jitgrad.prepared.plan import Plan, checked_options, make_plan
from jitgrad.prepared.repair import raise_fault
from jitgrad.prepared.session import Launching, Session
from jitgrad.prepared.stepwise import evaluator, gradient_stepwise, settle_doubts
from jitgrad.steps import Rule


class Gradient:
    """Callable ``g(x, *args)`` that returns the gradient of a loss; made by `gradient_of`.

    It may be called from several Python threads at once.
    """

    _accept = staticmethod(jitted_loss)
    """Returns what is compiled of a loss, or raises an error that says what a loss must be."""

    def __init__(
        self,
        loss: Any,
        *,
        method: Method = "central",
        order: int | None = None,
        step: float | npt.ArrayLike | Rule | None = None,
        bounds: Bounds = None,
        coords: npt.ArrayLike | None = None,
        args_axes: ArgsAxes = None,
        threads: int | None = None,
        vectorize: Vectorize = "auto",
        estimator: RandomDirections | None = None,
    ) -> None:
        self._loss = self._accept(loss)
        self._options = checked_options(
            method, order, step, bounds, coords, args_axes, threads, vectorize, estimator,
        )  # fmt: skip
        self._session: Launching | None = None

    def __repr__(self) -> str:
        name, options = getattr(self._loss, "__name__", self._loss), self._options
        if options.sampler is not None:
            return f"Gradient({name}, estimator={options.sampler.estimator!r})"
        return f"Gradient({name}, method={options.method!r}, order={options.order}, step={options.rule!r})"

    def __call__(self, x: npt.ArrayLike, *args: Any, out: Array | None = None) -> Array:
        """Return the gradient at `x`.

        Parameters
        ----------
        x : array_like of shape (..., n)
            One point, or a batch of points.
        *args
            What the loss takes after ``x``.
        out : ndarray, optional
            Receives the gradient.

        Returns
        -------
        ndarray of shape (..., n)
            Of the type of `x`: float32 for float32, else float64. With ``coords`` its last axis has one entry
            per chosen coordinate.
        """
        return self._compute(x, args, out, with_value=False)[0]

    def value_and_grad(self, x: npt.ArrayLike, *args: Any, out: Array | None = None) -> tuple[Any, Array]:
        """Return the loss and its gradient at `x`.

        Parameters
        ----------
        x, *args, out
            As in a call of the object itself.

        Returns
        -------
        value : float, or ndarray of shape (...) for a batch
        gradient : ndarray of shape (..., n)
        """
        gradient, values = self._compute(x, args, out, with_value=True)
        return (values if np.ndim(x) > 1 else float(values)), gradient

    def evaluator(self, points: Array, args: tuple[Any, ...]) -> Evaluator:
        """Prepare to evaluate the loss around points, one by one or many at once.

        Parameters
        ----------
        points : ndarray of shape (..., n)
            From `jitgrad._check.checked_points`.
        args : tuple
            What the loss takes after ``x``.

        Returns
        -------
        Evaluator
            Its points are of shape (m, n), and the loss there is known.

        Raises
        ------
        ValueError
            If a point is not finite or not within the bounds.
        """
        plan, rows = self.plan(points), rows_of(points)
        raise_fault(differences(rows, plan.targets[:0], plan.formula)[0], plan.formula)
        if len(rows) == 0:
            return Evaluator(rows, lambda *_: np.empty(0), np.empty(0))
        return evaluator(self.start(plan, points, args), rows)

    def call(self) -> AbstractContextManager[None]:
        """Hold what the probe lists of one call share, where there is something."""
        return nullcontext()

    def _compute(self, x: Any, args: tuple[Any, ...], out: Array | None, with_value: bool) -> tuple[Array, Any]:
        points = _check.checked_points(x)
        session = self._session
        if session is not None and session.fits(points, args):
            if out is None and (found := session.quick(points, with_value)) is not None:
                return found
        else:
            plan = self.plan(points)
            if 0 in plan.shape[:-1]:  # no points at all
                nothing = np.empty(plan.result_shape, plan.dtype)
                return _deliver(nothing, plan, out), np.empty(plan.shape[:-1])
            renewed = None if session is None else session.renewed(points, args)
            session = self.start(plan, points, args) if renewed is None else renewed
        attempt = session.attempt(points, with_value)
        if attempt is None:
            gradient = np.empty(session.size, session.dtype)
            values: Any = gradient_stepwise(session, rows_of(points), gradient, with_value).reshape(session.shape[:-1])
        else:
            gradient, values = attempt.gradient, attempt.value
            if attempt.doubtful:
                settle_doubts(session, rows_of(points), gradient, attempt.evidence, look_again=False)
        # Only now: a call that raised leaves the session of an earlier one in place.
        self._session = session
        if out is None and len(session.shape) == 1:
            return gradient, values
        return _deliver(gradient, session.plan, out), values

    def plan(self, points: Array) -> Plan:
        """Work out, or look up, what the gradient of such points needs."""
        shape, dtype = points.shape, points.dtype
        if self._session is not None and (shape, dtype) == (self._session.shape, self._session.dtype):
            return self._session.plan
        return make_plan(self._options, shape, dtype)

    def start(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> Launching:
        """Compile the loss for these arguments, and try it out.

        Parameters
        ----------
        plan : Plan
            From `plan`.
        points : ndarray of shape (..., n)
            From `jitgrad._check.checked_points`; at least one.
        args : tuple
            What the loss takes after ``x``.
        """
        return Session(plan, args, *self.bound(plan, points, args), self._options.threads)

    def bound(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> tuple[BoundLoss, float]:
        """Compile the loss for these arguments, and find out what an evaluation costs, in seconds."""
        batch = points.shape[:-1]
        axes = _check.checked_axes(self._options.args_axes, args, batch)
        with exclusive():  # the loss may start threads of its own
            rows = rows_of(points)
            bound = bind(self._loss, rows, args, axes, batch)
            each = plan.evaluations // len(rows)
            return bound, widen(bound, rows, each, bound.seconds(rows), self._options.vectorize)


def rows_of(points: Array) -> Array:
    """Return points of shape (..., n) as one of shape (m, n)."""
    return points.reshape(math.prod(points.shape[:-1]), points.shape[-1])


def _deliver(gradient: Array, plan: Plan, out: Array | None) -> Array:
    """Give the result its shape, in the caller's array if there is one."""
    gradient = gradient.reshape(plan.result_shape)
    target = _check.checked_out(out, plan.result_shape, plan.dtype)
    if target is None:
        return gradient
    target[...] = gradient
    return target
