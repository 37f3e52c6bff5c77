"""The losses of the table of lanes, written as users write them: python -m benchmarks.lanes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit


class Case(NamedTuple):
    """A loss at a point, and by what factor lanes should be faster there."""

    name: str
    loss: Callable[..., Any]
    x: Any
    args: tuple[Any, ...]
    wanted: float


@njit
def rosenbrock(x):
    """Sum over neighbours."""
    s = 0.0
    for i in range(x.size - 1):
        s += 100.0 * (x[i + 1] - x[i] * x[i]) ** 2 + (1.0 - x[i]) ** 2
    return s


@njit
def _softplus(z):
    return z + math.log1p(math.exp(-z)) if z > 0.0 else math.log1p(math.exp(z))


@njit
def logistic_loops(w, features, labels):
    """Logistic regression written with loops and a helper that branches."""
    s = 0.0
    for i in range(features.shape[0]):
        z = 0.0
        for j in range(w.size):
            z += features[i, j] * w[j]
        s += _softplus(-labels[i] * z)
    return s


@njit
def logistic_numpy(w, features, labels):
    """Logistic regression written with NumPy."""
    return np.sum(np.log1p(np.exp(-labels * (features @ w))))


@njit
def norm(x):
    """Length of a vector."""
    return np.linalg.norm(x)


@njit
def mean_and_variance(x):
    """Two reductions, the second over differences from the first."""
    return np.mean(x) + np.var(x)


@njit
def dot(x):
    """Square of the length."""
    return np.dot(x, x)


@njit
def sine_and_exp(x):
    """Functions of every coordinate."""
    s = 0.0
    for i in range(x.size):
        s += math.sin(x[i]) * math.exp(-0.1 * x[i] * x[i])
    return s


@njit
def network(p, inputs, targets, width):
    """One hidden layer, in a buffer of the loss's own."""
    count, inner = inputs.shape
    hidden = np.empty(width)
    first, second = inner * width, inner * width + width
    s = 0.0
    for i in range(count):
        for k in range(width):
            a = p[first + k]
            for j in range(inner):
                a += p[k * inner + j] * inputs[i, j]
            hidden[k] = np.tanh(a)
        out = p[second + width]
        for k in range(width):
            out += p[second + k] * hidden[k]
        s += (out - targets[i]) ** 2
    return s / count


@njit
def lennard_jones(x, cut):
    """Energy of atoms, each pair within a distance."""
    e = 0.0
    for i in range(x.size // 3):
        for j in range(i):
            dx, dy, dz = x[3 * i] - x[3 * j], x[3 * i + 1] - x[3 * j + 1], x[3 * i + 2] - x[3 * j + 2]
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < cut * cut:
                i6 = 1.0 / (r2 * r2 * r2)
                e += 4.0 * (i6 * i6 - i6)
    return e


@njit
def _rates(u, v, a, b, c, d):
    return a * u - b * u * v, d * u * v - c * v


@njit
def lotka_volterra(x, steps, dt, data):
    """A fit of a differential equation, solved by Runge and Kutta's method."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    u, v, s = 10.0, 5.0, 0.0
    for t in range(steps):
        ku, kv = _rates(u, v, a, b, c, d)
        lu, lv = _rates(u + 0.5 * dt * ku, v + 0.5 * dt * kv, a, b, c, d)
        mu, mv = _rates(u + 0.5 * dt * lu, v + 0.5 * dt * lv, a, b, c, d)
        nu, nv = _rates(u + dt * mu, v + dt * mv, a, b, c, d)
        u += dt / 6.0 * (ku + 2.0 * lu + 2.0 * mu + nu)
        v += dt / 6.0 * (kv + 2.0 * lv + 2.0 * mv + nv)
        s += (u - data[t, 0]) ** 2 + (v - data[t, 1]) ** 2
    return s


@njit
def mixture(p, data):
    """Likelihood of a mixture of Gaussians: weights, means and logarithms of widths."""
    k = p.size // 3
    total = 0.0
    for i in range(k):
        total += math.exp(p[i])
    s = 0.0
    for value in data:
        density = 0.0
        for i in range(k):
            z = (value - p[k + i]) * math.exp(-p[2 * k + i])
            density += math.exp(p[i] - p[2 * k + i] - 0.5 * z * z) / total
        s -= math.log(density)
    return s


@njit
def all_kinks(x):
    """A kink in every coordinate, and work around it."""
    s = 0.0
    for i in range(x.size):
        if x[i] > 1.0:
            s += 2.0 * (x[i] - 1.0)
        else:
            s += 1.0 - x[i]
        s += math.sin(x[i])
    return s


def _logistic(rng, n):
    return rng.normal(size=n) / np.sqrt(n), (rng.normal(size=(200, n)), np.sign(rng.normal(size=200)))


def _atoms(rng, n):
    count = n // 3
    side = math.ceil(count ** (1 / 3))
    grid = np.array([(a, b, c) for a in range(side) for b in range(side) for c in range(side)], float)[:count]
    return (1.2 * grid + rng.normal(size=grid.shape) * 0.05).ravel(), (2.5,)


def _network(rng, inner, width):
    parameters = 0.5 * rng.normal(size=inner * width + 2 * width + 1)
    return parameters, (rng.normal(size=(100, inner)), rng.normal(size=100), width)


RATES = np.array([1.1, 0.4, 0.4, 0.1])


def cases():
    """Return all cases, and the factors that issue 4 asks for."""
    rng = np.random.default_rng(0)
    return [
        *(Case("Rosenbrock", rosenbrock, rng.normal(size=n), (), w) for n, w in ((100, 3.8), (1000, 4.8))),
        *(Case("logistic, loops", logistic_loops, *_logistic(rng, n), w) for n, w in ((100, 6.5), (1000, 7.5))),
        *(Case("logistic, X @ w", logistic_numpy, *_logistic(rng, n), w) for n, w in ((100, 4.0), (500, 4.0))),
        *(
            Case(loss.__name__.replace("_", " "), loss, rng.normal(size=1000), (), w)
            for loss, w in ((norm, 4.5), (mean_and_variance, 6.0), (dot, 1.5))
        ),
        *(Case("sine and exp", sine_and_exp, rng.normal(size=n), (), w) for n, w in ((100, 6.5), (1000, 7.0))),
        *(Case("network", network, *_network(rng, *shape), w) for shape, w in (((8, 10), 6.0), ((28, 33), 7.5))),
        *(Case("Lennard-Jones", lennard_jones, *_atoms(rng, n), w) for n, w in ((99, 3.5), (999, 4.5))),
        Case("Lotka-Volterra", lotka_volterra, RATES, (1000, 0.01, rng.normal(size=(1000, 2))), 5.0),
        Case("Gaussian mixture", mixture, 0.3 * rng.normal(size=21), (rng.normal(size=500),), 4.0),
        Case("kink in every coordinate", all_kinks, np.ones(96), (), 0.9),
    ]
