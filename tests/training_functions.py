"""Functions that processes can import."""

from __future__ import annotations

import numpy as np


class Failed(Exception):
    pass


def cubic(u, x):
    """A function of steps of 0.01."""
    return np.round(100 * (u + x) ** 3) / 100


def product_and_sum(u, x):
    return u[0] * x[0], u[1] + x[1]


def failing(u, x):
    if x[1] == np.random.default_rng(0).normal(size=(2, 50, 2))[1, 20, 1]:
        raise Failed
    return product_and_sum(u, x)
