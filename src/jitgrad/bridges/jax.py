"""Losses and vector functions as parts of JAX programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitgrad.bridges._host import LayerHost, LossHost
from jitgrad.bridges._refusal import not_installed, not_real

try:
    import jax
except ImportError as error:
    raise ImportError(not_installed("JAX", "jax")) from error

import jax.numpy as jnp

from jitgrad.bridges._jax_rules import JaxCall, outputs_of, value_of

_KEPT = 8


def jax_loss(loss: Any, **options: Any) -> Callable[..., Any]:
    """Make a loss a part of a JAX program, with first and second derivatives.

    Parameters
    ----------
    loss : function
        ``loss(x, *args) -> float``, as `gradient_of` takes it.
    **options
        Of `gradient_of`. Second derivatives have steps and formulas of their own.

    Returns
    -------
    callable
        ``f(x, *args)``: a array without dimensions for `x` of shape (n,), of shape (...) for a batch (..., n). It has
        the type of `x`; all is computed in float64. JAX arrays among `args` reach the loss as NumPy arrays,
        floating ones in float64 and those without dimensions as numbers; the rest as it is. They are constants.

    Raises
    ------
    TypeError
        If `x` does not hold floating-point numbers.
    ValueError
        If a derivative by one of `args` is asked for.
    NotImplementedError
        If a third derivative is asked for.

    Notes
    -----
    It works with `grad`, `jit`, `vmap`, `jvp`, `jacfwd`, `jacrev` and `hessian`, nested in any order; a Hessian-vector
    product costs 4 n evaluations. Outside of `jit` every derivative is traced anew, which takes milliseconds. What the
    loss raises becomes a `jax.errors.JaxRuntimeError` that quotes it.

    Examples
    --------
    >>> import jax, numba
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def loss(x, a):
    ...     return a * (x * x).sum()
    >>> f = jg.jax_loss(loss)
    >>> jax.jit(jax.grad(f))(jax.numpy.array([1.0, 2.0]), 3.0)
    Array([ 6., 12.], dtype=float32)
    """
    return _function(value_of, LossHost(loss, options), 0)


def jax_layer(function: Any, outputs: int, **options: Any) -> Callable[..., Any]:
    """Make a vector function of every sample a layer of a JAX program.

    Parameters
    ----------
    function : numba-jitted function
        ``F(u, *args)``, as `values_cpu` takes it: p numbers for the k numbers of a sample.
    outputs : int
        The number p: JAX asks for shapes before anything is evaluated.
    **options
        Of `vjp_cpu`.

    Returns
    -------
    callable
        ``y = f(u, *args)`` of shape (..., p) for `u` of shape (..., k). Going back is one vector-Jacobian
        product for all samples, going forward one Jacobian-vector product.

    Raises
    ------
    TypeError, ValueError, NotImplementedError
        As in `jax_loss`; `NotImplementedError` also for forward mode inside of forward mode.

    Examples
    --------
    >>> import jax, numba
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def F(u):
    ...     return u[0] * u[1], 3.0 * u[0]
    >>> f = jg.jax_layer(F, 2)
    >>> jax.jacrev(f)(jax.numpy.array([1.0, 2.0])).round(5)
    Array([[2., 1.],
           [3., 0.]], dtype=float32)
    """
    return _function(outputs_of, LayerHost(function, options), outputs)


def _function(of: Any, host: Any, outputs: int) -> Callable[..., Any]:
    calls: dict[Any, JaxCall] = {}

    def function(x: Any, *args: Any) -> Any:
        x = jnp.asarray(x)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(not_real("an array of JAX or NumPy", x, "x.astype(float)"))
        # JAX compiles anew for another callback, so calls with the same constants share one; it keeps them alive.
        key = (x.ndim, *(None if isinstance(value, jax.Array) else id(value) for value in args))
        if key not in calls:
            while len(calls) >= _KEPT:
                calls.pop(next(iter(calls)), None)
            calls[key] = JaxCall(host, x, args, outputs)
        return of(calls[key], x, *(value for value in args if isinstance(value, jax.Array)))

    return function
