"""Second derivatives of any Python callable."""

from __future__ import annotations

from typing import Any, Unpack

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import Array, Loss
from jitgrad.hessian import hessian_of, hvp_of
from jitgrad.prepared.options import SecondOptionsCalled


def hessian_blackbox(
    fun: Loss, x: npt.ArrayLike, *, args: tuple[Any, ...] = (), **options: Unpack[SecondOptionsCalled]
) -> Array:
    """Hessian of any Python callable, by second differences.

    Parameters
    ----------
    fun, x, args
        As in `grad_blackbox`.
    **options
        ``order``, ``step``, ``bounds``, ``coords`` and ``args_axes``, as in `hessian_cpu`, which says too how many
        evaluations it takes; ``vectorized``, ``workers`` and ``progress`` as in `grad_blackbox`.

    Returns
    -------
    ndarray of shape (..., n, n)
        As `hessian_cpu` returns it.

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `grad_blackbox`; `TypeError` also for steps that look at the loss.

    Examples
    --------
    >>> import jitgrad as jg
    >>> jg.hessian_blackbox(lambda x: x[0] ** 2 * x[1], [1.0, 2.0], order=4).round(4)
    array([[4., 2.],
           [2., 0.]])
    """
    return hessian_of(fun, device="blackbox", **options)(x, *checked_args(args))


def hvp_blackbox(
    fun: Loss,
    x: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    **options: Unpack[SecondOptionsCalled],
) -> Array:
    """Product of the Hessian of any Python callable with a vector, for ``4 n`` evaluations.

    Parameters
    ----------
    fun, x, args, **options
        As in `hessian_blackbox`.
    v : array_like, shape of `x`
        One vector for every point, of any length.

    Returns
    -------
    ndarray of shape (..., n)
        As `hvp_cpu` returns it.

    Raises
    ------
    TypeError, ValueError, WorkerLostError, ImportError, Exception
        As in `hessian_blackbox`; `ValueError` also if the bounds leave no room along `v`.

    Examples
    --------
    >>> import jitgrad as jg
    >>> jg.hvp_blackbox(lambda x: x[0] ** 2 * x[1], [1.0, 2.0], [1.0, 1.0]).round(5)
    array([6., 2.])
    """
    return hvp_of(fun, device="blackbox", **options)(x, v, *checked_args(args))
