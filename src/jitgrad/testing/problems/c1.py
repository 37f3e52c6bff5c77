"""Continuous slope, but a jump in f'' or worse: a step across it errs by h and not by h**2."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, beside

_ROOT_E = float(np.exp(0.5))

DEVELOPMENT = (
    Problem("huber", lambda x: 0.5 * x * x if abs(x) < 1.0 else abs(x) - 0.5, lambda x: np.clip(x, -1, 1),
            np.concatenate([beside(1.0, 1e-9, 0.5, 50), beside(-1.0, 1e-9, 0.5, 50)])),
    Problem("squared_hinge", lambda x: max(x - 1.0, 0.0) ** 2 + x, lambda x: 2 * np.maximum(x - 1, 0) + 1,
            beside(1.0, 1e-9, 0.5)),
    Problem("signed_square", lambda x: x * abs(x) + x, lambda x: 2 * abs(x) + 1, beside(0.0, 1e-9, 1.0)),
    # Flat on the outer sides.
    Problem("smooth_step", lambda x: 1.0 if x < 0.0 else 2.0 if x > 1.0 else 1.0 + x * x * (3.0 - 2.0 * x),
            lambda x: 6 * np.clip(x, 0, 1) * (1 - np.clip(x, 0, 1)),
            np.concatenate([beside(0.0, 1e-9, 0.4, 50), beside(1.0, 1e-9, 0.4, 50)]), 0.5, 1.5),
    Problem("straight_after_exp", lambda x: math.exp(x) if x < 0.5 else _ROOT_E * (x + 0.5),
            lambda x: np.where(x < 0.5, np.exp(x), np.longdouble(_ROOT_E)), beside(0.5, 1e-9, 0.5)),
    # f'' is infinite.
    Problem("power_three_halves", lambda x: abs(x - 2.0) ** 1.5 + x,
            lambda x: 1.5 * np.sign(x - 2) * np.sqrt(abs(x - 2)) + 1, beside(2.0, 1e-9, 0.5)),
)  # fmt: skip

HELD_OUT = (
    Problem("softsign", lambda x: x / (1.0 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, beside(0.0, 1e-9, 1.0)),
    # Speeding up, driving, braking.
    Problem("motion_profile",
            lambda x: 0.5 * x * x if x < 1.0 else x - 0.5 if x < 3.0 else x - 0.5 - 0.5 * (x - 3.0) ** 2,
            lambda x: np.minimum(np.minimum(x, 1), 4 - x),
            np.concatenate([beside(1.0, 1e-9, 0.5, 50), beside(3.0, 1e-9, 0.5, 50)])),
    Problem("expectile_loss", lambda x: x + (0.8 if x > 0.6 else 0.2) * (x - 0.6) ** 2,
            lambda x: 1 + 2 * np.where(x > 0.6, np.longdouble(0.8), np.longdouble(0.2)) * (x - 0.6),
            beside(0.6, 1e-9, 0.5)),
    # f'' is infinite, but hardly.
    Problem("square_times_log", lambda x: x * x * math.log(abs(x)) + x, lambda x: 2 * x * np.log(abs(x)) + x + 1,
            beside(0.0, 1e-9, 0.5)),
    # An arc of a circle, and its tangent.
    Problem("fillet", lambda x: math.sqrt(1.0 - x * x) if x < 0.6 else 0.8 - 0.75 * (x - 0.6),
            lambda x: np.where(x < 0.6, -x / np.sqrt((1 - x) * (1 + x)), -0.75), beside(0.6, 1e-9, 0.3), 0.5),
)  # fmt: skip
