"""What is left of a loss along a direction after its value and its claimed slope are taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray

LARGEST, RATIO, LEVELS = 0.3, 10.0**0.5, 20
"""Distances go from 0.3 of the coordinates down by half decades to 1e-10: no step has to be chosen, and a loss that
changes on a scale of its own has still some decades below it."""

LEAST_STEP = 16.0
"""Smallest distance, in units of the precision of ``x``: below, all coordinates are rounded to a few values."""


class Remainders(NamedTuple):
    """Remainders of the loss along some directions, on both sides of a point.

    Attributes
    ----------
    t : ndarray of shape (levels,)
        Distances, descending.
    odd : ndarray of shape (directions, levels)
        ``(f(x + t u) - f(x - t u)) / 2 - t g.u``: of third order in t if g is right, of first order if not.
    even : ndarray of shape (directions, levels)
        ``(f(x + t u) + f(x - t u)) / 2 - f(x)``: of second order; of first order at a kink.
    moves : ndarray of shape (directions, levels)
        Larger of the two changes of the loss, ``|f(x +- t u) - f(x)|``.
    size : ndarray of shape (directions, levels)
        Largest value of the loss that took part.
    slope : ndarray of shape (directions,)
        ``g.u``.
    scale : ndarray of shape (directions,)
        ``sum |g_i u_i|``: what the slope is made of.
    values : ndarray
        All values of the loss that are finite.
    evaluations : int
    """

    t: FloatArray
    odd: FloatArray
    even: FloatArray
    moves: FloatArray
    size: FloatArray
    slope: FloatArray
    scale: FloatArray
    values: FloatArray
    evaluations: int


def random_directions(x: Array, count: int, rng: np.random.Generator) -> FloatArray:
    """Draw directions in which every coordinate moves by 0.5 to 1.5 times its own size.

    The size is ``|x|``, or 1 at 0, in every other direction, and ``max(|x|, 1)`` in the rest: a coordinate that is
    small by chance would hardly move in the first, and one that is small by nature would move too far in the second.
    Different lengths show two coordinates that were swapped.
    """
    size = np.abs(x.astype(np.float64))
    own = np.where(size > 0.0, size, 1.0)
    sizes = np.where(np.arange(count)[:, None] % 2 == 0, own, np.maximum(size, 1.0))
    signs = rng.choice([-1.0, 1.0], (count, x.size))
    return signs * rng.uniform(0.5, 1.5, (count, x.size)) * sizes


def measure(
    values_at: Callable[[Array], FloatArray], x: Array, gradient: FloatArray, directions: FloatArray
) -> Remainders:
    """Evaluate the loss along directions and take away what the gradient says.

    Parameters
    ----------
    values_at : callable
        Evaluates the loss at every row of an array of points.
    x : ndarray of shape (n,), float64 or float32
    gradient : ndarray of shape (n,)
    directions : ndarray of shape (d, n)

    Notes
    -----
    The slope is multiplied by the displacements that took place, after rounding of the points, so that single
    precision of ``x`` does not look like an error of the gradient.
    """
    t = LARGEST * RATIO ** -np.arange(float(LEVELS))
    t = t[t >= LEAST_STEP * np.finfo(x.dtype).eps]
    g = gradient.astype(np.float64)
    center = float(values_at(x[None])[0])
    odd, even, moves, size, seen = [], [], [], [], [np.array([center])]
    for u in directions:
        points = (x + np.concatenate([t, -t])[:, None] * u).astype(x.dtype)
        values = values_at(points)
        seen.append(values[np.isfinite(values)])
        values = np.where(np.isfinite(values), values, np.nan)
        displaced = (points.astype(np.float64) - x.astype(np.float64)) @ g
        above, below = (values - center - displaced).reshape(2, -1)
        odd.append(0.5 * (above - below))
        even.append(0.5 * (above + below))
        moves.append(np.max(np.abs(values - center).reshape(2, -1), axis=0))
        size.append(np.max(np.abs(values.reshape(2, -1)), axis=0, initial=abs(center)))
    return Remainders(
        t,
        np.array(odd),
        np.array(even),
        np.array(moves),
        np.array(size),
        directions @ g,
        np.abs(directions * g).sum(axis=1),
        np.concatenate(seen),
        1 + 2 * t.size * len(directions),
    )
