"""The rounds of an extrapolation: who is evaluated next, and on which side of ``x``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.extrapolation.levels import BACKWARD, FORWARD, Levels, choose_side
from jitgrad.extrapolation.rule import largest_steps
from jitgrad.extrapolation.table import Slopes
from jitgrad.steps.rule import Extrapolated, Search

Summary = tuple[FloatArray, FloatArray, Array]
"""Derivative, error, and whether more levels would not help; each of shape (rows,)."""


def extrapolate_in_rounds(
    search: Search,
    start: object,
    levels: int,
    ratio: float,
    first: int,
    summarise: Callable[[Slopes], Summary],
) -> Extrapolated:
    """Evaluate levels until a rule is content, or all are evaluated.

    Parameters
    ----------
    search : Search
    start, levels, ratio
        The largest step, and how many smaller ones there are, in which ratio.
    first : int
        Levels in the first round; every later round adds one for the coordinates that are not finished.
    summarise : callable
        Combines the slopes at the levels evaluated so far.
    """
    points = search.evaluator.points
    largest = largest_steps(start, points, search.stencil.order).reshape(-1)[search.targets]
    fixed = search.lower == search.upper
    found = Extrapolated(np.where(fixed, 0.0, np.nan), np.where(fixed, 0.0, np.inf), np.zeros(fixed.size, np.int64))
    with np.errstate(all="ignore"):  # what is not finite is left out
        side = choose_side(search, largest)
        # The values of a loss that ends at x are finite on one side only.
        for attempt in (side, np.full_like(side, FORWARD), np.full_like(side, BACKWARD)):
            waiting = np.flatnonzero(np.isnan(found.derivative) & ((attempt is side) | (attempt != side)))
            for begin in range(0, waiting.size, BLOCK):
                rows = waiting[begin : begin + BLOCK]
                nodes = Levels(search, rows, attempt[rows], largest[rows], levels, ratio)
                _climb(nodes, rows, levels, first, summarise, found)
    return found


BLOCK = 8192
"""Coordinates that share their rounds: their tables take some 2 kB each."""


def _climb(
    nodes: Levels, rows: IntArray, levels: int, first: int, summarise: Callable[[Slopes], Summary], found: Extrapolated
) -> None:
    """Add levels to `rows` until the rule is content, and write down what it finds."""
    active = np.arange(rows.size)
    for stop in range(min(first, levels), levels + 1):
        nodes.evaluate(active, stop)
        derivative, error, finished = summarise(nodes.slopes(active))
        found.derivative[rows[active]], found.error[rows[active]] = derivative, error
        active = active[~finished]
        if active.size == 0:
            break
    found.evaluations[rows] += nodes.used
