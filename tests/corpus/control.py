"""Control flow: while, break, early return, iterations to convergence, conditions of every form."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from corpus.case import Case

x = np.array([0.7, 1.2, 0.4, 2.1, 0.3, 1.6])
signed = np.array([0.7, -1.2, 0.4, 2.1, -0.3, 1.6])


@njit
def newton_square_root(x):
    s = 0.0
    for v in x:
        r = v
        while abs(r * r - v) > 1e-12 * v:
            r = 0.5 * (r + v / r)
        s += r
    return s


@njit
def kepler(x):
    # Eccentric anomaly by a fixed number of Newton steps.
    mean, ecc = x[0], 0.3 * x[1]
    e = mean
    for _ in range(8):
        e -= (e - ecc * math.sin(e) - mean) / (1.0 - ecc * math.cos(e))
    return e * e


@njit
def bisection(x):
    # Root of t^3 + a t - b; each step halves the interval, sixty times.
    lo, hi = 0.0, 4.0
    for _ in range(60):
        mid = 0.5 * (lo + hi)
        if mid**3 + x[0] * mid - 5.0 * x[1] > 0:
            hi = mid
        else:
            lo = mid
    return lo + hi + 0.01 * x[2]


@njit
def fixed_point(x):
    y = 0.5
    k = 0
    while True:
        new = math.cos(x[0] * y) * 0.8 + 0.1 * x[1]
        if abs(new - y) < 1e-13 or k > 200:
            break
        y = new
        k += 1
    return y


@njit
def series_until_small(x):
    term = 1.0
    total = 1.0
    n = 1
    while abs(term) > 1e-17:
        term *= x[0] / n
        total += term
        n += 1
        if n > 60:
            break
    return total + x[1] ** 2 - x[2]


@njit
def gauss_seidel(x):
    u = np.zeros(x.size)
    for _ in range(30):
        for i in range(x.size):
            left = u[i - 1] if i > 0 else 0.0
            right = u[i + 1] if i < x.size - 1 else 0.0
            u[i] = (x[i] + left + right) / 4.0
    return (u * u).sum()


@njit
def early_return(x):
    if x[0] < 0.0:
        return 0.0
    s = 0.0
    for v in x:
        if v > 100.0:
            return s
        s += v
    return s * s


@njit
def continue_and_break(x):
    s = 0.0
    for i in range(x.size):
        if i == 2:
            continue
        if s > 10.0:
            break
        s += math.exp(x[i]) / (i + 1)
    return s


@njit
def for_else(x):
    s = 0.0
    for v in x:
        if v > 50.0:
            break
        s += v * v
    else:
        s += 1.0
    return s


@njit
def while_index(x):
    i = 0
    s = 0.0
    while i < len(x):
        s += x[i] ** 2 if x[i] > 0 else -x[i]
        i += 1
    return s


@njit
def raises_outside(x, limit):
    s = 0.0
    for v in x:
        if v <= 0.0:
            raise ValueError("coordinates must be positive")
        s -= math.log(v)
    if s > limit:
        raise RuntimeError("too large")
    return s


@njit
def asserts(x):
    assert x.size > 2
    assert x[0] > 0, "first coordinate"
    return x[0] ** 3 + x[1] * x[2]


@njit
def infinite_outside(x):
    for v in x:
        if v < 0 or v > 3:
            return np.inf
    return np.sum(x * np.log(x))


@njit
def if_expressions(x):
    s = 0.0
    for v in x:
        s += v * v if v < 1.0 else 2.0 * v - 1.0
    return s + (1.0 if x[0] > 0.5 else 0.0)


@njit
def piecewise_by_elif(x):
    s = 0.0
    for v in x:
        if v < -1:
            s += -2 * v - 1
        elif v < 0:
            s += v * v
        elif v < 1:
            s += 0.5 * v**3
        elif v < 2:
            s += math.log(v) + 0.5
        else:
            s += math.sqrt(v)
    return s


@njit
def chained_comparison(x):
    s = 0.0
    for v in x:
        if 0.35 < v <= 1.5:
            s += v
        if not (0.5 < v < 2.0):
            s += v * v
    return s


@njit
def and_or_not(x):
    s = 0.0
    for i in range(1, x.size):
        a, b = x[i - 1], x[i]
        if a > 0 and b > 0:
            s += a * b
        elif (a < 0 or b < 0) and not a == b:
            s -= a + b * b
    return s


@njit
def flag_kept(x):
    inside = x[0] > 0 and x[1] < 5
    also = (x[2] > 0.1) | (x[3] < 0.0)
    if inside and also:
        return x[0] * x[1] + x[2]
    return -1.0


@njit
def nary_min_max(x):
    return max(x[0], x[1], x[2]) * min(x[3], x[4], x[5], 10.0) + max(0, x[0]) + min(x[1], 5)


@njit
def soft_plus_stable(x):
    s = 0.0
    for v in x:
        s += v + math.log1p(math.exp(-v)) if v > 0 else math.log1p(math.exp(v))
    return s


@njit
def state_machine(x):
    state = 0
    s = 0.0
    for v in x:
        if state == 0:
            s += v
            state = 1 if v > 0.5 else 2
        elif state == 1:
            s += v * v
            state = 2
        else:
            s -= 0.5 * v
            state = 0
    return s


@njit
def line_search(x):
    step = 1.0
    f0 = (x[0] - 2) ** 2 + (x[1] + 1) ** 4
    while True:
        a = x[0] - step * 2 * (x[0] - 2)
        b = x[1] - step * 4 * (x[1] + 1) ** 3
        f = (a - 2) ** 2 + (b + 1) ** 4
        if f < f0:
            return f
        step *= 0.5


@njit
def argument_chooses(x, kind, positive):
    s = 0.0
    if kind == 0:
        s = np.sum(x)
    elif kind == 1:
        for v in x:
            s += v**3
    if positive:
        s = abs(s)
    return s


@njit
def none_argument(x, prior=None):
    s = np.sum(x**2)
    if prior is not None:
        s += prior
    return s


@njit
def string_argument(x, kind):
    if kind == "l1":
        return np.sum(np.abs(x))
    return np.sum(x * x)


CASES = [
    Case("newton_square_root", newton_square_root, x),
    Case("kepler", kepler, x),
    Case("bisection", bisection, x),
    Case("fixed_point", fixed_point, x),
    Case("series_until_small", series_until_small, x),
    Case("gauss_seidel", gauss_seidel, x),
    Case("early_return", early_return, x),
    Case("continue_and_break", continue_and_break, x),
    Case("for_else", for_else, x),
    Case("while_index", while_index, signed),
    Case("raises_outside", raises_outside, x, (50.0,)),
    Case("asserts", asserts, x),
    Case("infinite_outside", infinite_outside, x),
    Case("if_expressions", if_expressions, x),
    Case("piecewise_by_elif", piecewise_by_elif, signed),
    Case("chained_comparison", chained_comparison, x),
    Case("and_or_not", and_or_not, signed),
    Case("flag_kept", flag_kept, x),
    Case("nary_min_max", nary_min_max, x),
    Case("soft_plus_stable", soft_plus_stable, signed),
    Case("state_machine", state_machine, x),
    Case("line_search", line_search, x),
    Case("argument_chooses", argument_chooses, x, (1, True)),
    Case("none_argument", none_argument, x, (None,)),
    Case("string_argument", string_argument, x, ("l2",)),
]
