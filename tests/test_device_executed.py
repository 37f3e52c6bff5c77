"""What the CUDA target got of NumPy, its compiled PTX executed on the CPU, against numba for the CPU."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from losses import on_copies
from numba import njit

pytestmark = pytest.mark.ptx

A = np.random.default_rng(3).normal(size=(3, 4))
W = np.random.default_rng(4).normal(size=4)
X = np.array([0.3, -1.7, 2.5, 0.7])
V = np.array([0.31, 1.5, -2.5, 3.0])
RAISED = 2


def executed(loss, x, v, args, column=False, words=512):
    """Values, statuses and bytes used of the loss at x with element t replaced by v[t]."""
    from cuda_tools.ptx_machine import PtxMachine
    from cuda_tools.toolkit import compile_ptx
    from numba import cuda

    from jitgrad.loss.device.form import compiling, device_form, open_arena, perturbed

    call = device_form(loss)

    def kernel(x, v, args, arenas, columns, values, statuses):
        t = cuda.grid(1)
        if t < x.size:
            open_arena(arenas, t)
            statuses[t] = 2
            if column:
                y = columns[:, t]
                for j in range(x.size):
                    y[j] = x[j]
                y[t] = v[t]
                values[t] = call(y, args)[0]
            else:
                values[t] = call(perturbed(x, t, v[t]), args)[0]
            statuses[t] = 0

    n = x.size
    values, statuses, arenas = np.full(n, np.nan), np.full(n, -1), np.zeros((n, words), np.int64)
    given = (x, v, args, arenas, np.empty((n, n), x.dtype), values, statuses)
    with compiling():
        machine = PtxMachine(compile_ptx(kernel, tuple(map(numba.typeof, given)), fma=False))
    machine.launch("kernel", 1, n, *given, shared=8 * n)
    return values, statuses, arenas[:, 0]


def evaluated(expression):
    names = {"np": np, "math": math}
    exec(f"def loss(x, a, w): return {expression}", names)
    return njit(error_model="numpy")(names["loss"])


# Plain sums in the same order, without fused operations: the same bits.
EQUAL = (
    "np.sum(x) + x.mean() + np.min(x) + x.max() + np.prod(x)",
    "x[1:].sum() + x[::2].sum() * x[::-1].sum() + x[-2]",
    "x.copy().sum() + np.zeros_like(x).sum() + np.full(3, x[0]).sum() + np.array([x[0], x[1]])[1]",
    "round(x[0]) + round(x[0], 1) + np.round(x[1], 1) + x[0] // 0.4 + x[1] % 0.3",
    "np.sum(w * w - 2.0 * w / (1 + np.abs(w))) + x[0] * np.sum(np.sqrt(np.abs(w)))",
    "(np.where(w > 0, w, 0.0) * np.where(w > 0, 2, w) + np.where(w < 0, 1, 2) + np.where(w > 0, w, -w)).sum() * x[0]",
    "np.outer(w, w)[1, 2] * x[0] + np.trace(a @ a.T) * 0 + np.interp(x[0], np.arange(4.0), w)",
)
# BLAS sums in an order of its own.
NEAR = (
    "np.dot(w, x) + np.dot(x, x) + np.vdot(w, x)",
    "(a @ x).sum() + np.dot(a[1], x) + (x @ a.T)[2] + (a @ a.T)[1, 2]",
    "np.linalg.norm(x) + np.linalg.norm(w) + np.linalg.norm(a) + np.linalg.norm(x, 1)",
    "np.var(x) + np.std(x)",
)


@pytest.mark.parametrize("column", [False, True], ids=["view", "column"])
@pytest.mark.parametrize("expression", EQUAL)
def test_the_bits_are_those_of_the_cpu(expression, column):
    loss = evaluated(expression)
    values, statuses, _ = executed(loss, X, V, (A, W), column)
    np.testing.assert_array_equal(values, on_copies(loss, X, V, (A, W)))
    assert not statuses.any()


@pytest.mark.parametrize("column", [False, True], ids=["view", "column"])
@pytest.mark.parametrize("expression", NEAR)
def test_sums_of_blas_differ_in_the_last_bits(expression, column):
    loss = evaluated(expression)
    values, statuses, _ = executed(loss, X, V, (A, W), column)
    # At most 16 products are summed; their absolute values come to less than 100.
    np.testing.assert_allclose(values, on_copies(loss, X, V, (A, W)), rtol=0, atol=16 * 100 * 2.0**-53)
    assert not statuses.any()


SPECIAL = np.array([0.3, -1.7, 2.5, 0.0, -0.0, np.nan, np.inf, -np.inf, 7.0, 1e-3])
EXACT = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "true_divide",
    "floor_divide",
    "remainder",
    "negative",
    "positive",
    "absolute",
    "fabs",
    "sqrt",
    "square",
    "reciprocal",
    "sign",
    "floor",
    "ceil",
    "rint",
    "trunc",
    "isfinite",
    "isinf",
    "isnan",
    "signbit",
    "copysign",
    "fmax",
    "fmin",
    "maximum",
    "minimum",
    "fmod",
]
# libdevice promises 1 unit in the last place or 2 for these, and the library of the CPU 1.
ROUNDED = [
    "exp",
    "exp2",
    "expm1",
    "log1p",
    "cbrt",
    "power",
    "float_power",
    "logaddexp",
    "logaddexp2",
    "deg2rad",
    "rad2deg",
]
UNITS = 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["f64", "f32"])
@pytest.mark.parametrize("name", EXACT + ROUNDED)
def test_elementwise_functions_are_those_of_the_cpu(name, dtype):
    second = {1: "", 2: ", x[1]"}[getattr(np, name).nin]
    arrays = {1: "", 2: ", w"}[getattr(np, name).nin]
    # As a number, and of an array: the two ways numba compiles them.
    names = {"np": np}
    number, array = f"np.{name}(x[0]{second})", f"np.{name}(w{arrays})[int(x[3])]"
    exec(f"def loss(x, a, w): return ({number} if x[2] > 0 else {array}) + 0.0 * x[2]", names)
    loss = njit(error_model="numpy")(names["loss"])
    w = SPECIAL.astype(dtype)
    points = [np.array([a, b, 1, 0], dtype) for a in w for b in (2.0, -0.5)]
    points += [np.array([1, 1, -1, k], dtype) for k in range(w.size)]
    bound = (UNITS if name in ROUNDED else 0) * np.finfo(dtype).eps
    values, statuses = at_points(loss, np.array(points), (A, w))
    assert not statuses.any()
    np.testing.assert_allclose(values, [loss(x, A, w) for x in points], rtol=bound, atol=0)


def at_points(loss, points, args):
    """Values and statuses of the loss at each row of `points`."""
    from cuda_tools.ptx_machine import PtxMachine
    from cuda_tools.toolkit import compile_ptx
    from numba import cuda

    from jitgrad.loss.device.form import compiling, device_form, open_arena, perturbed

    call = device_form(loss)

    def kernel(points, args, arenas, values, statuses):
        t = cuda.grid(1)
        if t < points.shape[0]:
            open_arena(arenas, t)
            values[t] = call(perturbed(points[t], -1, points[t, 0]), args)[0]
            statuses[t] = 0

    m = len(points)
    values, statuses, arenas = np.full(m, np.nan), np.full(m, RAISED), np.zeros((m, 256), np.int64)
    given = (points, args, arenas, values, statuses)
    with compiling():
        machine = PtxMachine(compile_ptx(kernel, tuple(map(numba.typeof, given)), fma=False))
    machine.launch("kernel", 1, m, *given, shared=8 * m)
    return values, statuses


@njit
def raising(x):
    if x[0] < 0.31:
        raise ValueError("too small")
    return 1 / (x[1] + 1.7)


def test_what_raises_ends_its_thread():
    # Thread 1 alone moves x[1] away from where the divisor is 0, and thread 0 alone x[0] to where nothing raises.
    values, statuses, _ = executed(raising, X, V, ())
    assert statuses.tolist() == [RAISED] * 4
    lifted = np.array([0.5, -1.7, 2.5, 0.7])
    values, statuses, _ = executed(raising, lifted, np.array([0.1, 1.5, 9, 9]), ())
    assert statuses.tolist() == [RAISED, 0, RAISED, RAISED]
    assert values[1] == 1 / (1.5 + 1.7)


def test_without_errors_of_python_nothing_raises():
    values, statuses, _ = executed(
        njit(error_model="numpy")(raising.py_func), np.array([0.5, -1.7]), np.array([1.0, 0.0]), ()
    )
    assert statuses.tolist() == [0, 0]
    assert values.tolist() == [math.inf, 1 / 1.7]


@njit
def allocating(x):
    total = 0.0
    for j in range(x.size):
        total += np.full(x.size + 1, x[j]).sum()
    return total


def test_an_arena_counts_what_is_used():
    values, statuses, used = executed(allocating, X, V, ())
    assert not statuses.any()
    np.testing.assert_array_equal(values, on_copies(allocating, X, V, ()))
    # A header, and four times five numbers, rounded up to 16 bytes.
    assert used.tolist() == [16 + 4 * 48] * 4


def test_an_arena_that_is_too_small_ends_the_thread_and_says_how_much_was_wanted():
    words = 2 + 2 * 6
    _, statuses, used = executed(allocating, X, V, (), words=words)
    assert statuses.tolist() == [RAISED] * 4
    assert used.tolist() == [16 + 3 * 48] * 4
    _, statuses, _ = executed(allocating, X, V, (), words=2 + 4 * 6)
    assert not statuses.any()
