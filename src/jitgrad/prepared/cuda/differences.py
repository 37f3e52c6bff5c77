"""Difference formulas on a GPU, for points that lie there: probes are made and values combined by kernels.

They do what `jitgrad.difference` does on the CPU, with the same placing of nodes, and leave out what would have to be
looked at by the CPU: what cannot be computed is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jitgrad.difference import step_of
from jitgrad.formula import ANCHOR, AT_ZERO, COUNT, KNEE, LEAST, MOST, ORDER, RELATIVE
from jitgrad.launch.cuda.terms import FAULTY, NO_REFERENCE, POINT
from jitgrad.loss.device.form import device_element
from jitgrad.loss.device.target import cuda
from jitgrad.nodes import FIXED, place_nodes

_step_of, _place_nodes = device_element(step_of), device_element(place_nodes)

NOT_EVALUATED = -1
"""Point of a probe that is left out."""


def place_kernel(
    points: Any, targets: Any, stencil: Any, settings: Any, limits: Any, with_value: bool, point: Any, begin: Any,
    coordinate: Any, value: Any, displacements: Any, weights: Any, reference: Any,
) -> None:  # fmt: skip
    """Make the probes of a gradient: first every point itself, then as many for each target as the formula has nodes.

    One thread per target, and for the points at least as many as there are points. Receives in `reference` what is
    subtracted from the values of a target: the place of one of its own probes, counted from the first behind the
    points, or one of the constants of `jitgrad.launch.cuda.terms`.
    """
    t = cuda.grid(1)
    m, n = points.shape
    slots = stencil.shape[2]
    if t < m:
        point[t], begin[t] = t if with_value else NOT_EVALUATED, 0
    if t < targets.size:
        p = targets[t] // n
        j = targets[t] - p * n
        row, column = min(p, limits.shape[0] - 1), min(j, limits.shape[1] - 1)
        x = points[p, j]
        lower, upper = limits[row, column, 1], limits[row, column, 2]
        h = _step_of(
            x, settings[RELATIVE], limits[row, column, 0], settings[AT_ZERO], settings[KNEE], settings[LEAST], 0.0,
            settings[MOST],
        )  # fmt: skip
        form = 1 if x == 0.0 else 0
        first = t * slots
        nodes, moves = value[first : first + slots], displacements[first : first + slots]
        count = -1
        if lower <= x <= upper:
            count = _place_nodes(
                x, h, lower, upper, stencil, form, int(settings[COUNT + form]), int(settings[ORDER]), settings[ANCHOR],
                nodes, moves, weights[first : first + slots],
            )  # fmt: skip
        reference[t] = first if count > 0 else NO_REFERENCE if count == FIXED else FAULTY
        for k in range(slots):
            probe = m + first + k
            used = k < count and moves[k] != 0.0
            if k < count and not used:
                reference[t] = POINT
            point[probe] = p if used else NOT_EVALUATED
            begin[probe] = first + k
            coordinate[first + k] = j
    if t == 0:
        begin[m + targets.size * slots] = targets.size * slots


def combine_kernel(
    targets: Any, n: int, m: int, values: Any, point: Any, weights: Any, reference: Any, gradient: Any
) -> None:
    """Sum the weighted differences of every target, as `jitgrad.difference.combine_values` does; one thread each."""
    t = cuda.grid(1)
    if t < targets.size:
        slots = weights.size // targets.size
        first, base, total = t * slots, reference[t], 0.0
        if base == FAULTY:
            total = np.nan
        elif base != NO_REFERENCE:
            subtracted = values[targets[t] // n] if base == POINT else values[m + base]
            for k in range(first, first + slots):
                if point[m + k] >= 0:
                    total += weights[k] * (values[m + k] - subtracted)
        gradient[t] = total
