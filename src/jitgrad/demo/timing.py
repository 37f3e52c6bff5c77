"""Second part of the demo: the time and the error of one gradient of a larger loss."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import njit

import jitgrad
from jitgrad._types import Array, FloatArray

COORDINATES = 1000
ROUNDS = 15
"""How often every gradient is timed."""


class Timing(NamedTuple):
    """How one way to compute the gradient did.

    Attributes
    ----------
    name : str
    evaluations : int
        How often the loss is evaluated for one gradient.
    first_seconds : float
        Time of the first gradient, with all that it had to compile.
    seconds : float
        Median of some later ones.
    error : float
        Largest error of a derivative, relative to the largest exact derivative.
    """

    name: str
    evaluations: int
    first_seconds: float
    seconds: float
    error: float


@njit  # type: ignore[untyped-decorator]
def rosenbrock(x: Array) -> float:
    """Rosenbrock's valley in many dimensions: every coordinate is coupled to the next."""
    total = 0.0
    for i in range(x.size - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


@njit(parallel=True)  # type: ignore[untyped-decorator]
def by_hand(x: Array) -> Array:
    """Compute central differences as one would write them with numba alone: a copy of ``x`` per coordinate."""
    gradient = np.empty_like(x)
    for i in numba.prange(x.size):
        h = 6.0554544523933395e-06 * max(1.0, abs(x[i]))  # cube root of the machine epsilon
        moved = x.copy()
        moved[i] = x[i] + h
        above, upper = rosenbrock(moved), moved[i]
        moved[i] = x[i] - h
        gradient[i] = (above - rosenbrock(moved)) / (upper - moved[i])
    return gradient


def compare(n: int = COORDINATES, rounds: int = ROUNDS) -> list[Timing]:
    """Time one gradient by jitgrad, by a loop in numba, and by SciPy.

    Parameters
    ----------
    n : int, optional
        Number of coordinates.
    rounds : int, optional
        How often each is timed, in turn with the others.

    Returns
    -------
    list of Timing
        The first is jitgrad's.
    """
    from scipy.optimize import approx_fprime, rosen_der
    from scipy.optimize._numdiff import approx_derivative

    calls = 0

    def counted(x: Array) -> Any:
        nonlocal calls
        calls += 1
        return rosenbrock(x)

    ways: dict[str, Callable[[Any], Any]] = {
        "jitgrad, central": lambda _: prepared(x),
        "numba by hand, prange, central": lambda _: by_hand(x),
        "SciPy approx_fprime, forward": lambda loss: approx_fprime(x, loss),
        "SciPy approx_derivative, 3-point": lambda loss: approx_derivative(loss, x, method="3-point"),
    }
    prepared = jitgrad.gradient_of(rosenbrock)
    x = np.random.default_rng(0).uniform(-2.0, 2.0, n)
    exact: FloatArray = rosen_der(x)
    found = []
    for name, way in ways.items():
        calls = 0
        gradient, first = _timed(way, rosenbrock)
        way(counted)
        error = float(np.abs(gradient - exact).max() / np.abs(exact).max())
        # The compiled ones evaluate where Python cannot count: twice per coordinate, and jitgrad once at x.
        found.append((name, calls or 2 * n + (name == "jitgrad, central"), first, error))
    times = [[_timed(way, rosenbrock)[1] for way in ways.values()] for _ in range(rounds)]
    return [
        Timing(name, evaluations, first, median(row[k] for row in times), error)
        for k, (name, evaluations, first, error) in enumerate(found)
    ]


def _timed(way: Callable[[Any], Any], loss: Any) -> tuple[Any, float]:
    before = perf_counter()
    gradient = way(loss)
    return gradient, perf_counter() - before


def introduction() -> str:
    """Return what is printed before the timing."""
    threads = numba.get_num_threads()
    return f"""\
2. A TIMING: one gradient of Rosenbrock's function of {COORDINATES} coordinates
  The same jitted loss for all; {threads} thread{"s" * (threads > 1)}. Compiling ..."""


def report(timings: list[Timing]) -> str:
    """Return a table of time, ratio and error.

    Parameters
    ----------
    timings : list of Timing
        Ratios are relative to the first.
    """
    best = timings[0]
    lines = ["", f"  {'gradient by':<34}{'evaluations':>12}{'time':>13}{'ratio':>9}{'error':>12}{'first call':>14}"]
    lines += [
        f"  {t.name:<34}{t.evaluations:>12}{t.seconds * 1e3:>10.3f} ms{t.seconds / best.seconds:>9.2f}{t.error:>12.1e}"
        f"{t.first_seconds:>12.2f} s"
        for t in timings
    ]
    return "\n".join(
        [
            *lines,
            f"  Time: median of {ROUNDS} rounds in turn, everything compiled; ratio: to jitgrad's time. Error: the",
            "  largest, relative to the largest exact derivative; forward differences make half the",
            "  evaluations and are less accurate. First call: with compilation, where there is any left.",
        ]
    )
