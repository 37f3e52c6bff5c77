"""Products of a Jacobian with vectors, for jitted functions on the CPU."""

from __future__ import annotations

from typing import Any, Unpack

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import Array, Loss
from jitgrad.prepared.devices import device_for
from jitgrad.prepared.options import LineOptionsCpu, LineOptionsOf, ProductOptionsCpu, ProductOptionsOf
from jitgrad.prepared.products import JacobianVector, VectorJacobian


def vjp_of(function: Loss, **options: Unpack[ProductOptionsOf]) -> VectorJacobian:
    """Prepare the vector-Jacobian product of a function: what a training step needs.

    Parameters
    ----------
    function, **options
        As in `vjp_cpu`; with ``device="blackbox"`` as in `vjp_blackbox`.

    Returns
    -------
    VectorJacobian
        Callable ``vjp(u, w, *args, out=None)``; new arrays of the same shapes cost next to nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def F(u):
    ...     return u[0] * u[1], 3.0 * u[0]
    >>> vjp = jg.vjp_of(F)
    >>> vjp(np.array([1.0, 2.0]), np.array([1.0, 10.0])).round(6)
    array([32.,  1.])
    """
    device, others = device_for(options, lanes=True)
    return VectorJacobian(function, device, **others)


def vjp_cpu(
    function: Loss,
    u: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    out: Array | None = None,
    **options: Unpack[ProductOptionsCpu],
) -> Array:
    """Vector-Jacobian products of a jitted function at many points: the gradients of ``w . F(u)`` by ``u``.

    They are gradients of a loss in every respect, with threads, lanes, checks and repairs: ``w . F(u)`` is compiled
    into one, and all points and coordinates go into one probe list.

    Parameters
    ----------
    function, u, args
        As in `values_cpu`.
    w : array_like of shape (..., p)
        One weight per output and point.
    out : ndarray of shape (..., k), optional
        Receives the products.
    **options
        ``method``, ``order``, ``step``, ``bounds``, ``coords``, ``args_axes``, ``threads`` and ``vectorize``, as in
        `grad_cpu`.

    Returns
    -------
    ndarray of shape (..., k)
        float32 for float32 ``u``, else float64. With ``coords`` its last axis has one entry per chosen coordinate.

    Raises
    ------
    LossCompileError, LanesUnavailableError, TypeError, ValueError, Exception
        As in `grad_cpu`; `ValueError` also if `w` does not have one entry per output.

    Warns
    -----
    PrecisionWarning
        As in `grad_cpu`.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def F(u, a):
    ...     return np.array([u.sum(), a * u[0] * u[1]])
    >>> u, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> jg.vjp_cpu(F, u, w, args=(10.0,)).round(6)
    array([[ 1.,  1.],
           [41., 31.]])
    """
    return vjp_of(function, **options)(u, w, *checked_args(args), out=out)


def jvp_of(function: Loss, **options: Unpack[LineOptionsOf]) -> JacobianVector:
    """Prepare the derivative along a direction, to be called often.

    Parameters
    ----------
    function, **options
        As in `jvp_cpu`; with ``device="blackbox"`` as in `jvp_blackbox`.

    Returns
    -------
    JacobianVector
        Callable ``jvp(x, v, *args)``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return (x * x).sum()
    >>> slope = jg.jvp_of(loss)
    >>> round(slope(np.array([1.0, 2.0]), np.array([1.0, 1.0])), 6)
    6.0
    """
    device, others = device_for(options, lanes=False)
    return JacobianVector(function, device, **others)


def jvp_cpu(
    function: Loss,
    x: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    **options: Unpack[LineOptionsCpu],
) -> Any:
    """Derivative of a jitted loss, or of a function of several outputs, along a direction.

    It takes two evaluations per point, however many coordinates there are, and one more for the checks of `Auto`.

    Parameters
    ----------
    function : numba-jitted function
        ``loss(x, *args) -> float``, or a function as in `values_cpu`.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points.
    v : array_like, shape of `x`
        A direction for every point, of any length.
    args : tuple, optional
        What the function takes after ``x``.
    **options
        ``method``, ``order``, ``step``, ``bounds``, ``args_axes`` and ``threads``, as in `grad_cpu`. Steps are those
        of the coordinates: no coordinate is displaced by more than its own.

    Returns
    -------
    float, or ndarray of shape (...) or (..., p)
        The derivative of ``f(x + t v)`` by ``t`` at 0: one number per point for a loss, p for a function.

    Raises
    ------
    LossCompileError, TypeError, ValueError, Exception
        As in `grad_cpu`; `ValueError` also if the bounds leave no room along `v`.

    Warns
    -----
    PrecisionWarning
        As in `grad_cpu`; its ``coordinates`` name points, the last index being 0.

    Notes
    -----
    The points ``x + t v`` are rounded, each coordinate by itself, so that the displacements are those asked for to
    ``eps |x_i| / (h |v_i|)``: 1e-11 with the steps of `Auto`, which is below the error of the difference.

    The step along ``v`` is ``min_i h_i / |v_i|``. A loss that changes on the lengths ``L_i`` changes along ``v`` on
    ``min_i L_i / |v_i|`` or more, and the steps ``h_i`` of a rule are proportional to the lengths it assumes.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return x[0] * x[1]
    >>> round(jg.jvp_cpu(loss, np.array([1.0, 2.0]), np.array([1.0, 0.5])), 6)
    2.5
    """
    return jvp_of(function, **options)(x, v, *checked_args(args))
