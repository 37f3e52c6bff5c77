"""Reductions of x for random expressions, with the range of each where every coordinate is in [LOW, HIGH].

Array expressions cost numba a tenth of a second each and more, so those are functions, compiled once for all programs.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SIZE = 6
LOW, HIGH = 0.5, 2.0


@njit
def every_second(x):
    return np.sum(x[::2])


@njit
def from_behind(x):
    return x[::-1][1:3].sum()


@njit
def mean_of_tail(x):
    return x[2:].mean()


@njit
def inner_maximum(x):
    return x[1:5].max()


@njit
def minimum(x):
    return np.min(x)


@njit
def spread_of_ramp(x):
    return np.std(x + np.arange(6))


@njit
def product_of_halves(x):
    return x[:3] @ x[3:]


@njit
def neighbours(x):
    return np.sum(x[1:] * x[:-1])


@njit
def decays(x):
    return np.sum(np.exp(-x))


@njit
def distances(x):
    return np.sum(np.abs(x - 1.3))


@njit
def squared_steps(x):
    return np.sum(np.diff(x) ** 2)


@njit
def partial_sum(x):
    return np.cumsum(x)[3]


@njit
def product_of_three(x):
    return np.prod(x[:3])


@njit
def either_or(x):
    return np.sum(np.where(x > 1.1, x * x, 2.0 - x))


@njit
def raised(x):
    return np.sum(np.maximum(x, 1.25))


@njit
def clipped(x):
    return np.sum(np.clip(x, 0.8, 1.7))


@njit
def masked(x):
    return np.sum(x[x > 0.9])


@njit
def ratios(x):
    return np.sum(np.sqrt(x) / (1.0 + x[::-1]))


FUNCTIONS = {
    f.__name__: f
    for f in [
        every_second,
        from_behind,
        mean_of_tail,
        inner_maximum,
        minimum,
        spread_of_ramp,
        product_of_halves,
        neighbours,
        decays,
        distances,
        squared_steps,
        partial_sum,
        product_of_three,
        either_or,
        raised,
        clipped,
        masked,
        ratios,
    ]
}
# Source text, lowest and highest value.
REDUCTIONS = [
    ("np.sum(x)", SIZE * LOW, SIZE * HIGH),
    ("x.sum()", SIZE * LOW, SIZE * HIGH),
    ("np.sum(x[1:4])", 3 * LOW, 3 * HIGH),
    ("every_second(x)", 3 * LOW, 3 * HIGH),
    ("from_behind(x)", 2 * LOW, 2 * HIGH),
    ("np.mean(x)", LOW, HIGH),
    ("mean_of_tail(x)", LOW, HIGH),
    ("np.max(x)", LOW, HIGH),
    ("inner_maximum(x)", LOW, HIGH),
    ("minimum(x)", LOW, HIGH),
    ("x.min()", LOW, HIGH),
    ("np.var(x)", 0.0, HIGH**2),
    ("spread_of_ramp(x)", 0.1, 3.0),
    ("np.dot(x[:3], x[3:])", 3 * LOW**2, 3 * HIGH**2),
    ("product_of_halves(x)", 3 * LOW**2, 3 * HIGH**2),
    ("np.linalg.norm(x)", 2.4 * LOW, 2.5 * HIGH),
    ("neighbours(x)", 5 * LOW**2, 5 * HIGH**2),
    ("decays(x)", 6 * math.exp(-HIGH), 6 * math.exp(-LOW)),
    ("distances(x)", 0.0, 6 * 0.8),
    ("squared_steps(x)", 0.0, 5 * (HIGH - LOW) ** 2),
    ("partial_sum(x)", 4 * LOW, 4 * HIGH),
    ("product_of_three(x)", LOW**3, HIGH**3),
    ("either_or(x)", 0.0, 6 * HIGH**2),
    ("raised(x)", 6 * 1.25, 6 * HIGH),
    ("clipped(x)", 6 * 0.8, 6 * 1.7),
    ("masked(x)", 0.0, 6 * HIGH),
    ("ratios(x)", 0.0, 6 * HIGH),
]
