"""Train a network that controls something slow, by finite differences and by a surrogate that needs it far less often.

A reactor is asked for a product: the network sees which strength is wanted and how warm the feed is, and sets heating
and flow. Each answer of the reactor takes 20 ms, in which this program only waits, as for an instrument or for a
simulator elsewhere; eight threads wait at the same time. Needs PyTorch, and matplotlib for the picture:

    python examples/control_slow_program.py --save control_slow_program.png
"""

from __future__ import annotations

import argparse
import math
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

import jitgrad as jg
from jitgrad.training import Fitting, Sampling, SurrogateTrainer, Trust

SECONDS = 0.02
WANTED = 2e-3
"""Mean squared error that both shall reach: strength and temperature are near 1."""


def reactor(u, x):
    """Return strength and temperature of the product for settings (heating, flow) and (wanted strength, feed)."""
    time.sleep(SECONDS)
    heating, flow = u
    temperature = x[1]
    strength = 0.0
    for _ in range(40):
        rate = math.exp(3.0 - 4.0 / temperature)
        strength += 0.1 * (rate * (1.0 - strength) - flow * strength)
        temperature += 0.1 * (heating + 0.2 * rate * (1.0 - strength) - flow * (temperature - x[1]))
    return strength, temperature


def wanted(x):
    """Return the strength that is wanted, at a temperature of 1.2."""
    return np.stack([x[:, 0], np.full(len(x), 1.2)], axis=1)


def networks():
    """Return a policy, whose settings are between 0 and 2, and a surrogate, the same ones each time."""
    torch.manual_seed(0)
    policy = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 2), Settings())
    surrogate = torch.nn.Sequential(torch.nn.Linear(4, 48), torch.nn.SiLU(), torch.nn.Linear(48, 2))
    return policy.double(), surrogate.double()


class Settings(torch.nn.Module):
    """What brings numbers between 0 and 2."""

    def forward(self, z):
        """Return the settings."""
        return 2.0 * torch.sigmoid(z)


def error(u, x, y):
    """Return the squared error of one sample."""
    return np.mean((np.asarray(reactor(u, x)) - y) ** 2)


def by_differences(x, workers, steps):
    """Train with the gradient of every sample by its settings; return evaluations and errors until it is reached."""
    policy, _ = networks()
    # Forward differences, a value and one more for each setting, take the fewest evaluations.
    g = jg.gradient_of(error, device="blackbox", method="forward", step=1e-4, args_axes=(0, 0), workers=workers)
    optimizer = torch.optim.Adam(policy.parameters(), lr=5e-2)
    curve = []
    for step in range(1, steps + 1):
        u = policy(torch.as_tensor(x))
        values, gradients = g.value_and_grad(u.detach().numpy(), x, wanted(x))
        curve.append((step * len(x) * (1 + u.shape[1]), values.mean()))
        if values.mean() < WANTED:
            break
        optimizer.zero_grad()
        u.backward(torch.as_tensor(gradients / len(x)))
        optimizer.step()
    return np.array(curve)


def by_surrogate(x, workers, rounds):
    """Train through a network that learns the reactor; return evaluations and errors until it is reached."""
    trainer = SurrogateTrainer(
        reactor,
        *networks(),
        policy_optimizer=lambda parameters: torch.optim.Adam(parameters, lr=5e-2),
        sampling=Sampling(samples=16, explore=0.2, bounds=(0.0, 2.0)),
        fitting=Fitting(surrogate_steps=200, policy_steps=60),
        trust=Trust(radius=6.0),
        rng=0,
        workers=workers,
    )
    history = []
    while len(history) < rounds and not (history and history[-1].loss < WANTED):
        history = trainer.run(x, wanted(x))
    table = history.table()
    return np.stack([table["evaluations"], table["loss"]], axis=1)


def draw(curves, path):
    """Draw both curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for (name, curve), colour in zip(curves.items(), ("#0072B2", "#D55E00"), strict=True):
        axes.plot(*curve.T, "-o", markersize=3, color=colour, label=name)
    axes.axhline(WANTED, color="#555555", linestyle=":", label="wanted")
    axes.set(xscale="log", yscale="log", xlabel="evaluations of the reactor", ylabel="mean squared error")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main():
    """Train in both ways, and say how often each asked the reactor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", metavar="PATH", help="where to save a picture of both curves")
    path = parser.parse_args().save
    torch.set_num_threads(1)
    x = np.random.default_rng(0).uniform((0.4, 0.5), (0.7, 0.8), (24, 2))
    curves = {}
    with ThreadPoolExecutor(8) as workers:
        for name, train in (
            ("finite differences", lambda: by_differences(x, workers, 150)),
            ("surrogate", lambda: by_surrogate(x, workers, 25)),
        ):
            before = time.perf_counter()
            curve = curves[name] = train()
            seconds = time.perf_counter() - before
            print(f"{name:18}: error {curve[-1, 1]:.1e} after {curve[-1, 0]:.0f} evaluations, {seconds:.1f} s")
    ratio = curves["finite differences"][-1, 0] / curves["surrogate"][-1, 0]
    print(f"the surrogate asked the reactor {ratio:.1f} times less often")
    if path:
        draw(curves, path)


if __name__ == "__main__":
    main()
