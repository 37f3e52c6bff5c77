"""What a bridge costs over `value_and_grad_cpu`, in turns in one process: python -m benchmarks.bridges.

It needs the packages of the dependency group `frameworks`.
"""

from __future__ import annotations

import os

# Before the frameworks start their threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from numba import njit

import jitgrad as jg

ROUNDS = 400
SIZES = (3, 100)

Way = Callable[[], Any]


@njit
def loss(x, a):
    """Return a sum of cubes."""
    s = 0.0
    for i in range(x.size):
        s += a[i] * x[i] ** 3
    return s


def pytorch(x: Any, a: Any) -> dict[str, tuple[Way, Way]]:
    """Return forward and backward through the bridge, and through a function that computes nothing."""
    import torch

    torch.set_num_threads(1)

    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return x.new_empty(())

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            del output
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, cotangent: Any) -> Any:
            return cotangent * ctx.saved_tensors[0]

    f, t = jg.torch_loss(loss), torch.tensor(x, requires_grad=True)
    return {"PyTorch": (lambda: torch.autograd.grad(f(t, a), t), lambda: torch.autograd.grad(Nothing.apply(t), t))}


def jax(x: Any, a: Any) -> dict[str, tuple[Way, Way]]:
    """Likewise, in `jit`; what computes nothing is a bare callback."""
    import jax

    jax.config.update("jax_enable_x64", True)
    f, t = jg.jax_loss(loss), jax.numpy.asarray(x)
    ours = jax.jit(jax.value_and_grad(lambda x: f(x, a)))
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    bare = jax.jit(lambda x: jax.pure_callback(np.asarray, shape, x, vmap_method="sequential"))
    return {"JAX, jit": (lambda: jax.block_until_ready(ours(t)), lambda: jax.block_until_ready(bare(t)))}


def tensorflow(x: Any, a: Any) -> dict[str, tuple[Way, Way]]:
    """Likewise, in `tf.function` and outside."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    f, t = jg.tf_loss(loss), tf.constant(x)

    def both(f: Any) -> Any:
        def way(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = f(x)
            return y, tape.gradient(y, x)

        return way

    @tf.custom_gradient
    def bare(x: Any) -> Any:
        y = tf.numpy_function(lambda _: np.float64(0.0), [x], tf.float64, stateful=False)
        return y, lambda c: c * tf.numpy_function(lambda x: x, [x], tf.float64, stateful=False)

    ours, nothing = both(lambda x: f(x, a)), both(bare)
    graph, empty = tf.function(ours), tf.function(nothing)
    return {
        "TensorFlow, tf.function": (lambda: graph(t), lambda: empty(t)),
        "TensorFlow, eager": (lambda: ours(t), lambda: nothing(t)),
    }


def main() -> None:
    """Print a line per framework and size: medians, in microseconds."""
    for make in (pytorch, jax, tensorflow):
        for n in SIZES:
            x, a = np.linspace(0.5, 1.5, n), np.ones(n)
            for name, (ours, bare) in make(x, a).items():
                ways = (ours, bare, lambda x=x, a=a: jg.value_and_grad_cpu(loss, x, args=(a,)))
                times: list[list[float]] = [[], [], []]
                for k in range(ROUNDS + 20):
                    for way, spent in zip(ways, times, strict=True):
                        before = perf_counter()
                        way()
                        if k >= 20:
                            spent.append(1e6 * (perf_counter() - before))
                through, nothing, alone = map(statistics.median, times)
                print(
                    f"{name:24} n {n:4}  bridge {through:7.1f} us  value_and_grad_cpu {alone:6.1f} us  over it "
                    f"{through - alone:6.1f} us, of which the framework alone {nothing:6.1f} us",
                    flush=True,
                )


if __name__ == "__main__":
    main()
