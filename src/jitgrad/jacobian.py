"""Values and Jacobians of jitted functions of several outputs, on the CPU."""

from __future__ import annotations

from typing import Any, Unpack

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import ArgsAxes, Array, FloatArray, Loss, Workers
from jitgrad.prepared.devices import device_for
from jitgrad.prepared.options import DeviceName, JacobianOptionsCpu, JacobianOptionsOf
from jitgrad.prepared.outputs import Jacobian, Values


def values_of(
    function: Loss,
    *,
    args_axes: ArgsAxes = None,
    threads: int | None = None,
    device: DeviceName = "cpu",
    vectorized: bool = False,
    workers: Workers = None,
    progress: bool = False,
) -> Values:
    """Prepare the values of a function of several outputs, to be called often.

    Parameters
    ----------
    function, args_axes, threads
        As in `values_cpu`.
    device : {"cpu", "blackbox"}, default "cpu"
        Where the function is evaluated.
    vectorized, workers, progress
        As in `values_blackbox`; for ``device="blackbox"`` only, as `threads` is for the CPU.

    Returns
    -------
    Values
        Callable ``values(u, *args)``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def F(u, a):
    ...     return u[0] * u[1], a * u[0]
    >>> values = jg.values_of(F)
    >>> values(np.array([[1.0, 2.0], [3.0, 4.0]]), 10.0)
    array([[ 2., 10.],
           [12., 30.]])
    """
    options = {
        "device": device, "threads": threads, "vectorized": vectorized, "workers": workers, "progress": progress,
    }  # fmt: skip
    return Values(function, device_for(options, lanes=False)[0], args_axes=args_axes)


def values_cpu(
    function: Loss,
    u: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    args_axes: ArgsAxes = None,
    threads: int | None = None,
) -> FloatArray:
    """Values of a jitted function at many points, on all cores.

    Parameters
    ----------
    function : numba-jitted function
        ``F(u, *args)`` returns a one-dimensional array of p real numbers, or a tuple of p numbers of one type, which
        spares it an allocation. It gets an array of shape (k,) of its own.
    u : array_like of shape (k,) or (..., k)
        A point, or a batch of points: one per sample.
    args : tuple, optional
        What the function takes after ``u``.
    args_axes : sequence, optional
        For a batch: which axis of each argument runs along the points, None if all points share it.
    threads : int, optional
        Number of threads. Default: all where that is faster, else one.

    Returns
    -------
    ndarray of float64, shape (..., p)

    Raises
    ------
    LossCompileError
        If the function does not compile for these arguments or does not return such outputs.
    TypeError, ValueError
        If an argument is not as described.
    Exception
        Whatever the function raises, with a note that names the point.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def F(u):
    ...     return np.array([u.sum(), u.prod()])
    >>> jg.values_cpu(F, np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[ 3.,  2.],
           [ 7., 12.]])
    """
    return values_of(function, args_axes=args_axes, threads=threads)(u, *checked_args(args))


def jacobian_of(function: Loss, **options: Unpack[JacobianOptionsOf]) -> Jacobian:
    """Prepare the Jacobian of a function, to be called often.

    Parameters
    ----------
    function, **options
        As in `jacobian_cpu`; with ``device="blackbox"`` as in `jacobian_blackbox`.

    Returns
    -------
    Jacobian
        Callable ``jacobian(u, *args)``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def F(u, a):
    ...     return u[0] * u[1], a * u[0]
    >>> jacobian = jg.jacobian_of(F)
    >>> jacobian(np.array([1.0, 2.0]), 10.0).round(6)
    array([[ 2.,  1.],
           [10.,  0.]])
    """
    device, others = device_for(options, lanes=False)
    return Jacobian(function, device, **others)


def jacobian_cpu(
    function: Loss, u: npt.ArrayLike, *, args: tuple[Any, ...] = (), **options: Unpack[JacobianOptionsCpu]
) -> Array:
    """Jacobians of a jitted function at many points, by finite differences on all cores.

    Each displaced point is evaluated once for all outputs. The derivatives of every output are checked like those of a
    loss; only outputs that look doubtful get more evaluations.

    Parameters
    ----------
    function, u, args
        As in `values_cpu`.
    **options
        ``method``, ``order``, ``step``, ``bounds``, ``coords``, ``args_axes`` and ``threads``, as in `grad_cpu`.

    Returns
    -------
    ndarray of shape (..., p, k)
        float32 for float32 ``u``, else float64. With ``coords`` its last axis has one entry per chosen coordinate.

    Raises
    ------
    LossCompileError, TypeError, ValueError, Exception
        As in `values_cpu` and `grad_cpu`.

    Warns
    -----
    PrecisionWarning
        If `Auto` cannot find some derivatives to 1 %; its ``coordinates`` are (output, ..., coordinate).

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def polar(u):
    ...     return u[0] * np.cos(u[1]), u[0] * np.sin(u[1])
    >>> jg.jacobian_cpu(polar, np.array([2.0, 0.0])).round(6)
    array([[1., 0.],
           [0., 2.]])
    """
    return jacobian_of(function, **options)(u, *checked_args(args))
