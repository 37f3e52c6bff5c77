"""Nearly flat: the slope is so small that the rounding of f hides it from a small step."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, spread

_ROOT_PI = float(np.sqrt(np.pi))

DEVELOPMENT = (
    Problem("saturated_logistic", lambda x: 1.0 / (1.0 + math.exp(-x)), lambda x: 1 / (2 + np.exp(x) + np.exp(-x)),
            spread(8, 22)),
    Problem("faint_wave", lambda x: 1.0 + 1e-6 * math.sin(x), lambda x: 1e-6 * np.cos(x), spread(0.1, 3)),
    Problem("flat_top", lambda x: math.exp(-(x**8)), lambda x: -8 * x**7 * np.exp(-(x**8)), spread(0.1, 0.5), 0.3),
)  # fmt: skip

HELD_OUT = (
    Problem("saturated_erf", lambda x: math.erf(x), lambda x: 2 / _ROOT_PI * np.exp(-x * x), spread(2, 5), 0.3),
    Problem("faint_bowl", lambda x: 2.0 + 1e-9 * x * x, lambda x: 2e-9 * x, spread(0.5, 3)),
    Problem("plateau", lambda x: 1.0 / (1.0 + x**10), lambda x: -10 * x**9 / (1 + x**10) ** 2, spread(0.2, 0.6), 0.3),
)
