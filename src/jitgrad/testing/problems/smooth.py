"""Smooth and well scaled: what most losses are in one coordinate, and what accuracy is judged on."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, spread, spread_log

DEVELOPMENT = (
    Problem("gauss", lambda x: math.exp(-x * x), lambda x: -2 * x * np.exp(-x * x), spread(-2.5, 2.5)),
    Problem("softplus", lambda x: math.log1p(math.exp(x)), lambda x: 1 / (1 + np.exp(-x)), spread(-8, 8)),
    Problem(
        "runge", lambda x: 1.0 / (1.0 + 25.0 * x * x), lambda x: -50 * x / (1 + 25 * x * x) ** 2, spread(-1, 1), 0.2
    ),
    Problem("quintic", lambda x: x**5 - 3.0 * x**3 + x - 2.0, lambda x: 5 * x**4 - 9 * x**2 + 1, spread(-2, 2)),
    Problem(
        "damped_wave",
        lambda x: math.exp(-x) * math.cos(5.0 * x),
        lambda x: -np.exp(-x) * (np.cos(5 * x) + 5 * np.sin(5 * x)),
        spread(0.05, 4),
        0.2,
    ),
    Problem(
        "tangent",
        lambda x: math.tan(x),
        lambda x: 1 / np.cos(x) ** 2,
        spread(-1.4, 1.4),
        lambda x: np.pi / 2 - np.abs(x),
    ),
    Problem("x_to_the_x", lambda x: x**x, lambda x: x**x * (1 + np.log(x)), spread_log(0.05, 6), np.abs),
    Problem(
        "mixture",
        lambda x: -math.log(0.3 * math.exp(-0.5 * x * x) + 0.7 * math.exp(-2.0 * (x - 2.0) ** 2)),
        lambda x: (
            (0.3 * x * np.exp(-0.5 * x * x) + 0.7 * 4 * (x - 2) * np.exp(-2 * (x - 2) ** 2))
            / (0.3 * np.exp(-0.5 * x * x) + 0.7 * np.exp(-2 * (x - 2) ** 2))
        ),
        spread(-2, 4),
    ),
)

HELD_OUT = (
    Problem("hyperbolic_tangent", lambda x: math.tanh(x), lambda x: 1 / np.cosh(x) ** 2, spread(-3, 3)),
    Problem("log_cosh", lambda x: math.log(math.cosh(x)), np.tanh, spread(-6, 6)),
    Problem("pseudo_huber", lambda x: math.sqrt(1.0 + x * x), lambda x: x / np.sqrt(1 + x * x), spread(-4, 4)),
    Problem(
        "rational",
        lambda x: (x * x + 1.0) / (x + 3.0),
        lambda x: (x * x + 6 * x - 1) / (x + 3) ** 2,
        spread(-2.5, 4),
        lambda x: x + 3,
    ),
    Problem("growing_wave", lambda x: x * math.sin(x), lambda x: np.sin(x) + x * np.cos(x), spread(-10, 10)),
    Problem(
        "exp_of_sine",
        lambda x: math.exp(math.sin(3.0 * x)),
        lambda x: 3 * np.cos(3 * x) * np.exp(np.sin(3 * x)),
        spread(-3, 3),
        1 / 3,
    ),
    Problem("exp_of_square", lambda x: math.exp(x * x), lambda x: 2 * x * np.exp(x * x), spread(0.2, 3), 0.3),
    Problem("arctangent", lambda x: math.atan(2.0 * x), lambda x: 2 / (1 + 4 * x * x), spread(-3, 3), 0.5),
)
