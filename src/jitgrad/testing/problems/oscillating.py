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

HELD_OUT = (
    Problem("beats_1e5", lambda x: math.sin(1e5 * x) + math.sin(1.1e5 * x),
            lambda x: 1e5 * np.cos(1e5 * x) + 1.1e5 * np.cos(1.1e5 * x), spread(0.5, 2), 1e-5),
    # The same number of waves in every decade of x.
    Problem("log_periodic", lambda x: math.cos(100.0 * math.log(x)), lambda x: -100 * np.sin(100 * np.log(x)) / x,
            spread_log(0.2, 5), lambda x: x / 100),
    Problem("modulated_frequency", lambda x: math.sin(1e5 * x + 3.0 * math.sin(1e3 * x)),
            lambda x: np.cos(1e5 * x + 3 * np.sin(1e3 * x)) * (1e5 + 3e3 * np.cos(1e3 * x)), spread(0.5, 2), 1e-5),
    # Light between two mirrors: narrow peaks.
    Problem("etalon_1e6", lambda x: 1.0 / (1.0 + 8.0 * math.sin(1e6 * x) ** 2),
            lambda x: -8e6 * np.sin(2e6 * x) / (1 + 8 * np.sin(1e6 * x) ** 2) ** 2, spread(0.5, 2), 3e-7),
    # The faintest wave is the steepest.
    Problem("three_waves", lambda x: math.sin(x) + 0.1 * math.sin(100.0 * x) + 0.01 * math.sin(1e4 * x),
            lambda x: np.cos(x) + 100 * (0.1 * np.cos(100 * x)) + 1e4 * (0.01 * np.cos(1e4 * x)),
            spread(0.5, 2), 1e-4, hidden_by=1e-2),
)  # fmt: skip
