"""What JAX has to know: how to compute, and what the derivatives are."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jitgrad.bridges._call import Call
from jitgrad.bridges._jax_linear import linear


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
        # "expand_dims": every axis of vmap comes in front, of length 1 where an array is not mapped, as in `Call`.
        return jax.pure_callback(run, results, x, *others, vmap_method="expand_dims")


def _is_shape(shapes: Any) -> bool:
    return all(isinstance(size, int) for size in shapes)


def _tangent(call: JaxCall, tangents: Any) -> Any:
    """Return the tangent of `x`, None if it is 0; those of the arguments must be."""
    first, *others = tangents
    call.refuse(not isinstance(tangent, SymbolicZero) for tangent in others)
    return None if isinstance(first, SymbolicZero) else first


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def value_of(call: JaxCall, x: Any, *tensors: Any) -> Any:
    return call.compute("value", x.shape[:-1], 0, x, *tensors)


@partial(value_of.defjvp, symbolic_zeros=True)
def _push_value(call: JaxCall, given: Any, tangents: Any) -> Any:
    tangent = _tangent(call, tangents)
    if tangent is None:
        value = value_of(call, *given)
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
def outputs_of(call: JaxCall, u: Any, *tensors: Any) -> Any:
    return call.compute("outputs", (*u.shape[:-1], call.outputs), 0, u, *tensors)


@partial(outputs_of.defjvp, symbolic_zeros=True)
def _push_outputs(call: JaxCall, given: Any, tangents: Any) -> Any:
    tangent, y = _tangent(call, tangents), outputs_of(call, *given)
    u, *tensors = given
    return y, jnp.zeros_like(y) if tangent is None else linear(call, "pushed", u, tangent, *tensors)
