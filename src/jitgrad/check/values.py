"""Values of any loss, jitted or not, at any points."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.launch.cpu import evaluate
from jitgrad.launch.evaluator import Launch
from jitgrad.launch.probes import Probes, each_point, part_of, replaced
from jitgrad.launch.threads import exclusive
from jitgrad.loss.accept import is_jitted
from jitgrad.loss.bind import bind
from jitgrad.loss.returned import real_number


def values_at(loss: Any, args: tuple[Any, ...], points: Array) -> FloatArray:
    """Evaluate a loss at every row of `points`.

    Parameters
    ----------
    loss : numba dispatcher or callable
    args : tuple
        What the loss takes after ``x``.
    points : ndarray of shape (m, n)

    Returns
    -------
    ndarray of float64, shape (m,)
    """
    if not is_jitted(loss):
        return np.array([real_number(loss, loss(row.copy(), *args)) for row in points])
    nothing = np.empty((len(points), 0))
    return _jitted(loss, args, points)(replaced(points, np.arange(len(points)), nothing, nothing))


def launcher(loss: Any, args: tuple[Any, ...], points: Array) -> Launch:
    """Return what evaluates single coordinates of `points` replaced."""
    if is_jitted(loss):
        return _jitted(loss, args, points)

    def launch(probes: Probes, skip: int = 0) -> FloatArray:
        wanted = each_point(part_of(probes, skip, probes.point.size))
        return np.array([np.nan] * skip + [real_number(loss, loss(x, *args)) for _, x in wanted])

    return launch


def _jitted(loss: Any, args: tuple[Any, ...], points: Array) -> Launch:
    with exclusive():  # the loss, which is tried out here, may start threads of its own
        bound = bind(loss, points, args, (None,) * len(args), (len(points),))
        seconds = bound.seconds(points)
    return lambda probes, skip=0: evaluate(bound, probes, seconds, skip=skip).values
