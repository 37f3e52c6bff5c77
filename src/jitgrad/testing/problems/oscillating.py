"""Waves far shorter than |x|, so that ordinary steps see an alias or what looks like noise."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, spread, spread_log

DEVELOPMENT = (
    Problem("sine_1e4", lambda x: math.sin(1e4 * x), lambda x: 1e4 * np.cos(1e4 * x), spread(0.5, 2), 1e-4),
    Problem("sine_1e9", lambda x: math.sin(1e9 * x), lambda x: 1e9 * np.cos(1e9 * x), spread(0.5, 2), 1e-9),
    Problem(
        "ripple_on_bowl",
        lambda x: x * x + 1e-3 * math.sin(1e3 * x),
        lambda x: 2 * x + 1e-3 * 1e3 * np.cos(1e3 * x),
        spread(0.5, 2),
        1e-3,
        hidden_by=1e-3,
    ),
    Problem("chirp", lambda x: math.sin(1e3 * x * x), lambda x: 2e3 * x * np.cos(1e3 * x * x), spread(1, 3),
            lambda x: 1 / (2e3 * x)),
)  # fmt: skip

HELD_OUT = (
    Problem("product_3e5", lambda x: x * math.cos(3e5 * x),
            lambda x: np.cos(3e5 * x) - 3e5 * x * np.sin(3e5 * x), spread(0.5, 2), 1 / 3e5),
    Problem(
        "exp_of_cosine_1e7",
        lambda x: math.exp(math.cos(1e7 * x)),
        lambda x: -1e7 * np.sin(1e7 * x) * np.exp(np.cos(1e7 * x)),
        spread(0.5, 2),
        1e-7,
    ),
    Problem(
        "ripple_on_line",
        lambda x: x + 1e-2 / (2.0 + math.cos(1e4 * x)),
        lambda x: 1 + 1e-2 * 1e4 * np.sin(1e4 * x) / (2 + np.cos(1e4 * x)) ** 2,
        spread(0.5, 2),
        1e-4,
        hidden_by=1e-3,
    ),
    Problem("sine_of_reciprocal", lambda x: math.sin(1.0 / x), lambda x: -np.cos(1 / x) / x**2,
            spread_log(1e-3, 1e-1), lambda x: x * x),
)  # fmt: skip
