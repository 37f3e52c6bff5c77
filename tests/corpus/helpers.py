"""Functions that call functions: helpers, closures, recursion, functions as arguments."""

from __future__ import annotations

import math

import numpy as np
from numba import float64, njit, vectorize

from corpus.case import Case

x = np.array([0.7, 1.2, 0.4, 2.1, 0.3, 1.6])

SCALE = 1.7
OFFSETS = np.array([0.1, -0.2, 0.3])
TABLE = (1.0, 0.5, 0.25)
N_STEPS = 4


@njit
def square(v):
    return v * v


@njit
def one_helper(x):
    s = 0.0
    for v in x:
        s += square(v - 1.0)
    return s


@njit
def sigmoid(z):
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


@njit
def cross_entropy(p, label):
    return -math.log(p) if label else -math.log(1.0 - p)


@njit
def nested_helpers(x, labels):
    total = 0.0
    for i in range(x.size):
        total += cross_entropy(sigmoid(x[i]), labels[i])
    return total


@njit(float64(float64))
def bump(v):
    return math.exp(-v * v)


@njit
def explicit_signature(x):
    return bump(x[0]) + bump(x[1] - 0.5) * bump(2 * x[2])


@njit("float64(float64[:], int64)")
def window(values, k):
    return values[k] + values[k + 1]


@njit
def explicit_signature_on_arrays(x):
    s = 0.0
    for k in range(x.size - 1):
        s += window(x, k) ** 2
    return s


@njit
def penalty(v, strength=2.0, power=2):
    return strength * abs(v) ** power


@njit
def default_arguments(x):
    return penalty(x[0]) + penalty(x[1], 3.0) + penalty(x[2], power=3) + penalty(x[3], 0.5, 4)


@njit
def default_in_loss(x, scale=2.5):
    return scale * np.sum(x**2)


@njit
def residuals(x, t, y):
    r = np.empty(t.size)
    for i in range(t.size):
        r[i] = x[0] * math.exp(-x[1] * t[i]) + x[2] - y[i]
    return r


@njit
def helper_returns_array(x, t, y):
    r = residuals(x, t, y)
    return np.dot(r, r)


@njit
def fill(out, x, k):
    for i in range(out.size):
        out[i] = x[i] ** k


@njit
def helper_fills_buffer(x):
    buffer = np.zeros(x.size)
    total = 0.0
    for k in range(1, 4):
        fill(buffer, x, k)
        total += buffer.sum() / k
    return total


@njit
def polar(a, b):
    return math.hypot(a, b), math.atan2(b, a)


@njit
def helper_returns_tuple(x):
    s = 0.0
    for i in range(0, x.size, 2):
        r, phi = polar(x[i], x[i + 1])
        s += r * math.cos(phi - 0.3)
    return s


@njit
def applied_function(x, f):
    s = 0.0
    for v in x:
        s += f(v)
    return s


@njit
def two_functions(x, f, g, mix):
    return mix * f(x[0]) + (1 - mix) * g(x[1] * x[2])


def quadratic_around(centre, curvature):
    @njit
    def loss(x):
        d = x - centre
        return curvature * np.sum(d * d)

    return loss


def over_data(t, y, lam=0.1):
    n = len(t)

    @njit
    def model(p, ti):
        return p[0] + p[1] * ti + p[2] * ti * ti

    @njit
    def loss(p):
        s = 0.0
        for i in range(n):
            s += (model(p, t[i]) - y[i]) ** 2
        return s / n + lam * (p[0] ** 2 + p[1] ** 2)

    return loss


def composed(outer, inner):
    @njit
    def loss(x):
        total = 0.0
        for v in x:
            total += outer(inner(v))
        return total

    return loss


@njit
def inner_function(x):
    def f(v):
        return v * v + SCALE

    s = 0.0
    for v in x:
        s += f(v)
    return s


@njit
def inner_lambda(x):
    g = lambda v: math.sin(v) * v
    return g(x[0]) + g(x[1])


@njit
def chebyshev(n, t):
    if n == 0:
        return 1.0
    if n == 1:
        return t
    return 2.0 * t * chebyshev(n - 1, t) - chebyshev(n - 2, t)


@njit
def self_recursive_helper(x):
    s = 0.0
    for i in range(x.size):
        s += x[i] * chebyshev(i, 0.4 * x[0])
    return s


@njit
def power_by_squaring(base, n):
    if n == 0:
        return 1.0
    half = power_by_squaring(base, n // 2)
    return half * half * base if n % 2 else half * half


@njit
def recursive_power(x):
    return power_by_squaring(x[0], 5) + power_by_squaring(x[1], 3) * x[2]


@njit
def pairwise_sum(v, lo, hi):
    if hi - lo == 1:
        return v[lo] * v[lo]
    mid = (lo + hi) // 2
    return pairwise_sum(v, lo, mid) + pairwise_sum(v, mid, hi)


@njit
def divide_and_conquer(x):
    return pairwise_sum(x, 0, x.size)


@njit
def globals_of_a_module(x):
    s = 0.0
    for i in range(x.size):
        s += SCALE * (x[i] - OFFSETS[i % 3]) ** 2 * TABLE[i % len(TABLE)]
    for _ in range(N_STEPS):
        s = math.sqrt(1 + s)
    return s


@vectorize([float64(float64, float64)])
def smooth_abs(v, eps):
    return math.sqrt(v * v + eps)


@njit
def own_ufunc(x):
    return np.sum(smooth_abs(x, 1e-3))


@njit(inline="always")
def lerp(a, b, t):
    return a + t * (b - a)


@njit
def inlined_helper(x):
    s = 0.0
    for i in range(x.size - 1):
        s += lerp(x[i], x[i + 1], 0.3) ** 2
    return s


t = np.linspace(0, 2, 9)
y = 1.5 * np.exp(-0.8 * t) + 0.2
CASES = [
    Case("one_helper", one_helper, x),
    Case("nested_helpers", nested_helpers, x - 1.05, (np.array([True, False, True, True, False, False]),)),
    Case("explicit_signature", explicit_signature, x),
    Case("explicit_signature_on_arrays", explicit_signature_on_arrays, x),
    Case("default_arguments", default_arguments, x),
    Case("default_in_loss", default_in_loss, x),
    Case("helper_returns_array", helper_returns_array, np.array([1.0, 0.5, 0.1]), (t, y)),
    Case("helper_fills_buffer", helper_fills_buffer, x),
    Case("helper_returns_tuple", helper_returns_tuple, x),
    Case("applied_function", applied_function, x, (bump,)),
    Case("applied_function_generic", applied_function, x, (sigmoid,)),
    Case("two_functions", two_functions, x, (square, sigmoid, 0.3)),
    Case("closure_over_numbers", quadratic_around(0.3, 2.0), x),
    Case("closure_over_array", quadratic_around(np.arange(6.0), 0.5), x),
    Case("closure_over_data", over_data(t, y), np.array([1.0, -0.5, 0.1])),
    Case("closure_over_functions", composed(bump, square), x),
    Case("inner_function", inner_function, x),
    Case("inner_lambda", inner_lambda, x),
    Case("self_recursive_helper", self_recursive_helper, x),
    Case("recursive_power", recursive_power, x),
    Case("divide_and_conquer", divide_and_conquer, x),
    Case("globals_of_a_module", globals_of_a_module, x),
    Case("own_ufunc", own_ufunc, x),
    Case("inlined_helper", inlined_helper, x),
]
