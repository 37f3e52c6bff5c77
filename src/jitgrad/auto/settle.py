"""What `Auto` does about doubtful derivatives: a second look, then the ladder."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.auto.doubt import (
    AMPLIFICATION,
    DOUBT,
    FURTHER,
    GAP,
    LARGEST,
    NOISE,
    NOT_FINITE,
    ROUNDING,
    SPREAD,
    confirm_all,
    examine_all,
    pooled_noise_all,
    undecided_all,
)
from jitgrad.auto.flat import ignored
from jitgrad.auto.hidden import hides_structure
from jitgrad.auto.vouch import is_fine
from jitgrad.difference import FEWEST, NO_FAULT, combine, differences_further
from jitgrad.formula import STATED, UNIT, Formula
from jitgrad.ladder import Climbed, Status, climb
from jitgrad.launch.evaluator import Evaluator
from jitgrad.stencils import Stencil

TOLERANCE, TOLERANCE_SINGLE = 1e-6, 1e-3
"""Relative error bar at which the ladder stops, for float64 and float32."""

DEFAULT_START = -9999
"""Stands for the ladder's own choice of where to begin."""

NOISY = 30.0
"""Noise that is larger than this many roundings of the loss might be structure."""


class Job(NamedTuple):
    """A gradient that was computed and examined.

    Attributes
    ----------
    evaluator : Evaluator
    targets : ndarray of int64, shape (targets,)
        Equally many for every point, in turn.
    stencil : Stencil
    formula : Formula
    checks : ndarray
        From `jitgrad.formula.thresholds`.
    evidence : ndarray of float64, shape (targets, 5)
        From `jitgrad.auto.doubt.examine_all`.
    look_again : bool
        Whether nobody has looked again yet; a gradient in one compiled call has.
    """

    evaluator: Evaluator
    targets: IntArray
    stencil: Stencil
    formula: Formula
    checks: FloatArray
    evidence: FloatArray
    look_again: bool


class Unsettled(NamedTuple):
    """Derivatives that cannot be trusted: their places in the gradient, and why, as `jitgrad.ladder.Status`."""

    places: IntArray
    status: IntArray


def settle(job: Job, gradient: Array) -> Unsettled:
    """Mend the doubtful derivatives, in place.

    Parameters
    ----------
    job : Job
    gradient : ndarray, shape (targets,)

    Returns
    -------
    Unsettled
        Those that cannot be trusted even so.
    """
    _look_again(job, gradient)
    doubt = job.evidence[:, DOUBT].astype(np.int64)
    doubtful = np.flatnonzero(doubt)
    # The gap to the loss at the point need not be 0: that is not evaluated in lanes, and may differ by rounding.
    unchanged = (doubt[doubtful] == ROUNDING) & (gradient[doubtful] == 0.0)
    suspects = doubtful[unchanged]
    if suspects.size:
        targets = job.targets[suspects]
        doubt[suspects[ignored(job.evaluator, targets, *_bounds(job, targets))]] = 0
        doubtful = np.flatnonzero(doubt)
    if doubtful.size == 0:
        return Unsettled(doubtful, doubtful)
    return _climb(job, doubtful, doubt[doubtful], gradient)


def _look_again(job: Job, gradient: Array) -> None:
    """Confirm what two evaluations more can confirm, instead of the ladder's ten."""
    points = job.evaluator.points
    each = len(job.targets) // len(points)
    if not job.look_again or each < FEWEST:
        return
    places = undecided_all(job.evidence, job.checks)
    found, _ = differences_further(points, job.targets[places], job.formula, FURTHER)
    if found.fault != NO_FAULT or places.size == 0:
        return
    values = job.evaluator.beyond_points(found.probes)
    further = np.empty(places.size, gradient.dtype)
    combine(found, values, further)
    seen = examine_all(found, values, further, job.checks)
    pooled = pooled_noise_all(job.evidence, len(points))[places // each]
    confirm_all(gradient, job.evidence, places, further, seen, pooled, job.stencil.order)


def _climb(job: Job, chosen: IntArray, doubt: IntArray, gradient: Array) -> Unsettled:
    """Let the ladder find the derivatives; return those it does not vouch for."""
    signs = _Signs.of(job, chosen, gradient)
    start = _starts(signs, doubt)
    climbed = _ladder(job, chosen, start)
    bad, status = ~is_fine(climbed, signs.size, signs.at_point), climbed.status.astype(np.int64)
    found = np.isfinite(climbed.derivative) | ~np.isfinite(gradient[chosen])  # else the formula's is better than none
    gradient[chosen[found]] = climbed.derivative[found]
    # More noise than the first values can have seen, or less curvature: the ladder's own first steps were so large
    # that they jumped over structure.
    with np.errstate(all="ignore"):
        missed = (climbed.noise > 3.0 * signs.quiet) | (
            signs.bend
            > 3.0 * np.abs(climbed.curvature) * signs.h**2 + np.maximum(15.0 * climbed.noise, 5.0 * signs.rounding)
        )
    again = np.flatnonzero((start == DEFAULT_START) & missed)
    if again.size:
        nearer = _ladder(job, chosen[again], signs.rung[again] + 4)
        better = ~(nearer.noise > 3.0 * signs.quiet[again])
        gradient[chosen[again[better]]] = nearer.derivative[better]
        bad[again] = ~(better & is_fine(nearer, signs.size[again], signs.at_point[again]))
        status[again] = np.where(better, nearer.status, status[again])
    # In double precision the ladder's own verifying pair is far enough below, and asking again made it warn of optima
    # and stairs that were right.
    single = job.evaluator.points.dtype == np.float32
    suspect = single & ~bad & (climbed.noise > NOISY * signs.rounding)
    suspect[again] = False  # their noise is that of the second ladder
    noisy = np.flatnonzero(suspect)
    if noisy.size:
        targets = job.targets[chosen[noisy]]
        slope, noise = climbed.derivative[noisy], climbed.noise[noisy]
        hidden = noisy[hides_structure(job.evaluator, targets, *_bounds(job, targets), slope, noise)]
        bad[hidden], status[hidden] = True, Status.ROUGH
    return Unsettled(chosen[bad], status[bad])


def _ladder(job: Job, chosen: IntArray, start: IntArray) -> Climbed:
    targets = job.targets[chosen]
    lower, upper = _bounds(job, targets)
    single = job.evaluator.points.dtype == np.float32
    return climb(
        job.evaluator,
        targets,
        lower,
        upper,
        noise=float(job.checks[STATED]),
        tolerance=TOLERANCE_SINGLE if single else TOLERANCE,
        start=start,
        keep=True,
    )


def _bounds(job: Job, targets: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return between what the loss may be evaluated."""
    points = job.evaluator.points
    limits = np.broadcast_to(job.formula.limits, (*points.shape, 3)).reshape(-1, 3)[targets]
    x = points.reshape(-1)[targets].astype(np.float64)
    # A one-sided formula is asked for where the other side means nothing; at a bound there is no choice.
    lower, upper = limits[:, 1], limits[:, 2]
    if job.stencil.method == "forward":
        lower = np.where(x < upper, x, lower)
    elif job.stencil.method == "backward":
        upper = np.where(x > lower, x, upper)
    return lower, upper


class _Signs(NamedTuple):
    """What the evidence says about each doubtful coordinate, in units of the loss unless said otherwise.

    Attributes
    ----------
    difference, bend : ndarray
        First and second difference of the loss.
    rounding, noise : ndarray
        Of the coordinate itself, and as the lower quartile of its point shows it.
    quiet : ndarray
        Noise that the point as a whole can hide.
    h : ndarray
        Step, in units of ``x``.
    rung : ndarray of int64
        Power of two below the step.
    size : ndarray
        ``|x|``.
    at_point : ndarray
        The loss at the point.
    many : bool
        Whether there are enough coordinates to tell noise from structure.
    """

    difference: FloatArray
    bend: FloatArray
    rounding: FloatArray
    noise: FloatArray
    quiet: FloatArray
    h: FloatArray
    rung: IntArray
    size: FloatArray
    at_point: FloatArray
    many: bool

    @staticmethod
    def of(job: Job, chosen: IntArray, gradient: Array) -> _Signs:
        m = len(job.evaluator.points)
        unit, stated = job.checks[UNIT], job.checks[STATED]
        with np.errstate(all="ignore"):
            amplification = job.evidence[:, AMPLIFICATION]
            bend = np.abs(job.evidence[:, GAP]) / job.evidence[:, SPREAD]
            rounding = np.fmax(unit * job.evidence[:, LARGEST], 2.0 * stated)
            difference = np.abs(gradient.astype(np.float64)) / amplification
            h = 0.5 / amplification
        rows = bend.reshape(m, -1)
        finite = np.where(np.isfinite(rows), rows, np.inf)
        usual = rounding.reshape(m, -1)
        pooled = pooled_noise_all(job.evidence, m)
        quiet = np.maximum(np.median(finite, axis=1) / 1.64, np.median(usual, axis=1))
        row = chosen // rows.shape[1]
        size = np.abs(job.evaluator.points.reshape(-1)[job.targets[chosen]].astype(np.float64))
        h = np.where(np.isfinite(h[chosen]) & (h[chosen] > 0.0), h[chosen], 1e-5 * np.where(size > 0.0, size, 1.0))
        return _Signs(
            difference=difference[chosen],
            bend=bend[chosen],
            rounding=rounding[chosen],
            noise=np.maximum(rounding[chosen], pooled[row]),
            quiet=quiet[row],
            h=h,
            rung=np.floor(np.log2(h)).astype(np.int64),
            size=size,
            at_point=job.evaluator.at_points()[row],
            many=rows.shape[1] >= FEWEST,
        )


def _starts(signs: _Signs, doubt: IntArray) -> IntArray:
    """Choose where on the ladder to begin, so that the cause of the doubt is in reach.

    Rounding wants larger steps, by what is missing; structure on the scale of the step smaller ones; noise that all
    coordinates show, the ladder's own start, which is far above it.
    """
    broken = (doubt & NOT_FINITE) != 0
    drowned = ((doubt & ROUNDING) != 0) & ~broken
    noisy = ((doubt & NOISE) != 0) & ~broken
    with np.errstate(all="ignore"):
        missing = np.ceil(np.log2(np.fmax(signs.rounding / (1e-5 * np.fmax(signs.difference, 1e-300)), 1.0)))
        structure = broken | ((signs.bend > 0.3 * signs.difference) & (signs.bend > 10.0 * signs.noise) & ~drowned)
        eighth = np.floor(np.log2(np.where(signs.size > 0.0, signs.size, 1.0))) - 3.0
        up = np.maximum(signs.rung + 4, np.minimum(signs.rung + np.clip(missing, 4, 20), eighth)).astype(np.int64)
        start = np.where(drowned, up, np.where(structure, signs.rung - 2, signs.rung + 4))
        wide = noisy & ~(signs.bend > 10.0 * signs.noise) & signs.many & (signs.size <= 1e3)
    return np.where(wide, DEFAULT_START, start)
