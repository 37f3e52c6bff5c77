"""How near lanes come to what a core can do: python -m benchmarks.peak [--write FILE].

The peak is measured with a loss in lanes: chains of multiplications and additions that do not wait for each other and
touch no memory. Operations of the three losses are counted in their source.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numba import njit

import jitgrad as jg
from benchmarks.lane_losses import cases
from benchmarks.lanes import fastest

ROUNDS = 20_000
CHAINS = 8

# Additions, subtractions and multiplications of one evaluation, from the number of coordinates and the arguments; and
# how often it calls which function.
COUNTED = {
    ("Rosenbrock", 1000): (lambda n, _: 8 * (n - 1), {}),
    ("logistic, loops", 1000): (
        lambda n, args: args[0].shape[0] * (2 * n + 3),
        {"exp and log1p": lambda _, args: args[0].shape[0]},
    ),
    ("network", 991): (
        lambda _, args: args[0].shape[0] * (args[2] * (2 * args[0].shape[1] + 2) + 3),
        {"tanh": lambda _, args: args[0].shape[0] * args[2]},
    ),
}


@njit
def chains(x, rounds):
    """Eight chains, each of a multiplication and an addition a round."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    e, f, g, h = x[4], x[5], x[6], x[7]
    for _ in range(rounds):
        a = a * 0.999 + 0.001
        b = b * 0.999 + 0.001
        c = c * 0.999 + 0.001
        d = d * 0.999 + 0.001
        e = e * 0.999 + 0.001
        f = f * 0.999 + 0.001
        g = g * 0.999 + 0.001
        h = h * 0.999 + 0.001
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


def rate(loss, x, args, operations):
    """Return operations per second of a gradient in lanes on one thread, and its time."""
    g = jg.gradient_of(loss, threads=1, step=jg.Textbook(), vectorize="require")
    (seconds,) = fastest([g], x, args)
    return 2 * x.size * operations / seconds, seconds


def main():
    """Print the table, or write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    peak, _ = rate(chains, np.linspace(0.1, 0.9, CHAINS), (ROUNDS,), 2 * CHAINS * ROUNDS)
    lines = [
        f"Peak of unfused additions and multiplications on one core, measured: {peak / 1e9:.0f} G per second.",
        "",
        "| loss | n | G operations per second | of the peak | and calls, M per second |",
        "| --- | --: | --: | --: | --: |",
    ]
    for case in cases():
        if (case.name, case.x.size) in COUNTED:
            count, calls = COUNTED[case.name, case.x.size]
            found, seconds = rate(case.loss, case.x, case.args, count(case.x.size, case.args))
            called = [
                f"{name} {2 * case.x.size * f(case.x.size, case.args) / seconds / 1e6:.0f}" for name, f in calls.items()
            ]
            lines.append(
                f"| {case.name} | {case.x.size} | {found / 1e9:.1f} | {found / peak:.0%} | {', '.join(called) or '-'} |"
            )
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        options.write.write_text(text)


if __name__ == "__main__":
    main()
