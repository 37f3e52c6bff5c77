"""Gradients of losses on NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import ArgsAxes, Bounds, Loss, Method
from jitgrad.estimators import RandomDirections
from jitgrad.launch.cuda_state import require_cuda
from jitgrad.steps import Rule

if TYPE_CHECKING:
    from jitgrad.prepared.cuda.gradient import CudaGradient

Step = float | npt.ArrayLike | Rule | None


def cuda_gradient_of(loss: Loss, **options: Any) -> CudaGradient:
    """Prepare the gradient of a loss on GPUs; see `gradient_of`.

    Raises
    ------
    CudaUnavailableError
        If a part of CUDA is missing.
    """
    require_cuda()
    from jitgrad.prepared.cuda.gradient import CudaGradient

    return CudaGradient(loss, **options)


def grad_cuda(
    loss: Loss,
    x: Any,
    *,
    args: tuple[Any, ...] = (),
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    stream: Any = None,
    devices: Sequence[int] | None = None,
    estimator: RandomDirections | None = None,
    out: Any = None,
) -> Any:
    """Gradient of a loss, by finite differences on NVIDIA GPUs: all displaced losses at the same time.

    Parameters
    ----------
    loss : function
        ``loss(x, *args) -> float``, jitted by numba or plain Python that numba can compile. What it allocates comes
        from memory that the threads share (256 MB); what cannot run on a GPU is refused, and the message says which
        line.
    x : array_like of shape (n,) or (..., n), or array on a GPU
        A point, or a batch of points. An array on a GPU is anything with ``__cuda_array_interface__`` (CuPy, PyTorch,
        numba), float32 or float64, in C order.
    args : tuple, optional
        What the loss takes after ``x``: numbers, arrays, and tuples of them. Arrays on a GPU are used where they are.
    method, order, step, bounds, coords, args_axes
        As in `grad_cpu`.
    stream : object, optional
        Stream of numba, CuPy or PyTorch, or its address. Default: the default stream.
    devices : sequence of int, optional
        GPUs that share the work. Default: the first.
    estimator : SPSA or Smoothing, optional
        As in `grad_cpu`; the directions are drawn on the CPU.
    out : array, optional
        Receives the gradient.

    Returns
    -------
    array of shape (n,) or (..., n)
        As `grad_cpu` returns it. For ``x`` on a GPU an array on that GPU, of numba, which CuPy and PyTorch take
        without a copy.

    Raises
    ------
    CudaUnavailableError
        If package, toolkit, driver or device is missing; the message says which, and what installs it.
    LossCompileError
        If the loss cannot run on a GPU.
    MemoryError
        If one evaluation allocates more than there is.
    TypeError, ValueError, Exception
        As in `grad_cpu`.

    Warns
    -----
    PrecisionWarning
        As in `grad_cpu`.

    Notes
    -----
    A GPU multiplies and adds with one rounding, so that values differ from those of `grad_cpu` in the last digits.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x, a):
    ...     return a * (x[0] ** 2 + x[1] ** 3)
    >>> jg.grad_cuda(loss, np.array([1.0, 2.0]), args=(3.0,)).round(6)  # doctest: +SKIP
    array([ 6., 36.])
    """
    g = cuda_gradient_of(
        loss, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes, stream=stream,
        devices=devices, estimator=estimator,
    )  # fmt: skip
    return g(x, *checked_args(args), out=out)


def value_and_grad_cuda(
    loss: Loss,
    x: Any,
    *,
    args: tuple[Any, ...] = (),
    method: Method = "central",
    order: int | None = None,
    step: Step = None,
    bounds: Bounds = None,
    coords: npt.ArrayLike | None = None,
    args_axes: ArgsAxes = None,
    stream: Any = None,
    devices: Sequence[int] | None = None,
    estimator: RandomDirections | None = None,
    out: Any = None,
) -> tuple[Any, Any]:
    """Loss and gradient at once, on NVIDIA GPUs.

    Parameters
    ----------
    loss, x, args, method, order, step, bounds, coords, args_axes, stream, devices, estimator, out
        As in `grad_cuda`.

    Returns
    -------
    value : float, or array of shape (...) for a batch
        The loss at ``x``, in float64. For ``x`` on a GPU it lies there too, in an array of shape (1,) for one point.
    gradient : array of shape (n,) or (..., n)
        As `grad_cuda` returns it.

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
    ...     return x[0] ** 2 + x[1] ** 2
    >>> value, gradient = jg.value_and_grad_cuda(loss, np.array([1.0, 2.0]))  # doctest: +SKIP
    """
    g = cuda_gradient_of(
        loss, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes, stream=stream,
        devices=devices, estimator=estimator,
    )  # fmt: skip
    return g.value_and_grad(x, *checked_args(args), out=out)
