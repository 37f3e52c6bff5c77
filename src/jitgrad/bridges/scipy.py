"""What the solvers of SciPy ask for, from a loss or from a function of several outputs.

Without a bridge: ``minimize(g.value_and_grad, x0, args=args, jac=True)`` with ``g = gradient_of(loss)``. What SciPy
hands over are arrays of its own, which it changes between calls, and it calls ``hessp`` and ``jac`` with arguments in
another order than jitgrad.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, NamedTuple

from jitgrad._types import Array
from jitgrad.gradient import gradient_of
from jitgrad.hessian import hessian_of, hvp_of
from jitgrad.jacobian import jacobian_of, values_of
from jitgrad.prepared.options import SecondOptionsOf

_OF_SECOND_DERIVATIVES = SecondOptionsOf.__annotations__.keys() - {"args_axes", "coords", "order", "step"}


class ScipyLoss(NamedTuple):
    """A loss for `scipy.optimize.minimize`; made by `scipy_loss`.

    Attributes
    ----------
    fun : callable
        ``fun(x, *args)`` returns the loss and its gradient, for ``jac=True``.
    hess : callable
        ``hess(x, *args)``, the Hessian of shape (n, n).
    hessp : callable
        ``hessp(x, p, *args)``, its product with a vector.
    """

    fun: Callable[..., tuple[float, Array]]
    hess: Callable[..., Array]
    hessp: Callable[..., Array]


class ScipyFunction(NamedTuple):
    """A function of several outputs for `scipy.optimize.least_squares` and `root`; made by `scipy_function`.

    Attributes
    ----------
    fun : callable
        ``fun(x, *args)``, the outputs, of shape (p,).
    jac : callable
        ``jac(x, *args)``, their Jacobian, of shape (p, n).
    """

    fun: Callable[..., Array]
    jac: Callable[..., Array]


def scipy_loss(loss: Any, **options: Any) -> ScipyLoss:
    """Prepare a loss for `scipy.optimize.minimize`.

    Parameters
    ----------
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    **options
        As in `gradient_of`. Steps and formulas are those of the gradient; second derivatives have their own.

    Returns
    -------
    ScipyLoss

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from scipy.optimize import minimize
    >>> from jitgrad.bridges.scipy import scipy_loss
    >>> @njit
    ... def rosenbrock(x, a):
    ...     return (1 - x[0]) ** 2 + a * (x[1] - x[0] ** 2) ** 2
    >>> problem = scipy_loss(rosenbrock)
    >>> found = minimize(problem.fun, [-1.0, 1.0], args=(100.0,), jac=True, hessp=problem.hessp, method="trust-ncg")
    >>> found.x.round(4)
    array([1., 1.])
    """
    second = {name: value for name, value in options.items() if name in _OF_SECOND_DERIVATIVES}
    if second.get("device") == "cuda":
        del second["device"]  # they are computed on the CPU
    hvp = hvp_of(loss, **second)
    return ScipyLoss(gradient_of(loss, **options).value_and_grad, hessian_of(loss, **second), hvp)


def scipy_function(function: Any, **options: Any) -> ScipyFunction:
    """Prepare a function of several outputs for `scipy.optimize.least_squares` and `scipy.optimize.root`.

    Parameters
    ----------
    function : numba-jitted function
        As in `values_cpu`.
    **options
        As in `jacobian_cpu`.

    Returns
    -------
    ScipyFunction

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from scipy.optimize import least_squares
    >>> from jitgrad.bridges.scipy import scipy_function
    >>> @njit
    ... def residuals(x, t, y):
    ...     return x[0] * np.exp(-x[1] * t) - y
    >>> t = np.linspace(0.0, 2.0, 20)
    >>> problem = scipy_function(residuals)
    >>> least_squares(problem.fun, [1.0, 1.0], problem.jac, args=(t, 3.0 * np.exp(-0.5 * t))).x.round(6)
    array([3. , 0.5])
    """
    of_values = {name: value for name, value in options.items() if name in signature(values_of).parameters}
    return ScipyFunction(values_of(function, **of_values), jacobian_of(function, **options))
