"""What TensorFlow has to know: how to compute, and how to go back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import tensorflow as tf
from tensorflow.python.eager.forwardprop_util import pack_tangents

from jitgrad.bridges._call import Call
from jitgrad.bridges._refusal import FORWARD_IN_GRAPH, LOST, THIRD


def barrier(tensor: Any, refusal: str) -> Any:
    """Return a tensor that raises an error where a tape goes back through it.

    The usual None for its derivative would be taken for 0 where a variable reaches the loss in two ways.
    """

    @tf.custom_gradient
    def wall(value: Any) -> Any:
        def pull(_: Any) -> Any:
            raise NotImplementedError(refusal)

        return tf.identity(value), pull

    tensor = tf.convert_to_tensor(tensor)
    return wall(tensor) if tensor.dtype.is_floating else tensor


_PULLS: dict[str, Callable[..., list[Any]]] = {
    "value": lambda do, c, x: [c[..., None] * do("gradient", x)],
    "gradient": lambda do, c, x: [do("product", barrier(x, THIRD), c)],
    "product": lambda do, c, x, _: [tf.zeros_like(x), do("product", x, c)],
    "outputs": lambda do, c, u: [do("pulled", u, c)],
    "pulled": lambda do, c, u, w: [do("curved", *(barrier(a, THIRD) for a in (u, w, c))), do("pushed", u, c)],
    "pushed": lambda do, c, u, v: [do("curved", *(barrier(a, THIRD) for a in (u, c, v))), do("pulled", u, c)],
    "curved": lambda _do, _c, *given: [tf.zeros_like(array) for array in given],  # their barriers speak
}
"""For each function of a host the cotangents of its arguments, from the cotangent ``c`` of its result."""


@tf.RegisterGradient("JitgradLost")
def _lost(*_: Any) -> Any:
    raise NotImplementedError(LOST)


def _guarded() -> Any:
    """In a graph, make TensorFlow ask `_lost` for the gradient of a callback.

    It never does while the function around the callback has its own; but what ``pfor`` vectorizes loses that, and the
    gradient of a bare callback counts as 0.
    """
    if tf.executing_eagerly():
        return nullcontext()
    return tf.compat.v1.get_default_graph().gradient_override_map({"PyFuncStateless": "JitgradLost"})


class TensorFlowCall(Call):
    """A call that computes in callbacks, and tells TensorFlow how to go back through them."""

    host: Any
    outputs: int | None

    def compute(self, verb: str, x: Any, vectors: Any, constants: Any) -> Any:
        """Compute outside of TensorFlow; the result is of the type of `x`."""

        @tf.custom_gradient
        def function(*arrays: Any) -> Any:
            def pull(cotangent: Any) -> Any:
                given, tensors = arrays[: 1 + len(vectors)], arrays[1 + len(vectors) :]
                found = _PULLS[verb](lambda name, x, *v: self.compute(name, x, v, tensors), cotangent, *given)
                return *found, *(tf.zeros_like(tensor) if tensor.dtype.is_floating else None for tensor in tensors)

            run = partial(self.numpy, x.dtype.as_numpy_dtype, self.host, verb, len(vectors))
            with _guarded():
                result = tf.numpy_function(run, arrays, x.dtype, stateful=False)
            result.set_shape(self._shape(verb, x.shape))
            return result, pull

        if not tf.executing_eagerly() and pack_tangents([x, *vectors]).tangents:
            raise NotImplementedError(FORWARD_IN_GRAPH)
        return function(x, *vectors, *constants)

    def _shape(self, verb: str, shape: Any) -> Any:
        if verb == "value":
            return shape[:-1]
        return shape[:-1].concatenate([self.outputs]) if verb in {"outputs", "pushed"} else shape
