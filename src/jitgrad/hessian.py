"""Second derivatives of jitted losses on the CPU."""

from __future__ import annotations

from typing import Any, Unpack

import numpy.typing as npt

from jitgrad._check import checked_args
from jitgrad._types import Array, Loss
from jitgrad.prepared.devices import device_for
from jitgrad.prepared.hessian import Hessian, HessianVector
from jitgrad.prepared.options import SecondOptionsCpu, SecondOptionsOf


def hessian_of(loss: Loss, **options: Unpack[SecondOptionsOf]) -> Hessian:
    """Prepare the Hessian of a loss, to be called often.

    Parameters
    ----------
    loss, **options
        As in `hessian_cpu`; with ``device="blackbox"`` as in `hessian_blackbox`.

    Returns
    -------
    Hessian
        Callable ``hessian(x, *args)``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x, a):
    ...     return a * x[0] ** 2 * x[1]
    >>> hessian = jg.hessian_of(loss)
    >>> hessian(np.array([1.0, 2.0]), 3.0).round(5)
    array([[12.,  6.],
           [ 6.,  0.]])
    """
    device, others = device_for(options, lanes=True)
    return Hessian(loss, device, **others)


def hessian_cpu(
    loss: Loss, x: npt.ArrayLike, *, args: tuple[Any, ...] = (), **options: Unpack[SecondOptionsCpu]
) -> Array:
    """Hessian of a jitted loss, by second differences on all cores.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    x : array_like of shape (n,) or (..., n)
        A point, or a batch of points.
    args : tuple, optional
        What the loss takes after ``x``.
    **options
        ``bounds``, ``coords``, ``args_axes``, ``threads`` and ``vectorize``, as in `grad_cpu`. ``order``: accuracy
        order, 2 (the default; 4 for float32), 4, 6 or 8; it costs ``order**2 / 2`` evaluations per entry off the
        diagonal of one triangle, times 2. ``step``: a number, an array or a step rule, whose steps are made those of a
        second derivative; default: those of `Auto`, larger where they are too small.

    Returns
    -------
    ndarray of shape (..., n, n)
        Symmetric. float32 for float32 ``x``, else float64. NaN where the loss is not finite at a displaced point. With
        ``coords`` its last two axes have one entry per chosen coordinate. A coordinate with equal bounds has 0 in its
        row and column.

    Raises
    ------
    LossCompileError, TypeError, ValueError, Exception
        As in `grad_cpu`; `TypeError` also for steps that look at the loss.

    See Also
    --------
    hvp_cpu : the product with a vector, for a number of evaluations that grows with n and not with its square.

    Notes
    -----
    Off the diagonal, with ``h = h_i`` and ``k = h_j``,

        (f(x + h e_i + k e_j) - f(x + h e_i - k e_j) - f(x - h e_i + k e_j) + f(x - h e_i - k e_j)) / (4 h k)

    (M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions, 25.3.26), in general the product of two
    formulas for first derivatives; on the diagonal the formula with the same nodes and the point itself. The
    displacements divided by are the true ones. 25.3.27 would take half of the evaluations, and has three times the
    rounding. Near a bound the formula is moved inside at the same order.

    The error is about ``h**2 f'''' / 12 + 2 eps |f| / h**2`` for order 2. The step ``4 eps**(1/4)`` (5e-4) times
    ``|x|`` up to 1 and times its square root above leaves, where the loss changes on the scale of ``x``, 2e-8 of
    truncation and 2e-9 of rounding, in units of the loss and that scale: the rounding may be ten times larger, as in
    sums of many terms. Order 4 steps 1e-2, and leaves 1e-10 and 1e-11. A coordinate below 1 whose second difference
    drowns in rounding gets a larger step, up to that of a coordinate of size 1, for two evaluations each time it grows
    tenfold. Nothing else checks the result: compare two orders.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> jg.hessian_cpu(rosenbrock, np.array([1.0, 1.0]), order=4).round(4)
    array([[ 802., -400.],
           [-400.,  200.]])
    """
    return hessian_of(loss, **options)(x, *checked_args(args))


def hvp_of(loss: Loss, **options: Unpack[SecondOptionsOf]) -> HessianVector:
    """Prepare the Hessian-vector product of a loss, to be called often.

    Parameters
    ----------
    loss, **options
        As in `hvp_cpu`; with ``device="blackbox"`` as in `hvp_blackbox`.

    Returns
    -------
    HessianVector
        Callable ``hvp(x, v, *args)``.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return (x**3).sum()
    >>> hvp = jg.hvp_of(loss, order=4)
    >>> hvp(np.array([1.0, 2.0]), np.array([1.0, -1.0])).round(5)
    array([  6., -12.])
    """
    device, others = device_for(options, lanes=True)
    return HessianVector(loss, device, **others)


def hvp_cpu(
    loss: Loss,
    x: npt.ArrayLike,
    v: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    **options: Unpack[SecondOptionsCpu],
) -> Array:
    """Product of the Hessian of a jitted loss with a vector, for ``4 n`` evaluations.

    Parameters
    ----------
    loss, x, args, **options
        As in `hessian_cpu`; it takes ``order**2`` evaluations per coordinate.
    v : array_like, shape of `x`
        One vector for every point, of any length.

    Returns
    -------
    ndarray of shape (..., n)
        float32 for float32 ``x``, else float64. With ``coords`` its last axis has one entry per chosen coordinate.

    Raises
    ------
    LossCompileError, TypeError, ValueError, Exception
        As in `hessian_cpu`; `ValueError` also if the bounds leave no room along `v`.

    Notes
    -----
    Entry ``i`` is the mixed derivative of ``f(y + t v)`` by ``y_i`` and ``t``, with the formula and the steps of
    `hessian_cpu`; along ``v`` no coordinate moves by more than its own step. That is the difference of two gradients
    at ``x + t v`` and ``x - t v`` too, but with steps that balance both divisions: gradients with their own, 20 times
    smaller, steps would leave 20 times the rounding. Within bounds the coordinates take half of the room and the move
    along ``v`` the other half.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return x[0] ** 2 * x[1]
    >>> jg.hvp_cpu(loss, np.array([1.0, 2.0]), np.array([1.0, 1.0])).round(5)
    array([6., 2.])
    """
    return hvp_of(loss, **options)(x, v, *checked_args(args))
