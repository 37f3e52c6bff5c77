"""Smooth and well scaled: what most losses are in one coordinate, and what accuracy is judged on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jitgrad.testing.problems import models
from jitgrad.testing.problems.definition import Problem, spread, spread_log


def _option(x: Any) -> Any:
    """Price of a call on 105 at 120 in a year, at an interest of 3 %, by the volatility."""
    likely = (math.log(0.875) + 0.03) / x + 0.5 * x
    paid = 0.5 * (1.0 + math.erf((likely - x) / math.sqrt(2.0)))
    return 105.0 * (0.5 * (1.0 + math.erf(likely / math.sqrt(2.0)))) - 120.0 * math.exp(-0.03) * paid


def _vega(x: Any) -> Any:
    likely = (np.log(np.longdouble(0.875)) + 0.03) / x + 0.5 * x
    return 105 * np.exp(-0.5 * likely**2) / np.sqrt(2 * np.longdouble(np.pi))


DEVELOPMENT = (
    Problem("gauss", lambda x: math.exp(-x * x), lambda x: -2 * x * np.exp(-x * x), spread(-2.5, 2.5)),
    Problem("softplus", lambda x: math.log1p(math.exp(x)), lambda x: 1 / (1 + np.exp(-x)), spread(-8, 8)),
    Problem(
        "runge", lambda x: 1.0 / (1.0 + 25.0 * x * x), lambda x: -50 * x / (1 + 25 * x * x) ** 2, spread(-1, 1), 0.2
    ),
    Problem("quintic", lambda x: x**5 - 3.0 * x**3 + x - 2.0, lambda x: 5 * x**4 - 9 * x**2 + 1, spread(-2, 2)),
    Problem(
        "damped_wave",
        lambda x: math.exp(-x) * math.cos(5.0 * x),
        lambda x: -np.exp(-x) * (np.cos(5 * x) + 5 * np.sin(5 * x)),
        spread(0.05, 4),
        0.2,
    ),
    Problem(
        "tangent",
        lambda x: math.tan(x),
        lambda x: 1 / np.cos(x) ** 2,
        spread(-1.4, 1.4),
        lambda x: np.pi / 2 - np.abs(x),
    ),
    Problem("x_to_the_x", lambda x: x**x, lambda x: x**x * (1 + np.log(x)), spread_log(0.05, 6), np.abs),
    Problem(
        "mixture",
        lambda x: -math.log(0.3 * math.exp(-0.5 * x * x) + 0.7 * math.exp(-2.0 * (x - 2.0) ** 2)),
        lambda x: (
            (0.3 * x * np.exp(-0.5 * x * x) + 0.7 * 4 * (x - 2) * np.exp(-2 * (x - 2) ** 2))
            / (0.3 * np.exp(-0.5 * x * x) + 0.7 * np.exp(-2 * (x - 2) ** 2))
        ),
        spread(-2, 4),
    ),
    Problem("hyperbolic_tangent", lambda x: math.tanh(x), lambda x: 1 / np.cosh(x) ** 2, spread(-3, 3)),
    Problem("log_cosh", lambda x: math.log(math.cosh(x)), np.tanh, spread(-6, 6)),
    Problem("pseudo_huber", lambda x: math.sqrt(1.0 + x * x), lambda x: x / np.sqrt(1 + x * x), spread(-4, 4)),
    Problem(
        "rational",
        lambda x: (x * x + 1.0) / (x + 3.0),
        lambda x: (x * x + 6 * x - 1) / (x + 3) ** 2,
        spread(-2.5, 4),
        lambda x: x + 3,
    ),
    Problem("growing_wave", lambda x: x * math.sin(x), lambda x: np.sin(x) + x * np.cos(x), spread(-10, 10)),
    Problem(
        "exp_of_sine",
        lambda x: math.exp(math.sin(3.0 * x)),
        lambda x: 3 * np.cos(3 * x) * np.exp(np.sin(3 * x)),
        spread(-3, 3),
        1 / 3,
    ),
    Problem("exp_of_square", lambda x: math.exp(x * x), lambda x: 2 * x * np.exp(x * x), spread(0.2, 3), 0.3),
    Problem("arctangent", lambda x: math.atan(2.0 * x), lambda x: 2 / (1 + 4 * x * x), spread(-3, 3), 0.5),
)

HELD_OUT = (
    Problem("poisson_likelihood", models.poisson, models.poisson_slope, spread(-1, 2), 0.5),
    Problem("weibull_likelihood", models.weibull, models.weibull_slope, spread(0.4, 4), lambda x: np.minimum(x, 1)),
    # What is in the blood after a pill: taken up at one rate, cleared at another.
    Problem("bateman_curve", lambda x: 10.0 * (math.exp(-0.2 * x) - math.exp(-1.3 * x)),
            lambda x: 10 * (1.3 * np.exp(-1.3 * x) - 0.2 * np.exp(-0.2 * x)), spread(0.05, 12)),
    # Black and Scholes, by the volatility.
    Problem("option_price", _option, _vega, spread(0.08, 0.8), lambda x: x),
    Problem("planck_law", lambda x: x**3 / math.expm1(x),
            lambda x: x * x * (3 + x / np.expm1(-x)) / np.expm1(x), spread(0.5, 9)),
    Problem("bessel_by_quadrature", models.bessel, models.bessel_slope, spread(0.3, 12)),
    Problem("van_der_waals", lambda x: 8.8 / (3.0 * x - 1.0) - 3.0 / (x * x),
            lambda x: 3 * (2 / x**3 - 8.8 / (3 * x - 1) ** 2), spread(0.6, 4), lambda x: x - 1 / 3),
    Problem("eccentric_anomaly", models.kepler, models.kepler_slope, spread(0.1, 6), 0.4),
    Problem("fish_after_four_years", models.ricker, models.ricker_slope, spread(0.1, 0.8)),
    Problem("legendre_polynomial", models.legendre, models.legendre_slope, spread(-0.95, 0.95), 0.15),
)  # fmt: skip
