"""Stairs, as from rounded tables: flat almost everywhere; steps across many stairs show the slope that is meant."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, spread

DEVELOPMENT = (
    Problem("floor", lambda x: math.floor(1e3 * x) / 1e3, np.ones_like, spread(0.3, 2),
            smooth=lambda x: 1.0 * x),
    Problem("square_of_floor", lambda x: (math.floor(1e4 * x) / 1e4) ** 2, lambda x: 2 * x, spread(0.3, 2),
            smooth=lambda x: x * x),
    Problem("table_of_exp", lambda x: math.floor(2e3 * math.exp(x) + 0.5) / 2e3, np.exp, spread(0.3, 2),
            smooth=lambda x: math.exp(x)),
    Problem("sine_of_rounded", lambda x: math.sin(math.floor(5e3 * x + 0.5) / 5e3), np.cos, spread(0.1, 1.2),
            smooth=lambda x: math.sin(x)),
    Problem("table_of_log", lambda x: math.floor(1e4 * math.log(x) + 0.5) / 1e4, lambda x: 1 / x, spread(0.3, 2),
            np.abs, smooth=lambda x: math.log(x)),
    Problem("coarse_cube", lambda x: math.floor(300.0 * x * x * x) / 300.0, lambda x: 3 * x * x, spread(0.7, 2),
            smooth=lambda x: x**3),
)  # fmt: skip

HELD_OUT = (
    # 12 bits.
    Problem("digitised_sine", lambda x: math.floor(4096.0 * (0.5 + 0.4 * math.sin(x))) / 4096.0,
            lambda x: 0.4 * np.cos(x), spread(0.1, 1.2), smooth=lambda x: 0.5 + 0.4 * math.sin(x)),
    Problem("table_of_square_root", lambda x: math.floor(5e3 * math.sqrt(x) + 0.5) / 5e3, lambda x: 0.5 / np.sqrt(x),
            spread(0.3, 2), np.abs, smooth=lambda x: math.sqrt(x)),
    Problem("rounded_dose", lambda x: math.exp(-0.7 * (math.floor(2e3 * x + 0.5) / 2e3)),
            lambda x: -0.7 * np.exp(-0.7 * x), spread(0.2, 2.5), smooth=lambda x: math.exp(-0.7 * x)),
    # Tenths of a cent.
    Problem("price_with_tax", lambda x: math.floor(1e3 * (1.19 * x) + 0.5) / 1e3, lambda x: 1.19 * np.ones_like(x),
            spread(20, 200), np.abs, smooth=lambda x: 1.19 * x),
)  # fmt: skip
