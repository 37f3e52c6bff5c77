"""An estimate from random directions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from jitgrad._result import Estimate
from jitgrad._types import Array, BoolArray, FloatArray, IntArray
from jitgrad.estimators import Sampled, Sampler
from jitgrad.ladder import Status
from jitgrad.launch.evaluator import Evaluator
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.sampled import held, sample_points

TRUSTED = 0.01
"""Widest error bar, relative to the derivative, of one that is trusted."""


class _Point(NamedTuple):
    """What an estimate holds of one point; arrays of size 1 where it is the same for all coordinates."""

    derivative: FloatArray
    error: FloatArray
    step: FloatArray
    evaluations: IntArray
    status: IntArray
    trusted: BoolArray


def estimate_sampled(prepared: Gradient, points: Array, args: tuple[Any, ...]) -> Estimate:
    """Evaluate the loss along random directions, and say what the scatter leaves unknown.

    What is the same for all coordinates of a point is stored once: labels alone would take ten times the memory of
    ``x``.

    Parameters
    ----------
    prepared : Gradient
        With an estimator.
    points : ndarray of shape (..., n)
    args : tuple
    """
    plan, found = prepared.plan(points), list[_Point]()
    shape, batch = plan.result_shape, plan.shape[:-1]
    values: Any = np.empty(batch)
    if math.prod(batch):
        around = Evaluator(rows_of(points), prepared.start(plan, points, args).evaluate)
        samples, coords = sample_points(plan, around)
        assert plan.sampler is not None
        found = [
            _point(plan.sampler, sample, sample.mean[coords], held(plan, p, coords)) for p, sample in enumerate(samples)
        ]
        values = around.at_points().reshape(batch)
    codes = sorted({int(code) for point in found for code in np.unique(point.status)})
    return Estimate(
        value=values if points.ndim > 1 else float(values),
        derivative=_together([point.derivative for point in found], shape),
        error=_together([point.error for point in found], shape),
        step=_together([point.step for point in found], shape),
        noise=np.broadcast_to(np.nan, shape),
        evaluations=_together([point.evaluations for point in found], shape),
        status=_together([_LABELS[point.status] for point in found], shape),
        trusted=_together([point.trusted for point in found], shape),
        meaning={Status(code).label: Status(code).sentence for code in codes},
    )


def _point(sampler: Sampler, sample: Sampled, derivative: FloatArray, fixed: BoolArray) -> _Point:
    bar, count = sampler.error(sample, derivative), sample.directions
    ending = Status.SAMPLED if sample.enough else Status.UNDERSAMPLED
    status = np.array([ending if math.isfinite(sample.square) else Status.NON_FINITE], np.int64)
    if fixed.any():
        bar, status = np.where(fixed, 0.0, bar), np.where(fixed, int(Status.FIXED), status)
    trusted = (bar <= TRUSTED * np.abs(derivative)) | fixed
    return _Point(derivative, bar, np.array([sample.h]), np.array([2 * count]), status, trusted)


def _together(rows: list[Any], shape: tuple[int, ...]) -> Any:
    """Give the rows of all points the shape of the result, without a copy where there is one point."""
    if len(rows) == 1:
        return np.broadcast_to(rows[0], shape[-1:]).reshape(shape)
    width = max((row.size for row in rows), default=0)
    each = np.array([np.broadcast_to(row, width) for row in rows]).reshape(*shape[:-1], width)
    return np.broadcast_to(each, shape) if rows else np.empty(shape)


_LABELS = np.array([status.label for status in Status])
