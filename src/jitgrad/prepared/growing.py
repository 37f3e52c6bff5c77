"""Steps of coordinates that are small by chance: enlarged until a second difference is seen above rounding."""

from __future__ import annotations

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.launch.evaluator import Evaluator

FACTOR, MOST_ROUNDS = 10.0, 12
"""How much a step grows at once, and how often; then it is that of a coordinate of size 1."""

SMALLEST = 1e-30
"""No unit makes coordinates smaller than this: they are as good as 0. The square of a step must not vanish, either."""

VISIBLE, VISIBLE_SINGLE = 1e-6, 1e-2
"""Rounding, relative to the second difference, at which a step is large enough; in float32 better steps leave 1e-3."""


def grown_steps(
    evaluator: Evaluator, targets: IntArray, lower: FloatArray, upper: FloatArray, unit: float
) -> FloatArray:
    """Return the least step of each coordinate: 0 where that proportional to ``|x|`` will do.

    Rounding of a second derivative grows with the square of ``1 / h``, and nothing checks it afterwards. A coordinate
    of 1e-4 may be so because that is its unit, and then the loss bends visibly over steps of a fraction of that; or by
    chance, and then its second difference drowns.

    Parameters
    ----------
    evaluator : Evaluator
    targets : ndarray of int64, shape (k,)
    lower, upper : ndarray of float64, shape (k,)
        Bounds of those coordinates.
    unit : float
        Step of a coordinate of size 1.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    points = evaluator.points
    x = points.reshape(-1)[targets].astype(np.float64)
    steps, floors = unit * np.abs(x), np.where(np.abs(x) < SMALLEST, unit, 0.0)
    active = np.flatnonzero((steps < unit) & (floors == 0.0) & (lower < upper))
    eps = float(np.finfo(points.dtype).eps)
    visible = VISIBLE_SINGLE if points.dtype == np.float32 else VISIBLE
    for _ in range(MOST_ROUNDS):
        if active.size == 0:
            return floors
        h, at = steps[active], x[active]
        # On both sides, or on that which has more room.
        both = (at - h >= lower[active]) & (at + h <= upper[active])
        side = np.where(upper[active] - at >= at - lower[active], 1.0, -1.0)
        nodes = np.stack([at + np.where(both, -1.0, side) * h, at + np.where(both, 1.0, 2.0 * side) * h])
        nodes = np.clip(nodes, lower[active], upper[active]).astype(points.dtype)
        near, far = evaluator.displaced(np.tile(targets[active], 2), nodes.reshape(-1)).reshape(2, -1)
        here = evaluator.at_points()[targets[active] // points.shape[1]]
        with np.errstate(all="ignore"):
            bend = np.abs(np.where(both, near - 2.0 * here + far, here - 2.0 * near + far))
            largest = np.maximum(np.maximum(np.abs(near), np.abs(far)), np.abs(here))
            drowned = 4.0 * eps * largest > visible * bend  # not where something is not finite
        active = active[drowned]
        steps[active] = np.minimum(FACTOR * steps[active], unit)
        floors[active] = steps[active]
        active = active[steps[active] < unit]
    floors[active] = unit
    return floors
