"""Losses and vector functions as parts of TensorFlow and Keras programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jitgrad.bridges._host import LayerHost, LossHost
from jitgrad.bridges._refusal import by_argument, not_installed, not_real

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError(not_installed("TensorFlow", "tensorflow")) from error

from jitgrad.bridges._tensorflow_rules import TensorFlowCall, barrier


def tf_loss(loss: Any, **options: Any) -> Callable[..., Any]:
    """Make a loss a part of a TensorFlow or Keras program, with first and second derivatives.

    Parameters
    ----------
    loss : function
        ``loss(x, *args) -> float``, as `gradient_of` takes it.
    **options
        Of `gradient_of`. Second derivatives have steps and formulas of their own.

    Returns
    -------
    callable
        ``f(x, *args)``: a tensor without dimensions for `x` of shape (n,), of shape (...) for a batch (..., n). It has
        the type of `x`; all is computed in float64. Tensors among `args` reach the loss as NumPy arrays,
        floating ones in float64 and those without dimensions as numbers; the rest as it is. They are constants.

    Raises
    ------
    TypeError
        If `x` does not hold floating-point numbers.
    NotImplementedError
        If a derivative by one of `args` is asked for.
    NotImplementedError
        If a third derivative is asked for, or another that TensorFlow would get wrong: the message says which.

    Notes
    -----
    It works with `GradientTape`, in `tf.function`, and in a loss for `model.compile(loss=...)`, which Keras calls as
    ``(y_true, y_pred)``. The value is one evaluation, and going back is a gradient. XLA cannot call back: leave
    ``jit_compile`` off.

    Examples
    --------
    >>> import numba, tensorflow as tf
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def loss(x, a):
    ...     return a * (x * x).sum()
    >>> f = jg.tf_loss(loss)
    >>> x = tf.Variable([1.0, 2.0])
    >>> with tf.GradientTape() as tape:
    ...     y = f(x, 3.0)
    >>> tape.gradient(y, x).numpy()
    array([ 6., 12.], dtype=float32)
    """
    host = LossHost(loss, options)
    return lambda x, *args: _applied(host, "value", x, args, None)


def tf_layer(function: Any, outputs: int, **options: Any) -> Callable[..., Any]:
    """Make a vector function of every sample a layer of a TensorFlow or Keras program.

    Parameters
    ----------
    function : numba-jitted function
        ``F(u, *args)``, as `values_cpu` takes it: p numbers for the k numbers of a sample.
    outputs : int
        The number p: TensorFlow asks for shapes before anything is evaluated.
    **options
        Of `vjp_cpu`.

    Returns
    -------
    callable
        ``y = f(u, *args)`` of shape (..., p) for `u` of shape (..., k). Going back is one vector-Jacobian
        product for all samples.

    Raises
    ------
    TypeError, NotImplementedError
        As in `tf_loss`.

    Examples
    --------
    >>> import numba, tensorflow as tf
    >>> import jitgrad as jg
    >>> @numba.njit
    ... def F(u):
    ...     return u[0] * u[1], 3.0 * u[0]
    >>> f = jg.tf_layer(F, 2)
    >>> f(tf.constant([[1.0, 2.0], [3.0, 4.0]])).numpy()
    array([[ 2.,  3.],
           [12.,  9.]], dtype=float32)
    """
    host = LayerHost(function, options)
    return lambda u, *args: _applied(host, "outputs", u, args, outputs)


@tf.autograph.experimental.do_not_convert
def _applied(host: Any, verb: str, x: Any, args: tuple[Any, ...], outputs: int | None) -> Any:
    x = tf.convert_to_tensor(x)
    if not x.dtype.is_floating:
        raise TypeError(not_real("a tensor of TensorFlow", x, "tf.cast(x, tf.float64)"))
    call = TensorFlowCall(args, host.axes, None, tf.is_tensor)
    call.host, call.outputs = host, outputs
    pairs = zip(call.places, call.tensors, strict=True)
    return call.compute(verb, x, (), [barrier(tensor, by_argument(place)) for place, tensor in pairs])
