"""Negative log-likelihoods."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.testing.definition import Scenario, njit


@njit
def _softplus(z):  # type: ignore[no-untyped-def]
    # Two branches, so that the exponential never overflows.
    if z > 0.0:
        return z + math.log1p(math.exp(-z))
    return math.log1p(math.exp(z))


@njit
def _logistic_regression(x, features, labels, penalty):  # type: ignore[no-untyped-def]
    rows, n = features.shape
    total = 0.0
    for i in range(rows):
        z = 0.0
        for j in range(n):
            z += features[i, j] * x[j]
        total += _softplus(-labels[i] * z)
    squares = 0.0
    for j in range(n):
        squares += x[j] * x[j]
    return total / rows + 0.5 * penalty * squares


def _logistic_regression_gradient(
    x: FloatArray, features: FloatArray, labels: FloatArray, penalty: float
) -> FloatArray:
    slopes = -labels / (1.0 + np.exp(labels * (features @ x)))
    return np.asarray(features.T @ slopes / len(features) + penalty * x)


def logistic_regression(n: int = 6) -> Scenario:
    """Classification with two classes, on 2 n rows."""
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(2 * n, n)), np.where(rng.random(2 * n) < 0.5, -1.0, 1.0)
    spread = np.full(n, 2.0 / np.sqrt(n))
    return Scenario(
        "logistic_regression",
        _logistic_regression,
        _logistic_regression_gradient,
        lower=-spread,
        upper=spread,
        args=(features, labels, 0.01),
        dense=True,
    )


@njit
def _log_sum_exp(values):  # type: ignore[no-untyped-def]
    largest = values[0]
    for k in range(1, values.size):
        largest = max(largest, values[k])
    total = 0.0
    for k in range(values.size):
        total += math.exp(values[k] - largest)
    return largest + math.log(total)


@njit
def _gaussian_mixture(x, data):  # type: ignore[no-untyped-def]
    kinds = x.size // 3
    means, log_widths, logits = x[:kinds], x[kinds : 2 * kinds], x[2 * kinds :]
    terms = np.empty(kinds)
    total = 0.0
    for i in range(data.size):
        for k in range(kinds):
            z = (data[i] - means[k]) * math.exp(-log_widths[k])
            terms[k] = logits[k] - log_widths[k] - 0.5 * z * z
        total -= _log_sum_exp(terms)
    return total / data.size + _log_sum_exp(logits)


def _gaussian_mixture_gradient(x: FloatArray, data: FloatArray) -> FloatArray:
    means, log_widths, logits = np.split(x, 3)
    z = (data[:, None] - means) * np.exp(-log_widths)
    terms = logits - log_widths - 0.5 * z * z
    weights = np.exp(terms - terms.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    prior = np.exp(logits - logits.max())
    by_mean = -np.mean(weights * z, axis=0) * np.exp(-log_widths)
    by_width = -np.mean(weights * (z * z - 1.0), axis=0)
    return np.concatenate([by_mean, by_width, prior / prior.sum() - weights.mean(axis=0)])


def gaussian_mixture(n: int = 6) -> Scenario:
    """Means, log widths and logits of a mixture, taken out of ``x`` by slices."""
    kinds = n // 3
    centre = np.concatenate([np.linspace(-2.0, 2.0, kinds), np.zeros(2 * kinds)])
    return Scenario(
        "gaussian_mixture",
        _gaussian_mixture,
        _gaussian_mixture_gradient,
        lower=centre - 0.5,
        upper=centre + 0.5,
        args=(np.random.default_rng(3).normal(scale=2.0, size=6 + n),),
        dense=True,
    )


@njit
def _squared_distance(inputs, i, j, lengths):  # type: ignore[no-untyped-def]
    distance = 0.0
    for d in range(lengths.size):
        distance += ((inputs[i, d] - inputs[j, d]) / lengths[d]) ** 2
    return distance


@njit
def _gaussian_process(x, inputs, outputs):  # type: ignore[no-untyped-def]
    rows = outputs.size
    lengths = np.empty(x.size - 2)
    for d in range(lengths.size):
        lengths[d] = math.exp(x[d])
    variance, noise = math.exp(x[x.size - 2]), math.exp(x[x.size - 1])
    root = np.empty((rows, rows))  # Cholesky factor of the covariance matrix
    half = np.empty(rows)  # outputs divided by it
    total = 0.0
    for i in range(rows):
        residual = outputs[i]
        for j in range(i + 1):
            entry = variance + noise  # where i == j
            if i != j:
                entry = variance * math.exp(-0.5 * _squared_distance(inputs, i, j, lengths))
            for k in range(j):
                entry -= root[i, k] * root[j, k]
            if i == j:
                root[i, i] = math.sqrt(entry)
            else:
                root[i, j] = entry / root[j, j]
                residual -= root[i, j] * half[j]
        half[i] = residual / root[i, i]
        total += 0.5 * half[i] * half[i] + math.log(root[i, i])
    return total


def _gaussian_process_gradient(x: FloatArray, inputs: FloatArray, outputs: FloatArray) -> FloatArray:
    squares = ((inputs[:, None] - inputs) * np.exp(-x[:-2])) ** 2
    smooth = np.exp(x[-2] - 0.5 * squares.sum(axis=-1))
    noise = np.exp(x[-1]) * np.eye(len(outputs))
    inverse = np.linalg.inv(smooth + noise)
    solved = inverse @ outputs
    slope = 0.5 * (inverse - np.outer(solved, solved))  # of the loss by the covariance matrix
    by_length = np.einsum("ij,ij,ijd->d", slope, smooth, squares)
    return np.append(by_length, [np.sum(slope * smooth), np.sum(slope * noise)])


def gaussian_process(n: int = 5) -> Scenario:
    """Hyperparameters of a Gaussian process: log length scales, log variance, log noise; a Cholesky factorisation."""
    rng = np.random.default_rng(4)
    inputs = rng.uniform(-1.0, 1.0, size=(6, n - 2))
    centre = np.append(np.full(n - 2, 0.5 * np.log(n - 2)), [0.0, -1.5])
    return Scenario(
        "gaussian_process",
        _gaussian_process,
        _gaussian_process_gradient,
        lower=centre - 0.5,
        upper=centre + 0.5,
        args=(inputs, np.sin(2.0 * inputs.sum(axis=1)) + 0.2 * rng.normal(size=6)),
        dense=True,
    )


SCENARIOS = (logistic_regression, gaussian_mixture, gaussian_process)
