"""Ordinary losses of many coordinates that are held out: other ones than the scenarios of `jitgrad.testing`."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.testing.definition import Scenario, njit

_RANK = 2


@njit
def _powell_singular(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(0, x.size, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        total += (a + 10.0 * b) ** 2 + 5.0 * (c - d) ** 2 + (b - 2.0 * c) ** 4 + 10.0 * (a - d) ** 4
    return total


def _powell_singular_gradient(x: FloatArray) -> FloatArray:
    a, b, c, d = x.reshape(-1, 4).T
    first, second, third, fourth = 2 * (a + 10 * b), 10 * (c - d), 4 * (b - 2 * c) ** 3, 40 * (a - d) ** 3
    return np.stack([first + fourth, 10 * first + third, second - 2 * third, -second - fourth], axis=1).ravel()


def powell_singular(n: int = 12) -> Scenario:
    """Squares and fourth powers, in groups of four coordinates."""
    n = n // 4 * 4
    return Scenario(
        "powell_singular", _powell_singular, _powell_singular_gradient, lower=np.full(n, -1.0), upper=np.full(n, 3.0)
    )


@njit
def _poisson_regression(x, features, counts):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(features.shape[0]):
        log_rate = 0.5
        for j in range(x.size):
            log_rate += features[i, j] * x[j]
        total += math.exp(log_rate) - counts[i] * log_rate
    return total / features.shape[0]


def _poisson_regression_gradient(x: FloatArray, features: FloatArray, counts: FloatArray) -> FloatArray:
    return np.asarray(features.T @ (np.exp(0.5 + features @ x) - counts) / len(features))


def poisson_regression(n: int = 6) -> Scenario:
    """Counts in 2 n rows."""
    rng = np.random.default_rng(21)
    features, counts = rng.normal(size=(2 * n, n)), rng.poisson(2.0, size=2 * n).astype(float)
    spread = np.full(n, 1.0 / np.sqrt(n))
    return Scenario(
        "poisson_regression", _poisson_regression, _poisson_regression_gradient, lower=-spread, upper=spread,
        args=(features, counts),
    )  # fmt: skip


@njit
def _cauchy_regression(x, features, answers):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(features.shape[0]):
        error = -answers[i]
        for j in range(x.size):
            error += features[i, j] * x[j]
        total += math.log1p(error * error)
    return total


def _cauchy_regression_gradient(x: FloatArray, features: FloatArray, answers: FloatArray) -> FloatArray:
    error = features @ x - answers
    return np.asarray(features.T @ (2 * error / (1 + error * error)))


def cauchy_regression(n: int = 6) -> Scenario:
    """Regression that outliers do not spoil, on 3 n rows."""
    rng = np.random.default_rng(22)
    features, answers = rng.normal(size=(3 * n, n)), rng.standard_cauchy(3 * n)
    spread = np.full(n, 2.0 / np.sqrt(n))
    return Scenario(
        "cauchy_regression", _cauchy_regression, _cauchy_regression_gradient, lower=-spread, upper=spread,
        args=(features, answers),
    )  # fmt: skip


@njit
def _hanging_chain(x, weight):  # type: ignore[no-untyped-def]
    width = 1.0 / (x.size + 1)
    before, total = 0.0, 0.0
    for i in range(x.size):
        total += math.sqrt(width * width + (x[i] - before) ** 2) + weight * width * x[i]
        before = x[i]
    return total + math.sqrt(width * width + (0.5 - before) ** 2)


def _hanging_chain_gradient(x: FloatArray, weight: float) -> FloatArray:
    width = 1.0 / (x.size + 1)
    rise = np.diff(x, prepend=0.0, append=0.5)
    pull = rise / np.sqrt(width * width + rise * rise)
    return np.asarray(pull[:-1] - pull[1:] + weight * width)


def hanging_chain(n: int = 8) -> Scenario:
    """Length and weight of a curve between two fixed ends."""
    return Scenario(
        "hanging_chain", _hanging_chain, _hanging_chain_gradient, lower=np.full(n, -1.0), upper=np.full(n, 1.0),
        args=(3.0,),
    )  # fmt: skip


@njit
def _interior_point(x, costs, limits):  # type: ignore[no-untyped-def]
    total, used = 0.0, 0.0
    for i in range(x.size):
        total += costs[i] * x[i] - 0.1 * (math.log(x[i]) + math.log(limits[i] - x[i]))
        used += x[i]
    return total - 0.1 * math.log(2.0 * x.size - used)


def _interior_point_gradient(x: FloatArray, costs: FloatArray, limits: FloatArray) -> FloatArray:
    return np.asarray(costs - 0.1 / x + 0.1 / (limits - x) + 0.1 / (2.0 * x.size - x.sum()))


def interior_point(n: int = 6) -> Scenario:
    """Linear costs, with logarithms that keep all coordinates and their sum within limits."""
    rng = np.random.default_rng(23)
    return Scenario(
        "interior_point", _interior_point, _interior_point_gradient, lower=np.full(n, 0.5), upper=np.full(n, 1.5),
        args=(rng.normal(size=n), np.full(n, 2.0)),
    )  # fmt: skip


@njit
def _decays(x, times, counts):  # type: ignore[no-untyped-def]
    half = x.size // 2
    total = 0.0
    for i in range(times.size):
        error = -counts[i]
        for k in range(half):
            error += x[k] * math.exp(-x[half + k] * times[i])
        total += error * error
    return 0.5 * total


def _decays_gradient(x: FloatArray, times: FloatArray, counts: FloatArray) -> FloatArray:
    amplitudes, rates = x.reshape(2, -1)
    left = np.exp(-np.outer(times, rates))
    error = left @ amplitudes - counts
    return np.concatenate([error @ left, -amplitudes * ((error * times) @ left)])


def decays(n: int = 6) -> Scenario:
    """Least squares of a sum of exponentials: amplitudes, then rates."""
    n = n // 2 * 2
    times = np.linspace(0.1, 4.0, 40)
    box = np.repeat([0.5, 1.5], n // 2), np.repeat([1.5, 2.5], n // 2)
    return Scenario("decays", _decays, _decays_gradient, lower=box[0], upper=box[1], args=(times, 3.0 / (1.0 + times)))


@njit
def _factorisation(x, matrix):  # type: ignore[no-untyped-def]
    rows, columns = matrix.shape
    total = 0.0
    for i in range(rows):
        for j in range(columns):
            error = -matrix[i, j]
            for k in range(_RANK):
                error += x[i * _RANK + k] * x[(rows + j) * _RANK + k]
            total += error * error
    return total


def _factorisation_gradient(x: FloatArray, matrix: FloatArray) -> FloatArray:
    left, right = np.split(x.reshape(-1, _RANK), [len(matrix)])
    error = 2 * (left @ right.T - matrix)
    return np.concatenate([error @ right, error.T @ left]).ravel()


def factorisation(n: int = 12) -> Scenario:
    """Two thin matrices whose product is to be a given one."""
    rows = n // _RANK // 2
    columns = n // _RANK - rows
    n = (rows + columns) * _RANK
    matrix = np.random.default_rng(24).normal(size=(rows, columns))
    return Scenario(
        "factorisation", _factorisation, _factorisation_gradient, lower=np.full(n, -1.5), upper=np.full(n, 1.5),
        args=(matrix,),
    )  # fmt: skip


@njit
def _map_of_distances(x, wanted):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.size // 2):
        for j in range(i):
            distance = math.sqrt((x[2 * i] - x[2 * j]) ** 2 + (x[2 * i + 1] - x[2 * j + 1]) ** 2)
            total += (distance - wanted[i, j]) ** 2
    return total


def _map_of_distances_gradient(x: FloatArray, wanted: FloatArray) -> FloatArray:
    places = x.reshape(-1, 2)
    apart = places[:, None] - places
    distance = np.sqrt((apart * apart).sum(axis=-1))
    np.fill_diagonal(distance, 1.0)
    pull = 2 * (distance - wanted) / distance
    return np.asarray((pull[:, :, None] * apart).sum(axis=1).ravel())


def map_of_distances(n: int = 12) -> Scenario:
    """Places in a plane from their distances, all pairs: multidimensional scaling."""
    count = n // 2
    wanted = np.random.default_rng(25).uniform(1.0, 3.0, (count, count))
    wanted = 0.5 * (wanted + wanted.T)
    side = math.isqrt(count - 1) + 1
    lattice = np.indices((side, side)).reshape(2, -1).T[:count].ravel().astype(float)
    return Scenario(
        "map_of_distances", _map_of_distances, _map_of_distances_gradient, lower=lattice - 0.2, upper=lattice + 0.2,
        args=(wanted,),
    )  # fmt: skip


SCENARIOS = (
    powell_singular,
    poisson_regression,
    cauchy_regression,
    hanging_chain,
    interior_point,
    decays,
    factorisation,
    map_of_distances,
)
