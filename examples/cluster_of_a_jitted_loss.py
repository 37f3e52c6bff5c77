"""The gradient of a jitted loss by 100 000 coordinates, on a Dask cluster, with a progress bar.

Every worker compiles the loss once and evaluates blocks of coordinates, in the SIMD lanes of its core. The data travel
to each worker once.

    python examples/cluster_of_a_jitted_loss.py
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
from numba import njit

import jitgrad as jg


@njit
def roughness(x, data, stiffness):
    """Return the energy of a curve that is to be near the data and smooth."""
    energy = 0.0
    for i in range(x.size):
        energy += (x[i] - data[i]) ** 2
        if i > 0:
            energy += stiffness * (x[i] - x[i - 1]) ** 2
    return energy


def exact_gradient(x, data, stiffness):
    """Return the gradient as one would write it by hand."""
    slope = 2.0 * (x - data)
    steps = 2.0 * stiffness * np.diff(x)
    slope[1:] += steps
    slope[:-1] -= steps
    return slope


def main():
    """Compute the gradient on two workers, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coordinates", type=int, default=100_000)
    n = parser.parse_args().coordinates
    from distributed import Client, LocalCluster

    rng = np.random.default_rng(1)
    data = rng.standard_normal(n).cumsum() / np.sqrt(n)
    x = data + 0.1 * rng.standard_normal(n)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        before = perf_counter()
        gradient = jg.grad_cpu(
            roughness, x, args=(data, 10.0), step=jg.Absolute(1e-4), workers=client.get_executor(), progress=True
        )
        seconds = perf_counter() - before
    error = np.abs(gradient - exact_gradient(x, data, 10.0)).max()
    print(f"{n} derivatives in {seconds:.0f} s; largest error {error:.1e}")


if __name__ == "__main__":
    main()
