"""Near singularities: the room for a step shrinks with the distance, and beyond it there is no value at all."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, beside, distance_to, spread, spread_log

DEVELOPMENT = (
    Problem("logarithm", lambda x: math.log(x), lambda x: 1 / x, spread_log(1e-10, 1e10), np.abs),
    Problem("reciprocal", lambda x: 1.0 / x, lambda x: -1 / x**2, beside(0.0, 1e-6, 1e6), np.abs),
    Problem(
        "lennard_jones",
        lambda x: 4.0 * (x**-12 - x**-6),
        lambda x: 4 * (-12 * x**-13 + 6 * x**-7),
        spread(0.8, 2.5),
        lambda x: x / 6,
    ),
    Problem(
        "logit",
        lambda x: math.log(x / (1.0 - x)),
        lambda x: 1 / (x * (1 - x)),
        np.concatenate([spread_log(1e-8, 0.4, 50), 1.0 - spread_log(1e-8, 0.4, 50)]),
        distance_to(0.0, 1.0),
    ),
)

HELD_OUT = (
    Problem("square_root", lambda x: math.sqrt(x), lambda x: 0.5 / np.sqrt(x), spread_log(1e-12, 1e3), np.abs),
    Problem(
        "barrier",
        lambda x: -math.log(1.0 - x * x),
        lambda x: 2 * x / ((1 - x) * (1 + x)),
        np.concatenate([1.0 - spread_log(1e-8, 0.5, 50), spread_log(1e-8, 0.5, 50) - 1.0]),
        distance_to(-1.0, 1.0),
    ),
    Problem(
        "inverse_square", lambda x: 1.0 / (x - 2.0) ** 2, lambda x: -2 / (x - 2) ** 3, beside(2.0, 1e-6, 1.0),
        distance_to(2.0),
    ),
    Problem(
        "arcsine", lambda x: math.asin(x), lambda x: 1 / np.sqrt((1 - x) * (1 + x)), 1.0 - spread_log(1e-8, 0.5),
        distance_to(1.0),
    ),
)  # fmt: skip
