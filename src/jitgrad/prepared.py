"""A gradient function prepared once and called often."""

from __future__ import annotations

import math
from functools import partial
from operator import is_
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, Bounds, FloatArray, IntArray, Method
from jitgrad.difference import Formula, combine, differences
from jitgrad.launch.cpu import LEAST_PARALLEL_SECONDS, SLICE_SECONDS, evaluate, workers_for
from jitgrad.launch.threads import exclusive
from jitgrad.loss.accept import require_jitted
from jitgrad.loss.bind import BoundLoss, bind
from jitgrad.repair import raise_fault, repair
from jitgrad.stencils import Stencil, stencil
from jitgrad.steps import Scaling, StepRule, Textbook, Tuner, as_rule
from jitgrad.whole import whole_gradient, whole_gradient_parallel

CALLS_WITHOUT_THREADS = 20
"""So many calls stay on one thread after one that was slower on several: a thread that has to wait for its
core keeps the others waiting, for milliseconds."""

ROUGHLY_CHEAP_SECONDS = 5e-3
"""Up to this, as estimated by a trial, the first calls of a loss stay on one thread."""

_ANCHORS = {"central": -0.5, "forward": 0.0, "backward": -1.0}


def formula_for(chosen: Stencil, scaling: Scaling, limits: FloatArray) -> Formula:
    """Write a stencil and a step rule as arrays for the compiled code.

    Parameters
    ----------
    chosen : Stencil
    scaling : Scaling
        Its floor is ignored in favour of that in `limits`.
    limits : ndarray of shape (1 or m, 1 or n, 3)
        Smallest step, lower and upper bound.
    """
    table = np.array([chosen.offsets, [float(w) for w in chosen.weights]], np.float64)
    settings = np.array([chosen.order, _ANCHORS[chosen.method], scaling.relative, scaling.at_zero])
    return Formula(table, settings, np.ascontiguousarray(limits))


class _Plan(NamedTuple):
    """What depends on the shape and type of ``x`` only."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    targets: IntArray
    formula: Formula
    result_shape: tuple[int, ...]
    evaluations: int


class _Session:
    """A plan together with the arguments of the last call, and what an evaluation cost then."""

    __slots__ = (
        "args", "bound", "descriptions", "dtype", "evaluations", "formula", "job", "loaded", "plan", "rough",
        "seconds", "serial_calls", "shape", "size",
    )  # fmt: skip

    def __init__(self, plan: _Plan, args: tuple[Any, ...], bound: BoundLoss, seconds: float) -> None:
        self.plan = plan
        self.shape = plan.shape
        self.dtype = plan.dtype
        self.args = args
        self.bound = bound
        self.descriptions = [_description(value) for value in args]
        # What `whole_gradient` takes before and after the point, looked up once.
        self.job: tuple[Any, ...] = bound.entry, bound.blocks, bound.private
        self.formula: tuple[Any, ...] = plan.targets, *plan.formula
        self.size = plan.targets.size
        self.evaluations = plan.evaluations
        self.seconds = seconds
        self.rough = True  # the figure is that of a trial from Python
        self.loaded = False  # the compiled code, at the first call
        self.serial_calls = 0  # calls to come that leave threads alone

    def learn(self, elapsed: float, workers: int, choose: bool) -> None:
        """Draw conclusions from the time of a gradient in one call."""
        if not self.loaded:  # it was spent on loading the compiled code
            self.loaded = True
        elif workers == 1:
            # At most doubled: a call that the system interrupted says nothing about the loss.
            measured = elapsed / self.evaluations
            self.seconds = measured if self.rough else min(measured, 2.0 * self.seconds)
            self.rough = False
        elif choose and elapsed > self.seconds * self.evaluations:
            self.serial_calls = CALLS_WITHOUT_THREADS

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        if x.shape != self.shape or x.dtype is not self.dtype:
            return False
        if not args:
            return not self.args
        # The same array may have been given another shape in place.
        return (
            len(args) == len(self.args)
            and all(map(is_, args, self.args))
            and list(map(_description, args)) == self.descriptions
        )


def _description(value: Any) -> Any:
    return (value.shape, value.strides, value.dtype) if isinstance(value, np.ndarray) else None


class Gradient:
    """Callable ``g(x, *args)`` that returns the gradient of a loss; made by `gradient_of`.

    It may be called from several Python threads at once.
    """

    def __init__(
        self,
        loss: Any,
        *,
        method: Method = "central",
        order: int | None = None,
        step: float | npt.ArrayLike | StepRule | Tuner | None = None,
        bounds: Bounds = None,
        coords: npt.ArrayLike | None = None,
        args_axes: ArgsAxes = None,
        threads: int | None = None,
    ) -> None:
        require_jitted(loss)
        self._loss = loss
        self._stencil = stencil(method, order)
        self._rule = as_rule(step)
        self._bounds = bounds
        self._coords = None if coords is None else np.array(coords)
        self._args_axes = None if args_axes is None else tuple(args_axes)
        self._threads = _check.checked_threads(threads)
        self._session: _Session | None = None

    def __repr__(self) -> str:
        name = getattr(self._loss, "__name__", self._loss)
        return f"Gradient({name}, method={self._stencil.method!r}, order={self._stencil.order}, step={self._rule!r})"

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

    def _compute(self, x: Any, args: tuple[Any, ...], out: Array | None, with_value: bool) -> tuple[Array, Any]:
        points = _check.checked_points(x)
        session = self._session
        if session is None or not session.fits(points, args):
            plan = self._plan(points)
            if 0 in plan.shape[:-1]:  # no points at all
                nothing = np.empty(plan.result_shape, plan.dtype)
                return _deliver(nothing, plan, out), np.empty(plan.shape[:-1])
            with exclusive():  # the loss, which is tried out here, may start threads of its own
                bound = self._bind(points, args)
                session = _Session(plan, args, bound, bound.seconds(_rows(points)))
        gradient = np.empty(session.size, session.dtype)
        values = self._at_once(session, points, gradient, with_value)
        if values is None:
            values = self._step_by_step(session, points, gradient, with_value)
        # Only now: a call that raised leaves the session of an earlier one in place.
        self._session = session
        if out is None and len(session.shape) == 1:
            return gradient, values
        return _deliver(gradient, session.plan, out), values

    def _plan(self, points: Array) -> _Plan:
        shape, dtype = points.shape, points.dtype
        if self._session is not None and (shape, dtype) == (self._session.shape, self._session.dtype):
            return self._session.plan
        n = shape[-1]
        count = int(np.prod(shape[:-1]))
        chosen = _check.checked_coords(self._coords, n)
        rule = Textbook() if isinstance(self._rule, Tuner) else self._rule  # a tuner's steps come with every call
        scaling = rule.scaling(dtype, self._stencil.order)
        floor = _check.matrix("step", scaling.floor, shape)
        lower, upper = _check.checked_bounds(self._bounds, shape, dtype)
        limits = np.stack(np.broadcast_arrays(floor, lower, upper), axis=-1)
        return _Plan(
            shape=shape,
            dtype=dtype,
            targets=(np.arange(count)[:, None] * n + chosen).reshape(-1),
            formula=formula_for(self._stencil, scaling, limits),
            result_shape=(*shape[:-1], chosen.size),
            evaluations=count + count * chosen.size * self._stencil.order,
        )

    def _bind(self, points: Array, args: tuple[Any, ...]) -> BoundLoss:
        batch = points.shape[:-1]
        axes = _check.checked_axes(self._args_axes, args, batch)
        return bind(self._loss, _rows(points), args, axes, batch)

    def _at_once(self, session: _Session, points: Array, gradient: Array, with_value: bool) -> Any:
        """Compute by one compiled call if the loss is known to be cheap; None if it is not or did not work."""
        compiled = len(session.shape) == 1 and not isinstance(self._rule, Tuner)
        workers = self._workers_at_once(session) if compiled else 0
        if workers == 0:
            return None
        job: tuple[Any, ...] = (*session.job, points, *session.formula, with_value, gradient)
        before = perf_counter()
        if workers > 1:
            job += (workers,)
            with exclusive():
                done, value = whole_gradient_parallel(*job)
        else:
            done, value = whole_gradient(*job)
        session.learn(perf_counter() - before, workers, self._threads is None)
        return value if done else None

    def _workers_at_once(self, session: _Session) -> int:
        """Choose the threads for a gradient in one call; 0 if the gradient should be computed step by step."""
        work = session.seconds * session.evaluations
        if session.bound.threaded or work > SLICE_SECONDS:
            return 0
        if self._threads is not None:
            return workers_for(session.bound, work, self._threads)
        if session.rough:  # and loading the parallel driver takes longer than this
            return 1 if work < ROUGHLY_CHEAP_SECONDS else 0
        if session.serial_calls > 0:
            session.serial_calls -= 1
            return 1
        return 1 if work < LEAST_PARALLEL_SECONDS else workers_for(session.bound, work, None)

    def _step_by_step(self, session: _Session, points: Array, gradient: Array, with_value: bool) -> FloatArray:
        """Compute with Python between the steps: threads, Ctrl-C, faults, exceptions and repairs."""
        plan, rows = session.plan, _rows(points)
        formula = plan.formula
        if isinstance(self._rule, Tuner):
            from jitgrad.tuned import tuned_formula  # most users have no tuner

            launch = partial(evaluate, session.bound, seconds=session.seconds, threads=self._threads)
            formula = tuned_formula(self._rule, self._stencil, launch, rows, plan.targets, formula)
        found, needs_value = differences(rows, plan.targets, formula)
        raise_fault(found, formula)
        skip = 0 if with_value or needs_value else len(rows)
        result = evaluate(session.bound, found.probes, session.seconds, skip=skip, threads=self._threads)
        session.seconds, session.rough = result.seconds, False
        if not combine(found, result.values, gradient):
            refine = partial(evaluate, session.bound, seconds=session.seconds, threads=self._threads)
            repair(refine, rows, plan.targets, formula, gradient)
        return result.values[: len(rows)].reshape(plan.shape[:-1])


def _rows(points: Array) -> Array:
    return points.reshape(math.prod(points.shape[:-1]), points.shape[-1])


def _deliver(gradient: Array, plan: _Plan, out: Array | None) -> Array:
    """Give the result its shape, in the caller's array if there is one."""
    gradient = gradient.reshape(plan.result_shape)
    target = _check.checked_out(out, plan.result_shape, plan.dtype)
    if target is None:
        return gradient
    target[...] = gradient
    return target
