"""Repair a network of a million weights that was damaged by rounding, with nothing but its count of errors.

A network that reads handwritten digits has its weights rounded to a few levels, to be small. It then misreads one digit
in four. It is mended by moving the weights before they are rounded, so that other levels are chosen. The loss is the
share of wrong answers of the rounded network. It has steps only: neither rounding nor counting has a derivative. Random
directions (SPSA) move all weights at the same time, and take two evaluations each.

    python examples/spsa_million.py
    python examples/spsa_million.py --save spsa_million.png
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numba import njit
from sklearn.datasets import load_digits

import jitgrad as jg

HIDDEN = 13_520
COARSENESS = 2.75
"""Distance of two levels, in standard deviations of the weights of a layer."""
STEPS, IMAGES, DIRECTIONS = 30, 200, 8
# A tenth of the distance of two levels: about a tenth of the weights change their level in each direction, thousands of
# flips, over which the share of wrong answers is smooth enough. A tiny width would flip none, and show nothing.
WIDTH, RATE, INERTIA = 0.1, 0.3, 0.9


@njit
def errors(x, weights, scales, hidden_bias, bias, images, digits):
    """Return the share of wrong answers of the rounded network.

    `weights`, and what `x` adds to them, are in units of the distance of two levels, which are whole numbers: so a
    displacement means the same in both layers.
    """
    pixels, hidden, classes = images.shape[1], hidden_bias.size, bias.size
    levels = np.empty_like(x)
    for i in range(x.size):
        levels[i] = np.floor(weights[i] + x[i] + np.float32(0.5))
    active = np.dot(images, levels[: pixels * hidden].reshape((pixels, hidden)))
    for i in range(active.shape[0]):
        for j in range(hidden):
            active[i, j] = max(active[i, j] * scales[0] + hidden_bias[j], np.float32(0.0))
    scores = np.dot(active, levels[pixels * hidden :].reshape((hidden, classes)))
    wrong = 0
    for i in range(scores.shape[0]):
        wrong += np.argmax(scores[i] * scales[1] + bias) != digits[i]
    return wrong / scores.shape[0]


def trained(images, digits):
    """Train a network as usual, in PyTorch, with nothing rounded."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(images.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    inputs, targets = torch.from_numpy(images), torch.from_numpy(digits)
    for _ in range(15):
        for batch in torch.randperm(len(inputs)).split(100):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
            optimizer.step()
    return model


def network(model):
    """Return what `errors` takes of a network: weights in units of the distance of two levels, these, and biases."""
    layers = [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in (model[0], model[2])]
    scales = np.array([COARSENESS * weights.std() for weights, _ in layers], np.float32)
    weights = np.concatenate([(layers[k][0] / scales[k]).ravel() for k in range(2)])
    return weights, scales, layers[0][1], layers[1][1]


def repaired(start, images, digits, report):
    """Descend along random directions, on some images at a time; `report` gets every `x` and the evaluations so far."""
    # Matrix products are as fast as they get: lanes are for losses written as loops, and BLAS has threads of its own.
    spsa = jg.SPSA(n_directions=DIRECTIONS, h=WIDTH, rng=0)
    gradient = jg.gradient_of(errors, estimator=spsa, vectorize="off", threads=1)
    rng = np.random.default_rng(0)
    x = np.zeros_like(start[0])
    velocity = np.zeros_like(x)
    report(x, 0)
    for step in range(1, STEPS + 1):
        some = rng.choice(len(images), IMAGES, replace=False)
        velocity = INERTIA * velocity + (1.0 - INERTIA) * gradient(x, *start, images[some], digits[some])
        x -= np.float32(RATE) * velocity
        report(x, 2 * DIRECTIONS * step)
    return x


def draw(path, history, unrounded):
    """Draw the errors against the evaluations."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use("Agg")
    figure = Figure(figsize=(6.4, 3.8), dpi=110, layout="constrained")
    axes = figure.subplots()
    evaluations, training, held_out = np.array(history).T
    axes.plot(evaluations, 100 * training, color="#0072B2", lw=1.8, ls=(0, (4, 2)), label="digits of the repair")
    axes.plot(evaluations, 100 * held_out, color="#D55E00", lw=1.8, label="digits held out")
    axes.axhline(100 * unrounded, color="0.4", lw=1.2, ls=":", label="held out, nothing rounded")
    axes.set(xlabel="evaluations of the loss", ylabel="wrong answers, %", xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False)
    axes.grid(color="0.9", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main():
    """Train, round, repair, and print the shares of wrong answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, help="where to draw the errors against the evaluations")
    path = parser.parse_args().save
    images, digits = load_digits(return_X_y=True)
    images = (images / 16.0).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(digits))
    known, other = order[:900], order[900:]
    model = trained(images[known], digits[known])
    start = network(model)
    with torch.no_grad():
        answers = model(torch.from_numpy(images[other])).argmax(1).numpy()
    unrounded = float((answers != digits[other]).mean())
    history = []

    def report(x, evaluations):
        if evaluations % (5 * 2 * DIRECTIONS) == 0:
            shares = [errors(x, *start, images[some], digits[some]) for some in (known, other)]
            history.append((evaluations, *shares))
            print(f"{evaluations:4} evaluations: {shares[0]:6.1%} wrong, {shares[1]:6.1%} of the digits held out")

    print(f"{start[0].size} weights; before rounding {unrounded:.1%} of the digits held out are wrong")
    before = perf_counter()
    repaired(start, images[known], digits[known], report)
    print(f"{perf_counter() - before:.0f} s, with compilation")
    if path is not None:
        draw(path, history, unrounded)


if __name__ == "__main__":
    main()
