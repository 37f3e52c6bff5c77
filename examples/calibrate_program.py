"""Calibrate a simulator that runs as an external program, on several workers.

Three rates of an epidemic are found from the infected shares that were reported, with gradients of a loss that starts
a program at every evaluation:

    python examples/calibrate_program.py            # four worker processes of this machine
    python examples/calibrate_program.py --dask     # a Dask cluster; its address would do as well
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import jitgrad as jg

PROGRAM = Path(__file__).with_name("epidemic.py")
TRUE_RATES = np.array([0.32, 0.09, 0.02])
START = np.array([0.25, 0.15, 0.01])


def infected(rates):
    """Run the program and read what it prints."""
    command = [sys.executable, "-S", str(PROGRAM), *map(repr, rates.tolist())]
    return np.array(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split(), float)


def misfit(log_rates, reported):
    """Return the sum of squared errors of the infected shares, in percent.

    Rates are positive, so their logarithms are looked for.
    """
    return 1e4 * np.sum((infected(np.exp(log_rates)) - reported) ** 2)


@contextmanager
def engine(dask: bool):
    """Give what evaluates the loss: a number of processes, or the executor of a cluster."""
    if not dask:
        yield 4
        return
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        yield client.get_executor()


def calibrate(workers):
    """Return the rates that fit best."""
    reported = infected(TRUE_RATES)
    g = jg.gradient_of(misfit, device="blackbox", workers=workers)
    found = minimize(g.value_and_grad, np.log(START), args=(reported,), jac=True, method="BFGS", tol=1e-4)
    return np.exp(found.x), found


def main():
    """Calibrate, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dask", action="store_true", help="evaluate on a Dask cluster of worker processes")
    with engine(parser.parse_args().dask) as workers:
        rates, found = calibrate(workers)
    print(f"{found.nfev} gradients; misfit {found.fun:.1e}")
    for name, rate, true in zip(("infection", "recovery", "loss of immunity"), rates, TRUE_RATES, strict=True):
        print(f"{name:17} {rate:.5f} per day, {true:.5f} in truth")


if __name__ == "__main__":
    main()
