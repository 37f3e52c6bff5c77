"""Train a network that controls a jitted simulator, by finite differences through it and by a surrogate.

A cart with dry friction is pushed by four forces, one for each half second; after two seconds it shall stand still in
the middle. The network sees where the cart starts and how fast, and puts out the forces. Needs PyTorch, and matplotlib
for the picture:

    python examples/control_simulator.py --save control_simulator.png
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from numba import njit

from jitgrad.bridges.torch import torch_layer
from jitgrad.training import Fitting, Sampling, SurrogateTrainer, Trust

PUSHES, PUSH_STEPS, DT = 4, 100, 0.005


@njit
def cart(force, start):
    """Return position in m and speed in m/s after two seconds."""
    position, speed = start
    for push in range(PUSHES):
        for _ in range(PUSH_STEPS):
            drive = 4.0 * force[push] - 0.3 * speed - 0.5 * position**3
            friction = 0.4 * DT
            speed += DT * drive
            # Dry friction takes away what speed there is, up to so much: the simulator has kinks.
            speed = max(speed - friction, 0.0) if speed > 0 else min(speed + friction, 0.0)
            position += DT * speed
    return position, speed


def networks():
    """Return a policy, whose forces are between -1 and 1, and a surrogate, the same ones each time."""
    torch.manual_seed(0)
    policy = torch.nn.Sequential(
        torch.nn.Linear(2, 24), torch.nn.Tanh(), torch.nn.Linear(24, PUSHES), torch.nn.Tanh()
    ).double()
    surrogate = torch.nn.Sequential(
        torch.nn.Linear(2 + PUSHES, 64),
        torch.nn.SiLU(),
        torch.nn.Linear(64, 64),
        torch.nn.SiLU(),
        torch.nn.Linear(64, 2),
    ).double()
    return policy, surrogate


def distance(policy, starts):
    """Return how far carts end from where they should be: root of the mean square of position and speed."""
    with torch.no_grad():
        forces = policy(torch.as_tensor(starts)).numpy()
    return float(np.sqrt(np.mean([np.square(cart(u, x)) for u, x in zip(forces, starts, strict=True)])))


def by_differences(starts, unseen, steps):
    """Train through the simulator itself; return evaluations and distances."""
    policy, _ = networks()
    # A step of its own, far above the distances of the kinks: the default would look for the exact slope between them.
    layer = torch_layer(cart, args_axes=(0,), step=0.01)
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
    x, curve = torch.as_tensor(starts), [(0, distance(policy, unseen))]
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        layer(policy(x), x).square().mean().backward()
        optimizer.step()
        # The value of each sample, and two values for each of its forces.
        if step % 5 == 0:
            curve.append((step * len(x) * (1 + 2 * PUSHES), distance(policy, unseen)))
    return np.array(curve)


def by_surrogate(starts, unseen, rounds):
    """Train through a network that learns the simulator; return evaluations and distances."""
    trainer = SurrogateTrainer(
        cart,
        *networks(),
        # Old samples are far from where the policy has come to, and the surrogate need not learn them for ever.
        sampling=Sampling(samples=128, explore=0.2, bounds=(-1.0, 1.0), keep=1000),
        fitting=Fitting(surrogate_steps=150, policy_steps=40),
        trust=Trust(points=128),
        rng=0,
    )
    curve = [(0, distance(trainer.policy, unseen))]
    for _ in range(rounds):
        history = trainer.run(starts, np.zeros((len(starts), 2)))
        curve.append((history[-1].evaluations, distance(trainer.policy, unseen)))
    return np.array(curve)


def draw(curves, path):
    """Draw both curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for (name, curve), colour in zip(curves.items(), ("#0072B2", "#D55E00"), strict=True):
        axes.plot(curve[1:, 0], curve[1:, 1], "-o", markersize=3, color=colour, label=name)
    axes.axhline(curve[0, 1], color="#555555", linestyle=":", label="untrained")
    axes.set(xscale="log", yscale="log", xlabel="evaluations of the simulator", ylabel="distance of unseen carts")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main():
    """Train in both ways, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", metavar="PATH", help="where to save a picture of both curves")
    path = parser.parse_args().save
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    starts, unseen = rng.uniform((-1.0, -1.0), (1.0, 1.0), (2, 128, 2))
    curves = {}
    for name, train in (
        ("finite differences", lambda: by_differences(starts, unseen, 150)),
        ("surrogate", lambda: by_surrogate(starts, unseen, 12)),
    ):
        before = time.perf_counter()
        curve = curves[name] = train()
        seconds = time.perf_counter() - before
        print(
            f"{name:18}: distance {curve[0, 1]:.3f} -> {curve[-1, 1]:.4f} with {curve[-1, 0]:.0f} evaluations, "
            f"{seconds:.1f} s"
        )
    if path:
        draw(curves, path)


if __name__ == "__main__":
    main()
