"""The V curves of an estimate: slope and error against the step, from values at many steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.ladder import Climbed
from jitgrad.launch.evaluator import Evaluator

STEPS = 60
"""Steps of one curve, over all scales that the precision of ``x`` shows and a little beyond the one chosen."""


def draw_curves(
    around: Evaluator,
    targets: IntArray,
    lower: FloatArray,
    upper: FloatArray,
    climbed: Climbed,
    chosen: list[tuple[int, ...]],
) -> Any:
    """Draw the curves of some coordinates side by side.

    Parameters
    ----------
    around : Evaluator
    targets : ndarray of int64
        Flat indices into the points, in the shape of the estimate.
    lower, upper : ndarray, shape (targets,)
        Bounds; the loss is not evaluated outside.
    climbed : Climbed
        What was estimated.
    chosen : list of tuple of int
        Indices into `targets`.

    Returns
    -------
    matplotlib Figure
    """
    from jitgrad.plotting import panels, plot_ladder

    figure, parts = panels(len(chosen))
    for part, index in zip(parts, chosen, strict=True):
        k = int(np.ravel_multi_index(index, targets.shape))
        steps, slopes = _curve(around, int(targets.reshape(-1)[k]), lower[k], upper[k], climbed.step[k])
        plot_ladder(
            steps,
            slopes,
            derivative=float(climbed.derivative[k]),
            error=float(climbed.error[k]),
            noise=float(climbed.noise[k]),
            step=float(climbed.step[k]),
            name=f"x[{', '.join(map(str, index))}]",
            figure=part,
        )
    return figure


def _curve(around: Evaluator, target: int, low: float, high: float, step: float) -> tuple[FloatArray, FloatArray]:
    """Evaluate differences at many steps: central ones where both sides are within the bounds and finite.

    NaN where neither side is.
    """
    x = around.points.reshape(-1)[target]
    at_point = around.at_points()[target // around.points.shape[1]]
    size = float(abs(x)) or 1.0
    smallest = 4.0 * float(np.spacing(np.abs(x))) if x != 0 else 1e-16
    largest = 30.0 * step if np.isfinite(step) else size
    h = np.geomspace(smallest, max(largest, 10.0 * smallest), STEPS).astype(around.points.dtype)
    with np.errstate(over="ignore"):  # the bounds are finite
        above, below = np.minimum(x + h, high).astype(h.dtype), np.maximum(x - h, low).astype(h.dtype)
    values = around.displaced(np.full(2 * STEPS, target), np.concatenate([above, below]))
    usable = np.isfinite(values)
    ends = np.where(usable, np.concatenate([above, below]).astype(np.float64), float(x))
    values = np.where(usable, values, at_point)
    with np.errstate(all="ignore"):
        slopes = (values[:STEPS] - values[STEPS:]) / (ends[:STEPS] - ends[STEPS:])
    return h.astype(np.float64), slopes
