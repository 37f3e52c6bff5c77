"""Kernels and functions that the tests of the tools compile with numba-cuda."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import cuda, njit, types
from numba.extending import intrinsic

TABLE = np.arange(20.0) ** 2
THREADS = 64


@intrinsic(target="generic")
def fma(_typing, a, b, c):
    """One rounding, on the CPU and on CUDA."""
    if not a == b == c:
        return None

    def codegen(_context, builder, _signature, args):
        return builder.fma(*args)

    return a(a, a, a), codegen


def block_sums(x, out):
    """Sum of each block through shared memory: a tree, with a barrier at every level."""
    partial = cuda.shared.array(THREADS, types.float64)
    t = cuda.threadIdx.x
    partial[t] = x[cuda.grid(1)]
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if t < half:
            partial[t] += partial[t + half]
        cuda.syncthreads()
        half //= 2
    if t == 0:
        out[cuda.blockIdx.x] = partial[0]


def from_first_thread(x, word, out):
    """What one thread writes into global memory, all read: without the barrier only an order backward shows it."""
    t = cuda.threadIdx.x
    if t == 0:
        word[cuda.blockIdx.x] = x[cuda.blockIdx.x]
    cuda.syncthreads()
    out[cuda.grid(1)] = word[cuda.blockIdx.x] + t


def overwritten(x, out):
    """A buffer used twice: the second barrier keeps what is read from what is written next."""
    word = cuda.shared.array(THREADS, types.float64)
    t = cuda.threadIdx.x
    total = 0.0
    for i in range(3):
        word[t] = x[i, t]
        cuda.syncthreads()
        total += word[THREADS - 1 - t]
        cuda.syncthreads()
    out[t] = total


def reversed_through_shared(x, out):
    """Shared memory whose size the launch says, in a grid of two dimensions."""
    row = cuda.shared.array(0, types.float64)
    t = cuda.threadIdx.x
    row[t] = x[cuda.blockIdx.y, cuda.blockIdx.x, t]
    cuda.syncthreads()
    out[cuda.blockIdx.y, cuda.blockIdx.x, t] = row[cuda.blockDim.x - 1 - t]


def parts_at_barrier(x, out):
    """Half of the threads return where the others wait."""
    word = cuda.shared.array(THREADS, types.float64)
    t = cuda.threadIdx.x
    word[t] = x[t]
    if t >= THREADS // 2:
        return
    cuda.syncthreads()
    out[t] = word[t + 1]


def atomics(x, out):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(out, 0, x[i])
        cuda.atomic.max(out, 1, x[i])
        cuda.atomic.min(out, 2, x[i])


def integer_atomics(x, out):
    i = cuda.grid(1)
    if i < x.size:
        cuda.atomic.add(out, 0, x[i])
        cuda.atomic.max(out, 1, x[i])
        cuda.atomic.min(out, 2, x[i])
        cuda.atomic.xor(out, 3, x[i])
        cuda.atomic.or_(out, 4, x[i])
        cuda.atomic.exch(out, 5, x[i])
        cuda.atomic.cas(out, 6, 0, x[i])


def tables(x, out):
    """A global array, a local array, an index that the data says."""
    own = cuda.local.array(7, types.float64)
    i = cuda.grid(1)
    if i < x.size:
        for j in range(7):
            own[j] = x[(i + j) % x.size] * TABLE[(2 * i + j) % 20]
        out[i] = own[int(x[i]) % 7]


def of_everything(flag, scale, values, nested, out):
    """Scalars, an array of two dimensions with gaps, tuples in tuples."""
    i, j = cuda.grid(2)
    if i < values.shape[0] and j < values.shape[1]:
        term = nested[1][0][j] + nested[0] + nested[1][1]
        out[i, j] = values[i, j] * scale + (term if flag else 0.0)


@njit
def power(x, n):
    """Calls itself, so that it cannot be inlined."""
    return x if n <= 1 else power(x, n - 1) * x


def recursive(x, out):
    i = cuda.grid(1)
    out[i] = power(x[i], i + 1)


def chosen(x, i, v, out):
    """``x`` with element `i` replaced: the select that a perturbed view comes to."""
    j = cuda.grid(1)
    if j < x.size:
        out[j] = cuda.selp(i == j, v, x[j])


def prints(x, out):
    if x[0] < 0:
        print("negative", x[0])  # noqa: T201
    out[0] = x[0]


def shuffles(x, out):
    i = cuda.grid(1)
    out[i] = cuda.shfl_down_sync(0xFFFFFFFF, x[i], 1)


def side_by_side(functions: Sequence[Callable[[Any], Any]]) -> Callable[..., None]:
    """A kernel that applies each function to each element: a row of results for each thread."""
    names: dict[str, Any] = {f"f{k}": cuda.jit(device=True)(one) for k, one in enumerate(functions)}
    lines = [f"        out[i, {k}] = f{k}(x[i])" for k in range(len(functions))]
    names["cuda"] = cuda
    exec("def kernel(x, out):\n    i = cuda.grid(1)\n    if i < x.size:\n" + "\n".join(lines), names)
    return names["kernel"]


def expressions(seed: int, count: int, literal: str) -> Callable[..., None]:
    """A function of random expressions of sums, products, quotients, roots and fma, all in one."""
    chance = random.Random(seed)

    def expression(depth: int) -> str:
        if depth == 0 or chance.random() < 0.1:
            return chance.choice(["a", "b", "c", f"{literal}({chance.uniform(0.5, 3)})"])
        parts = [expression(depth - 1) for _ in range(3)]
        kinds = [
            "({0} + {1})",
            "({0} - {1})",
            "({0} * {1})",
            "({0} / {1})",
            "math.sqrt(abs({0}))",
            "fma({0}, {1}, {2})",
        ]
        return chance.choice(kinds).format(*parts)

    lines = [f"    out[{k}] = {expression(4)}" for k in range(count)]
    names = {"math": math, "fma": fma, "float32": types.float32, "float64": types.float64}
    exec("def function(a, b, c, out):\n" + "\n".join(lines), names)
    return names["function"]


def rows_of(function: Any) -> Callable[..., None]:
    """A kernel that gives each thread a row of arguments and of results."""

    def kernel(given, out):
        i = cuda.grid(1)
        if i < given.shape[0]:
            function(given[i, 0], given[i, 1], given[i, 2], out[i])

    return kernel
