"""Test functions of numerical optimisation."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.testing.definition import Scenario, njit


@njit
def _rosenbrock(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size - 1):
        valley = x[i + 1] - x[i] * x[i]
        total += 100.0 * valley * valley + (1.0 - x[i]) ** 2
    return total


def _rosenbrock_gradient(x: FloatArray) -> FloatArray:
    valley = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400.0 * x[:-1] * valley - 2.0 * (1.0 - x[:-1])
    gradient[1:] += 200.0 * valley
    return gradient


def rosenbrock(n: int = 12) -> Scenario:
    """Curved valley in which every coordinate is tied to the next."""
    return Scenario(
        "rosenbrock", _rosenbrock, _rosenbrock_gradient, lower=np.full(n, -2.0), upper=np.full(n, 2.0), dense=True
    )


@njit
def _sine_bumps(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.shape[0]):
        total += math.sin(x[i]) * math.exp(-0.1 * x[i] * x[i])
    return total


def _sine_bumps_gradient(x: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.1 * x * x) * (np.cos(x) - 0.2 * x * np.sin(x)))


def sine_bumps(n: int = 12) -> Scenario:
    """Sum of transcendental terms of one coordinate each."""
    return Scenario(
        "sine_bumps", _sine_bumps, _sine_bumps_gradient, lower=np.full(n, -3.0), upper=np.full(n, 3.0), dense=True
    )


@njit
def _ackley(x):  # type: ignore[no-untyped-def]
    squares, waves = 0.0, 0.0
    for i in range(x.size):
        squares += x[i] * x[i]
        waves += math.cos(2.0 * math.pi * x[i])
    return 20.0 - 20.0 * math.exp(-0.2 * math.sqrt(squares / x.size)) - math.exp(waves / x.size)


def _ackley_gradient(x: FloatArray) -> FloatArray:
    root_mean_square = np.sqrt(np.mean(x * x))
    waves = np.exp(np.mean(np.cos(2.0 * np.pi * x))) * 2.0 * np.pi * np.sin(2.0 * np.pi * x)
    return np.asarray((4.0 * np.exp(-0.2 * root_mean_square) * x / root_mean_square + waves) / x.size)


def ackley(n: int = 6) -> Scenario:
    """Waves on a funnel: fast oscillation in every coordinate, and a value that all coordinates share."""
    return Scenario("ackley", _ackley, _ackley_gradient, lower=np.full(n, 0.5), upper=np.full(n, 2.0), dense=True)


@njit
def _quadratic_form(x, matrix, vector):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        row = 0.0
        for j in range(x.size):
            row += matrix[i, j] * x[j]
        total += x[i] * (0.5 * row - vector[i])
    return total


def _quadratic_form_gradient(x: FloatArray, matrix: FloatArray, vector: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (matrix + matrix.T) @ x - vector)


def quadratic_form(n: int = 8) -> Scenario:
    """Indefinite quadratic form: n**2 operations, and no truncation error above first order."""
    rng = np.random.default_rng(1)
    return Scenario(
        "quadratic_form",
        _quadratic_form,
        _quadratic_form_gradient,
        lower=np.full(n, -2.0),
        upper=np.full(n, 2.0),
        args=(rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=n)),
        dense=True,
    )


@njit
def _badly_scaled(x, scales):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        t = x[i] / scales[i]
        total += t * t
        if i > 0:
            total += 0.5 * math.sin(t * x[i - 1] / scales[i - 1])
    return total


def _badly_scaled_gradient(x: FloatArray, scales: FloatArray) -> FloatArray:
    t = x / scales
    gradient = 2.0 * t
    slope = 0.5 * np.cos(t[1:] * t[:-1])
    gradient[1:] += slope * t[:-1]
    gradient[:-1] += slope * t[1:]
    return gradient / scales


def badly_scaled(n: int = 9) -> Scenario:
    """Coordinates that matter on lengths from 1e-4 to 1e4, where no single step suits all."""
    scales = np.logspace(-4.0, 4.0, n)
    return Scenario(
        "badly_scaled", _badly_scaled, _badly_scaled_gradient, lower=-scales, upper=scales, args=(scales,), dense=True
    )


SCENARIOS = (rosenbrock, sine_bumps, ackley, quadratic_form, badly_scaled)
