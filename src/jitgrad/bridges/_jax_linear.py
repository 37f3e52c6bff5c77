"""Products of derivatives with a vector: linear in it, and each knows its transpose and its own derivative.

JAX goes backward by transposing what is linear, and cannot transpose a callback. A primitive says how; `linear_call` of
JAX would do without one, but cannot be mapped by `vmap` (as of JAX 0.10).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jitgrad.bridges._refusal import FORWARD_TWICE, THIRD

_primitive = Primitive("jitgrad_linear")

_TRANSPOSES = {"product": "product", "pushed": "pulled", "pulled": "pushed", "curved": "curved"}
_VECTORS = {"product": 1, "pushed": 1, "pulled": 1, "curved": 2}


def linear(call: Any, verb: str, x: Any, *others: Any) -> Any:
    """Compute ``verb`` of the host at `x`, linear in the last of its vectors.

    Parameters
    ----------
    call : JaxCall
    verb : {"product", "pushed", "pulled", "curved"}
    x : array of shape (..., n)
    *others : arrays
        The vectors, and what follows `x` in the call.
    """
    # The vector gets all axes that vmap put in front, because its transpose has the shape of the result.
    depth, place = x.ndim - call.rank, _VECTORS[verb] - 1
    lead = jnp.broadcast_shapes(*(array.shape[:depth] for array in (x, *others)))
    vector = jnp.broadcast_to(others[place], (*lead, *others[place].shape[depth:]))
    return _primitive.bind(x, *others[:place], vector, *others[place + 1 :], call=call, verb=verb)


@_primitive.def_impl
def _compute(x: Any, *others: Any, call: Any, verb: str) -> Any:
    count = _VECTORS[verb]
    width = call.outputs if verb == "pushed" else x.shape[-1]
    return call.compute(verb, (*others[count - 1].shape[:-1], width), count, x, *others)


@_primitive.def_abstract_eval
def _abstract(x: Any, *others: Any, call: Any, verb: str) -> Any:
    width = call.outputs if verb == "pushed" else x.shape[-1]
    return ShapedArray((*others[_VECTORS[verb] - 1].shape[:-1], width), x.dtype)


mlir.register_lowering(_primitive, mlir.lower_fun(_compute, multiple_results=False))


def _transpose(cotangent: Any, x: Any, *others: Any, call: Any, verb: str) -> Any:
    place = _VECTORS[verb]
    if not ad.is_undefined_primal(others[place - 1]):
        raise NotImplementedError(THIRD)
    before, after = others[: place - 1], others[place:]
    found = None
    if type(cotangent) is not ad.Zero:
        found = linear(call, _TRANSPOSES[verb], x, *before, cotangent, *after)
    return (*(None for _ in (x, *before)), found, *(None for _ in after))


ad.primitive_transposes[_primitive] = _transpose


def _push(given: Any, tangents: Any, *, call: Any, verb: str) -> Any:
    result = linear(call, verb, *given)
    place = _VECTORS[verb]
    call.refuse(type(tangent) is not ad.Zero for tangent in tangents[place + 1 :])
    found = []
    if type(tangents[place]) is not ad.Zero:
        found.append(linear(call, verb, *given[:place], tangents[place], *given[place + 1 :]))
    if any(type(tangent) is not ad.Zero for tangent in tangents[:place]):
        if verb == "pulled":
            found.append(linear(call, "curved", given[0], given[1], tangents[0], *given[2:]))
        else:
            raise NotImplementedError(FORWARD_TWICE if verb == "pushed" else THIRD)
    if not found:
        return result, ad.Zero.from_primal_value(result)
    return result, sum(found[1:], found[0])


ad.primitive_jvps[_primitive] = _push


def _map(arrays: Any, axes: Any, *, call: Any, verb: str) -> Any:
    pairs = zip(arrays, axes, strict=True)
    moved = (jnp.expand_dims(a, 0) if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in pairs)
    return linear(call, verb, *moved), 0


batching.primitive_batchers[_primitive] = _map
