"""Ways in which people write losses: named tuples, closures, array expressions, work done in place."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jitgrad._types import FloatArray, Loss
from jitgrad.testing.definition import Scenario, njit


class Spring(NamedTuple):
    """Material of a chain of masses."""

    stiffness: float
    hardening: float
    length: float


@njit
def _spring_chain(x, spring, walls, loads):  # type: ignore[no-untyped-def]
    energy = 0.0
    left = walls[0]
    for i in range(x.size + 1):
        right = x[i] if i < x.size else walls[1]
        stretch = right - left - spring.length
        energy += stretch * stretch * (0.5 * spring.stiffness + 0.25 * spring.hardening * stretch * stretch)
        if i < x.size:
            energy -= loads[i % len(loads)] * right
        left = right
    return energy


def _spring_chain_gradient(
    x: FloatArray, spring: Spring, walls: tuple[float, float], loads: tuple[float, ...]
) -> FloatArray:
    stretch = np.diff(np.concatenate([walls[:1], x, walls[1:]])) - spring.length
    tension = spring.stiffness * stretch + spring.hardening * stretch**3
    return np.asarray(tension[:-1] - tension[1:] - np.resize(loads, x.size))


def spring_chain(n: int = 8) -> Scenario:
    """Energy of a chain between two walls; a named tuple and plain tuples as arguments."""
    rest = np.arange(1.0, n + 1.0)
    return Scenario(
        "spring_chain",
        _spring_chain,
        _spring_chain_gradient,
        lower=rest - 0.4,
        upper=rest + 0.4,
        args=(Spring(2.0, 0.5, 0.9), (0.0, n + 1.0), (0.1, -0.2, 0.3)),
        dense=True,
    )


_CENTRES = np.array([0.3, -0.7, 1.1])
_COEFFICIENTS = (0.2, -0.5, 0.3, 1.0)


def _polynomial_of(coefficients: tuple[float, ...]) -> Loss:
    @njit
    def horner(t):  # type: ignore[no-untyped-def]
        value = 0.0
        for k in range(len(coefficients)):
            value = value * t + coefficients[k]
        return value

    @njit
    def loss(x):  # type: ignore[no-untyped-def]
        total = 0.0
        for i in range(x.size):
            total += horner(x[i] - _CENTRES[i % 3])
        return total

    return loss


_polynomial = _polynomial_of(_COEFFICIENTS)


def _polynomial_gradient(x: FloatArray) -> FloatArray:
    return np.asarray(np.polyval(np.polyder(_COEFFICIENTS), x - np.resize(_CENTRES, x.size)))


def polynomial(n: int = 6) -> Scenario:
    """Cubic polynomials: a closure over a tuple and over another jitted function, and a global array."""
    return Scenario(
        "polynomial", _polynomial, _polynomial_gradient, lower=np.full(n, -2.0), upper=np.full(n, 2.0), dense=True
    )


@njit
def _array_expressions(x, target):  # type: ignore[no-untyped-def]
    residual = x - target
    return np.sum(np.sin(x) * np.exp(-0.5 * residual**2)) + 0.1 * (x[1:] * x[:-1]).sum()


def _array_expressions_gradient(x: FloatArray, target: FloatArray) -> FloatArray:
    residual = x - target
    gradient = np.exp(-0.5 * residual**2) * (np.cos(x) - residual * np.sin(x))
    gradient[1:] += 0.1 * x[:-1]
    gradient[:-1] += 0.1 * x[1:]
    return gradient


def array_expressions(n: int = 8) -> Scenario:
    """NumPy expressions on the whole of ``x``, which allocate an array for every intermediate result."""
    return Scenario(
        "array_expressions",
        _array_expressions,
        _array_expressions_gradient,
        lower=np.full(n, -2.0),
        upper=np.full(n, 2.0),
        args=(np.linspace(-1.0, 1.0, n),),
        dense=True,
    )


@njit
def _on_the_sphere(x):  # type: ignore[no-untyped-def]
    squares = 0.0
    for i in range(x.size):
        squares += x[i] * x[i]
    total = 0.0
    for i in range(x.size):
        x[i] /= math.sqrt(squares)  # in place: the next evaluation must not see it
        total += (i + 1.0) * x[i] * x[i] + x[i]
    return total


def _on_the_sphere_gradient(x: FloatArray) -> FloatArray:
    radius = np.sqrt(x @ x)
    unit = x / radius
    by_unit = 2.0 * np.arange(1.0, x.size + 1.0) * unit + 1.0
    return np.asarray((by_unit - unit * (unit @ by_unit)) / radius)


def on_the_sphere(n: int = 6) -> Scenario:
    """Quadratic form on the unit sphere, by a loss that normalises its argument in place."""
    return Scenario(
        "on_the_sphere", _on_the_sphere, _on_the_sphere_gradient, lower=np.full(n, 0.5), upper=np.full(n, 2.0)
    )


SCENARIOS = (spring_chain, polynomial, array_expressions, on_the_sphere)
