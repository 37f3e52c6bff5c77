"""A gradient from random directions: which coordinates move, whether they may, and what came of it."""

from __future__ import annotations

import warnings

import numpy as np

from jitgrad._errors import PrecisionWarning
from jitgrad._types import Array, BoolArray, FloatArray, IntArray
from jitgrad.difference import differences
from jitgrad.estimators import Sampled, Sampler
from jitgrad.launch.evaluator import Evaluator
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.repair import raise_fault
from jitgrad.prepared.session import Launching


def sampled_gradient(session: Launching, rows: Array, gradient: Array, with_value: bool) -> FloatArray:
    """Estimate the gradients of all points, as `jitgrad.prepared.stepwise.gradient_stepwise` computes them.

    Warns
    -----
    PrecisionWarning
        If ``n_directions="auto"`` did not reach its precision.
    """
    around = Evaluator(rows, session.evaluate)
    samples, coords = sample_points(session.plan, around)
    for sample, place in zip(samples, gradient.reshape(len(rows), -1), strict=True):
        place[:] = sample.mean[coords]
    short = [p for p, sample in enumerate(samples) if not sample.enough and np.isfinite(sample.square)]
    if short:
        _warn_short(short, samples, session.plan)
    return around.at_points() if with_value else np.full(len(rows), np.nan)


def sample_points(plan: Plan, around: Evaluator) -> tuple[list[Sampled], IntArray | slice]:
    """Evaluate the loss along random directions from each point.

    Returns
    -------
    samples : list of Sampled
        One per point.
    coords : ndarray of int64, or slice
        Which coordinates of a sample are wanted.

    Raises
    ------
    ValueError
        If a point is not finite, not within the bounds or too near to them, or if the step vanishes beside it.
    """
    sampler, rows = plan.sampler, around.points
    assert sampler is not None
    raise_fault(differences(rows, plan.targets[:0], plan.formula)[0], plan.formula)
    coords = _wanted(plan.targets[: plan.targets.size // len(rows)], rows.shape[1])
    movable = [_movable(sampler, plan, rows, p, coords) for p in range(len(rows))]
    key = sampler.new_key()
    return [sampler.sample(around, p, moving, key) for p, moving in enumerate(movable)], coords


def held(plan: Plan, p: int, coords: IntArray | slice) -> BoolArray:
    """Tell which of the coordinates at point `p` are held fixed by equal bounds."""
    lower, upper = _bounds(plan, p)
    return np.asarray((lower == upper)[coords])


def _wanted(targets: IntArray, n: int) -> IntArray | slice:
    """Return the coordinates as a slice if they are all in their order: then nothing needs to be gathered."""
    return slice(None) if targets.size == n and (targets[1:] > targets[:-1]).all() else targets


def _movable(sampler: Sampler, plan: Plan, rows: Array, p: int, coords: IntArray | slice) -> IntArray | None:
    """Return the coordinates of point `p` that move, None for all, after a look at whether they can."""
    lower, upper = _bounds(plan, p)
    moves = lower != upper
    if not isinstance(coords, slice):
        chosen = np.zeros(rows.shape[1], np.bool_)
        chosen[coords] = True
        moves = moves & chosen
    moving = None if moves.all() else np.flatnonzero(moves)
    x, h = rows[p], sampler.step(rows[p], moving)
    step = x.dtype.type(h)
    where = "" if len(rows) == 1 else f" of point {p}"
    for moved in (x + step, x - step):
        stuck, outside = moves & (moved == x), moves & ((moved < lower) | (moved > upper))
        if stuck.any():
            j = int(np.argmax(stuck))
            raise ValueError(
                f"h must change every coordinate, but {x[j]} + {h:g} rounds to the same {x.dtype} number at "
                f"coordinate {j}{where}. Give a larger h, or let the loss take its coordinates rescaled."
            )
        if outside.any():
            j = int(np.argmax(outside))
            raise ValueError(
                f"bounds must leave room for h = {h:g} on both sides of x, got {x[j]} in [{lower[j]}, {upper[j]}] at "
                f"coordinate {j}{where}. Give a smaller h, clip x further inside, or hold it fixed with equal bounds."
            )
    return moving


def _bounds(plan: Plan, p: int) -> tuple[FloatArray, FloatArray]:
    limits = plan.formula.limits
    row = limits[p if len(limits) > 1 else 0]
    n = plan.shape[-1]
    return np.broadcast_to(row[:, 1], n), np.broadcast_to(row[:, 2], n)


def _warn_short(short: list[int], samples: list[Sampled], plan: Plan) -> None:
    from jitgrad.auto.warn import frames_inside

    assert plan.sampler is not None
    estimator = plan.sampler.estimator
    indices = [tuple(map(int, np.unravel_index(p, plan.shape[:-1]))) for p in short] if len(plan.shape) > 1 else [()]
    where = "the gradient" if len(plan.shape) == 1 else f"the gradients at {len(short)} of {len(samples)} points"
    message = (
        f"most must allow for the directions that the precision takes, but {where} did not get to a standard error of "
        f"{estimator.precision:g} within {estimator.most}. Give a larger most or precision, or an integer "
        "n_directions; central differences of all coordinates take as many pairs of evaluations as there are "
        "coordinates."
    )
    warnings.warn(PrecisionWarning(message, [(*index, ...) for index in indices]), stacklevel=frames_inside() + 1)
