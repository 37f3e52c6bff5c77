"""Losses that must not take lanes, or in which lanes could only go wrong."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, objmode, prange, typed

from corpus.case import Case

x = np.array([0.7, 1.2, 0.4, 2.1, 0.3, 1.6])


@njit
def random_numbers(x):
    np.random.seed(4)
    s = 0.0
    for v in x:
        s += v * v * (1.0 + 0.1 * np.random.random())
    return s


@njit
def noise():
    return np.random.normal(0.0, 1e-3)


@njit
def random_helper(x):
    np.random.seed(5)
    return np.sum(x * x) + noise()


@njit
def shuffled_order(x):
    np.random.seed(6)
    order = np.arange(x.size)
    np.random.shuffle(order)
    s = 0.0
    for k, i in enumerate(order):
        s += (k + 1) * x[i]
    return s


@njit
def prints(x):
    s = np.sum(x * x)
    if s > 0:
        print("loss", s)
    return s


@njit
def object_mode(x):
    s = np.sum(x)
    with objmode(t="float64"):
        t = float(math.fsum(x))
    return s * t


@njit
def writes_to_x(x):
    for i in range(x.size):
        x[i] = x[i] * x[i]
    return x.sum()


@njit
def writes_to_slice_of_x(x):
    tail = x[1:]
    tail *= 0.5
    return np.sum(x**2)


@njit
def sorts_x_in_place(x):
    x.sort()
    return x[0] + 2 * x[1] - x[-1] ** 2


@njit
def normalise(v):
    v /= np.sqrt(np.sum(v * v))


@njit
def helper_writes_to_x(x):
    normalise(x)
    return np.sum(x[:3])


@njit
def asks_for_types(x):
    if isinstance(x[0], float):
        return np.sum(x * x)
    return -1.0


@njit
def asks_for_bytes(x):
    return np.sum(x) * x.itemsize + x.nbytes


@njit
def asks_for_strides(x):
    return x[0] * x[1] * (x.strides[0] // 8) + x[2]


@njit
def views_bits(x):
    bits = x.view(np.int64)
    s = 0.0
    for i in range(x.size):
        s += x[i] ** 2 * (1.0 if bits[i] > 0 else 2.0)
    return s


@njit
def catches(x):
    s = 0.0
    for v in x:
        try:
            if v > 5.0:
                raise ValueError("far")
            s += v * v
        except Exception:
            s += 25.0
    return s


@njit(parallel=True)
def parallel_loop(x):
    s = 0.0
    for i in prange(x.size):
        s += x[i] * x[i]
    return s


@njit
def stores_in_argument(x, scratch):
    scratch[0] = float(x[0])
    for i in range(1, x.size):
        scratch[i] = scratch[i - 1] * 0.5 + x[i]
    return scratch[x.size - 1]


@njit
def counts_in_argument(x, calls):
    calls[0] += 1
    return np.sum(x * x)


@njit
def typed_list(x, terms):
    s = 0.0
    for k in terms:
        s += k * x[0] * x[1]
    return s


@njit
def typed_dictionary(x, weights):
    s = 0.0
    for k, w in weights.items():
        s += w * x[k] ** 2
    return s


@njit
def dictionary_of_values(x):
    d = {}
    for i in range(x.size):
        d[i % 3] = x[i] * x[i]
    return d[0] + d[1] * d[2]


@njit
def linear_system(x):
    M = np.eye(3)
    for i in range(3):
        M[i, (i + 1) % 3] = 0.3 * x[i]
    return np.sum(np.linalg.solve(M, x[3:6]) ** 2)


@njit
def inverse(x):
    M = np.array([[2.0 + x[0], x[1]], [x[1], 3.0 + x[2]]])
    return np.trace(np.linalg.inv(M))


@njit
def log_determinant(x):
    M = np.eye(3) * 2.0
    M[0, 1] = M[1, 0] = x[0]
    M[1, 2] = M[2, 1] = x[1]
    return np.log(np.linalg.det(M)) + x[2]


@njit
def eigenvalues(x):
    M = np.array([[x[0], x[1]], [x[1], x[2]]])
    return np.linalg.eigvalsh(M)[1] + np.linalg.svd(M)[1][0]


@njit
def cholesky(x):
    M = np.array([[2.0 + x[0], x[1]], [x[1], 3.0 + x[2]]])
    L = np.linalg.cholesky(M)
    return 2 * np.sum(np.log(np.diag(L)))


@njit
def sorted_values(x):
    y = np.sort(x)
    return np.sum(y * np.arange(x.size))


@njit
def median(x):
    return np.median(x) ** 2 + 0.1 * x[0]


@njit
def order_of_values(x):
    rank = np.argsort(x)
    s = 0.0
    for k in range(rank.size):
        s += (k + 1) * x[rank[k]] ** 2
    return s


@njit
def quantile(x):
    return np.percentile(x, 30.0) + x[0]


@njit
def complex_numbers(x):
    z = complex(x[0], x[1])
    w = z * z + 1j * x[2]
    return abs(w) ** 2 + w.real


@njit
def impedance(x):
    s = 0.0
    for k in range(1, 4):
        z = x[0] + 1j * k * x[1] + 1.0 / (1j * k * x[2])
        s += abs(1.0 / z)
    return s


@njit
def search_in_values(x):
    path = np.cumsum(x)
    k = np.searchsorted(path, 2.2)
    return path[k] * x[0]


@njit
def distinct(x):
    return np.unique(np.floor(4 * x)).size + np.sum(x * x)


def made(items):
    out = typed.List()
    for item in items:
        out.append(item)
    return out


def dictionary(pairs):
    out = typed.Dict()
    for key, value in pairs:
        out[key] = value
    return out


CASES = [
    Case("random_numbers", random_numbers, x, scalar_expected=True),
    Case("random_helper", random_helper, x, scalar_expected=True),
    Case("shuffled_order", shuffled_order, x, scalar_expected=True),
    Case("prints", prints, x, scalar_expected=True),
    Case("object_mode", object_mode, x, scalar_expected=True),
    Case("writes_to_x", writes_to_x, x, scalar_expected=True, writes=True),
    Case("writes_to_slice_of_x", writes_to_slice_of_x, x, scalar_expected=True, writes=True),
    Case("sorts_x_in_place", sorts_x_in_place, x, scalar_expected=True, writes=True),
    Case("helper_writes_to_x", helper_writes_to_x, x, scalar_expected=True, writes=True),
    Case("asks_for_types", asks_for_types, x, scalar_expected=True),
    Case("asks_for_bytes", asks_for_bytes, x, scalar_expected=True),
    Case("asks_for_strides", asks_for_strides, x, scalar_expected=True),
    Case("views_bits", views_bits, x, scalar_expected=True),
    Case("catches", catches, x, scalar_expected=True),
    Case("parallel_loop", parallel_loop, x, scalar_expected=True),
    Case("stores_in_argument", stores_in_argument, x, (np.zeros(6),), scalar_expected=True, writes=True),
    Case("counts_in_argument", counts_in_argument, x, (np.zeros(1, np.int64),), scalar_expected=True, writes=True),
    Case("typed_list", typed_list, x, (made([1.0, 2.0, 0.5]),), scalar_expected=True),
    Case("typed_dictionary", typed_dictionary, x, (dictionary([(0, 1.0), (2, 0.5)]),), scalar_expected=True),
    Case("dictionary_of_values", dictionary_of_values, x, scalar_expected=True),
    Case("linear_system", linear_system, x, scalar_expected=True),
    Case("inverse", inverse, x, scalar_expected=True),
    Case("log_determinant", log_determinant, x, scalar_expected=True),
    Case("eigenvalues", eigenvalues, x, scalar_expected=True),
    Case("cholesky", cholesky, x, scalar_expected=True),
    Case("sorted_values", sorted_values, x, scalar_expected=True),
    Case("median", median, x, scalar_expected=True),
    Case("order_of_values", order_of_values, x, scalar_expected=True),
    Case("quantile", quantile, x, scalar_expected=True),
    Case("complex_numbers", complex_numbers, x, scalar_expected=True),
    Case("impedance", impedance, x, scalar_expected=True),
    Case("search_in_values", search_in_values, x, scalar_expected=True),
    Case("distinct", distinct, x, scalar_expected=True),
]
