"""Energies and orbits."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.testing.definition import Scenario, njit


@njit
def _lennard_jones(x):  # type: ignore[no-untyped-def]
    energy = 0.0
    for i in range(x.size // 3):
        for j in range(i):
            dx = x[3 * i] - x[3 * j]
            dy = x[3 * i + 1] - x[3 * j + 1]
            dz = x[3 * i + 2] - x[3 * j + 2]
            squared = dx * dx + dy * dy + dz * dz
            sixth = 1.0 / (squared * squared * squared)
            energy += 4.0 * (sixth * sixth - sixth)
    return energy


def _lennard_jones_gradient(x: FloatArray) -> FloatArray:
    atoms = x.reshape(-1, 3)
    apart = atoms[:, None] - atoms
    squared = (apart * apart).sum(axis=-1)
    np.fill_diagonal(squared, np.inf)
    slope = (24.0 * squared**-3 - 48.0 * squared**-6) / squared
    return np.asarray((slope[:, :, None] * apart).sum(axis=1).ravel())


def lennard_jones(n: int = 12) -> Scenario:
    """Energy of a cluster of atoms near a cubic lattice, all pairs."""
    atoms = n // 3
    side = math.ceil(round(atoms ** (1 / 3), 9))
    lattice = 1.2 * np.indices((side, side, side)).reshape(3, -1).T[:atoms].ravel()
    return Scenario(
        "lennard_jones",
        _lennard_jones,
        _lennard_jones_gradient,
        lower=lattice - 0.05,
        upper=lattice + 0.05,
        dense=True,
    )


@njit
def _eccentric_anomaly(eccentricity, mean):  # type: ignore[no-untyped-def]
    """Solve Kepler's equation by Newton's method, in as many steps as it takes."""
    anomaly = mean
    for _ in range(50):
        residual = anomaly - eccentricity * math.sin(anomaly) - mean
        change = residual / (1.0 - eccentricity * math.cos(anomaly))
        anomaly -= change
        if math.fabs(change) < 1e-12:
            return anomaly
    return math.nan


@njit
def _radial_velocity(x, times, velocities):  # type: ignore[no-untyped-def]
    amplitude, eccentricity, direction, start, period = x[0], x[1], x[2], x[3], x[4]
    if eccentricity < 0.0 or eccentricity >= 1.0:
        return math.inf
    along, across = math.cos(direction), math.sin(direction)
    flatness = math.sqrt(1.0 - eccentricity * eccentricity)
    total = 0.0
    i = 0
    while i < times.size:
        anomaly = _eccentric_anomaly(eccentricity, start + 2.0 * math.pi * times[i] / period)
        distance = 1.0 - eccentricity * math.cos(anomaly)
        cosine = (math.cos(anomaly) - eccentricity) / distance
        sine = flatness * math.sin(anomaly) / distance
        error = amplitude * (cosine * along - sine * across + eccentricity * along) - velocities[i]
        total += error * error
        i += 1
    return total


def _radial_velocity_gradient(x: FloatArray, times: FloatArray, velocities: FloatArray) -> FloatArray:
    # With true anomaly v and mean anomaly M, the derivatives of v are sqrt(1 - e**2) / (1 - e cos E)**2 by M and
    # sin v (2 + e cos v) / (1 - e**2) by e; Murray and Correia, arXiv:1009.1738, equations 20 and 66.
    amplitude, e, direction, start, period = x
    mean = start + 2.0 * np.pi * times / period
    anomaly = mean.copy()
    for _ in range(50):
        anomaly -= (anomaly - e * np.sin(anomaly) - mean) / (1.0 - e * np.cos(anomaly))
    distance = 1.0 - e * np.cos(anomaly)
    true = np.arctan2(np.sqrt(1.0 - e * e) * np.sin(anomaly), np.cos(anomaly) - e)
    velocity = np.cos(true + direction) + e * np.cos(direction)
    by_true = -amplitude * np.sin(true + direction)
    by_mean = by_true * np.sqrt(1.0 - e * e) / distance**2
    sensitivities = [
        velocity,
        by_true * np.sin(true) * (2.0 + e * np.cos(true)) / (1.0 - e * e) + amplitude * np.cos(direction),
        by_true - amplitude * e * np.sin(direction),
        by_mean,
        -by_mean * 2.0 * np.pi * times / period**2,
    ]
    return np.asarray(np.array(sensitivities) @ (2.0 * (amplitude * velocity - velocities)))


def radial_velocity(n: int = 5) -> Scenario:
    """Orbit of a planet fitted to the velocity of its star: Newton's method inside, early returns, five parameters."""
    del n
    times = np.linspace(0.0, 6.0, 5)
    velocities = np.array([1.2, -0.3, -0.9, 0.5, 1.1])
    return Scenario(
        "radial_velocity",
        _radial_velocity,
        _radial_velocity_gradient,
        lower=np.array([0.8, 0.2, 0.3, -0.5, 4.0]),
        upper=np.array([1.5, 0.5, 1.0, 0.5, 5.0]),
        args=(times, velocities),
    )


SCENARIOS = (lennard_jones, radial_velocity)
