"""Small losses that several test files share."""

import math

import numpy as np
from numba import njit


@njit
def quadratic(x):
    s = 0.0
    for i in range(x.size):
        s += (i + 1.0) * x[i] * x[i]
    return s


def quadratic_gradient(x):
    return 2.0 * np.arange(1, x.shape[-1] + 1) * x


@njit
def smooth(x, a, b):
    s = 0.0
    for i in range(x.size):
        s += a * math.sin(x[i]) + math.exp(b * x[i])
    return s


def smooth_gradient(x, a, b):
    return a * np.cos(x) + b * np.exp(b * x)


@njit
def writes_x(x):
    for i in range(x.size):
        x[i] = x[i] * x[i]
    return x.sum()


@njit
def raises_at(x, where, limit):
    if x[where] > limit:
        raise ValueError("too far")
    return (x * x).sum()


def on_copies(loss, x, v, args):
    """Values of a loss at copies of x in which one element after the other is replaced."""
    values = []
    for i in range(x.size):
        y = x.copy()
        y[i] = v[i]
        values.append(loss(y, *args))
    return np.array(values, np.float64)
