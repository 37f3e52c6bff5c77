"""Losses and vector functions as parts of JAX programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from jitgrad.bridges._call import Call
from jitgrad.bridges._host import LayerHost, LossHost
from jitgrad.bridges._refusal import not_installed, not_real

try:
    import jax
except ImportError as error:
    raise ImportError(not_installed("JAX", "jax")) from error

import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jitgrad.bridges._jax_linear import linear


def jax_loss(loss: Any, **options: Any) -> Callable[..., Any]:
    return _function(_value, LossHost(loss, options), 0)


def jax_layer(function: Any, outputs: int, **options: Any) -> Callable[..., Any]:
    return _function(_outputs, LayerHost(function, options), outputs)


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


_KEPT = 8


class JaxCall(Call):
    """A call that computes in callbacks, where nothing of JAX may be used: that hangs (jax issues 24255, 24219)."""

    def __init__(self, host: Any, x: Any, args: tuple[Any, ...], outputs: int) -> None:
        super().__init__(args, host.axes, x.ndim, lambda value: isinstance(value, jax.Array))
        self.tensors = ()  # they may belong to a trace that has ended
        self.outputs = outputs
        self._host = host
        self._runs: dict[Any, Any] = {}

    def compute(self, verb: str, shapes: Any, vectors: int, x: Any, *others: Any) -> Any:
        """Compute outside of JAX; results are of the type of `x`."""
        results = jax.tree.map(lambda shape: jax.ShapeDtypeStruct(shape, x.dtype), shapes, is_leaf=_is_shape)
        run = self._runs.setdefault((verb, x.dtype), partial(self.numpy, x.dtype, self._host, verb, vectors))
        # "expand_dims": every axis of vmap comes in front, of length 1 where an array is not mapped, as `Call` wants it.
        return jax.pure_callback(run, results, x, *others, vmap_method="expand_dims")


def _is_shape(shapes: Any) -> bool:
    return all(isinstance(size, int) for size in shapes)


def _tangent(call: JaxCall, tangents: Any) -> Any:
    """Return the tangent of `x`, None if it is 0; those of the arguments must be."""
    first, *others = tangents
    call.refuse(not isinstance(tangent, SymbolicZero) for tangent in others)
    return None if isinstance(first, SymbolicZero) else first


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _value(call: JaxCall, x: Any, *tensors: Any) -> Any:
    return call.compute("value", x.shape[:-1], 0, x, *tensors)


@partial(_value.defjvp, symbolic_zeros=True)
def _push_value(call: JaxCall, given: Any, tangents: Any) -> Any:
    tangent = _tangent(call, tangents)
    if tangent is None:
        value = _value(call, *given)
        return value, jnp.zeros_like(value)
    value, gradient = _both(call, *given)
    return value, (gradient * tangent).sum(-1)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _both(call: JaxCall, x: Any, *tensors: Any) -> Any:
    return call.compute("value_and_gradient", (x.shape[:-1], x.shape), 0, x, *tensors)


@partial(_both.defjvp, symbolic_zeros=True)
def _push_both(call: JaxCall, given: Any, tangents: Any) -> Any:
    tangent = _tangent(call, tangents)
    value, gradient = _both(call, *given)
    if tangent is None:
        return (value, gradient), (jnp.zeros_like(value), jnp.zeros_like(gradient))
    x, *tensors = given
    return (value, gradient), ((gradient * tangent).sum(-1), linear(call, "product", x, tangent, *tensors))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _outputs(call: JaxCall, u: Any, *tensors: Any) -> Any:
    return call.compute("outputs", (*u.shape[:-1], call.outputs), 0, u, *tensors)


@partial(_outputs.defjvp, symbolic_zeros=True)
def _push_outputs(call: JaxCall, given: Any, tangents: Any) -> Any:
    tangent, y = _tangent(call, tangents), _outputs(call, *given)
    u, *tensors = given
    return y, jnp.zeros_like(y) if tangent is None else linear(call, "pushed", u, tangent, *tensors)
