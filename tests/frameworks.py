"""PyTorch, TensorFlow and JAX behind one face, for tests that are the same for all of them: NumPy arrays in and out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np


class Framework(NamedTuple):
    """What a test asks of a framework.

    Attributes
    ----------
    name : str
    loss, layer : callable
        The bridges; ``layer(function, outputs, **options)``.
    array : callable
        Makes an array of the framework from one of NumPy.
    of_type : callable
        Makes one of a type, from an array of either.
    gradient, product : callable
        Ways to the gradient of the sum of a result, and to its Hessian times ones.
    layer_ways : dict
        Ways to a Jacobian.
    ways : dict
        Ways to a derivative that must work: ``way(f)(x, *args)`` for arrays of the framework. Their names begin with
        what they give: ``value``, ``gradient``, ``hessian``, ``product`` (with ones), ``slope`` (along ones), or
        ``batch`` and ``each`` for those of a batch of points with shared arguments, and with arguments of its own.
    refused : dict
        Ways that must raise an error, and what it must say.
    """

    name: str
    loss: Callable[..., Any]
    layer: Callable[..., Any]
    array: Callable[[Any], Any]
    of_type: Callable[[Any, Any], Any]
    gradient: Callable[..., Any]
    product: Callable[..., Any]
    layer_ways: dict[str, Callable[..., Any]]
    ways: dict[str, Callable[..., Any]]
    refused: dict[str, tuple[Callable[..., Any], str]]


@cache
def framework(name: str) -> Framework:
    """Import a framework; a missing one fails the test."""
    # What `torch.compile` loads crashes the process if it comes after TensorFlow (PyTorch 2.14, TensorFlow 2.21).
    import torch._dynamo  # noqa: F401

    return {"pytorch": _pytorch, "tensorflow": _tensorflow, "jax": _jax}[name]()


def _pytorch() -> Framework:
    import torch
    from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual
    from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

    from jitgrad.bridges.torch import torch_layer, torch_loss

    torch.set_num_threads(1)

    def backward(f: Any) -> Any:
        def way(x: Any, *args: Any) -> Any:
            x = x.clone().requires_grad_()
            f(x, *args).sum().backward()
            return x.grad

        return way

    def twice(f: Any) -> Any:
        def way(x: Any, *args: Any) -> Any:
            x = x.clone().requires_grad_()
            (first,) = torch.autograd.grad(f(x, *args).sum(), x, create_graph=True)
            return torch.autograd.grad(first.sum(), x)[0]

        return way

    def dual(f: Any) -> Any:
        def way(x: Any, *args: Any) -> Any:
            with dual_level():
                return unpack_dual(f(make_dual(x, torch.ones_like(x)), *args)).tangent

        return way

    def dual_of_backward(f: Any) -> Any:
        def way(x: Any, *args: Any) -> Any:
            with dual_level():
                x = make_dual(x.clone().requires_grad_(), torch.ones_like(x))
                return unpack_dual(torch.autograd.grad(f(x, *args).sum(), x)[0]).tangent

        return way

    def forward_over_reverse(f: Any) -> Any:
        return lambda x, *args: jvp(lambda x: grad(f)(x, *args), (x,), (torch.ones_like(x),))[1]

    def third(f: Any) -> Any:
        return lambda x, *args: grad(lambda x: hessian(f)(x, *args).sum())(x)

    ways = {
        "value": lambda f: f,
        "value under no_grad": torch.no_grad(),
        "gradient by backward": backward,
        "gradient by grad": grad,
        "gradient by jacrev": jacrev,
        "gradient by jacfwd": jacfwd,
        "gradient by vjp": lambda f: lambda x, *args: vjp(lambda x: f(x, *args), x)[1](x.new_ones(()))[0],
        "slope by jvp": lambda f: lambda x, *args: jvp(lambda x: f(x, *args), (x,), (torch.ones_like(x),))[1],
        "slope by dual numbers": dual,
        "product by backward twice": twice,
        "product by dual numbers of backward": dual_of_backward,
        "product by jvp of grad": forward_over_reverse,
        "hessian by hessian": hessian,
        "hessian by jacrev of jacrev": lambda f: jacrev(jacrev(f)),
        "hessian by jacrev of jacfwd": lambda f: jacrev(jacfwd(f)),
        "batch value by vmap": lambda f: vmap(f, (0, None)),
        "batch gradient by backward": backward,
        "batch gradient by vmap of grad": lambda f: vmap(grad(f), (0, None)),
        "batch hessian by vmap of hessian": lambda f: vmap(hessian(f), (0, None)),
        "each gradient by vmap of grad": lambda f: vmap(grad(f)),
        "each hessian by vmap of hessian": lambda f: vmap(hessian(f)),
    }
    refused = {
        "derivative by an argument": (lambda f: grad(f, argnums=1), r"args\[0\] was asked for"),
        "tangent of an argument": (lambda f: lambda x, a: jvp(f, (x, a), (x, a)), r"args\[0\] was asked for"),
        "argument that requires a gradient": (lambda f: lambda x, a: f(x, a.clone().requires_grad_()), r"args\[0\]"),
        "forward in forward": (lambda f: jacfwd(jacfwd(f)), "must not be nested"),
        "third derivative": (third, "must be 1 or 2"),
        "integers": (lambda f: lambda x, a: f(x.long(), a), "got torch.int64"),
        "array of NumPy": (lambda f: lambda x, a: f(x.numpy(), a), "got float64"),
    }
    layer = lambda function, outputs, **options: torch_layer(function, **options)  # noqa: E731
    types = {np.float32: torch.float32, np.float64: torch.float64, "bfloat16": torch.bfloat16}
    return Framework(
        "pytorch", torch_loss, layer, torch.as_tensor, lambda x, dtype: torch.as_tensor(x).to(types[dtype]), backward,
        twice, {"jacrev": jacrev, "jacfwd": jacfwd}, ways, refused,
    )  # fmt: skip


def _tensorflow() -> Framework:
    import tensorflow as tf

    from jitgrad.bridges.tensorflow import tf_layer, tf_loss

    def gradient(f: Any) -> Any:
        def way(x: Any, *args: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x, *args)
            return tape.gradient(y, x)

        return way

    def jacobian(f: Any, which: str = "jacobian") -> Any:
        def way(x: Any, *args: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x, *args)
            return getattr(tape, which)(y, x)

        return way

    def forward(f: Any) -> Any:
        def way(x: Any, *args: Any) -> Any:
            with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as accumulator:
                y = f(x, *args)
            return accumulator.jvp(y)

        return way

    def each(way: Any, map_over: Any) -> Any:
        return lambda f: lambda x, a: map_over(lambda x: way(f)(x, a), x)

    def third(f: Any) -> Any:
        return lambda x, *args: gradient(lambda x: tf.reduce_sum(gradient(gradient(f))(x, *args)))(x)

    def twice(f: Any) -> Any:
        return gradient(lambda x, *args: tf.reduce_sum(gradient(f)(x, *args)))

    both = {
        "value": lambda f: f,
        "gradient by a tape": gradient,
        "product by two tapes": twice,
        "hessian by jacobian of a tape": lambda f: jacobian(gradient(f)),
        "batch value by map_fn": each(lambda f: f, tf.map_fn),
        "batch value by vectorized_map": each(lambda f: f, tf.vectorized_map),
        "batch gradient by a tape": gradient,
        "batch gradient by map_fn": each(gradient, tf.map_fn),
        "batch gradient by vectorized_map": each(gradient, tf.vectorized_map),
        "batch hessian by batch_jacobian": lambda f: jacobian(gradient(f), "batch_jacobian"),
    }
    ways = {
        **both,
        **{f"{name} in tf.function": lambda f, way=way: tf.function(way(f)) for name, way in both.items()},
        "slope by ForwardAccumulator": forward,
        "product by ForwardAccumulator of a tape": lambda f: forward(gradient(f)),
    }
    mapped = lambda f: gradient(lambda x, a: tf.vectorized_map(lambda x: f(x, a), tf.stack([x, x])))  # noqa: E731
    refused = {
        "derivative by an argument": (lambda f: gradient(lambda x, a: f(x, 2.0 * x)), r"args\[0\] was asked for"),
        "the same in tf.function": (lambda f: tf.function(gradient(lambda x, a: f(x, 2.0 * x))), r"args\[0\]"),
        "tape around vectorized_map": (mapped, "TensorFlow loses there"),
        "forward in tf.function": (lambda f: tf.function(forward(f)), "TensorFlow loses the tangents"),
        "third derivative": (third, "must be 1 or 2"),
        "XLA": (lambda f: tf.function(f, jit_compile=True), "unsupported operations"),
        "integers": (lambda f: lambda x, a: f(tf.cast(x, tf.int32), a), "got <dtype: 'int32'>"),
    }
    return Framework(
        "tensorflow", tf_loss, tf_layer, tf.constant, tf.cast, gradient, twice,
        {"jacobian": jacobian, "jacobian in tf.function": lambda f: tf.function(jacobian(f))}, ways, refused,
    )  # fmt: skip


def _jax() -> Framework:
    import jax
    import jax.numpy as jnp

    from jitgrad.bridges.jax import jax_layer, jax_loss

    jax.config.update("jax_enable_x64", True)

    def product(f: Any) -> Any:
        return lambda x, *args: jax.jvp(lambda x: jax.grad(f)(x, *args), (x,), (jnp.ones_like(x),))[1]

    def backward_twice(f: Any) -> Any:
        return lambda x, *args: jax.grad(lambda x: jax.grad(f)(x, *args).sum())(x)

    def third(f: Any) -> Any:
        return lambda x, *args: jax.grad(lambda x: jax.hessian(f)(x, *args).sum())(x)

    plain = {
        "value": lambda f: f,
        "gradient by grad": jax.grad,
        "gradient by jacrev": jax.jacrev,
        "gradient by jacfwd": jax.jacfwd,
        "slope by jvp": lambda f: lambda x, *args: jax.jvp(lambda x: f(x, *args), (x,), (jnp.ones_like(x),))[1],
        "product by jvp of grad": product,
        "product by grad of grad": backward_twice,
        "hessian by hessian": jax.hessian,
        "hessian by jacrev of jacrev": lambda f: jax.jacrev(jax.jacrev(f)),
        "hessian by jacrev of jacfwd": lambda f: jax.jacrev(jax.jacfwd(f)),
        "hessian by jacfwd of jacfwd": lambda f: jax.jacfwd(jax.jacfwd(f)),
        "batch value by vmap": lambda f: jax.vmap(f, (0, None)),
        "batch gradient by vmap of grad": lambda f: jax.vmap(jax.grad(f), (0, None)),
        "batch gradient by grad of vmap": lambda f: jax.grad(lambda x, a: jax.vmap(f, (0, None))(x, a).sum()),
        "batch hessian by vmap of hessian": lambda f: jax.vmap(jax.hessian(f), (0, None)),
        "each gradient by vmap of grad": lambda f: jax.vmap(jax.grad(f)),
        "each hessian by vmap of hessian": lambda f: jax.vmap(jax.hessian(f)),
    }
    ways = {**plain, **{f"{name} in jit": lambda f, way=way: jax.jit(way(f)) for name, way in plain.items()}}
    refused = {
        "derivative by an argument": (lambda f: jax.grad(f, argnums=1), r"args\[0\] was asked for"),
        "tangent of an argument": (lambda f: lambda x, a: jax.jvp(f, (x, a), (x, a)), r"args\[0\] was asked for"),
        "third derivative": (third, "must be 1 or 2"),
        "integers": (lambda f: lambda x, a: f(x.astype(int), a), "got int64"),
    }

    def summed(f: Any) -> Any:
        return jax.grad(lambda x, *args: f(x, *args).sum())

    return Framework(
        "jax", jax_loss, jax_layer, jnp.asarray, lambda x, dtype: jnp.asarray(x).astype(dtype), summed,
        lambda f: backward_twice(lambda x, *args: f(x, *args).sum()),
        {"jacrev": jax.jacrev, "jacfwd": jax.jacfwd, "jit": lambda f: jax.jit(jax.jacrev(f))}, ways, refused,
    )  # fmt: skip
