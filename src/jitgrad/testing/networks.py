"""Neural networks, with local buffers for what a layer computes."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.testing.definition import Scenario, njit


@njit
def _perceptron(x, inputs, outputs, hidden):  # type: ignore[no-untyped-def]
    rows, d = inputs.shape
    layer = np.empty(hidden)
    biases = d * hidden
    last = biases + hidden
    total = 0.0
    for i in range(rows):
        for k in range(hidden):
            activation = x[biases + k]
            for j in range(d):
                activation += x[k * d + j] * inputs[i, j]
            layer[k] = math.tanh(activation)
        answer = x[last + hidden]
        for k in range(hidden):
            answer += x[last + k] * layer[k]
        error = answer - outputs[i]
        total += error * error
    return total / rows


def _perceptron_gradient(x: FloatArray, inputs: FloatArray, outputs: FloatArray, hidden: int) -> FloatArray:
    rows, d = inputs.shape
    first, biases, second = x[: d * hidden].reshape(hidden, d), x[d * hidden :][:hidden], x[-hidden - 1 : -1]
    layer = np.tanh(inputs @ first.T + biases)
    by_answer = 2.0 / rows * (layer @ second + x[-1] - outputs)
    by_activation = by_answer[:, None] * second * (1.0 - layer * layer)
    return np.concatenate(
        [(by_activation.T @ inputs).ravel(), by_activation.sum(axis=0), by_answer @ layer, [by_answer.sum()]]
    )


def perceptron(n: int = 12) -> Scenario:
    """Regression by a network with one hidden layer."""
    d = max(1, round(math.sqrt(n)) - 2)
    hidden = (n - 1) // (d + 2)
    size = hidden * (d + 2) + 1
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(max(6, min(n, 100)), d))
    return Scenario(
        "perceptron",
        _perceptron,
        _perceptron_gradient,
        lower=np.full(size, -1.0),
        upper=np.full(size, 1.0),
        args=(inputs, np.sin(inputs.sum(axis=1)), hidden),
        dense=True,
    )


@njit
def _softmax_classifier(x, features, labels, classes):  # type: ignore[no-untyped-def]
    rows, d = features.shape
    scores = np.zeros(classes)
    total = 0.0
    for i in range(rows):
        for c in range(classes):
            scores[c] = 0.0
            for j in range(d):
                scores[c] += x[c * d + j] * features[i, j]
        partition = 0.0
        for c in range(classes):
            partition += math.exp(scores[c])
        total += math.log(partition) - scores[labels[i]]
    return total / rows


def _softmax_classifier_gradient(x: FloatArray, features: FloatArray, labels: IntArray, classes: int) -> FloatArray:
    rows = len(features)
    likelihood = np.exp(features @ x.reshape(classes, -1).T)
    likelihood /= likelihood.sum(axis=1, keepdims=True)
    likelihood[np.arange(rows), labels] -= 1.0
    return np.asarray((likelihood.T @ features / rows).ravel())


def softmax_classifier(n: int = 9) -> Scenario:
    """Classification with three classes; an array of integers picks one entry of a local buffer."""
    classes, d = 3, n // 3
    rng = np.random.default_rng(6)
    features, labels = rng.normal(size=(4 + d, d)), rng.integers(0, classes, 4 + d)
    spread = np.full(classes * d, 2.0 / math.sqrt(d))
    return Scenario(
        "softmax_classifier",
        _softmax_classifier,
        _softmax_classifier_gradient,
        lower=-spread,
        upper=spread,
        args=(features, labels, classes),
        dense=True,
    )


SCENARIOS = (perceptron, softmax_classifier)
