"""Zeros that formulas divide by: f = 0 at the point, f'' = 0 or f''' = 0 there or everywhere."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import POINTS, Problem, at_and_beside, spread

DEVELOPMENT = (
    # f = f'' = 0, as nearly as there is a number.
    Problem("sine_at_roots", lambda x: math.sin(x), np.cos, np.pi * (np.arange(POINTS) - POINTS // 2)),
    # f''' = 0 everywhere.
    Problem("parabola", lambda x: 1.0 + x - 0.25 * x * x, lambda x: 1 - 0.5 * x, spread(-1.5, 1.5)),
    # f'' = 0.
    Problem(
        "logistic_at_inflection",
        lambda x: 1.0 / (1.0 + math.exp(2.0 - x)),
        lambda x: 1 / (2 + np.exp(x - 2) + np.exp(2 - x)),
        at_and_beside(2.0, 1e-14, 1e-2),
    ),
    # f = 0.
    Problem("cubic_at_root", lambda x: x * x * x - x, lambda x: 3 * x * x - 1, at_and_beside(1.0, 1e-14, 1e-2)),
)

HELD_OUT = (
    # f'' = f''' = 0 everywhere.
    Problem("line", lambda x: 3.0 * x + 1.0, lambda x: 3 + 0 * x, spread(-5, 5)),
    # f = f'' = f''' = 0.
    Problem("quartic_and_line", lambda x: x**4 + x, lambda x: 4 * x**3 + 1, at_and_beside(0.0, 1e-14, 1e-2)),
    # f = 0.
    Problem("log_at_root", lambda x: math.log(2.0 * x), lambda x: 1 / x, at_and_beside(0.5, 1e-14, 1e-2), 0.5),
    # f'' = 0.
    Problem(
        "cube_and_line", lambda x: (x - 2.0) ** 3 + x, lambda x: 3 * (x - 2) ** 2 + 1, at_and_beside(2.0, 1e-14, 1e-2)
    ),
)
