"""jitgrad against a loop by hand on every dense scenario: python -m benchmarks.by_hand [n].

Both run in turn in one process; printed are the fastest times, their ratio, and the median of the ratios of
neighbouring calls, which a machine that is busy for a while disturbs least.
"""

from __future__ import annotations

import math
import statistics
import sys
from time import perf_counter

import jitgrad as jg
from benchmarks.rivals import loop_by_hand
from jitgrad.testing import scenarios

SECONDS = 4.0
"""Time for the rounds of one scenario."""


def compare(s):
    """Return the fastest time of both, in seconds, and the median ratio."""
    ours, theirs = jg.gradient_of(s.loss), loop_by_hand(s.loss)
    for way in (ours, theirs, ours, theirs):
        way(s.point, *s.args)
    pairs = []
    start = perf_counter()
    while len(pairs) < 7 or (perf_counter() - start < SECONDS and len(pairs) < 2000):
        # In turns who goes first: the second finds the threads awake.
        order = (ours, theirs) if len(pairs) % 2 else (theirs, ours)
        times = {}
        for way in order:
            before = perf_counter()
            way(s.point, *s.args)
            times[way] = perf_counter() - before
        pairs.append((times[ours], times[theirs]))
    best = [min(times) for times in zip(*pairs, strict=True)]
    return *best, statistics.median(a / b for a, b in pairs)


def main():
    """Print a line per scenario and the geometric means."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    ratios, medians = [], []
    for s in scenarios(n):
        # numba's prange cannot pass tuples of arguments on, so there is no such loop to compare with.
        if not s.dense or s.n < n // 2 or any(isinstance(value, tuple) for value in s.args):
            continue
        ours, theirs, median = compare(s)
        ratios.append(ours / theirs)
        medians.append(median)
        line = f"{s.name:22} n {s.n:5}  {1e3 * ours:9.3f} ms  by hand {1e3 * theirs:9.3f} ms"
        print(f"{line}  ratio {ratios[-1]:.3f}  median {median:.3f}", flush=True)
    means = [math.exp(statistics.fmean(map(math.log, values))) for values in (ratios, medians)]
    print(f"geometric mean of {len(ratios)}: {means[0]:.3f}, of the medians {means[1]:.3f}")


if __name__ == "__main__":
    main()
