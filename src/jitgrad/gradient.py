"""Gradients of jitted losses on the CPU."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import ArgsAxes, Array, Bounds, Loss, Method, Vectorize, Workers
from jitgrad.estimators import RandomDirections
from jitgrad.gradient_cuda import cuda_gradient_of
from jitgrad.loss.accept import jitted_loss
from jitgrad.prepared.gradient import Gradient
from jitgrad.prepared.options import CALLED, split_options
from jitgrad.steps import Rule

Step = float | npt.ArrayLike | Rule | None

_KEPT_PER_LOSS = 8
_prepared: WeakKeyDictionary[Any, OrderedDict[Any, Gradient]] = WeakKeyDictionary()


def gradient_of(
    loss: Loss,
    *,
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
    device: Literal["cpu", "cuda", "blackbox"] = "cpu",
    stream: Any = None,
    devices: Sequence[int] | None = None,
    vectorized: bool = False,
) -> Gradient:
    """Prepare the gradient of a loss, to be called often.

    Parameters
    ----------
    loss, method, order, step, bounds, coords, args_axes, threads, vectorize, estimator
        As in `grad_cpu`. With an estimator every call takes new directions, the same ones in each run of a program
        if its ``rng`` is an integer.
    device : {"cpu", "cuda", "blackbox"}, default "cpu"
        Where the loss is evaluated. On a GPU arrays in ``args`` stay there between calls; they are compared with what
        was copied, and copied again if they have changed. A black box is called from Python.
    stream, devices
        As in `grad_cuda`; for ``device="cuda"`` only, as `threads` and `vectorize` are for the CPU.
    workers, progress
        As in `grad_cpu` and `grad_blackbox`.
    vectorized
        As in `grad_blackbox`; for ``device="blackbox"`` only.

    Returns
    -------
    Gradient
        Callable ``g(x, *args, out=None)`` that returns the gradient, of shape (..., n); its method
        ``value_and_grad(x, *args)`` returns the loss too.

    Raises
    ------
    TypeError
        If `loss` is not a jitted function, nor one that the device takes instead.
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x, a):
    ...     return (a * x * x).sum()
    >>> g = jg.gradient_of(loss)
    >>> g(np.array([1.0, 2.0]), 3.0).round(6)
    array([ 6., 12.])
    """
    given = {
        "method": method, "order": order, "step": step, "bounds": bounds, "coords": coords, "args_axes": args_axes,
        "estimator": estimator, "threads": threads, "vectorize": vectorize, "stream": stream, "devices": devices,
        "vectorized": vectorized, "workers": workers, "progress": progress, "device": device,
    }  # fmt: skip
    _, own, others = split_options(given, _OF_DEVICE)
    options = own | others
    if device == "cuda":
        return cuda_gradient_of(loss, **options)
    if device == "blackbox":
        # With what other gradients do not need.
        from jitgrad.prepared.blackbox import BlackBoxGradient

        return BlackBoxGradient(loss, **options)
    return gradient_on_cpu(loss, **options)


_OF_DEVICE = {
    "cpu": ("threads", "vectorize", "workers", "progress"),
    "cuda": ("stream", "devices"),
    "blackbox": CALLED,
}


def gradient_on_cpu(loss: Loss, *, workers: Workers, progress: bool, **options: Any) -> Gradient:
    """Prepare a gradient that this process computes, or workers do."""
    if workers is None and not progress:
        return Gradient(loss, **options)
    from jitgrad.prepared.team_gradient import JittedTeamGradient

    return JittedTeamGradient(loss, workers=workers, progress=progress, **options)


def grad_cpu(
    loss: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
    out: Array | None = None,
) -> Array:
    """Gradient of a jitted loss, by finite differences on all cores.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``. It gets an array of shape (n,) of its own.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points. Integers are computed in float64, float32 in float32.
    args : tuple, optional
        What the loss takes after ``x``: anything numba has a type for.
    method : {"central", "forward", "backward"}, default "central"
        On which side of ``x`` the loss is evaluated.
    order : int, optional
        Accuracy order: 2, 4, 6 or 8 for central, 1 to 4 for one-sided formulas. Default: 2 and 1; with
        ``Auto()`` 2, and central 4 for float32.
    step : float, array_like, StepRule, Tuner or Extrapolation, optional
        A number or array is the absolute step, in units of ``x``; ``Relative(r)`` is relative to ``|x|``; a tuner
        such as ``Shi()`` looks for the step of every coordinate, with evaluations of its own. Default: ``Auto()``,
        which checks the derivatives.
    bounds : tuple (lower, upper), optional
        The loss is never evaluated outside; near a face the formula is moved inside at the same order. A
        coordinate with equal bounds has derivative 0.
    coords : array_like of int or bool, optional
        Differentiate by these coordinates only.
    args_axes : sequence, optional
        For a batch: which axis of each argument runs along the points, None if all points share it.
    threads : int, optional
        Number of threads. Default: all where that is faster, else one.
    vectorize : {"auto", "off", "require"}, default "auto"
        Whether several displaced losses are evaluated at once in SIMD lanes: where that is faster, as measured when
        the loss is first used; never; or always, with an error that says why not where it cannot be.
    estimator : SPSA or Smoothing, optional
        Estimate the gradient from differences along random directions, all coordinates moving at the same time: for
        more coordinates than can be displaced one by one. `method`, `order` and `step` must be left out.
    workers : int, Executor or map-like callable, optional
        Who evaluates, as in `grad_blackbox`: every worker compiles the loss once and is given blocks of coordinates, or
        of points, which it evaluates in lanes, on one thread if `threads` does not say otherwise. Default: this
        process.
    progress : bool, default False
        Whether a bar shows the evaluations and the time left (extra ``workers``).
    out : ndarray, optional
        Receives the gradient.

    Returns
    -------
    ndarray of shape (n,) or (..., n)
        Derivatives, float32 for float32 ``x``, else float64. Where the loss is not finite on one side of
        ``x`` the other side is used; where it is on neither, the derivative is NaN.

    Raises
    ------
    LossCompileError
        If the loss does not compile for these arguments or does not return a real number.
    LanesUnavailableError
        If ``vectorize="require"`` and the loss cannot be evaluated in lanes.
    TypeError, ValueError
        If an argument is not as described; the message says which and what to do.
    WorkerLostError, ImportError
        As in `grad_blackbox`.
    Exception
        Whatever the loss raises, with a note that names the coordinate and its displaced value.

    Warns
    -----
    PrecisionWarning
        If `Auto` cannot find some derivatives to 1 %, its ``coordinates`` say which; or if an estimator does not
        reach its precision.

    Notes
    -----
    The result does not depend on the number of threads. The loss is compiled once per set of argument types
    and kept on disk.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> jg.grad_cpu(rosenbrock, np.array([0.0, 1.0])).round(6)
    array([ -2., 200.])
    """
    g = _prepare(loss, method, order, step, bounds, coords, args_axes, threads, vectorize, estimator, workers, progress)
    return g(x, *checked_args(args), out=out)


def value_and_grad_cpu(
    loss: Loss,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    vectorize: Vectorize = "auto",
    estimator: RandomDirections | None = None,
    workers: Workers = None,
    progress: bool = False,
    out: Array | None = None,
) -> tuple[Any, Array]:
    """Loss and gradient at once; one evaluation more than `grad_cpu` for central formulas.

    Parameters
    ----------
    loss, x, args, method, order, step, bounds, coords, args_axes, threads, vectorize, estimator, workers, progress, out
        As in `grad_cpu`.

    Returns
    -------
    value : float, or ndarray of shape (...) for a batch
        The loss at ``x``, in float64.
    gradient : ndarray of shape (n,) or (..., n)
        As `grad_cpu` returns it.

    Raises
    ------
    LossCompileError, TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `grad_cpu`.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return (x * x).sum()
    >>> value, gradient = jg.value_and_grad_cpu(loss, np.array([1.0, 2.0]))
    >>> value, gradient.round(6)
    (5.0, array([2., 4.]))
    """
    g = _prepare(loss, method, order, step, bounds, coords, args_axes, threads, vectorize, estimator, workers, progress)
    return g.value_and_grad(x, *checked_args(args), out=out)


def _prepare(
    loss: Any, method: Any, order: Any, step: Any, bounds: Any, coords: Any, args_axes: Any, threads: Any,
    vectorize: Any, estimator: Any, workers: Any, progress: Any,
) -> Gradient:  # fmt: skip
    """Find the prepared gradient of an earlier call with the same options, or make one."""
    loss = jitted_loss(loss)
    shared = bounds is None and coords is None and args_axes is None and workers is None and not progress
    # With an estimator a kept one would go on to new directions.
    if not shared or estimator is not None or not (step is None or isinstance(step, float | Rule)):
        return gradient_on_cpu(
            loss, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes,
            threads=threads, vectorize=vectorize, estimator=estimator, workers=workers, progress=progress,
        )  # fmt: skip
    known = _prepared.get(loss)
    if known is None:
        known = _prepared.setdefault(loss, OrderedDict())
    key = (method, order, step, threads, vectorize)
    g = known.get(key)
    if g is None:
        g = known[key] = Gradient(loss, method=method, order=order, step=step, threads=threads, vectorize=vectorize)
        while len(known) > _KEPT_PER_LOSS:
            known.popitem(last=False)
    return g
