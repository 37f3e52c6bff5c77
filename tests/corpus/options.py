"""Single precision, options of the compiler, arguments of every type."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.array_style import huber, mean_and_variance, softmax_entropy
from corpus.case import Case
from corpus.loops import rosenbrock, sum_of_sin_exp
from corpus.matrices import least_squares
from corpus.models import multilayer_perceptron

x = np.array([0.7, 1.2, 0.4, 2.1, 0.3, 1.6])
x32 = x.astype(np.float32)
half = np.float32(0.5)


@njit(fastmath=True)
def fast_sum(x):
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i] / (1.0 + x[i])
    return s


@njit(fastmath={"contract", "reassoc"})
def some_of_fastmath(x):
    return np.sum(np.exp(-x) * x)


@njit(error_model="numpy")
def division_of_numpy(x):
    s = 0.0
    for i in range(1, x.size):
        s += 1.0 / (x[i] - x[i - 1]) ** 2
    return s


@njit(error_model="numpy", fastmath=True)
def both_options(x):
    s = 0.0
    for v in x:
        s += math.sqrt(v) / (v + 0.1)
    return s


@njit(boundscheck=True)
def checked_bounds(x):
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[x.size - 1 - i]
    return s


@njit(nogil=True)
def without_the_lock(x):
    return x[0] * math.exp(x[1]) + x[2] ** 2


@njit("float64(float64[::1])")
def signature_of_the_loss(x):
    return x[0] * x[1] + math.sin(x[2])


@njit(cache=False, debug=False)
def spelled_out(x):
    return (x - 1.0) @ (x - 1.0)


@njit
def single_loop(x):
    s = np.float32(0.0)
    for i in range(x.size):
        s += x[i] * x[i] - half * x[i]
    return s


@njit
def single_functions(x):
    s = np.float32(0)
    for v in x:
        s += np.exp(-v) * np.sin(v) + np.sqrt(v)
    return s


@njit
def single_buffer(x):
    y = np.zeros(x.size, dtype=np.float32)
    for i in range(x.size):
        y[i] = x[i] * np.float32(2.0)
    return y.sum()


@njit
def single_to_double(x):
    s = 0.0
    for v in x:
        s += np.float64(v) ** 2
    return s


@njit
def double_rounded_to_single(x):
    s = 0.0
    for v in x:
        s += v * np.float64(np.float32(0.1))
    return s


@njit
def integer_arguments(x, power, shift):
    s = 0.0
    for v in x:
        s += (v + shift) ** power
    return s // 1.0 * 0.01 + s


@njit
def integer_array(x, index):
    s = 0.0
    for k in index:
        s += x[k] * x[k]
    return s


@njit
def fancy_index(x, index):
    return np.sum(x[index] ** 2)


@njit
def boolean_array(x, keep):
    s = 0.0
    for i in range(x.size):
        if keep[i]:
            s += x[i] ** 2
    return s + x[keep].sum()


@njit
def boolean_switches(x, use_square, scale):
    y = x * x if use_square else x + 0.0
    return scale * y.sum()


@njit
def unsigned_and_small(x, order):
    s = 0.0
    for i in range(order.size):
        s += x[order[i]] / (order[i] + 1)
    return s


@njit
def matrix_not_contiguous(x, M):
    s = 0.0
    for i in range(M.shape[0]):
        for j in range(M.shape[1]):
            s += M[i, j] * x[j] * x[i % x.size]
    return s


@njit
def record_array(x, table):
    s = 0.0
    for row in table:
        s += row["weight"] * (x[row["index"]] - row["value"]) ** 2
    return s


@njit
def three_dimensions(x, tensor):
    s = 0.0
    for i in range(tensor.shape[0]):
        for j in range(tensor.shape[1]):
            for k in range(tensor.shape[2]):
                s += tensor[i, j, k] * x[i] * x[j] * x[k]
    return s


@njit
def returns_integer_like_zero(x):
    if x.size == 0:
        return 0
    return x[0] ** 2 + x[1]


@njit
def returns_array_element(x):
    out = np.zeros(1)
    out[0] = np.sum(x * x)
    return out[0]


@njit
def empty_ranges(x):
    s = x[0]
    for i in range(x.size, x.size):
        s += x[i]
    return s + np.sum(x[:0]) + x[1] * x[2]


@njit
def size_in_formula(x):
    n = len(x)
    h = 1.0 / (n + 1)
    s = 0.0
    for i in range(n):
        t = (i + 1) * h
        s += (x[i] * (x[i] - t)) ** 2 + n // 2 * x[i] + (n % 4) * t
    return h * s


@njit
def types_that_widen(x):
    s = 0
    best = 1
    for i in range(x.size):
        s = s + x[i]
        best = max(best, x[i])
    return s * best


rows = np.array(
    [(0, 1.0, 0.5), (3, 0.5, 1.5), (5, 2.0, 0.1)], dtype=[("index", "i8"), ("weight", "f8"), ("value", "f8")]
)
double = np.linspace(-0.9, 1.4, 12)
A = np.arange(72.0).reshape(12, 6)[::2, ::1] / 30
net = np.linspace(-1, 1, 21)
net_in = np.linspace(-1, 1, 24).reshape(8, 3)
CASES = [
    Case("fast_sum", fast_sum, x),
    Case("some_of_fastmath", some_of_fastmath, x),
    Case("division_of_numpy", division_of_numpy, x),
    Case("both_options", both_options, x),
    Case("checked_bounds", checked_bounds, x),
    Case("without_the_lock", without_the_lock, x),
    Case("signature_of_the_loss", signature_of_the_loss, x),
    Case("spelled_out", spelled_out, x),
    Case("single_loop", single_loop, x32),
    Case("single_functions", single_functions, x32),
    Case("single_buffer", single_buffer, x32),
    Case("single_to_double", single_to_double, x32),
    Case("double_rounded_to_single", double_rounded_to_single, x),
    Case("single_rosenbrock", rosenbrock, x32),
    Case("single_sin_exp", sum_of_sin_exp, x32),
    Case("single_huber", huber, x32, (np.float32(1.0),)),
    Case("single_softmax", softmax_entropy, x32),
    Case("single_variance", mean_and_variance, x32),
    Case("single_least_squares", least_squares, x32, (A.astype(np.float32).copy(), np.ones(6, np.float32))),
    Case(
        "single_perceptron",
        multilayer_perceptron,
        net.astype(np.float32),
        (net_in.astype(np.float32), np.ones(8, np.float32)),
    ),
    Case("integer_arguments", integer_arguments, x, (3, 2)),
    Case("integer_array", integer_array, x, (np.array([0, 2, 2, 5]),)),
    Case("fancy_index", fancy_index, x, (np.array([0, 2, 2, 5]),)),
    Case("boolean_array", boolean_array, x, (np.array([True, False, True, True, False, True]),)),
    Case("boolean_switches", boolean_switches, x, (True, 0.5)),
    Case("unsigned_and_small", unsigned_and_small, x, (np.array([5, 0, 3], dtype=np.uint8),)),
    Case("matrix_not_contiguous", matrix_not_contiguous, x, (A,)),
    Case("matrix_of_fortran", matrix_not_contiguous, x, (np.asfortranarray(A),)),
    Case("record_array", record_array, x, (rows,)),
    Case("three_dimensions", three_dimensions, x, (np.arange(27.0).reshape(3, 3, 3) / 9,)),
    Case("returns_integer_like_zero", returns_integer_like_zero, x),
    Case("returns_array_element", returns_array_element, x),
    Case("empty_ranges", empty_ranges, x),
    Case("size_in_formula", size_in_formula, x),
    Case("types_that_widen", types_that_widen, x),
]
