"""What `grad_blackbox` costs beside the evaluations, and what SciPy does: python -m benchmarks.overhead_blackbox."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from scipy.optimize import approx_fprime

import jitgrad as jg

ROUNDS = 60
"""Of each way, in turn."""

ALONE = 1000

SIZES = 2, 10, 100, 1000


def trivial(x):
    return x.dot(x)


def counted(way: Callable, x: np.ndarray) -> int:
    """Count the evaluations of one gradient."""
    calls = []

    def fun(y):
        calls.append(1)
        return trivial(y)

    way(fun, x)
    return len(calls)


def calls_alone(fun, x):
    """Call `fun` and nothing else; once would be shorter than reading the clock."""
    for _ in range(ALONE):
        fun(x)


def fastest(ways: list[Callable], x: np.ndarray) -> list[float]:
    """Return the shortest time of each, in seconds."""
    best = [np.inf] * len(ways)
    for _ in range(ROUNDS):
        for k, way in enumerate(ways):
            before = perf_counter()
            way(trivial, x)
            best[k] = min(best[k], perf_counter() - before)
    return best


def main():
    """Print a line for each size: microseconds per evaluation without the evaluation itself, and the ratio."""
    textbook = jg.Textbook()
    ways = {
        "default": jg.grad_blackbox,
        "central": lambda fun, x: jg.grad_blackbox(fun, x, step=textbook),
        "forward": lambda fun, x: jg.grad_blackbox(fun, x, step=textbook, method="forward"),
        "SciPy": lambda fun, x: approx_fprime(x, fun),
    }
    for n in SIZES:
        x = np.linspace(1.0, 2.0, n)
        counts = [counted(way, x) for way in ways.values()]
        *times, alone = fastest([*ways.values(), calls_alone], x)
        each = [1e6 * (time / count - alone / ALONE) for time, count in zip(times, counts, strict=True)]
        figures = "  ".join(
            f"{name} {value:5.2f} ({each[-1] / value:4.1f}x)" for name, value in zip(ways, each, strict=True)
        )
        print(f"n = {n:4}: us per evaluation: {figures}", flush=True)


if __name__ == "__main__":
    main()
