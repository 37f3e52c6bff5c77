"""Gradients with error bars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._result import Estimate
from jitgrad._types import ArgsAxes, Array, Bounds, Loss, Vectorize, Workers
from jitgrad.curves import draw_curves
from jitgrad.estimators import RandomDirections
from jitgrad.gradient import gradient_on_cpu
from jitgrad.gradient_cuda import cuda_gradient_of
from jitgrad.ladder import Status, climb
from jitgrad.prepared.blackbox import BlackBoxGradient
from jitgrad.prepared.gradient import Gradient
from jitgrad.steps import Auto


def estimate_cpu(
    loss: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    noise: float = 0.0,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
) -> Estimate:
    """Gradient of a jitted loss with error bars, noise level and a status per coordinate.

    Costs about 12 evaluations per coordinate of a smooth loss, up to 23 of a difficult one; finds steps by itself.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points.
    args : tuple, optional
        What the loss takes after ``x``.
    noise : float, default 0.0
        Absolute error of the loss, if known, in units of the loss. It is found without, unless the error repeats like
        that of a solver that stops at a tolerance.
    bounds : tuple (lower, upper), optional
        The loss is never evaluated outside.
    coords : array_like of int or bool, optional
        Differentiate by these coordinates only; arrays of the result have one entry for each.
    args_axes : sequence, optional
        For a batch: which axis of each argument runs along the points, None if all points share it.
    threads : int, optional
        Number of threads. Default: all where that is faster, else one.
    vectorize : {"auto", "off", "require"}, default "auto"
        As in `grad_cpu`.
    estimator : SPSA or Smoothing, optional
        As in `grad_cpu`. The error bars are then those of a mean over random directions, and hold what smoothing by
        ``h`` leaves of the gradient; `noise` must be left out, since the bars show it.
    workers, progress
        As in `grad_cpu`.

    Returns
    -------
    Estimate
        It prints as a table; `Estimate.plot` shows derivative and error against the step. With an estimator all
        coordinates of a point share the evaluations, the noise is NaN, for it is not told from the scatter of the
        directions, and arrays that hold one number only are read-only views of it.

    Raises
    ------
    LossCompileError, TypeError, ValueError, WorkerLostError, ImportError
        As in `grad_cpu`.
    Exception
        Whatever the loss raises at ``x`` itself. Where it raises at a displacement it counts as not finite; with an
        estimator that is raised too.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x, a):
    ...     return np.sin(a * x[0]) + x[1] ** 3
    >>> e = jg.estimate_cpu(loss, np.array([0.5, 2.0]), args=(3.0,))
    >>> bool((abs(e.derivative - [3 * np.cos(1.5), 12.0]) <= e.error).all())
    True
    >>> print(e.status[1])
    converged
    """
    prepared = gradient_on_cpu(
        loss, step=_rule(noise, estimator), bounds=bounds, coords=coords, args_axes=args_axes, threads=threads,
        vectorize=vectorize, estimator=estimator, workers=workers, progress=progress,
    )  # fmt: skip
    return _estimate(prepared, x, args, noise)


def estimate_cuda(
    loss: Loss,
    x: Any,
    *,
    args: tuple[Any, ...] = (),
    noise: float = 0.0,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    stream: Any = None,
    devices: Sequence[int] | None = None,
    estimator: RandomDirections | None = None,
) -> Estimate:
    """Gradient with error bars, noise level and a status per coordinate, evaluated on NVIDIA GPUs.

    Parameters
    ----------
    loss, x, args, stream, devices
        As in `grad_cuda`.
    noise, bounds, coords, args_axes, estimator
        As in `estimate_cpu`.

    Returns
    -------
    Estimate
        In the memory of the CPU, which decides where to look next.

    Raises
    ------
    CudaUnavailableError, LossCompileError, MemoryError, TypeError, ValueError, Exception
        As in `grad_cuda`.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return x[0] ** 2 + x[1] ** 3
    >>> e = jg.estimate_cuda(loss, np.array([1.0, 2.0]))  # doctest: +SKIP
    """
    prepared = cuda_gradient_of(
        loss, step=_rule(noise, estimator), bounds=bounds, coords=coords, args_axes=args_axes, stream=stream,
        devices=devices, estimator=estimator,
    )  # fmt: skip
    return _estimate(prepared, prepared.host_points(x), args, noise)


def estimate_blackbox(
    fun: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    noise: float = 0.0,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    vectorized: bool = False,
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
) -> Estimate:
    """Gradient of any Python callable with error bars, noise level and a status per coordinate.

    Parameters
    ----------
    fun, x, args, vectorized, workers, progress
        As in `grad_blackbox`.
    noise, bounds, coords, args_axes, estimator
        As in `estimate_cpu`.

    Returns
    -------
    Estimate

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError
        As in `grad_blackbox`.
    Exception
        Whatever `fun` raises at ``x`` itself. Where it raises at a displacement it counts as not finite.

    Examples
    --------
    >>> import math
    >>> import jitgrad as jg
    >>> e = jg.estimate_blackbox(lambda x: math.sin(x[0]) + x[1] ** 3, [0.5, 2.0])
    >>> bool((abs(e.derivative - [math.cos(0.5), 12.0]) <= e.error).all())
    True
    """
    prepared = BlackBoxGradient(
        fun, step=_rule(noise, estimator), bounds=bounds, coords=coords, args_axes=args_axes, vectorized=vectorized,
        estimator=estimator, workers=workers, progress=progress,
    )  # fmt: skip
    return _estimate(prepared, x, args, noise)


def _estimate(prepared: Gradient, x: npt.ArrayLike, args: tuple[Any, ...], noise: float) -> Estimate:
    """Climb the ladder around the points, or evaluate the loss along random directions."""
    points, args = _check.checked_points(x), _check.checked_args(args)
    with prepared.call():
        if prepared.plan(points).sampler is None:
            return _climbed(prepared, points, args, noise)
        from jitgrad.estimate_sampled import estimate_sampled

        return estimate_sampled(prepared, points, args)


def _climbed(prepared: Gradient, points: Array, args: tuple[Any, ...], noise: float) -> Estimate:
    plan, around = prepared.plan(points), prepared.evaluator(points, args)
    limits = np.broadcast_to(plan.formula.limits, (*around.points.shape, 3)).reshape(-1, 3)[plan.targets]
    lower, upper = limits[:, 1], limits[:, 2]
    climbed = climb(around, plan.targets, lower, upper, noise=float(noise))
    shape = plan.result_shape
    codes = climbed.status.astype(np.int64)
    values = around.at_points().reshape(shape[:-1])
    return Estimate(
        value=values if points.ndim > 1 else float(values),
        derivative=climbed.derivative.reshape(shape),
        error=climbed.error.reshape(shape),
        step=climbed.step.reshape(shape),
        noise=climbed.noise.reshape(shape),
        evaluations=climbed.evaluations.reshape(shape),
        status=_LABELS[codes].reshape(shape),
        trusted=climbed.trusted.reshape(shape),
        meaning={status.label: status.sentence for status in map(Status, np.unique(codes).tolist())},
        _draw=partial(draw_curves, around, plan.targets.reshape(shape), lower, upper, climbed),
    )


def _rule(noise: float, estimator: RandomDirections | None) -> Auto | None:
    """Return the step rule that knows of the noise."""
    if estimator is None:
        return Auto(noise=noise)
    if noise != 0.0:
        raise ValueError(f"noise must be left out beside an estimator, whose error bars show it, got {noise!r}.")
    return None


_LABELS = np.array([status.label for status in Status])
