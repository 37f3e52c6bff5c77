"""The benchmark table of the README: python -m benchmarks.table [--write].

All ways to a gradient run in turn in one process, and the fastest of many rounds counts: whatever else the machine does
can only add to a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from time import perf_counter

import numba
import numpy as np
import scipy

import jitgrad as jg
from benchmarks.bench_gradient import relative_error
from benchmarks.rivals import loop_by_hand, scipy_differences
from jitgrad.testing import scenario

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
SCENARIOS = ("rosenbrock", "lennard_jones", "perceptron")
SIZES = (100, 1000)
SECONDS = 3.0
"""Time for the rounds of one row."""

RIVALS = ("loop by hand", "SciPy 2-point", "SciPy 3-point")


def row(name: str, n: int) -> str:
    """Measure one scenario."""
    s = scenario(name, n)
    ways = [
        jg.gradient_of(s.loss),
        loop_by_hand(s.loss),
        scipy_differences(s.loss, "2-point"),
        scipy_differences(s.loss, "3-point"),
        jg.gradient_of(s.loss, order=6),
    ]
    for way in ways[:1] + ways:  # compiles, and jitgrad learns what an evaluation costs
        way(s.point, *s.args)
    rounds: list[list[float]] = []
    start = perf_counter()
    while len(rounds) < 5 or (perf_counter() - start < SECONDS and len(rounds) < 200):
        times = []
        for way in ways[:4]:
            before = perf_counter()
            way(s.point, *s.args)
            times.append(perf_counter() - before)
        rounds.append(times)
    best = [min(times) for times in zip(*rounds, strict=True)]
    exact = s.gradient(s.point, *s.args)
    errors = [relative_error(ways[k](s.point, *s.args), exact) for k in (0, 2, 4)]
    cells = [
        name.replace("_", " "),
        str(s.n),
        f"{1e3 * best[0]:.3g} ms",
        *(f"{time / best[0]:.1f}" for time in best[1:]),
        *(f"{error:.0e}" for error in errors),
    ]
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """Measure all scenarios and write the section."""
    versions = (
        f"Python {platform.python_version()}, numba {numba.__version__}, NumPy {np.__version__}, "
        f"SciPy {scipy.__version__}"
    )
    return "\n".join(
        [
            f"| loss | n | `jitgrad` | {' | '.join(RIVALS)} | error `jitgrad` | error 2-point | error `order=6` |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
            *(row(name, n) for name in SCENARIOS for n in SIZES),
            "",
            "Time of one gradient with `gradient_of` (central, order 2), that of others as multiples of it, and the",
            "largest error relative to the largest exact derivative. All call the same compiled loss. The loop by hand",
            "is a `prange` loop with central differences, compiled for each loss; SciPy's 2-point evaluates half as",
            "often and is less accurate. Fastest of many rounds in turn in one process;",
            f"{os.cpu_count()} cores ({platform.machine()}), {versions}.",
            "`python -m benchmarks.table` measures yours.",
        ]
    )


def main() -> None:
    """Print the table, or write it into the README."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="rewrite the section of the README")
    write = parser.parse_args().write
    measured = table()
    if not write:
        sys.stdout.write(measured + "\n")
        return
    text = README.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{measured}\n{END}{after}")


if __name__ == "__main__":
    main()
