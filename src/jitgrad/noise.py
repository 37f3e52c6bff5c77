"""The noise of a loss, from differences of a few of its values: ECnoise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad._types import FloatArray, IntArray
from jitgrad.launch.evaluator import Evaluator
from jitgrad.stencils import stencil
from jitgrad.steps.lines import CONSTANT as TEXTBOOK_FOR_CONSTANT
from jitgrad.steps.lines import TEXTBOOK, Lines
from jitgrad.steps.rule import Search

POINTS = 7
"""Values on a line; with fewer there are no three levels of differences to compare."""

AGREEMENT = 4.0
"""Three levels agree when the largest is at most so many times the smallest."""

SPREAD = 0.1
"""The points are too far apart where the loss changes by more than this share of its size."""

STRIDE = 128.0
"""Points too close together move apart by this factor, and the other way round; published is 100, not a power of 2."""

MOST_OF_NOISE = 8.0
"""A loss is taken to be at least so many times its noise where a relative noise is asked for."""

FOUND = "three levels of differences agree"
NO_NOISE = "no noise: the differences vanish"
CONSTANT = "no noise seen: the loss does not change"
TOO_CLOSE = "points too close: half of the values are equal"
TOO_FAR = "points too far apart: differences do not agree or the loss changes too much"
NOT_FINITE = "the loss is not finite around x"


class NoiseEstimate(NamedTuple):
    """The noise of a loss at some places.

    Attributes
    ----------
    level : ndarray of float64
        Standard deviation of a value of the loss; 0 where there is none, NaN where none was found.
    reason : ndarray of str
        How it was found, or why not.
    evaluations : ndarray of int64
        Evaluations spent, without the loss at the points themselves.
    """

    level: FloatArray
    reason: npt.NDArray[np.str_]
    evaluations: IntArray


def noise_level(values: npt.ArrayLike) -> tuple[FloatArray, npt.NDArray[np.str_]]:
    """Estimate the noise of values on equispaced points.

    Parameters
    ----------
    values : array_like of shape (..., k)
        At least 5 values on each line.

    Returns
    -------
    level : ndarray of shape (...)
        Standard deviation of a value; 0 where there is no noise, NaN where the points suit no estimate.
    reason : ndarray of str, shape (...)
        `TOO_CLOSE` and `TOO_FAR` say how to choose other points.

    Raises
    ------
    ValueError
        If there are fewer than 5 values.

    Notes
    -----
    Differences of order ``k`` remove what is smooth and leave noise with ``(2k)! / (k!)**2`` times its variance. The
    level is that of the first order which agrees with the next two and has a change of sign. Differences that
    vanish altogether (published: points too far apart) mean a polynomial without noise here.

    References
    ----------
    J. J. Moré, S. M. Wild, "Estimating computational noise", SIAM Journal on Scientific Computing 33 (2011) 1292-1314;
    constants as in their program ECNoise.m.

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.noise import noise_level
    >>> rng = np.random.default_rng(1)
    >>> level, reason = noise_level(np.linspace(1, 1.01, 7) + 1e-4 * rng.standard_normal(7))
    >>> bool(0.25e-4 < level < 4e-4), str(reason)
    (True, 'three levels of differences agree')
    """
    array = np.asarray(values, np.float64)
    lines = array.reshape(-1, array.shape[-1])
    count, points = lines.shape
    if points < POINTS - 2:
        raise ValueError(f"values must have at least {POINTS - 2} on each line, got {points}. Evaluate at more points.")
    level, reason = np.full(count, np.nan), np.full(count, TOO_FAR, object)
    levels, changes = np.empty((points - 1, count)), np.empty((points - 1, count), bool)
    with np.errstate(invalid="ignore"):
        # A power of 2 near the size of the values, so that squares stay in range and digits as they are.
        unit = np.ldexp(1.0, np.frexp(np.abs(lines).max(axis=1))[1] - 1)[:, None]
        difference, gamma = lines / unit, 1.0
        for k in range(1, points):
            difference = np.diff(difference, axis=1)
            gamma *= 0.5 * k / (2 * k - 1)
            levels[k - 1] = np.sqrt(gamma * np.mean(difference**2, axis=1))
            changes[k - 1] = (difference.min(axis=1) < 0.0) & (difference.max(axis=1) > 0.0)
        largest = np.maximum.reduce([levels[i : points - 3 + i] for i in range(3)])
        smallest = np.minimum.reduce([levels[i : points - 3 + i] for i in range(3)])
        agree = (largest <= AGREEMENT * smallest) & changes[: points - 3]
        spread = np.ptp(lines, axis=1) > SPREAD * np.abs(lines).max(axis=1)
    first = np.argmax(agree, axis=0)
    close = 2 * (lines[:, 1:] == lines[:, :-1]).sum(axis=1) >= points - 1
    finite = np.isfinite(lines).all(axis=1)
    found = finite & ~close & ~spread & agree.any(axis=0)
    vanish = finite & ~close & ~spread & (levels == 0.0).any(axis=0)
    level[found], reason[found] = (levels[first, np.arange(count)] * unit[:, 0])[found], FOUND
    level[vanish], reason[vanish] = 0.0, NO_NOISE
    reason[close], reason[~finite] = TOO_CLOSE, NOT_FINITE
    return level.reshape(array.shape[:-1]), reason.astype(np.str_).reshape(array.shape[:-1])


def noise_along_coordinates(
    evaluator: Evaluator, targets: IntArray, lower: FloatArray, upper: FloatArray, most: int = 28
) -> NoiseEstimate:
    """Estimate the noise along single coordinates.

    Parameters
    ----------
    evaluator : Evaluator
    targets : ndarray of int64, shape (targets,)
        Flat indices into the evaluator's points.
    lower, upper : ndarray of float64, shape (targets,)
        Bounds, finite; the loss is not evaluated outside.
    most : int, default 28
        Most evaluations per coordinate; 6 or 7 make an attempt.

    Returns
    -------
    NoiseEstimate
        One entry per target.
    """
    return noise_on_lines(Lines(Search(evaluator, targets, lower, upper, stencil("central", 2)), None, most), most)


def noise_on_lines(lines: Lines, most: int) -> NoiseEstimate:
    """Estimate the noise along the open targets of a tuner; values it has seen are not evaluated again."""
    before, which = lines.tuning().evaluations, lines.open
    if before.size == 0:  # which `numpy.char` does not take
        return NoiseEstimate(np.empty(0), np.empty(0, np.str_), before)

    def values_at(which: IntArray, h: FloatArray) -> tuple[IntArray, FloatArray]:
        look = lines.look(which, h, np.arange(POINTS) - POINTS // 2)
        return look.which, look.values

    level, reason = _spaced(values_at, _first_distance(lines.length, lines.dtype), which, most // POINTS)
    after = lines.tuning()
    # What a tuner would call a reason for the textbook step: no room, or a loss that is 0 or not finite.
    closed = after.reason != ""
    level = np.where(closed, np.where(after.reason == TEXTBOOK_FOR_CONSTANT, 0.0, np.nan), level)
    reason = np.where(closed, np.char.replace(after.reason, TEXTBOOK, ""), reason)
    return NoiseEstimate(level, reason, after.evaluations - before)


def noise_along_direction(
    evaluator: Evaluator, lower: FloatArray, upper: FloatArray, most: int = 28, seed: int = 0
) -> NoiseEstimate:
    """Estimate the noise of the loss at every point, along one random direction that moves all coordinates.

    Parameters
    ----------
    evaluator : Evaluator
    lower, upper : ndarray of float64, broadcasts to the points of shape (m, n)
        Bounds, finite; the loss is not evaluated outside.
    most : int, default 28
        Most evaluations per point; 6 make an attempt.
    seed : int, default 0
        Of the signs of the direction.

    Returns
    -------
    NoiseEstimate
        One entry per point.

    Notes
    -----
    Coordinate ``j`` moves by a power of 2 near ``max(|x[j]|, 1)`` per unit of distance, up or down at random, so that
    positions are not rounded: rounding would appear as noise. Close to a bound it moves away from it.

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.launch.evaluator import Evaluator
    >>> from jitgrad.noise import noise_along_direction
    >>> rng = np.random.default_rng(1)
    >>> def launch(probes):  # one probe list: a constant with noise of 1e-6
    ...     return 1.0 + 1e-6 * rng.standard_normal(probes.point.size)
    >>> estimate = noise_along_direction(Evaluator(np.ones((1, 3)), launch), -np.ones(3) * 9, np.ones(3) * 9)
    >>> bool(0.25e-6 < estimate.level[0] < 4e-6), int(estimate.evaluations[0])
    (True, 6)
    """
    points = evaluator.points.astype(np.float64)
    lower, upper = np.broadcast_to(lower, points.shape), np.broadcast_to(upper, points.shape)
    up = np.random.default_rng(seed).integers(0, 2, points.shape).astype(bool)
    unit = 2.0 ** np.floor(np.log2(np.maximum(np.abs(points), 1.0)))
    at_points = evaluator.at_points()
    evaluations = np.zeros(len(points), np.int64)
    ahead = np.arange(1, POINTS)

    def values_at(which: IntArray, h: FloatArray) -> tuple[IntArray, FloatArray]:
        rows = []
        for p, distance in zip(which.tolist(), h.tolist(), strict=True):
            with np.errstate(over="ignore"):  # from one end of the numbers to the other
                above, below = upper[p] - points[p], points[p] - lower[p]
            furthest = distance * POINTS
            roomy = np.minimum(above, below) >= furthest * unit[p]
            side = np.where(roomy, up[p], above >= below)
            room = np.where(side, above, below)
            # The largest power of 2 that fits; without room the coordinate stays.
            power = np.floor(np.log2(np.maximum(room, 1e-300)) - np.log2(furthest))  # the quotient may overflow
            fits = np.where(room > 0.0, 2.0 ** np.minimum(power, 1000.0), 0.0)
            direction = np.where(side, 1.0, -1.0) * np.minimum(unit[p], fits)
            values = evaluator.moved(direction[None], np.zeros(POINTS - 1, np.int64), ahead * distance, p)
            rows.append(np.concatenate([at_points[p : p + 1], values]))
            evaluations[p] += POINTS - 1
        return which, np.array(rows).reshape(-1, POINTS)

    h = _first_distance(np.ones(len(points)), evaluator.points.dtype)
    level, reason = _spaced(values_at, h, np.arange(len(points)), most // (POINTS - 1))
    return NoiseEstimate(level, reason, evaluations)


def _first_distance(length: FloatArray, dtype: np.dtype[np.floating]) -> FloatArray:
    """Return a power of 2 near the step of forward differences: no rounding of nodes, little change of the loss."""
    return np.asarray(2.0 ** np.round(np.log2(length * np.sqrt(float(np.finfo(dtype).eps)))))


def _spaced(
    values_at: Callable[[IntArray, FloatArray], tuple[IntArray, FloatArray]], h: FloatArray, which: IntArray, tries: int
) -> tuple[FloatArray, npt.NDArray[np.str_]]:
    """Try other distances where the points were too close or too far apart."""
    level, reason = np.full(h.size, np.nan), np.full(h.size, NOT_FINITE, object)
    reason_before = np.full(h.size, "", object)
    for _ in range(tries):
        if which.size == 0:
            break
        seen, values = values_at(which, h[which])
        level[seen], reason[seen] = noise_level(values)
        equal = (values == values[:, :1]).all(axis=1) & np.isfinite(values[:, 0])
        close, far = np.isin(reason[seen], TOO_CLOSE), np.isin(reason[seen], TOO_FAR)
        h[seen] *= np.select([close, far], [STRIDE, 1.0 / STRIDE], 1.0)
        # Too close at one distance and too far at the next: there is nothing between.
        turned = (reason[seen] != reason_before[seen]) & (reason_before[seen] != "")
        reason_before[seen] = reason[seen]
        reason[seen[equal]] = CONSTANT
        missed = np.setdiff1d(which, seen)  # not finite: the next look is closer
        which = np.union1d(seen[(close | far) & ~turned], missed)
    level[reason == CONSTANT] = 0.0
    return level, reason.astype(np.str_)
