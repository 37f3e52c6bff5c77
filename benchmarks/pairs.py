"""Two ways to the same gradient, timed in turn in one process on every dense scenario."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

from jitgrad.testing import scenarios
from jitgrad.testing.definition import Scenario

SECONDS = 4.0
"""Time for the rounds of one scenario."""

Way = Callable[..., Any]


def compare(ours: Way, theirs: Way, s: Scenario) -> tuple[float, float, float]:
    """Return the fastest time of both, in seconds, and the median of the ratios of neighbouring calls.

    The median is what a machine that is busy for a while disturbs least.
    """
    for way in (ours, theirs) * 3:
        way(s.point, *s.args)
    pairs: list[tuple[float, float]] = []
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
    return best[0], best[1], statistics.median(a / b for a, b in pairs)


def report(n: int, ways: Callable[[Scenario], tuple[Way, Way] | None], name: str) -> None:
    """Print a line per dense scenario, and the geometric means of the ratios.

    Parameters
    ----------
    n : int
        Number of coordinates.
    ways : callable
        Makes both ways for a scenario; None to leave it out.
    name : str
        Of the second way.
    """
    ratios, medians = [], []
    for s in scenarios(n):
        both = ways(s) if s.dense and s.n >= n // 2 else None
        if both is None:
            continue
        ours, theirs, median = compare(*both, s)
        ratios.append(ours / theirs)
        medians.append(median)
        line = f"{s.name:22} n {s.n:5}  {1e3 * ours:9.3f} ms  {name} {1e3 * theirs:9.3f} ms"
        print(f"{line}  ratio {ratios[-1]:.3f}  median {median:.3f}", flush=True)
    means = [math.exp(statistics.fmean(map(math.log, values))) for values in (ratios, medians)]
    print(f"geometric mean of {len(ratios)}: {means[0]:.3f}, of the medians {means[1]:.3f}")
