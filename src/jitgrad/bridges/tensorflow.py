"""Losses and vector functions as parts of TensorFlow and Keras programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from jitgrad.bridges._call import Call
from jitgrad.bridges._host import LayerHost, LossHost
from jitgrad.bridges._refusal import THIRD, by_argument, not_installed, not_real

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(not_installed("TensorFlow", "tensorflow")) from error


def tf_loss(loss: Any, **options: Any) -> Callable[..., Any]:
    host = LossHost(loss, options)
    return lambda x, *args: _applied(host, "value", x, args, None)


def tf_layer(function: Any, outputs: int, **options: Any) -> Callable[..., Any]:
    host = LayerHost(function, options)
    return lambda u, *args: _applied(host, "outputs", u, args, outputs)


def _applied(host: Any, verb: str, x: Any, args: tuple[Any, ...], outputs: int | None) -> Any:
    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise TypeError(not_real("a tensor of TensorFlow", x, "tf.cast(x, tf.float64)"))
    call = TensorFlowCall(args, host.axes, None, tf.is_tensor)
    call.host, call.outputs = host, outputs
    pairs = zip(call.places, call.tensors, strict=True)
    return call.compute(verb, x, (), [_barrier(tensor, by_argument(place)) for place, tensor in pairs])


def _barrier(tensor: Any, refusal: str) -> Any:
    """Return a tensor that raises an error where a tape goes back through it.

    The usual None for its derivative would be taken for 0 where a variable reaches the loss in two ways.
    """

    @tf.custom_gradient
    def barrier(value: Any) -> Any:
        def pull(_: Any) -> Any:
            raise NotImplementedError(refusal)

        return tf.identity(value), pull

    tensor = tf.convert_to_tensor(tensor)
    return barrier(tensor) if tensor.dtype.is_floating else tensor


_PULLS: dict[str, Callable[..., list[Any]]] = {
    "value": lambda do, c, x: [c[..., None] * do("gradient", x)],
    "gradient": lambda do, c, x: [do("product", _barrier(x, THIRD), c)],
    "product": lambda do, c, x, _: [tf.zeros_like(x), do("product", x, c)],
    "outputs": lambda do, c, u: [do("pulled", u, c)],
    "pulled": lambda do, c, u, w: [do("curved", *(_barrier(a, THIRD) for a in (u, w, c))), do("pushed", u, c)],
    "pushed": lambda do, c, u, v: [do("curved", *(_barrier(a, THIRD) for a in (u, c, v))), do("pulled", u, c)],
    "curved": lambda _do, _c, *given: [tf.zeros_like(array) for array in given],  # their barriers speak
}
"""For each function of a host the cotangents of its arguments, from the cotangent ``c`` of its result."""


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
            result = tf.numpy_function(run, arrays, x.dtype, stateful=False)
            result.set_shape(self._shape(verb, x.shape))
            return result, pull

        return function(x, *vectors, *constants)

    def _shape(self, verb: str, shape: Any) -> Any:
        if verb == "value":
            return shape[:-1]
        return shape[:-1].concatenate([self.outputs]) if verb in {"outputs", "pushed"} else shape
