"""Nearly flat: the slope is so small that the rounding of f hides it from a small step."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, spread, spread_log

_ROOT_PI = float(np.sqrt(np.pi))

DEVELOPMENT = (
    Problem("saturated_logistic", lambda x: 1.0 / (1.0 + math.exp(-x)), lambda x: 1 / (2 + np.exp(x) + np.exp(-x)),
            spread(8, 22)),
    Problem("faint_wave", lambda x: 1.0 + 1e-6 * math.sin(x), lambda x: 1e-6 * np.cos(x), spread(0.1, 3)),
    Problem("flat_top", lambda x: math.exp(-(x**8)), lambda x: -8 * x**7 * np.exp(-(x**8)), spread(0.1, 0.5), 0.3),
    Problem("saturated_erf", lambda x: math.erf(x), lambda x: 2 / _ROOT_PI * np.exp(-x * x), spread(2, 5), 0.3),
    Problem("faint_bowl", lambda x: 2.0 + 1e-9 * x * x, lambda x: 2e-9 * x, spread(0.5, 3)),
    Problem("plateau", lambda x: 1.0 / (1.0 + x**10), lambda x: -10 * x**9 / (1 + x**10) ** 2, spread(0.2, 0.6), 0.3),
)  # fmt: skip

HELD_OUT = (
    Problem("gompertz_late", lambda x: math.exp(-3.0 * math.exp(-x)), lambda x: 3 * np.exp(-x - 3 * np.exp(-x)),
            spread(8, 25)),
    Problem("faint_logarithm", lambda x: 10.0 + 1e-7 * math.log(x), lambda x: 1e-7 / x, spread(0.5, 3), np.abs),
    # All derivatives are 0 at 0.
    Problem("onset", lambda x: 1.0 + math.exp(-1.0 / x), lambda x: np.exp(-1 / x) / x**2, spread(0.05, 0.2),
            lambda x: x * x),
    # What is left falls as a power, not as an exponential.
    Problem("saturated_root", lambda x: x / math.sqrt(1.0 + x * x), lambda x: (1 + x * x) ** -1.5,
            spread_log(30, 3000), np.abs),
)  # fmt: skip
