"""At an optimum and beside it: f' = 0, so that no relative error makes sense, and a warning there would be noise.

Errors are measured against the slope one `length` away.
"""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems import models
from jitgrad.testing.problems.definition import POINTS, Problem, at_and_beside, spread

# Every integer from -3 to 3 is an optimum.
_WELLS = np.concatenate([at_and_beside(float(k), 1e-10, 1e-2, 15) for k in range(-3, 4)])[:POINTS]

DEVELOPMENT = (
    Problem("bowl", lambda x: 1.0 + (x - 1.0) ** 2, lambda x: 2 * (x - 1), at_and_beside(1.0, 1e-12, 0.1), 1.0, 2.0),
    Problem("cosine_at_0", lambda x: math.cos(x), lambda x: -np.sin(x), at_and_beside(0.0, 1e-12, 0.1), 1.0, 1.0),
    Problem(
        "morse",
        lambda x: (1.0 - math.exp(1.0 - x)) ** 2,
        lambda x: -2 * np.expm1(1 - x) * np.exp(1 - x),
        at_and_beside(1.0, 1e-12, 0.1),
        1.0,
        2.0,
    ),
    Problem(
        "seven_wells",
        lambda x: (((3.0 * x * x - 56.0) * x * x + 294.0) * x * x - 432.0) * x * x,
        lambda x: 24 * x * (x - 1) * (x + 1) * (x - 2) * (x + 2) * (x - 3) * (x + 3),
        _WELLS,
        0.3,
        240.0,
    ),
    Problem("quartic_bowl", lambda x: x**4, lambda x: 4 * x**3, at_and_beside(0.0, 1e-12, 0.1), 1.0, 4.0),
    Problem("catenary", lambda x: 5.0 + math.cosh(x - 2.0), lambda x: np.sinh(x - 2), at_and_beside(2.0, 1e-12, 0.1),
            1.0, 1.0),
    Problem(
        "peak",
        lambda x: math.exp(-((x + 0.5) ** 2)),
        lambda x: -2 * (x + 0.5) * np.exp(-((x + 0.5) ** 2)),
        at_and_beside(-0.5, 1e-12, 0.1),
        1.0,
        1.0,
    ),
    Problem("constant", lambda x: 5.0 + 0.0 * x, lambda x: 0 * x, spread(-1, 1), 1.0, 1.0),
)  # fmt: skip

HELD_OUT = (
    # Costs of storing and of ordering.
    Problem("order_quantity", lambda x: x + 4.0 / x, lambda x: (x - 2) * (x + 2) / x**2,
            at_and_beside(2.0, 1e-12, 0.1), 1.0, 1.0),
    # A maximum, between two singularities.
    Problem("binary_entropy", lambda x: -x * math.log(x) - (1.0 - x) * math.log(1.0 - x),
            lambda x: -np.log1p((2 * x - 1) / (1 - x)), at_and_beside(0.5, 1e-12, 0.1), 0.5, 1.0),
    # How wide a normal distribution is.
    Problem("width_likelihood", lambda x: math.log(x) + 4.5 / (x * x), lambda x: (x - 3) * (x + 3) / x**3,
            at_and_beside(3.0, 1e-12, 0.1), 1.0, 0.1),
    # f' = f'' = 0, and no optimum.
    Problem("terrace", lambda x: 2.0 + (x + 1.0) ** 3, lambda x: 3 * (x + 1) ** 2, at_and_beside(-1.0, 1e-12, 0.1),
            1.0, 3.0),
    # Beside a width of 1e-4, x = 0.7 is large.
    Problem("line_1e-4", lambda x: 1.0 / (1.0 + ((x - 0.7) / 1e-4) ** 2),
            lambda x: -2 * ((x - 0.7) / 1e-4) / (1 + ((x - 0.7) / 1e-4) ** 2) ** 2 / 1e-4,
            at_and_beside(0.7, 1e-14, 1e-5), 1e-4, 5e3),
    # f = f' = 0.
    Problem("exact_fit", models.exact_fit, models.exact_fit_slope, at_and_beside(1.5, 1e-12, 0.1), 1.0, 0.1),
)  # fmt: skip
