"""Values of any loss, jitted or not, at any points."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.launch.cpu import evaluate
from jitgrad.launch.evaluator import Launch
from jitgrad.launch.probes import Probes, replaced
from jitgrad.launch.threads import exclusive
from jitgrad.loss.accept import is_jitted, loss_name
from jitgrad.loss.bind import bind


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
        return np.array([_number(loss, loss(row.copy(), *args)) for row in points])
    nothing = np.empty((len(points), 0))
    return _jitted(loss, args, points)(replaced(points, np.arange(len(points)), nothing, nothing))


def launcher(loss: Any, args: tuple[Any, ...], points: Array) -> Launch:
    """Return what evaluates single coordinates of `points` replaced."""
    if is_jitted(loss):
        return _jitted(loss, args, points)

    def launch(probes: Probes, skip: int = 0) -> FloatArray:
        values = np.full(probes.point.size, np.nan)
        for k in range(skip, values.size):
            point = probes.point[k]
            x = points[point].copy()
            chosen = slice(probes.begin[k], probes.begin[k + 1])
            x[probes.coordinate[chosen]] = probes.value[chosen]
            values[k] = _number(loss, loss(x, *args))
        return values

    return launch


def _jitted(loss: Any, args: tuple[Any, ...], points: Array) -> Launch:
    with exclusive():  # the loss, which is tried out here, may start threads of its own
        bound = bind(loss, points, args, (None,) * len(args), (len(points),))
        seconds = bound.seconds(points)
    return lambda probes, skip=0: evaluate(bound, probes, seconds, skip=skip).values


def _number(loss: Any, value: Any) -> float:
    """Return what a plain loss gave as a float, or say what it gave."""
    if np.shape(value) != () or np.iscomplexobj(value):
        got = f"an array of shape {np.shape(value)}" if np.shape(value) != () else f"the complex number {value!r}"
        raise TypeError(f"loss {loss_name(loss)!r} must return one real number, got {got}.")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"loss {loss_name(loss)!r} must return one real number, got {value!r} of type {type(value).__name__}."
        ) from None
