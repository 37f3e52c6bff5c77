"""Scales that no rule can guess: features of 1e-8 to 1e8, x at 0 or 1e8, values of 1e8 that hardly change."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems.definition import Problem, at_and_beside, spread

_LIGHT = 299792458.0


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

HELD_OUT = (
    # Nanomoles, of a molecule of which two must bind.
    Problem("hill_3e-8", lambda x: (x / 3e-8) ** 2 / (1.0 + (x / 3e-8) ** 2),
            lambda x: 2 * (x / 3e-8) / (1 + (x / 3e-8) ** 2) ** 2 / 3e-8, spread(5e-9, 1e-7), 3e-8),
    # A reaction between 250 and 900 kelvin: 15 powers of ten.
    Problem("arrhenius", lambda x: 1e13 * math.exp(-1.2e4 / x), lambda x: 1e13 * np.exp(-1.2e4 / x) * 1.2e4 / x**2,
            spread(250, 900), lambda x: x * x / 1.2e4),
    # Nanoamperes, and none at 0.
    Problem("diode_at_0", lambda x: 1e-9 * math.expm1(x / 0.025), lambda x: 1e-9 * np.exp(x / 0.025) / 0.025,
            _near_zero(0.025), 0.025),
    # Pascals, by metres.
    Problem("barometer", lambda x: 101325.0 * (1.0 - x / 44330.0) ** 5.255,
            lambda x: -101325 * (1 - x / 44330) ** 5.255 * 5.255 / (44330 - x), spread(50, 1.1e4), 1e4),
    # Metres per second.
    Problem("lorentz_factor", lambda x: 1.0 / math.sqrt(1.0 - (x / _LIGHT) ** 2),
            lambda x: x * _LIGHT / ((_LIGHT - x) * (_LIGHT + x)) ** 1.5, spread(2e7, 2.9e8), lambda x: _LIGHT - x),
    # 100 MHz, and a line that is 30 Hz wide.
    Problem("resonance_at_1e8", lambda x: 1.0 / (1.0 + ((x - 1e8) / 30.0) ** 2),
            lambda x: -2 * ((x - 1e8) / 30) / (1 + ((x - 1e8) / 30) ** 2) ** 2 / 30, 1e8 + spread(4, 90), 30.0),
    Problem("power_over_1e8", lambda x: 1e8 + 5.0 * x**1.5, lambda x: 7.5 * np.sqrt(x), spread(0.5, 3)),
    Problem("hypotenuse_at_0_1e8", lambda x: math.sqrt(1.0 + (x / 1e8 + 0.5) ** 2),
            lambda x: (x / 1e8 + 0.5) / np.sqrt(1 + (x / 1e8 + 0.5) ** 2) / 1e8, _near_zero(1e8), 1e8),
    Problem("log_sum_at_0_1e-7", lambda x: math.log(1.0 + 2.0 * math.exp(x / 1e-7)),
            lambda x: 2 / (2 + np.exp(-x / 1e-7)) / 1e-7, _near_zero(1e-7), 1e-7),
    # Values that are nothing beside 1.
    Problem("boltzmann_entropy", lambda x: 1.38e-23 * math.log1p(x * x), lambda x: 2.76e-23 * x / (1 + x * x),
            spread(0.3, 4)),
)  # fmt: skip
