"""Values, Jacobians and their products with vectors, for any Python callable."""

from __future__ import annotations

from typing import Any, Unpack

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import ArgsAxes, Array, FloatArray, Loss, Workers
from jitgrad.jacobian import jacobian_of, values_of
from jitgrad.prepared.options import JacobianOptionsCalled, LineOptionsCalled
from jitgrad.products import jvp_of, vjp_of


def values_blackbox(
    fun: Loss,
    u: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    args_axes: ArgsAxes = None,
    vectorized: bool = False,
    workers: Workers = None,
    progress: bool = False,
) -> FloatArray:
    """Values of any Python callable at many points, one evaluation for each.

    Parameters
    ----------
    fun : callable
        ``fun(u, *args)`` returns p real numbers: a one-dimensional array, a list or a tuple. It gets an array of shape
        (k,) of its own at every call, float32 for float32 `u`, and `args` as they are.
    u : array_like of shape (k,) or (..., k)
        A point, or a batch of points: one per sample.
    args : tuple, optional
        What `fun` takes after ``u``: anything.
    args_axes : sequence, optional
        For a batch: which axis of each argument runs along the points, None if all points share it.
    vectorized : bool, default False
        Whether `fun` takes many points at once, of shape (s, k), and returns outputs of shape (s, p). All that are
        wanted at the same time come in one call, as long as they take less than 256 MB. Arguments that vary have s
        entries in the axis that `args_axes` names.
    workers, progress
        As in `grad_blackbox`.

    Returns
    -------
    ndarray of float64, shape (..., p)

    Raises
    ------
    TypeError
        If `fun` cannot be called, or returns something else than outputs.
    ValueError
        If an argument is not as described, or the number of outputs is not the same everywhere.
    WorkerLostError, ImportError
        As in `grad_blackbox`.
    Exception
        Whatever `fun` raises, with a note that names the point.

    Examples
    --------
    >>> import jitgrad as jg
    >>> class Lens:
    ...     def image(self, u, focus):
    ...         return [u[0] / focus, u[0] + u[1]]
    >>> jg.values_blackbox(Lens().image, [[1.0, 2.0], [3.0, 4.0]], args=(2.0,))
    array([[0.5, 3. ],
           [1.5, 7. ]])
    """
    values = values_of(
        fun, args_axes=args_axes, device="blackbox", vectorized=vectorized, workers=workers, progress=progress
    )
    return values(u, *checked_args(args))


def jacobian_blackbox(
    fun: Loss, u: npt.ArrayLike, *, args: tuple[Any, ...] = (), **options: Unpack[JacobianOptionsCalled]
) -> Array:
    """Jacobians of any Python callable at many points, by finite differences.

    Each displaced point is evaluated once for all outputs: it costs what the gradient of one output costs. Outputs that
    look doubtful get more evaluations.

    Parameters
    ----------
    fun, u, args
        As in `values_blackbox`.
    **options
        ``method``, ``order``, ``step``, ``bounds``, ``coords``, ``args_axes``, ``workers`` and ``progress``, as in
        `grad_blackbox`; ``vectorized`` as in `values_blackbox`.

    Returns
    -------
    ndarray of shape (..., p, k)
        As `jacobian_cpu` returns it.

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `values_blackbox` and `grad_blackbox`.

    Warns
    -----
    PrecisionWarning
        As in `jacobian_cpu`.

    Examples
    --------
    >>> import jitgrad as jg
    >>> jg.jacobian_blackbox(lambda u: (u[0] * u[1], 3.0 * u[0]), [1.0, 2.0]).round(6)
    array([[2., 1.],
           [3., 0.]])
    """
    return jacobian_of(fun, device="blackbox", **options)(u, *checked_args(args))


def vjp_blackbox(
    fun: Loss,
    u: npt.ArrayLike,
    w: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    out: Array | None = None,
    **options: Unpack[JacobianOptionsCalled],
) -> Array:
    """Vector-Jacobian products of any Python callable at many points: the gradients of ``w . fun(u)`` by ``u``.

    All points and coordinates go into one probe list. It takes the evaluations of `jacobian_blackbox`, and less memory.

    Parameters
    ----------
    fun, u, args
        As in `values_blackbox`.
    w : array_like of shape (..., p)
        One weight per output and point.
    out : ndarray of shape (..., k), optional
        Receives the products.
    **options
        As in `jacobian_blackbox`.

    Returns
    -------
    ndarray of shape (..., k)
        As `vjp_cpu` returns it.

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `jacobian_blackbox`; `ValueError` also if `w` does not have one entry per output.

    Warns
    -----
    PrecisionWarning
        As in `grad_cpu`.

    Examples
    --------
    >>> import jitgrad as jg
    >>> jg.vjp_blackbox(lambda u: (u[0] * u[1], 3.0 * u[0]), [1.0, 2.0], [1.0, 10.0]).round(6)
    array([32.,  1.])
    """
    return vjp_of(fun, device="blackbox", **options)(u, w, *checked_args(args), out=out)


def jvp_blackbox(
    fun: Loss,
    x: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    **options: Unpack[LineOptionsCalled],
) -> Any:
    """Derivative of any Python callable along a direction.

    It takes two evaluations per point, however many coordinates there are, and one more for the checks of `Auto`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``, or a callable as in `values_blackbox`.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points.
    v : array_like, shape of `x`
        A direction for every point, of any length.
    args : tuple, optional
        What `fun` takes after ``x``.
    **options
        ``method``, ``order``, ``step``, ``bounds``, ``args_axes``, ``workers`` and ``progress``, as in `grad_blackbox`;
        ``vectorized`` as in `values_blackbox`.

    Returns
    -------
    float, or ndarray of shape (...) or (..., p)
        As `jvp_cpu` returns it.

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `jacobian_blackbox`; `ValueError` also if the bounds leave no room along `v`.

    Warns
    -----
    PrecisionWarning
        As in `jvp_cpu`.

    Examples
    --------
    >>> import jitgrad as jg
    >>> round(jg.jvp_blackbox(lambda x: x[0] * x[1], [1.0, 2.0], [1.0, 0.5]), 6)
    2.5
    """
    return jvp_of(fun, device="blackbox", **options)(x, v, *checked_args(args))
