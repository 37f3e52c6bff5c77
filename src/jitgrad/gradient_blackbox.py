"""Gradients of any Python callable."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import ArgsAxes, Array, Bounds, Loss, Method, Workers
from jitgrad.estimators import RandomDirections
from jitgrad.prepared.blackbox import BlackBoxGradient
from jitgrad.steps import Rule

Step = float | npt.ArrayLike | Rule | None


def grad_blackbox(
    fun: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    vectorized: bool = False,
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
    out: Array | None = None,
) -> Array:
    """Gradient of any Python callable, by finite differences.

    For a simulator, an external program, a function of a library: what numba cannot compile. A loss that it can is
    evaluated many times faster by `grad_cpu`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``. It gets an array of shape (n,) of its own at every call, float32 for float32 `x`,
        and `args` as they are. NaN and infinity are values like others.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points.
    args : tuple, optional
        What `fun` takes after ``x``: anything. It is handed out without a copy, so that a callable that writes to it
        changes yours, and the values to come.
    method, order, step, bounds, coords, args_axes
        As in `grad_cpu`.
    vectorized : bool, default False
        Whether `fun` takes many points at once, of shape (k, n), and returns values of shape (k,). All that are wanted
        at the same time come in one call, as long as they take less than 256 MB. Arguments that vary with the point
        have k entries then, in the axis that `args_axes` names.
    estimator : SPSA or Smoothing, optional
        As in `grad_cpu`.
    workers : int, Executor or map-like callable, optional
        Who evaluates: a number of processes (-1: one per core; extra ``workers``), any executor of
        `concurrent.futures`, loky, Dask (``client.get_executor()``) or MPI, or a function that is called as
        ``workers(function, iterable)``, such as the method ``map`` of a pool. The result does not depend on it.
        Default: this process.
    progress : bool, default False
        Whether a bar shows the evaluations and the time left (extra ``workers``).
    out : ndarray, optional
        Receives the gradient.

    Returns
    -------
    ndarray of shape (n,) or (..., n)
        As `grad_cpu` returns it.

    Raises
    ------
    TypeError
        If `fun` cannot be called, or returns something else than one real number; if `fun` or `args` cannot be pickled
        for `workers`: the message says which.
    ValueError
        If an argument is not as described, or a vectorized `fun` returns another shape than (k,).
    WorkerLostError
        If workers died and could not be replaced, or died over the same evaluations again and again.
    ImportError
        If `workers` or `progress` need a package that is not installed.
    Exception
        Whatever `fun` raises, with a note that names the coordinate and its displaced value.

    Warns
    -----
    PrecisionWarning
        As in `grad_cpu`.

    Examples
    --------
    >>> import jitgrad as jg
    >>> class Spring:
    ...     def energy(self, x, stiffness):
    ...         return 0.5 * stiffness * sum(v**2 for v in x)
    >>> jg.grad_blackbox(Spring().energy, [1.0, 2.0], args=(3.0,)).round(6)
    array([3., 6.])
    """
    g = BlackBoxGradient(
        fun, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes,
        vectorized=vectorized, estimator=estimator, workers=workers, progress=progress,
    )  # fmt: skip
    return g(x, *checked_args(args), out=out)


def value_and_grad_blackbox(
    fun: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    vectorized: bool = False,
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
    out: Array | None = None,
) -> tuple[Any, Array]:
    """Value and gradient of any Python callable at once.

    Parameters
    ----------
    fun, x, args, method, order, step, bounds, coords, args_axes, vectorized, estimator, workers, progress, out
        As in `grad_blackbox`.

    Returns
    -------
    value : float, or ndarray of shape (...) for a batch
        What `fun` gives at ``x``, in float64.
    gradient : ndarray of shape (n,) or (..., n)
        As `grad_blackbox` returns it.

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `grad_blackbox`.

    Examples
    --------
    >>> import jitgrad as jg
    >>> value, gradient = jg.value_and_grad_blackbox(lambda x: float(x @ x), [1.0, 2.0])
    >>> value, gradient.round(6)
    (5.0, array([2., 4.]))
    """
    g = BlackBoxGradient(
        fun, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes,
        vectorized=vectorized, estimator=estimator, workers=workers, progress=progress,
    )  # fmt: skip
    return g.value_and_grad(x, *checked_args(args), out=out)
