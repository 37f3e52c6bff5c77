"""Losses and vector functions as parts of TensorFlow and Keras programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitgrad.bridges._call import Call
from jitgrad.bridges._host import LayerHost, LossHost
from jitgrad.bridges._refusal import THIRD, not_installed, not_real

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(not_installed("TensorFlow", "tensorflow")) from error


def tf_loss(loss: Any, **options: Any) -> Callable[..., Any]:
    host = LossHost(loss, options)
    return lambda x, *args: TensorFlowCall(host, x, args, None).loss()


def tf_layer(function: Any, outputs: int, **options: Any) -> Callable[..., Any]:
    host = LayerHost(function, options)
    return lambda u, *args: TensorFlowCall(host, u, args, outputs).layer()


class TensorFlowCall(Call):
    """A call that computes in callbacks; each derivative is a function with a gradient of its own."""

    def __init__(self, host: Any, x: Any, args: tuple[Any, ...], outputs: int | None) -> None:
        self._x = tf.convert_to_tensor(x)
        if not self._x.dtype.is_floating:
            raise TypeError(not_real("a tensor of TensorFlow", self._x, "tf.cast(x, tf.float64)"))
        super().__init__(args, host.axes, None, tf.is_tensor)
        self._host = host
        self._outputs = outputs
        pairs = zip(self.places, self.tensors, strict=True)
        self._constants = [self._constant(place, tf.convert_to_tensor(tensor)) for place, tensor in pairs]

    def loss(self) -> Any:
        """Compute values of shape (...)."""

        @tf.custom_gradient
        def value(x: Any, *constants: Any) -> Any:
            def pull(cotangent: Any) -> Any:
                return cotangent[..., None] * gradient(x, *constants), *_zeros(constants)

            return self._compute("value", 0, x.shape[:-1], x, *constants), pull

        @tf.custom_gradient
        def gradient(x: Any, *constants: Any) -> Any:
            def pull(cotangent: Any) -> Any:
                return product(x, cotangent, *constants), *_zeros(constants)

            return self._compute("gradient", 0, x.shape, x, *constants), pull

        @tf.custom_gradient
        def product(x: Any, v: Any, *constants: Any) -> Any:
            def pull(cotangent: Any) -> Any:
                return _third(x), product(x, cotangent, *constants), *_zeros(constants)

            return self._compute("product", 1, x.shape, x, v, *constants), pull

        return value(self._x, *self._constants)

    def layer(self) -> Any: ...
