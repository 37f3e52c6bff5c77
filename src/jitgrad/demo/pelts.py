"""Pelts of hares and lynxes, and the equations of Lotka and Volterra as a jitted loss."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from jitgrad._types import Array, FloatArray

YEARS = np.arange(1900, 1921)

# fmt: off
PELTS = np.array([
    [30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2,
     24.7],
    [4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6],
]).T
# fmt: on
"""Pelts of hares and of lynxes collected by the Hudson's Bay Company, in thousands, shape (years, 2).

The record is that of B. Carpenter, "Predator-Prey Population Dynamics: the Lotka-Volterra model in Stan", 2018.
"""

PARAMETERS = ("alpha", "beta", "gamma", "delta", "hares in 1900", "lynxes in 1900", "sigma of hares", "sigma of lynxes")

PUBLISHED = {"alpha": 0.55, "beta": 0.028, "gamma": 0.80, "delta": 0.024}
"""Posterior means in the case study by Carpenter."""

START = np.array([1.2, 0.06, 0.4, 0.01, 30.0, 4.0, 1.0, 1.0])
"""Every rate is wrong by a factor of two or more, the errors by four; the populations are the first data."""

STEPS_PER_YEAR = 20


@njit  # type: ignore[untyped-decorator]
def slopes(hare: float, lynx: float, alpha: float, beta: float, gamma: float, delta: float) -> tuple[float, float]:
    """Right-hand side for the logarithms of both populations, which no step can make negative."""
    return alpha - beta * math.exp(lynx), delta * math.exp(hare) - gamma


@njit  # type: ignore[untyped-decorator]
def advance(
    hare: float, lynx: float, alpha: float, beta: float, gamma: float, delta: float, h: float
) -> tuple[float, float]:
    """One classical Runge-Kutta step of `h` years."""
    a, b = slopes(hare, lynx, alpha, beta, gamma, delta)
    c, d = slopes(hare + h / 2 * a, lynx + h / 2 * b, alpha, beta, gamma, delta)
    e, f = slopes(hare + h / 2 * c, lynx + h / 2 * d, alpha, beta, gamma, delta)
    g, k = slopes(hare + h * e, lynx + h * f, alpha, beta, gamma, delta)
    return hare + h / 6 * (a + 2 * c + 2 * e + g), lynx + h / 6 * (b + 2 * d + 2 * f + k)


@njit  # type: ignore[untyped-decorator]
def loss(x: Array, observed: Array) -> float:
    """Negative log likelihood of lognormal errors, less its constant part.

    Parameters
    ----------
    x : ndarray of shape (8,)
        Logarithms of `PARAMETERS`.
    observed : ndarray of shape (years, 2)
        Logarithms of the pelts.
    """
    alpha, beta, gamma, delta = math.exp(x[0]), math.exp(x[1]), math.exp(x[2]), math.exp(x[3])
    hare, lynx = x[4], x[5]
    total = 0.0
    for year in range(observed.shape[0]):
        if year > 0:
            for _ in range(STEPS_PER_YEAR):
                hare, lynx = advance(hare, lynx, alpha, beta, gamma, delta, 1 / STEPS_PER_YEAR)
        of_hare = (observed[year, 0] - hare) * math.exp(-x[6])
        of_lynx = (observed[year, 1] - lynx) * math.exp(-x[7])
        total += 0.5 * (of_hare * of_hare + of_lynx * of_lynx) + x[6] + x[7]
    return total


def curves(parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Solve the equations for a picture.

    Parameters
    ----------
    parameters : ndarray of shape (8,)
        `PARAMETERS` themselves, not their logarithms.

    Returns
    -------
    times : ndarray of shape (steps + 1,)
        In years.
    populations : ndarray of shape (steps + 1, 2)
        Hares and lynxes, in thousands of pelts.
    """
    steps = STEPS_PER_YEAR * (len(YEARS) - 1)
    state = (math.log(parameters[4]), math.log(parameters[5]))
    states = [state]
    rates = [float(rate) for rate in parameters[:4]]
    for _ in range(steps):
        state = advance(*state, *rates, 1 / STEPS_PER_YEAR)
        states.append(state)
    return YEARS[0] + np.arange(steps + 1) / STEPS_PER_YEAR, np.exp(np.array(states))
