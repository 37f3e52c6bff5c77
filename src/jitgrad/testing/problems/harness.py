"""Problems behind an `Evaluator`: what tuners and estimators are given, and what a judge keeps to himself."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.probes import Probes
from jitgrad.testing.problems.definition import Problem
from jitgrad.testing.problems.noise import Noise


class Course(NamedTuple):
    """A problem, ready to be evaluated, and the truth about it.

    Attributes
    ----------
    evaluator : Evaluator
        Its points have the shape (m, 1): every point of the problem is one with a single coordinate.
    derivative : ndarray of float64, shape (m,)
        Exact derivatives at the points of the evaluator.
    scale : ndarray of float64, shape (m,)
        What errors are relative to: ``|f'|``, or the typical slope of the problem where that is larger.
    sigma : ndarray of float64, shape (m,)
        Standard deviation of the noise at each point, without rounding.
    counts : ndarray of int64, shape (m,)
        Evaluations of each point so far, the point itself included; it grows as the evaluator is used.
    """

    evaluator: Evaluator
    derivative: FloatArray
    scale: FloatArray
    sigma: FloatArray
    counts: IntArray


def course(problem: Problem, dtype: Any = np.float64, noise: Noise | None = None) -> Course:
    """Make a problem ready to be evaluated.

    Parameters
    ----------
    problem : Problem
    dtype : {float64, float32}
        Type of ``x`` and of the arithmetic. In float32 points are left out where it cannot tell what happens:
        where a `length` has fewer than 1000 numbers, or ``|f'| * length`` is below 100 units in the last place of f.
    noise : Noise, optional
        Default: none. It is added before the value is rounded to `dtype`.

    Returns
    -------
    Course

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.testing.problems import course, problem
    >>> c = course(problem("parabola"))
    >>> x = c.evaluator.points[:, 0]
    >>> there = c.evaluator.displaced(np.arange(100), x + 1e-6)
    >>> bool(np.abs((there - c.evaluator.at_points()) / 1e-6 - c.derivative).max() < 1e-6)
    True
    >>> int(c.counts.max())
    2
    """
    noise = noise or Noise()
    kept = resolved(problem, dtype)
    x, length = problem.x[kept].astype(dtype), problem.length[kept]
    sigma = noise.level * problem.size()[kept]
    errors = noise.start()
    counts = np.zeros(x.size, np.int64)

    def launch(probes: Probes, skip: int = 0) -> FloatArray:
        moved = points_of(probes)[:, 0]
        np.add.at(counts, probes.point[skip:], 1)
        values = problem.values(moved)
        if noise.level > 0.0:
            error = sigma[probes.point] * errors(moved.astype(np.float64), length[probes.point])
            values = (values + error).astype(dtype).astype(np.float64)
        return values

    derivative = problem.derivative(x)
    scale = np.maximum(np.abs(derivative), problem.typical)
    return Course(Evaluator(x[:, None], launch), derivative, scale, sigma, counts)


def resolved(problem: Problem, dtype: Any) -> Array:
    """Say which points of a problem have steps in `dtype` that show the derivative; all have in float64."""
    if np.dtype(dtype) == np.float64:
        return np.ones(problem.x.size, bool)
    slope = np.maximum(np.abs(problem.derivative(problem.x)), problem.typical)
    spacing_x = np.spacing(np.abs(problem.x).astype(dtype))
    spacing_f = np.spacing(problem.size().astype(dtype))
    return np.asarray((spacing_x <= 1e-3 * problem.length) & (spacing_f <= 1e-2 * slope * problem.length))


def points_of(probes: Probes) -> Array:
    """Write out the points that a probe list stands for.

    Parameters
    ----------
    probes : Probes

    Returns
    -------
    ndarray of shape (probes, n), type of the points
    """
    points = probes.points[probes.point]
    if probes.along.size:
        moves = probes.along >= 0
        points[moves] += probes.distance[moves, None] * probes.directions[probes.along[moves]]
    rows = np.repeat(np.arange(probes.point.size), np.diff(probes.begin))
    points[rows, probes.coordinate] = probes.value
    return points
