"""Kinks, from 1e-9 away to far away, seen from both sides: a step across one gives the mean of two slopes."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems import models
from jitgrad.testing.problems.definition import Problem, beside, distance_to

_CROSSING = float(np.arctan(1.0))
_LOG_2 = float(np.log(2.0))
_EQUAL = float(np.cbrt(4.0))

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

HELD_OUT = (
    # Money: x is 1e4.
    Problem("tax_brackets", lambda x: 0.1 * x + 0.15 * max(x - 1e4, 0.0) + 0.15 * max(x - 4e4, 0.0),
            lambda x: 0.1 + 0.15 * (0 * x + (x > 1e4) + (x > 4e4)),
            np.concatenate([beside(1e4, 1e-5, 5e3, 50), beside(4e4, 1e-5, 5e3, 50)]), distance_to(1e4, 4e4)),
    # f = 0 at the kink.
    Problem("rectified_sine", lambda x: abs(math.sin(x)), lambda x: np.sign(np.sin(x)) * np.cos(x),
            beside(np.pi, 1e-9, 1.0), distance_to(np.pi, most=0.5)),
    Problem("pinball_loss", models.pinball, models.pinball_slope,
            np.concatenate([beside(place, 1e-9, 0.3, 25) for place in models.DATA[:4]]), distance_to(*models.DATA)),
    # The slope is infinite on one side.
    Problem("absorption_edge", lambda x: x + math.sqrt(max(x - 1.0, 0.0)),
            lambda x: np.where(x > 1, 1 + 0.5 / np.sqrt(abs(x - 1)), 1), beside(1.0, 1e-9, 0.5),
            distance_to(1.0, most=0.5)),
    Problem("dearer_of_two", lambda x: max(4.0 / x, x * x), lambda x: np.where(x**3 < 4, -4 / x**2, 2 * x),
            beside(_EQUAL, 1e-9, 0.5), distance_to(_EQUAL, most=0.5)),
    Problem("threshold_2e-6", lambda x: max(x - 2e-6, 0.3 * (x - 2e-6)),
            lambda x: np.where(x > 2e-6, np.longdouble(1), np.longdouble(0.3)), beside(2e-6, 1e-14, 1e-6),
            distance_to(2e-6)),
)  # fmt: skip
