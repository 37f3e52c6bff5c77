"""Differential equations solved inside the loss; the gradients integrate the sensitivities alongside."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.testing.definition import Scenario, njit


@njit
def _growth(prey, hunters, rates):  # type: ignore[no-untyped-def]
    meetings = prey * hunters
    return rates[0] * prey - rates[1] * meetings, rates[2] * meetings - rates[3] * hunters


@njit
def _lotka_volterra(x, counts, dt):  # type: ignore[no-untyped-def]
    rates = np.empty(4)
    for k in range(4):
        rates[k] = math.exp(x[k])
    u, v = 1.0, 0.5
    total = 0.0
    for t in range(counts.shape[0]):
        u1, v1 = _growth(u, v, rates)
        u2, v2 = _growth(u + 0.5 * dt * u1, v + 0.5 * dt * v1, rates)
        u3, v3 = _growth(u + 0.5 * dt * u2, v + 0.5 * dt * v2, rates)
        u4, v4 = _growth(u + dt * u3, v + dt * v3, rates)
        u += dt / 6.0 * (u1 + 2.0 * u2 + 2.0 * u3 + u4)
        v += dt / 6.0 * (v1 + 2.0 * v2 + 2.0 * v3 + v4)
        total += (u - counts[t, 0]) ** 2 + (v - counts[t, 1]) ** 2
    return total


def _growth_and_sensitivities(state: FloatArray, rates: FloatArray) -> FloatArray:
    """Time derivative of prey and hunters (rows), and of their derivatives by ``x`` (columns from 1)."""
    prey, hunters = state[0, 0], state[1, 0]
    terms = rates * [prey, prey * hunters, prey * hunters, hunters]
    by_state = np.array([[rates[0] - rates[1] * hunters, -rates[1] * prey],
                         [rates[2] * hunters, rates[2] * prey - rates[3]]])  # fmt: skip
    slope = np.empty((2, 5))
    slope[:, 0] = terms[0] - terms[1], terms[2] - terms[3]
    slope[:, 1:] = by_state @ state[:, 1:]
    # The rates are exponentials, so the derivative of a term by its parameter is the term.
    slope[0, 1:3] += terms[0], -terms[1]
    slope[1, 3:5] += terms[2], -terms[3]
    return slope


def _lotka_volterra_gradient(x: FloatArray, counts: FloatArray, dt: float) -> FloatArray:
    rates = np.exp(x)
    state = np.zeros((2, 5))
    state[:, 0] = 1.0, 0.5
    gradient = np.zeros(4)
    for count in counts:
        # A Runge-Kutta step of the sensitivities is the derivative of the Runge-Kutta step.
        s1 = _growth_and_sensitivities(state, rates)
        s2 = _growth_and_sensitivities(state + 0.5 * dt * s1, rates)
        s3 = _growth_and_sensitivities(state + 0.5 * dt * s2, rates)
        s4 = _growth_and_sensitivities(state + dt * s3, rates)
        state = state + dt / 6.0 * (s1 + 2.0 * s2 + 2.0 * s3 + s4)
        gradient += 2.0 * (state[:, 0] - count) @ state[:, 1:]
    return gradient


def lotka_volterra(n: int = 4) -> Scenario:
    """Four log rates of a predator-prey model fitted to counts, by the classical Runge-Kutta method."""
    del n
    times = np.arange(1, 7)
    counts = np.stack([1.0 + 0.3 * np.sin(0.4 * times), 0.6 + 0.2 * np.cos(0.4 * times)], axis=1)
    centre = np.log([1.1, 0.8, 0.9, 0.7])
    return Scenario(
        "lotka_volterra",
        _lotka_volterra,
        _lotka_volterra_gradient,
        lower=centre - 0.3,
        upper=centre + 0.3,
        args=(counts, 0.3),
    )


@njit
def _diffusion(x, start, target, steps):  # type: ignore[no-untyped-def]
    n = x.size
    temperature, flow = np.empty(n + 1), np.empty(n)
    conductivity = np.empty(n)
    for i in range(n):
        conductivity[i] = 0.2 * math.exp(x[i])
    for i in range(n + 1):
        temperature[i] = start[i]
    for _ in range(steps):
        for i in range(n):
            flow[i] = conductivity[i] * (temperature[i + 1] - temperature[i])
        for i in range(n):
            temperature[i] += flow[i]
            temperature[i + 1] -= flow[i]
    total = 0.0
    for i in range(n + 1):
        total += (temperature[i] - target[i]) ** 2
    return total


def _diffusion_gradient(x: FloatArray, start: FloatArray, target: FloatArray, steps: int) -> FloatArray:
    conductivity = 0.2 * np.exp(x)
    temperature, sensitivity = start.copy(), np.zeros((x.size + 1, x.size))
    for _ in range(steps):
        flow = conductivity * np.diff(temperature)
        flow_sensitivity = conductivity[:, None] * np.diff(sensitivity, axis=0)
        flow_sensitivity[np.diag_indices(x.size)] += flow
        temperature[:-1] += flow
        temperature[1:] -= flow
        sensitivity[:-1] += flow_sensitivity
        sensitivity[1:] -= flow_sensitivity
    return np.asarray(2.0 * (temperature - target) @ sensitivity)


def diffusion(n: int = 8) -> Scenario:
    """Log conductivities of the faces of a rod, found from its temperature after some time."""
    position = np.linspace(0.0, 1.0, n + 1)
    return Scenario(
        "diffusion",
        _diffusion,
        _diffusion_gradient,
        lower=np.full(n, -1.0),
        upper=np.full(n, 0.3),
        args=(np.sin(7.0 * position), 1.0 - position, 6),
        dense=True,
    )


SCENARIOS = (lotka_volterra, diffusion)
