"""From remainders to a verdict: right, wrong, or why that cannot be said.

A slope fitted to the remainders needs a range in which one power of ``t`` prevails, and between noise and higher terms
there may be none. The odd remainder over ``t`` is the error of ``g.u`` plus even powers of ``t``, so its limit is
extrapolated instead, with an error bar, by the table that serves for derivatives; that of the even remainder over ``t``
is the size of a kink. The slopes are reported, for the reader.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.check.remainders import Remainders
from jitgrad.extrapolation.table import Entries, Slopes, best_entry, entries, sigma_of


class Verdict(StrEnum):
    """What a check found."""

    RIGHT = "the gradient is right"
    WRONG = "the gradient is wrong"
    KINK = "the loss has a kink at x: it has no gradient there"
    NOISY = "the loss is too noisy to tell whether the gradient is right"
    NOT_FINITE = "the loss is not finite at enough points around x to tell whether the gradient is right"


class Findings(NamedTuple):
    """What the remainders along each direction say.

    Attributes
    ----------
    defect, error : ndarray of shape (directions,)
        What has to be added to ``g.u``, and the error bar of that.
    kink, kink_error : ndarray of shape (directions,)
        Half the jump of the slope at x.
    noise : ndarray of shape (directions,)
        Standard deviation of the values of the loss.
    order : ndarray of shape (directions,)
        Power of t with which the odd remainder falls above the noise; NaN if it does not rise above.
    verdict : tuple of Verdict
    """

    defect: FloatArray
    error: FloatArray
    kink: FloatArray
    kink_error: FloatArray
    noise: FloatArray
    order: FloatArray
    verdict: tuple[Verdict, ...]


DEPTH = 5
"""Levels that an entry of the table combines at most, of half a decade each."""

RESOLUTION = 1e-2
"""A direction counts as checked if the error bar is smaller than this part of the slope."""

BEYOND = 2.0
"""A defect so many error bars large is one."""

ROUNDING = 1.0
"""Standard deviation of a value, in units of eps: losses sum many terms, and the slope is a sum too."""

ROUGHLY, FEWEST = 0.5, 3
"""Larger distances alone count if there are so many, and their error bar is below this part of the slope."""


def examine(remainders: Remainders, rtol: float, epsilon: float) -> Findings:
    """Judge every direction.

    Parameters
    ----------
    remainders : Remainders
    rtol : float
        Defects below this part of ``sum |g_i u_i|`` are rounding of the gradient.
    epsilon : float
        Relative precision of the values of the loss.
    """
    with np.errstate(all="ignore"):
        return _examine(remainders, rtol, epsilon)


def _examine(r: Remainders, rtol: float, epsilon: float) -> Findings:
    rounding = np.maximum(ROUNDING * epsilon * (r.size + r.t * r.scale[:, None]), np.finfo(np.float64).tiny)
    noise = np.maximum(
        sigma_of(*_table(r.t, r.odd / r.t, rounding / r.t, 2)),
        sigma_of(*_table(r.t, r.even / r.t**2, rounding / r.t**2, 2)),
    )
    defect, error = _limit(r.t, r.odd / r.t, rounding / r.t, noise, 2)
    kink, kink_error = _limit(r.t, r.even / r.t, rounding / r.t, noise, 1)
    # At a stationary point the slopes nearby tell how large a slope may be.
    nearby = (np.abs(r.odd) + np.abs(r.even) - 10.0 * noise[:, None] * rounding) / r.t
    typical = np.maximum(r.scale, np.nanmax(nearby, axis=1, initial=0.0))
    finite = (np.isfinite(r.odd).sum(axis=1) >= DEPTH) & np.isfinite(error)
    beyond = finite & (np.abs(defect) > BEYOND * error) & (np.abs(defect) > rtol * r.scale)
    kinked = (np.abs(kink) > BEYOND * kink_error) & (np.abs(kink) > rtol * typical)
    kinked &= np.abs(defect) <= np.abs(kink) + error + kink_error  # g.u lies between the slopes on the two sides
    excused = _confirmed_by_larger_distances(r, rounding, defect, error, typical) if beyond.any() else beyond
    verdict = []
    for k in range(len(defect)):
        constant = typical[k] == 0.0 and noise[k] <= 1.0
        if not finite[k]:
            verdict.append(Verdict.NOT_FINITE)
        elif kinked[k]:
            verdict.append(Verdict.KINK)
        elif beyond[k]:
            verdict.append(Verdict.NOISY if excused[k] or _within_a_stair(r, k) else Verdict.WRONG)
        else:
            verdict.append(Verdict.RIGHT if constant or error[k] <= RESOLUTION * typical[k] else Verdict.NOISY)
    order = np.array([_order(r.t, r.odd[k], rounding[k] * max(1.0, noise[k])) for k in range(len(defect))])
    return Findings(defect, error, kink, kink_error, noise * rounding[:, -1], order, tuple(verdict))


def _table(t: FloatArray, slopes: FloatArray, unit: FloatArray, power: int) -> tuple[Slopes, Entries]:
    """Table of slopes at distances `t`, in which noise is counted in units of `unit`; what is not finite goes last."""
    usable = np.isfinite(slopes) & np.isfinite(unit) & (unit > 0.0)
    order = np.argsort(~usable, axis=1, kind="stable")
    u = np.take_along_axis(np.broadcast_to((t / t[0]) ** power, slopes.shape), order, axis=1)
    count = len(slopes)
    table = Slopes(
        u,
        np.ones(count, np.int64),
        np.take_along_axis(slopes, order, axis=1),
        np.take_along_axis(unit, order, axis=1),
        usable.sum(axis=1),
        np.ones(count),
    )
    return table, entries(table, DEPTH)


def _limit(
    t: FloatArray, slopes: FloatArray, unit: FloatArray, noise: FloatArray, power: int
) -> tuple[FloatArray, FloatArray]:
    """Extrapolate slopes at distances `t` to 0."""
    table, filled = _table(t, slopes, unit, power)
    return best_entry(table, filled, noise)


def _confirmed_by_larger_distances(
    r: Remainders, rounding: FloatArray, defect: FloatArray, error: FloatArray, typical: FloatArray
) -> Array:
    """Whether larger distances alone agree with the gradient, and contradict the smaller ones, for each direction.

    So it is where noise is smooth at the smallest distances, as that of an iteration that stops early, or where the
    values are rounded to steps: the smallest distances then see the slope of the noise.
    """
    confirmed = np.zeros(len(defect), bool)
    for levels in range(r.t.size - 1, FEWEST - 1, -1):
        t = r.t[:levels]
        table, filled = _table(t, r.odd[:, :levels] / t, rounding[:, :levels] / t, 2)
        found, bar = best_entry(table, filled, sigma_of(table, filled))
        contradicts = np.abs(found - defect) > bar + error
        confirmed |= contradicts & (np.abs(found) <= bar) & (bar <= ROUGHLY * typical)
    return confirmed


def _within_a_stair(r: Remainders, k: int) -> bool:
    """Whether the loss is constant in steps along direction `k`, and the gradient no farther off than their height."""
    moves = r.moves[k]
    if moves[-FEWEST:].any() or not moves.any():
        return False
    height = moves[moves > 0.0].min()
    return bool(np.nanmin(np.abs(r.odd[k, :FEWEST]) - 1.5 * height, initial=np.inf) <= 0.0)


def _order(t: FloatArray, odd: FloatArray, noise: FloatArray) -> float:
    """Median slope, in logarithms, of the remainders at the smallest distances where they exceed the noise."""
    above = np.flatnonzero(np.abs(odd) > 10.0 * noise)[-DEPTH:]
    if above.size < 3:
        return float("nan")
    a, b = np.triu_indices(above.size, 1)
    rise, run = np.log(np.abs(odd[above])), np.log(t[above])
    return float(np.median((rise[a] - rise[b]) / (run[a] - run[b])))
