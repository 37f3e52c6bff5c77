"""Time and memory of gradients from random directions, and where the time goes: not asv, since memory is a process's.

python -m benchmarks.random_directions              # a million and ten million coordinates
python -m benchmarks.random_directions 100000
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

import jitgrad as jg
from jitgrad.estimators import sampler as parts
from jitgrad.launch.evaluator import Evaluator

SIZES = (1_000_000, 10_000_000)
DIRECTIONS = 16


@njit
def cheap(x):
    s = 0.0
    for i in range(x.size - 1):
        s += x[i] * x[i] + 0.5 * x[i] * x[i + 1]
    return s


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    def run(*args: Any, **options: Any) -> Any:
        before = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - before

    return run


def report(n: int, kind: str, dtype: str) -> None:
    """Print a row of the table, measured in this process."""
    estimator = getattr(jg, kind)(n_directions=DIRECTIONS, rng=1)
    g = jg.gradient_of(cheap, estimator=estimator)
    g(np.ones(1000, dtype))  # compiled before the measurement
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent: dict[str, float] = {}
    x = np.linspace(0.5, 1.5, n).astype(dtype)
    g(x)  # which finds out what an evaluation costs
    parts.fill_directions = timed(parts.fill_directions, spent, "draw")
    parts.add_slopes = timed(parts.add_slopes, spent, "add")
    Evaluator.moved = timed(Evaluator.moved, spent, "evaluate")  # type: ignore[method-assign]
    before = time.perf_counter()
    g(x)
    total = time.perf_counter() - before
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) * 1024 / (8 * n)
    bare: dict[str, float] = {}
    alone = float("inf")
    for _ in range(5):  # the first compiles
        bare.clear()
        timed(cheap, bare, "loss")(x)
        alone = min(alone, bare["loss"])
    shares = " | ".join(f"{100 * spent[name] / total:.0f} %" for name in ("draw", "evaluate", "add"))
    print(
        f"| {kind} | {dtype} | {n} | {total:.3g} s | {memory:.1f} | {shares} | {total / (2 * DIRECTIONS * alone):.1f} |"
    )


def main() -> None:
    if len(sys.argv) == 4:
        report(int(sys.argv[1]), sys.argv[2], sys.argv[3])
        return
    print(f"{DIRECTIONS} directions; memory in units of 8 n bytes, and time of all evaluations of the loss by itself")
    print("| estimator | type | n | time | memory | drawing | evaluating | adding | time / bare evaluations |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for n in map(int, sys.argv[1:] or SIZES):
        for kind in ("SPSA", "Smoothing"):
            for dtype in ("float64", "float32"):
                # Each in a process of its own: the most memory that a process had does not come down.
                subprocess.run([sys.executable, "-m", __spec__.name, str(n), kind, dtype], check=True)


if __name__ == "__main__":
    main()
