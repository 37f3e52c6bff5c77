"""Zeros that formulas divide by: f = 0 at the point, f'' = 0 or f''' = 0 there or everywhere."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems import models
from jitgrad.testing.problems.definition import POINTS, Problem, at_and_beside, spread

_ROOT_3 = float(np.sqrt(3.0))
_ROOT_PI = float(np.sqrt(np.pi))

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

HELD_OUT = (
    # f = f'' = 0 at 0.
    Problem("erf_at_0", lambda x: math.erf(x), lambda x: 2 / _ROOT_PI * np.exp(-x * x),
            at_and_beside(0.0, 1e-14, 1e-2)),
    # f = 0: the bond yields 5 %.
    Problem("net_present_value", models.present_value, models.present_value_slope, at_and_beside(0.05, 1e-14, 1e-3),
            0.1),
    # f = 0.
    Problem("lambert_at_root", lambda x: x * math.exp(x) - 1.0, lambda x: (1 + x) * np.exp(x),
            at_and_beside(0.5671432904097838, 1e-14, 1e-2)),
    # f'' = 0.
    Problem("dispersion_at_inflection", lambda x: x / (1.0 + x * x), lambda x: (1 - x) * (1 + x) / (1 + x * x) ** 2,
            at_and_beside(_ROOT_3, 1e-14, 1e-2)),
    # f''' = 0, and neither f, f' nor f''.
    Problem("exp_without_cube", lambda x: math.exp(x) - x * x * x / 6.0, lambda x: np.exp(x) - 0.5 * x * x,
            at_and_beside(0.0, 1e-14, 1e-2)),
)  # fmt: skip
