"""Losses on which differences are hard: noise, kinks, cancellation, an edge."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.testing.definition import Scenario, njit

_NOISE = 1e-8
_OFFSET = 1e6


@njit
def _waves(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        total += math.sin(x[i]) + 0.5 * x[i] * x[i]
    return total


def _waves_gradient(x: FloatArray) -> FloatArray:
    return np.asarray(np.cos(x) + x)


@njit
def _noisy(x):  # type: ignore[no-untyped-def]
    phase = 0.0
    for i in range(x.size):
        phase += (1.0 + 0.1 * i) * x[i]
    # Like a hash: the outer angle changes by many turns over the shortest step in use, 1e-8. Yet the same x gives
    # the same noise, so that results can be compared bit by bit.
    return _waves(x) + _NOISE * math.sin(1e6 * math.sin(1e6 * phase))


def noisy(n: int = 6) -> Scenario:
    """Noise of level 1e-8, as from an iteration that stops early."""
    return Scenario(
        "noisy",
        _noisy,
        _waves_gradient,
        lower=np.full(n, -2.0),
        upper=np.full(n, 2.0),
        noise=_NOISE,
        smooth=_waves,
    )


@njit
def _large_offset(x):  # type: ignore[no-untyped-def]
    return _OFFSET + _waves(x)


def large_offset(n: int = 6) -> Scenario:
    """Value a million times larger than what depends on ``x``, which costs six digits."""
    return Scenario("large_offset", _large_offset, _waves_gradient, lower=np.full(n, -2.0), upper=np.full(n, 2.0))


@njit
def _kinks(x, weights):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        total += weights[i] * math.fabs(x[i])
    return total


def _kinks_gradient(x: FloatArray, weights: FloatArray) -> FloatArray:
    return np.asarray(weights * np.sign(x))


def kinks(n: int = 6) -> Scenario:
    """Weighted sum of absolute values, drawn away from the kinks at 0."""
    sides = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return Scenario(
        "kinks", _kinks, _kinks_gradient, lower=2.0 * sides - 1.0, upper=2.0 * sides + 1.0,
        args=(np.linspace(0.1, 2.0, n),),
    )  # fmt: skip


@njit
def _barrier(x, weight):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size):
        room = 1.0 - x[i] * x[i]
        if room <= 0.0:
            return math.inf
        total += (x[i] - 0.5) ** 2 - weight * math.log(room)
    return total


def _barrier_gradient(x: FloatArray, weight: float) -> FloatArray:
    return np.asarray(2.0 * (x - 0.5) + weight * 2.0 * x / (1.0 - x * x))


def barrier(n: int = 6) -> Scenario:
    """Logarithmic barrier: infinite, by an early return, outside the cube of side 2."""
    return Scenario("barrier", _barrier, _barrier_gradient, lower=np.full(n, -0.7), upper=np.full(n, 0.7), args=(0.1,))


SCENARIOS = (noisy, large_offset, kinks, barrier)
