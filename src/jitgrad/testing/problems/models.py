"""Functions of one number that take a loop, as likelihoods, series and simulations do, and their exact derivatives.

The derivatives are those of the loops themselves, step by step, and work elementwise on arrays of any precision.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_TIMES = (0.2, 0.5, 0.9, 1.4, 2.0)
_COUNTS = (1.0, 2.0, 2.0, 4.0, 9.0)
_LIVES = (0.3, 0.8, 1.1, 1.7, 2.9)
DATA = (-1.2, -0.3, 0.4, 1.1, 2.5)
"""What `pinball` is the loss of: the places of its kinks."""


def poisson(x: Any) -> Any:
    """Negative log-likelihood of counts whose log rate grows with slope `x`."""
    total = 0.0
    for k in range(5):
        log_rate = 0.1 + x * _TIMES[k]
        total += math.exp(log_rate) - _COUNTS[k] * log_rate
    return total


def poisson_slope(x: Any) -> Any:
    """Derivative of `poisson`."""
    return sum(t * (np.exp(0.1 + x * t) - count) for t, count in zip(_TIMES, _COUNTS, strict=True))


def weibull(x: Any) -> Any:
    """Negative log-likelihood of life times, by the shape of their Weibull distribution of scale 1."""
    total = 0.0
    for t in _LIVES:
        total += t**x - math.log(x) - (x - 1.0) * math.log(t)
    return total


def weibull_slope(x: Any) -> Any:
    """Derivative of `weibull`."""
    logs = [(t, np.log(np.asarray(t, np.longdouble))) for t in _LIVES]
    return sum((t**x - 1) * log for t, log in logs) - len(_LIVES) / x


def bessel(x: Any) -> Any:
    """J_0 as the mean of ``cos(x sin t)``, by the midpoint rule with 16 nodes."""
    total = 0.0
    for k in range(16):
        total += math.cos(x * math.sin((k + 0.5) * math.pi / 16.0))
    return total / 16.0


def bessel_slope(x: Any) -> Any:
    """Derivative of `bessel`."""
    nodes = np.sin((np.arange(16) + 0.5) * np.longdouble(np.pi) / 16)
    return sum(-node * np.sin(x * node) for node in nodes) / 16


def kepler(x: Any) -> Any:
    """Eccentric anomaly for the mean anomaly `x` on an orbit of eccentricity 0.6, by Newton's method."""
    angle = x + 0.6 * math.sin(x)
    for _ in range(9):
        angle -= (angle - 0.6 * math.sin(angle) - x) / (1.0 - 0.6 * math.cos(angle))
    return angle


def kepler_slope(x: Any) -> Any:
    """Derivative of `kepler` after convergence, by the implicit function theorem."""
    angle = x + 0.6 * np.sin(x)
    for _ in range(9):
        angle = angle - (angle - 0.6 * np.sin(angle) - x) / (1 - 0.6 * np.cos(angle))
    return 1 / (1 - 0.6 * np.cos(angle))


def ricker(x: Any) -> Any:
    """Stock of fish after four years of growth at rate `x`, in units of what the lake can feed."""
    stock = 0.3
    for _ in range(4):
        stock *= math.exp(x * (1.0 - stock))
    return stock


def ricker_slope(x: Any) -> Any:
    """Derivative of `ricker`: the sensitivity is carried along."""
    stock, slope = 0.3 + 0 * x, 0 * x
    for _ in range(4):
        growth = np.exp(x * (1 - stock))
        stock, slope = stock * growth, growth * (slope + stock * (1 - stock - x * slope))
    return slope


def legendre(x: Any) -> Any:
    """Legendre polynomial of degree 9, by its recurrence."""
    before, now = 1.0, x
    for k in range(1, 9):
        before, now = now, ((2.0 * k + 1.0) * x * now - k * before) / (k + 1.0)
    return now


def legendre_slope(x: Any) -> Any:
    """Derivative of `legendre`: the recurrence, differentiated."""
    before, now, slope_before, slope = 1 + 0 * x, x, 0 * x, 1 + 0 * x
    for k in range(1, 9):
        slope_before, slope = slope, ((2 * k + 1) * (now + x * slope) - k * slope_before) / (k + 1)
        before, now = now, ((2 * k + 1) * x * now - k * before) / (k + 1)
    return slope


def elliptic(x: Any) -> Any:
    """Complete elliptic integral K(m), by the arithmetic-geometric mean."""
    a, b = 1.0, math.sqrt(1.0 - x)
    for _ in range(12):
        a, b = 0.5 * (a + b), math.sqrt(a * b)
    return math.pi / (2.0 * a)


def elliptic_slope(x: Any) -> Any:
    """Derivative of `elliptic`: ``(E - (1 - m) K) / (2 m (1 - m))``, DLMF 19.4.1, and E by DLMF 19.8.6."""
    a, b, lost = 1 + 0 * x, np.sqrt(1 - x), 0.5 * x
    for k in range(12):
        lost = lost + 2.0**k * (0.5 * (a - b)) ** 2
        a, b = 0.5 * (a + b), np.sqrt(a * b)
    whole = np.longdouble(np.pi) / (2 * a)
    return whole * (x - lost) / (2 * x * (1 - x))


def present_value(x: Any) -> Any:
    """Value at interest rate `x` of a bond that pays 5 a year, ten times, and 100 at the end, less its price of 100."""
    total, discount = -100.0, 1.0
    for _ in range(10):
        discount /= 1.0 + x
        total += 5.0 * discount
    return total + 100.0 * discount


def present_value_slope(x: Any) -> Any:
    """Derivative of `present_value`."""
    return -sum(5 * k / (1 + x) ** (k + 1) for k in range(1, 11)) - 1000 / (1 + x) ** 11


def exact_fit(x: Any) -> Any:
    """Sum of squares of a decay of rate `x`, fitted to data without error: it is 0 at the rate of the data, 1.5."""
    total = 0.0
    for t in _TIMES:
        total += (math.exp(-x * t) - math.exp(-1.5 * t)) ** 2
    return total


def exact_fit_slope(x: Any) -> Any:
    """Derivative of `exact_fit`, to all digits next to the optimum too."""
    return sum(-2 * t * np.exp(-x * t) * np.exp(-1.5 * (t + 0 * x)) * np.expm1((1.5 - x) * t) for t in _TIMES)


def pinball(x: Any) -> Any:
    """Loss of the quantile 0.3."""
    total = 0.0
    for value in DATA:
        total += max(0.3 * (value - x), -0.7 * (value - x))
    return total


def pinball_slope(x: Any) -> Any:
    """Derivative of `pinball`."""
    return sum(np.where(x > value, np.longdouble(0.7), np.longdouble(-0.3)) for value in DATA)
