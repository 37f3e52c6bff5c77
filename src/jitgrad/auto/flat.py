"""Coordinates that the loss ignores: four more values say so, instead of the ladder's twenty."""

from __future__ import annotations

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.evaluator import Evaluator

NEAR, FAR = 0.125, 1.5
"""Distances of the two pairs that must show no change, in units of ``|x|``; of 1 where ``x`` is 0. Both are far above
the formula's step; the second not by a whole number, and beyond 0."""

SMALLEST = 1e-3
"""Smaller coordinates than this say nothing about the length on which a loss changes, and are left to the ladder."""


def ignored(evaluator: Evaluator, targets: IntArray, lower: FloatArray, upper: FloatArray) -> Array:
    """Say of which coordinates the derivative 0 is to be believed where a formula saw no change at all.

    The near pair must give exactly the loss at the point, which a plateau narrower than an eighth of ``|x|`` does not.
    Of the far pair one value may differ: a unit of a network that is never active on the data becomes so far away, on
    one side. Stairs go up on one side and down on the other.

    Parameters
    ----------
    evaluator : Evaluator
    targets : ndarray of int64, shape (k,)
    lower, upper : ndarray of float64, shape (k,)
        Bounds of those coordinates; the loss is not evaluated outside.

    Returns
    -------
    ndarray of bool, shape (k,)
    """
    points = evaluator.points
    x = points.reshape(-1)[targets]
    size = np.abs(x.astype(np.float64))
    scale = np.where(size > 0.0, size, 1.0)
    believed = scale >= SMALLEST
    for distance, most in ((NEAR, 0), (FAR, 1)):
        chosen = np.flatnonzero(believed)
        if chosen.size == 0:
            break
        where = targets[chosen]
        sides = np.concatenate(
            [np.clip(x[chosen] + side * distance * scale[chosen], lower[chosen], upper[chosen]) for side in (-1.0, 1.0)]
        ).astype(points.dtype)
        values = evaluator.displaced(np.concatenate([where, where]), sides).reshape(2, -1)
        changed = values != evaluator.at_points()[where // points.shape[1]]  # as a value does that is not a number
        believed[chosen] = changed.sum(axis=0) <= most
    return believed
