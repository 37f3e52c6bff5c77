"""At an optimum and beside it: f' = 0, so that no relative error makes sense, and a warning there would be noise.

Errors are measured against the slope one `length` away.
"""

from __future__ import annotations

import math

import numpy as np

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
)

HELD_OUT = (
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
