"""What every extrapolation takes."""

from __future__ import annotations

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.steps import Relative, as_scaling_rule

START = Relative(0.125)
"""The largest step, unless it is given: ``|x| / 8``. Functions with a singularity at 0 (powers, logarithms) have
series in ``h / |x|``, of which a few halvings from 1/8 leave 1e-16."""


def check_levels(levels: int, ratio: float, least: int) -> None:
    """Raise unless there are enough levels and they grow apart."""
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer):
        raise TypeError(f"levels must be an integer, got {levels!r}.")
    if not least <= levels <= MOST_LEVELS:
        raise ValueError(
            f"levels must lie between {least} and {MOST_LEVELS}, got {levels}. Each is a step, a ratio smaller than "
            "the one before."
        )
    if not (LEAST_RATIO <= ratio <= LARGEST_RATIO):
        raise ValueError(
            f"ratio must lie between {LEAST_RATIO} and {LARGEST_RATIO}, got {ratio!r}. "
            "It is the larger of two neighbouring steps over the smaller."
        )


MOST_LEVELS = 16
LEAST_RATIO = 1.1  # below, the weights of five levels pass 1e5, and digits go with them
LARGEST_RATIO = 16.0


def largest_steps(start: object, x: Array, order: int) -> FloatArray:
    """Evaluate ``start=``, read like ``step=``, at the points `x` of shape (m, n); returns the same shape."""
    scaling = as_scaling_rule(start).scaling(x.dtype, order)
    floor = np.asarray(scaling.floor, np.float64)
    try:
        floor = np.broadcast_to(floor, x.shape)
    except ValueError:
        raise ValueError(
            f"start must be one number or one per coordinate, got shape {floor.shape} for x of shape {x.shape}. "
            "Give one number, or Relative(r)."
        ) from None
    steps = np.maximum(scaling.relative * np.abs(x.astype(np.float64)), floor)
    # A coordinate so small that one over its step overflows counts as 0.
    info = np.finfo(x.dtype)
    vanishes = (steps < info.tiny / info.eps) & (scaling.at_zero > 0.0)
    return np.where(vanishes, scaling.at_zero, steps)
