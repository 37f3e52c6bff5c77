"""Scales that no rule can guess: features of 1e-8 to 1e8, x at 0 or 1e8, values of 1e8 that hardly change."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, at_and_beside, spread


def _near_zero(length: float) -> np.ndarray:
    """0 itself, and numbers that say nothing about the length."""
    return at_and_beside(0.0, 1e-14 * length, 1e-2 * length)


DEVELOPMENT = (
    Problem(
        "exp_1e-8", lambda x: math.exp(x / 1e-8), lambda x: np.exp(x / 1e-8) / 1e-8, spread(2e-9, 3e-8), 1e-8
    ),
    Problem(
        "logistic_1e8",
        lambda x: 1.0 / (1.0 + math.exp(-x / 1e8)),
        lambda x: 1 / (1e8 * (2 + np.exp(x / 1e8) + np.exp(-x / 1e8))),
        spread(2e7, 3e8),
        1e8,
    ),
    Problem(
        "odd_at_0_1e-5", lambda x: math.tanh(x / 1e-5), lambda x: 1 / (1e-5 * np.cosh(x / 1e-5) ** 2),
        _near_zero(1e-5), 1e-5,
    ),
    Problem("exp_at_0", lambda x: math.exp(x), np.exp, _near_zero(1.0)),
    Problem(
        "arctangent_at_0_1e6", lambda x: math.atan(x / 1e6 + 1.0), lambda x: 1 / (1e6 * (1 + (x / 1e6 + 1) ** 2)),
        _near_zero(1e6), 1e6,
    ),
    Problem("sine_at_1e8", lambda x: math.sin(x), np.cos, 1e8 + spread(0, 6)),
    Problem("exp_over_1e8", lambda x: 1e8 + math.exp(x), np.exp, spread(-1, 2)),
)  # fmt: skip

HELD_OUT = (
    Problem(
        "bell_1e-6",
        lambda x: 1.0 / math.cosh(x / 1e-6),
        lambda x: -np.tanh(x / 1e-6) / np.cosh(x / 1e-6) / 1e-6,
        spread(2e-7, 3e-6),
        1e-6,
    ),
    Problem("saturating_1e7", lambda x: x / (1e7 + x), lambda x: 1e7 / (1e7 + x) ** 2, spread(2e6, 3e7), 1e7),
    Problem(
        "phase_at_0_1e-8", lambda x: math.sin(x / 1e-8 + 0.3), lambda x: np.cos(x / 1e-8 + 0.3) / 1e-8,
        _near_zero(1e-8), 1e-8,
    ),
    Problem(
        "log1p_at_0_1e4", lambda x: 1.0 + math.log1p(x / 1e4), lambda x: 1 / (1e4 + x), _near_zero(1e4), 1e4
    ),
    Problem(
        "gauss_at_1e8",
        lambda x: math.exp(-((x - 1e8) ** 2)),
        lambda x: -2 * (x - 1e8) * np.exp(-((x - 1e8) ** 2)),
        1e8 + spread(0.1, 2),
    ),
    Problem("cosine_over_1e8", lambda x: 1e8 + math.cos(x), lambda x: -np.sin(x), spread(0.2, 3)),
    Problem(
        "bowl_at_1e5", lambda x: (x - 1e5) ** 2 + (x - 1e5), lambda x: 2 * (x - 1e5) + 1, 1e5 + spread(0.3, 3)
    ),
)  # fmt: skip
