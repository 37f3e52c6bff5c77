"""A jitted loss on a Dask cluster of two processes with one thread each, beside one process with one thread.

``python -m benchmarks.cluster``
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from distributed import Client, LocalCluster
from numba import njit

import jitgrad as jg

N, TERMS, REPETITIONS = 5120, 200_000, 3


@njit
def misfit(x, data):
    s = 0.0
    for k in range(data.size):
        s += (np.sin(x[k % x.size] * data[k]) - data[k]) ** 2
    return s


def fastest(function):
    """Return the least time of some repetitions, in seconds."""
    times = []
    for _ in range(REPETITIONS):
        before = perf_counter()
        function()
        times.append(perf_counter() - before)
    return min(times)


def main():
    """Time both, in turn."""
    x = np.linspace(0.5, 1.5, N)
    data = np.linspace(0.0, 1.0, TERMS)
    alone = jg.gradient_of(misfit, step=jg.Textbook(), threads=1)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        shared = jg.gradient_of(misfit, step=jg.Textbook(), workers=client.get_executor())
        np.testing.assert_array_equal(shared(x, data), alone(x, data))
        one, two = fastest(lambda: alone(x, data)), fastest(lambda: shared(x, data))
    print(f"one process {one:.2f} s, two workers {two:.2f} s: {one / two:.2f} times as fast")


if __name__ == "__main__":
    main()
