"""What the checks of `Auto` cost, on every dense scenario: python -m benchmarks.auto_cost [n].

A gradient with `Auto` and one with a fixed step run in turn in one process, both with the loss at the point; printed
are the fastest times, their ratio, and the median of the ratios of neighbouring calls.
"""

from __future__ import annotations

import math
import statistics
import sys
from time import perf_counter

import jitgrad as jg
from jitgrad.testing import scenarios

SECONDS = 3.0
"""Time for the rounds of one scenario."""


def compare(s):
    """Return the fastest time of both, in seconds, and the median ratio."""
    checked, fixed = jg.gradient_of(s.loss), jg.gradient_of(s.loss, step=jg.Textbook())
    for way in (checked, fixed) * 3:
        way(s.point, *s.args)
    pairs = []
    start = perf_counter()
    while len(pairs) < 7 or (perf_counter() - start < SECONDS and len(pairs) < 2000):
        order = (checked, fixed) if len(pairs) % 2 else (fixed, checked)
        times = {}
        for way in order:
            before = perf_counter()
            way(s.point, *s.args)
            times[way] = perf_counter() - before
        pairs.append((times[checked], times[fixed]))
    best = [min(times) for times in zip(*pairs, strict=True)]
    return *best, statistics.median(a / b for a, b in pairs)


def main():
    """Print a line per scenario and the geometric means."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    ratios, medians = [], []
    for s in scenarios(n):
        if not s.dense or s.n < n // 2:
            continue
        checked, fixed, median = compare(s)
        ratios.append(checked / fixed)
        medians.append(median)
        line = f"{s.name:22} n {s.n:5}  {1e3 * checked:9.3f} ms  fixed {1e3 * fixed:9.3f} ms"
        print(f"{line}  ratio {ratios[-1]:.3f}  median {median:.3f}", flush=True)
    means = [math.exp(statistics.fmean(map(math.log, values))) for values in (ratios, medians)]
    print(f"geometric mean of {len(ratios)}: {means[0]:.3f}, of the medians {means[1]:.3f}")


if __name__ == "__main__":
    main()
