"""How far to go along a direction: the step of a directional derivative, and what the bounds leave of it."""

from __future__ import annotations

import numpy as np

from jitgrad._jit import kernel
from jitgrad._types import Array, FloatArray
from jitgrad.difference import step_of, usual_size
from jitgrad.formula import AT_ZERO, KNEE, LEAST, MOST, RELATIVE, USUAL, Formula

LEAST_ROOM = 64.0
"""So many representable numbers must lie between the ends of a line, on the coordinate that resolves it best."""


@kernel
def steps_along(points: Array, directions: Array, formula: Formula) -> FloatArray:
    """Return the largest multiple of each direction that takes no coordinate further than its own step.

    If the loss changes on the length ``L_i`` of each coordinate, then along ``v`` it does on ``min(L_i / |v_i|)``, and
    the steps of the rule are proportional to the lengths it assumes.

    Parameters
    ----------
    points, directions : ndarray of shape (m, n)
    formula : Formula
        Its steps are used.

    Returns
    -------
    ndarray of float64, shape (m,)
        1 where the direction is 0.
    """
    settings, limits = formula.settings, formula.limits
    relative, at_zero, knee, least = settings[RELATIVE], settings[AT_ZERO], settings[KNEE], settings[LEAST]
    m, n = points.shape
    found = np.empty(m)
    for p in range(m):
        usual = 0.0
        if settings[USUAL] > 0.0:
            usual = settings[USUAL] * step_of(usual_size(points, p), relative, 0.0, 0.0, knee, least, 0.0, 0.0)
        smallest = np.inf
        for j in range(n):
            if directions[p, j] != 0.0:
                floor = limits[min(p, limits.shape[0] - 1), min(j, limits.shape[1] - 1), 0]
                h = step_of(points[p, j], relative, floor, at_zero, knee, least, usual, settings[MOST])
                smallest = min(smallest, h / abs(directions[p, j]))
        found[p] = smallest if smallest < np.inf else 1.0
    return found


def free_directions(directions: Array, lower: FloatArray, upper: FloatArray) -> Array:
    """Return the directions without coordinates that are held fixed: by those all derivatives are 0."""
    return np.where(lower == upper, 0.0, directions).astype(directions.dtype)


def ends_of_lines(
    points: Array, directions: Array, lower: FloatArray, upper: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest multiple of each direction that stays within the bounds.

    Parameters
    ----------
    points, directions : ndarray of shape (m, n)
    lower, upper : ndarray, broadcast to (m, n)
        Finite.

    Returns
    -------
    first, last : ndarray of float64, shape (m,)
        At most 0 and at least 0.

    Raises
    ------
    ValueError
        If a point cannot move either way.
    """
    x, d = points.astype(np.float64), directions.astype(np.float64)
    eps = float(np.finfo(points.dtype).eps)
    with np.errstate(all="ignore"):
        # A little less than the room, so that x + t * d, rounded, does not lie outside.
        below, above = (1.0 - 4.0 * eps) * (lower - x) / d, (1.0 - 4.0 * eps) * (upper - x) / d
        first = np.where(d > 0, below, np.where(d < 0, above, -np.inf)).max(axis=1, initial=-np.inf)
        last = np.where(d > 0, above, np.where(d < 0, below, np.inf)).min(axis=1, initial=np.inf)
        room = ((last - first)[:, None] * np.abs(d) / np.spacing(np.abs(points))).max(axis=1, initial=0.0)
    stuck = np.flatnonzero((room < LEAST_ROOM) & (d != 0).any(axis=1))
    if stuck.size:
        where = f" at point {stuck[0]}" if len(points) > 1 else ""
        raise ValueError(
            f"bounds must leave room to move x along v, but they leave none on either side{where}. Give a direction "
            "that leads inside, or multiply v with grad_cpu or hessian_cpu, which move one coordinate at a time."
        )
    largest = float(np.finfo(points.dtype).max)
    return np.clip(first, -largest, 0.0), np.clip(last, 0.0, largest)
