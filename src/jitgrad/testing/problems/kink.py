"""Kinks, from 1e-9 away to far away, seen from both sides: a step across one gives the mean of two slopes."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, beside, distance_to

_CROSSING = float(np.arctan(1.0))
_LOG_2 = float(np.log(2.0))

DEVELOPMENT = (
    Problem("absolute_value", lambda x: abs(x - 1.0), lambda x: np.sign(x - 1), beside(1.0, 1e-9, 1.0),
            distance_to(1.0)),
    Problem("hinge", lambda x: max(x - 0.5, 0.0) + 0.1 * x, lambda x: (x > 0.5) + 0.1 * np.ones_like(x),
            beside(0.5, 1e-9, 1.0), distance_to(0.5, most=0.5)),
    Problem("laplace", lambda x: math.exp(-abs(x - 0.5)), lambda x: -np.sign(x - 0.5) * np.exp(-abs(x - 0.5)),
            beside(0.5, 1e-9, 1.0), distance_to(0.5, most=0.5)),
    Problem("larger_of_waves", lambda x: max(math.sin(x), math.cos(x)),
            lambda x: np.where(np.sin(x) > np.cos(x), np.cos(x), -np.sin(x)),
            beside(_CROSSING, 1e-9, 0.5), distance_to(_CROSSING, most=0.5)),
)  # fmt: skip

HELD_OUT = (
    Problem("absolute_log", lambda x: abs(math.log(x)), lambda x: np.sign(x - 1) / x, beside(1.0, 1e-9, 0.5),
            distance_to(1.0, most=0.5)),
    Problem("absolute_bowl", lambda x: abs(x * x - 4.0), lambda x: np.sign(x - 2) * 2 * x, beside(2.0, 1e-9, 1.0),
            distance_to(2.0)),
    # Flat on one side.
    Problem("capped_exp", lambda x: min(math.exp(x), 2.0), lambda x: np.where(np.exp(x) < 2, np.exp(x), 0),
            beside(_LOG_2, 1e-9, 0.5), distance_to(_LOG_2), 2.0),
    Problem("leaky", lambda x: x if x > 0.0 else 0.01 * x, lambda x: np.where(x > 0, np.longdouble(1), 0.01),
            beside(0.0, 1e-12, 1.0), np.abs),
)  # fmt: skip
