"""What workers cost: time per evaluation beside a loop by hand, and an external program on four of them.

``python -m benchmarks.workers``
"""

from __future__ import annotations

import subprocess
import time

import numpy as np
from scipy.optimize import approx_fprime

import jitgrad as jg

PROGRAM = ("sleep", "0.05")
N = 40
WORKERS = 4
REPETITIONS = 5


def external(x):
    """Stand for a simulator: a program that takes 50 ms, and a value that follows from `x`."""
    subprocess.run(PROGRAM, check=True)
    return float(x @ x)


def trivial(x):
    return x[0]


def seconds(function, repetitions=REPETITIONS):
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
    return 1e6 * seconds(lambda: g(x)) / (2 * n)


def ratio_to_ideal():
    """Return the time of a gradient of the program on workers over that of one process, shared by them."""
    x = np.linspace(1.0, 2.0, N)
    serial = jg.gradient_of(external, device="blackbox", step=jg.Textbook())
    shared = jg.gradient_of(external, device="blackbox", step=jg.Textbook(), workers=WORKERS)
    shared(x)
    return seconds(lambda: shared(x), 3) / (seconds(lambda: serial(x), 1) / WORKERS)


def one_overhead():
    """Return what a serial evaluation of the program costs beyond a loop by hand, in microseconds."""
    x = np.linspace(1.0, 2.0, N)
    g = jg.gradient_of(trivial, device="blackbox", step=jg.Textbook())
    g(x)

    def by_hand():
        for _ in range(2 * N):
            trivial(x.copy())

    return 1e6 * (seconds(lambda: g(x), 50) - seconds(by_hand, 50)) / (2 * N)


if __name__ == "__main__":
    big = np.linspace(1.0, 2.0, 1000)
    scipy = 1e6 * seconds(lambda: approx_fprime(big, trivial, 1e-8)) / 1001
    print(f"serial overhead per evaluation, n = {N}:                {one_overhead():8.1f} us")
    print(f"a function that does nothing, n = 5000, this process: {per_evaluation(None):8.1f} us per evaluation")
    print(f"the same, 2 processes:                                {per_evaluation(2):8.1f} us per evaluation")
    print(f"scipy.optimize.approx_fprime, n = 1000:               {scipy:8.1f} us per evaluation")
    print(f"program of 50 ms, n = {N}, {WORKERS} processes:              {ratio_to_ideal():8.3f} of the ideal time")
