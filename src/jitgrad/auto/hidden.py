"""Structure that looked like noise, in single precision: two more values, so near that only noise would remain."""

from __future__ import annotations

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.evaluator import Evaluator

SPACINGS = 64.0
"""Distance of the pair, in spacings of ``x``: as near as the slope at the point still makes a difference."""

REMAINS = 0.03
"""What independent noise leaves of both differences less often than once in five thousand times."""


def hides_structure(
    evaluator: Evaluator,
    targets: IntArray,
    lower: FloatArray,
    upper: FloatArray,
    slope: FloatArray,
    noise: FloatArray,
) -> Array:
    """Say where next to the point the loss is a straight line, although it seemed to be noisy.

    Parameters
    ----------
    evaluator : Evaluator
    targets : ndarray of int64, shape (k,)
    lower, upper : ndarray of float64, shape (k,)
        Bounds of those coordinates. Where they leave no room, nothing is said.
    slope, noise : ndarray of float64, shape (k,)
        As they were found.

    Returns
    -------
    ndarray of bool, shape (k,)
    """
    points = evaluator.points
    x = points.reshape(-1)[targets]
    h = (SPACINGS * np.spacing(np.abs(x))).astype(points.dtype)
    above, below = x + h, x - h
    room = np.flatnonzero((above <= upper) & (below >= lower) & (x != 0.0))
    hidden = np.zeros(targets.size, bool)
    where = targets[room]
    values = evaluator.displaced(np.concatenate([where, where]), np.concatenate([above[room], below[room]]))
    up, down = values.reshape(2, -1) - evaluator.at_points()[where // points.shape[1]]
    rise = slope[room] * (above[room].astype(np.float64) - below[room].astype(np.float64))
    small = REMAINS * noise[room]
    hidden[room] = (np.abs(up + down) <= small) & (np.abs(up - down - rise) <= small)
    return hidden
