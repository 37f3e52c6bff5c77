"""What workers cost: an external program on four of them, beside the ideal; and a function that does nothing.

``python -m benchmarks.workers``
"""

from __future__ import annotations

import subprocess
import time

import numpy as np

import jitgrad as jg

PROGRAM = ("sleep", "0.05")
N = 40
WORKERS = 4


def external(x):
    """Stand for a simulator: a program that takes 50 ms, and a value that follows from `x`."""
    subprocess.run(PROGRAM, check=True)
    return float(x @ x)


def trivial(x):
    return x[0]


def seconds(function, repetitions):
    """Return the least time of some repetitions."""
    best = float("inf")
    for _ in range(repetitions):
        before = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - before)
    return best


def per_evaluation(workers, n=5000):
    """Return the time per evaluation of a function that does nothing, in microseconds."""
    x = np.linspace(1.0, 2.0, n)
    g = jg.gradient_of(trivial, device="blackbox", step=jg.Textbook(), workers=workers)
    g(x)  # starts the processes
    return 1e6 * seconds(lambda: g(x), 5) / (2 * n)


def ratio_to_ideal():
    """Return the time of a gradient of the program on workers, over that of one process shared among them."""
    x = np.linspace(1.0, 2.0, N)
    serial = jg.gradient_of(external, device="blackbox", step=jg.Textbook())
    shared = jg.gradient_of(external, device="blackbox", step=jg.Textbook(), workers=WORKERS)
    shared(x)
    return seconds(lambda: shared(x), 3) / (seconds(lambda: serial(x), 1) / WORKERS)


if __name__ == "__main__":
    print(f"a function that does nothing, this process: {per_evaluation(None):6.1f} us per evaluation")
    print(f"a function that does nothing, 2 processes:  {per_evaluation(2):6.1f} us per evaluation")
    print(f"program of 50 ms, n = {N}, {WORKERS} processes:     {ratio_to_ideal():6.3f} of the ideal time")
