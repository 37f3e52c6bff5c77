"""The ladder estimator for one coordinate, in a few lines of NumPy, for the pictures that explain it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

MANTISSAS = np.array([1.0131, 1.2677, 1.0871, 1.3499, 1.1743, 1.4417, 1.1137, 1.3979])
"""No short binary forms: on powers of two a loss that moves in decimal stairs looks straight."""

X, TOP, RUNGS = 1.3, -3, 9


def function(x: np.ndarray) -> np.ndarray:
    """The example: smooth, and not too simple."""
    return np.exp(np.sin(3.0 * x))


def derivative(x: float) -> float:
    """The derivative of `function`."""
    return float(3.0 * np.cos(3.0 * x) * function(np.array(x)))


class Ladder(NamedTuple):
    """Values on the rungs: odd slopes, even parts, and their spectra.

    ``odd[j]`` and ``even[j]`` are the coefficients of degree j, ``at_zero[j]`` the odd polynomials at h = 0.
    """

    h: np.ndarray
    slope: np.ndarray
    odd: np.ndarray
    even: np.ndarray
    at_zero: np.ndarray


def climb(f: Callable[[np.ndarray], np.ndarray], top: int = TOP, rungs: int = RUNGS, x: float = X) -> Ladder:
    """Evaluate f at both sides of x on `rungs` rungs from `top` down, and expand."""
    k = top - np.arange(rungs)
    h = MANTISSAS[k % 8] * 2.0**k
    center, above, below = float(f(np.array([x]))[0]), f(x + h), f(x - h)
    slope = (above - below) / ((x + h) - (x - h))
    part = 0.5 * ((above - center) + (below - center))
    u = (h / h[0]) ** 2
    odd = orthonormal(u, 2.0 * h**2)
    even = orthonormal(np.append(u, 0.0), np.append(np.full(rungs, 2.0), 1.0))
    return Ladder(h, slope, odd[:, :-1] @ (2.0 * h**2 * slope), even[:, :-1] @ np.append(2.0 * part, 0.0), odd[:, -1])


def orthonormal(u: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Row j: the polynomial of degree j in u, orthonormal under the weights, at the nodes and at 0."""
    nodes, at = np.append(u, 0.0), np.append(weights, 0.0)
    rows: list[np.ndarray] = []
    for j in range(u.size):
        row = np.ones(nodes.size) if j == 0 else nodes * rows[-1]
        for _ in range(2):  # once is not enough where nodes crowd towards 0
            for other in rows:
                row = row - (at * row * other).sum() * other
        rows.append(row / np.sqrt((at * row * row).sum()))
    return np.array(rows)


def estimates(ladder: Ladder) -> np.ndarray:
    """The derivative, by degree of the polynomial."""
    return np.cumsum(ladder.odd * ladder.at_zero)


def noise_part(ladder: Ladder, sigma: float) -> np.ndarray:
    """What noise of standard deviation sigma contributes to each of the estimates."""
    return sigma * np.sqrt(np.cumsum(ladder.at_zero**2))


def truncation_part(ladder: Ladder) -> np.ndarray:
    """What each of the estimates leaves out: the next term."""
    return np.append(np.abs(ladder.odd * ladder.at_zero)[1:], np.nan)
