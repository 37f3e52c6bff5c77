"""Plain loops over the coordinates: sums, products, neighbours, pairs, recurrences, dynamic programming."""

from __future__ import annotations

import math

import numpy as np
from numba import jit, njit

from corpus.case import Case

x12 = np.linspace(0.3, 1.4, 12)
x5 = np.array([0.7, -1.2, 0.4, 2.1, -0.3])


@njit
def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


@njit
def rastrigin(x):
    n = x.shape[0]
    s = 10.0 * n
    for i in range(n):
        s += x[i] * x[i] - 10.0 * math.cos(2.0 * math.pi * x[i])
    return s


@njit
def ackley(x):
    n = len(x)
    sq = 0.0
    cs = 0.0
    for xi in x:
        sq += xi**2
        cs += np.cos(2 * np.pi * xi)
    return -20 * np.exp(-0.2 * np.sqrt(sq / n)) - np.exp(cs / n) + 20 + np.e


@njit
def griewank(x):
    s, p = 0.0, 1.0
    for i in range(x.size):
        s += x[i] ** 2 / 4000.0
        p *= math.cos(x[i] / math.sqrt(i + 1))
    return s - p + 1


@jit(nopython=True)
def styblinski_tang(x):
    s = 0
    for v in x:
        s += v**4 - 16 * v**2 + 5 * v
    return s / 2


@njit
def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2 + x[2] ** 2


@njit
def beale(x):
    a, b = x[0], x[1]
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2 + x[2] * x[2]


@njit
def powell_singular(x):
    f = 0.0
    for k in range(0, x.size, 4):
        a, b, c, d = x[k], x[k + 1], x[k + 2], x[k + 3]
        f += (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4
    return f


@njit
def all_pairs(x):
    energy = 0.0
    for i in range(x.size):
        for j in range(i + 1, x.size):
            d = x[i] - x[j]
            energy += 1.0 / (1.0 + d * d)
    return energy


@njit
def product_minus_sum(x):
    p = 1.0
    s = 0.0
    for i in range(x.size):
        p = p * x[i]
        s = s + x[i]
    return p - s


@njit
def sum_of_sin_exp(x):
    s = 0.0
    for i in range(x.size):
        s += math.sin(3.0 * x[i]) + math.exp(-0.5 * x[i])
    return s


@njit
def backwards(x):
    s = 0.0
    for i in range(x.size - 1, -1, -1):
        s = 0.9 * s + x[i] * x[i]
    return s


@njit
def horner(x):
    t = 0.37
    p = 0.0
    for c in x[::-1]:
        p = p * t + c
    return p * p


@njit
def negative_indices(x):
    return (x[-1] - x[0]) ** 2 + x[-2] * x[1] + np.cos(x[-3])


@njit
def periodic_neighbours(x):
    n = x.size
    s = 0.0
    for i in range(n):
        s += (x[(i + 1) % n] - 2.0 * x[i] + x[i - 1]) ** 2 - math.cos(x[i])
    return s


@njit
def even_and_odd(x):
    s = 0.0
    for i in range(x.size):
        if i % 2 == 0:
            s += x[i] ** 2
        else:
            s += abs(x[i]) ** 1.5
    return s


@njit
def logistic_map(x):
    y = 0.2
    total = 0.0
    for k in range(20):
        y = 3.2 * y * (1.0 - y) * (1.0 + 0.01 * x[k % x.size])
        total += (y - 0.5) ** 2
    return total


@njit
def continued_fraction(x):
    v = x[x.size - 1]
    for i in range(x.size - 2, -1, -1):
        v = x[i] + 1.0 / (1.0 + v * v)
    return v


@njit
def fibonacci_weights(x):
    a, b = 1, 1
    s = 0.0
    for i in range(x.size):
        s += x[i] * x[i] / a
        a, b = b, a + b
    return s


@njit
def largest_by_hand(x):
    m = x[0]
    for i in range(1, x.size):
        if x[i] > m:
            m = x[i]
    return m + 0.1 * x[0]


@njit
def logsumexp_by_hand(x):
    m = x[0]
    for v in x:
        m = max(m, v)
    s = 0.0
    for v in x:
        s += math.exp(v - m)
    return m + math.log(s)


@njit
def path_cost(x):
    # Cheapest monotone path through a table of costs made from x.
    n = 5
    best = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            cost = math.exp(math.sin(x[i] * (j + 1.3)) + 0.1 * x[j])
            if i == 0 and j == 0:
                best[i, j] = cost
            elif i == 0:
                best[i, j] = best[i, j - 1] + cost
            elif j == 0:
                best[i, j] = best[i - 1, j] + cost
            else:
                best[i, j] = min(best[i - 1, j], best[i, j - 1]) + cost
    return best[n - 1, n - 1]


@njit
def soft_time_warp(x, other):
    # Soft alignment of two series.
    n, m = x.size, other.size
    r = np.full((n + 1, m + 1), 1e10)
    r[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            a, b, c = -r[i - 1, j - 1], -r[i - 1, j], -r[i, j - 1]
            top = max(a, b, c)
            soft = top + math.log(math.exp(a - top) + math.exp(b - top) + math.exp(c - top))
            r[i, j] = (x[i - 1] - other[j - 1]) ** 2 - soft
    return r[n, m]


@njit
def running_mean_and_variance(x):
    mean = 0.0
    m2 = 0.0
    for k in range(x.size):
        delta = x[k] - mean
        mean += delta / (k + 1)
        m2 += delta * (x[k] - mean)
    return m2 / (x.size - 1) + mean


@njit
def kahan(x):
    s = 0.0
    c = 0.0
    for i in range(x.size):
        y = x[i] * x[i] - c
        t = s + y
        c = (t - s) - y
        s = t
    return s


CASES = [
    Case("rosenbrock", rosenbrock, x12),
    Case("rastrigin", rastrigin, x12),
    Case("ackley", ackley, x5),
    Case("griewank", griewank, x5),
    Case("styblinski_tang", styblinski_tang, x5),
    Case("himmelblau", himmelblau, np.array([2.7, 1.9, 0.3])),
    Case("beale", beale, np.array([2.7, 0.4, 0.1])),
    Case("powell_singular", powell_singular, x12),
    Case("all_pairs", all_pairs, x12),
    Case("product_minus_sum", product_minus_sum, x12),
    Case("sum_of_sin_exp", sum_of_sin_exp, np.linspace(-2.0, 2.0, 40)),
    Case("backwards", backwards, x12),
    Case("horner", horner, x5),
    Case("negative_indices", negative_indices, x5),
    Case("periodic_neighbours", periodic_neighbours, x12),
    Case("even_and_odd", even_and_odd, x12),
    Case("logistic_map", logistic_map, x5),
    Case("continued_fraction", continued_fraction, x5),
    Case("fibonacci_weights", fibonacci_weights, x12),
    Case("largest_by_hand", largest_by_hand, x5),
    Case("logsumexp_by_hand", logsumexp_by_hand, x12),
    Case("path_cost", path_cost, x5),
    Case("soft_time_warp", soft_time_warp, x5, (np.array([0.5, -1.0, 0.6, 1.8, 0.1, -0.2]),)),
    Case("running_mean_and_variance", running_mean_and_variance, x12),
    Case("kahan", kahan, x12),
]
