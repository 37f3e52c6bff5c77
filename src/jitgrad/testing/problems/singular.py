"""Near singularities: the room for a step shrinks with the distance, and beyond it there is no value at all."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems import models
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

HELD_OUT = (
    Problem("yukawa", lambda x: math.exp(-x) / x, lambda x: -np.exp(-x) * (1 + x) / x**2, spread_log(1e-7, 3),
            distance_to(0.0, most=1.0)),
    Problem("arc_hyperbolic_cosine", lambda x: math.acosh(x), lambda x: 1 / np.sqrt((x - 1) * (x + 1)),
            1.0 + spread_log(1e-8, 5), distance_to(1.0)),
    # An essential singularity.
    Problem("heat_kernel", lambda x: math.exp(-1.0 / x) / math.sqrt(x),
            lambda x: np.exp(-1 / x) * (2 - x) / (2 * x * x * np.sqrt(x)), spread(0.03, 1.5),
            lambda x: np.minimum(x, x * x)),
    Problem("log_of_sine", lambda x: math.log(math.sin(x)), lambda x: np.cos(x) / np.sin(x),
            np.concatenate([spread_log(1e-8, 1, 50), np.pi - spread_log(1e-6, 1, 50)]), distance_to(0.0, np.pi)),
    # A phase transition at 1, with its critical exponent.
    Problem("susceptibility", lambda x: abs(1.0 - x) ** -1.24, lambda x: 1.24 * abs(1 - x) ** -1.24 / (1 - x),
            beside(1.0, 1e-6, 0.5), distance_to(1.0)),
    Problem("elliptic_integral", models.elliptic, models.elliptic_slope, 1.0 - spread_log(1e-8, 0.5),
            distance_to(1.0)),
)  # fmt: skip
