"""The truncation of a formula on a grid of steps, each twice the one before, in one probe list."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.steps.lines import STRIKES, Lines

LARGEST = 0.25
"""The largest step over ``max(|x|, 1)``."""

LONGEST = 36
"""More than so many steps would leave the digits of float64."""

FEWEST = 8
"""With fewer finite entries than this a curve says nothing."""

LEAST_DIFFERENT = "largest step of the grid at which two formulas differ least"
TOO_FEW = "textbook step: the loss is not finite on most of the grid"


class Curve(NamedTuple):
    """How the difference of two formulas depends on the step.

    Attributes
    ----------
    which : ndarray of int64, shape (k,)
        Targets.
    h : ndarray of shape (k, g)
        Steps, ascending by factors of 2.
    error : ndarray of shape (k, g)
        Size of the difference between the formula and that of the next higher order, in units of the derivative:
        truncation at large steps, noise at small ones; NaN where the loss is not finite or the same
        at all nodes.
    """

    which: IntArray
    h: FloatArray
    error: FloatArray


def truncation_curve(lines: Lines, most: int) -> Curve:
    """Measure the curves of all open targets, and finish those without.

    Parameters
    ----------
    lines : Lines
    most : int
        Evaluations allowed per coordinate. Less than half of them go into the first grid, so that another is possible
        where the loss was not finite on it.
    """
    offsets, _ = lines.with_next_order()
    # What is kept back are the looks that find out on which side the loss is finite.
    length = _length(offsets, (most - STRIKES * offsets.size) // 2)
    top = np.minimum(LARGEST * lines.length, lines.largest(offsets))
    first, finite = _measure(lines, lines.open, top, length)
    whole, none = finite >= FEWEST, first.which[finite == 0]
    some = ~whole & (finite > 0)
    # Too many steps lead to where the loss is not finite: the grid goes down from the largest that does not.
    defined = np.where(np.isfinite(first.error), first.h, 0.0).max(axis=1, initial=0.0)
    top[first.which[some]] = np.maximum(defined, first.h[:, 0])[some]
    for _ in range(
        STRIKES + 1
    ):  # the first costs nothing; after the last the bound is at x, and the other side remains
        lines.look(none, first.h[finite == 0, 0], offsets)
    which = np.intersect1d(np.union1d(first.which[some], none), lines.open)
    top = np.minimum(top, lines.largest(offsets))
    second, finite = _measure(lines, which, top, length)
    kept = finite >= FEWEST
    result = Curve(*(np.concatenate([a[whole], b[kept]]) for a, b in zip(first, second, strict=True)))
    lines.give_up(np.setdiff1d(lines.open, result.which), TOO_FEW)
    return result


def _measure(lines: Lines, which: IntArray, top: FloatArray, length: int) -> tuple[Curve, IntArray]:
    """Return the curves of some targets down from `top`, and at how many steps of each the loss is finite."""
    offsets, inner = lines.with_next_order()
    h = top[which, None] * 2.0 ** np.arange(1 - length, 1)
    look = lines.look(np.repeat(which, length), h.reshape(-1), offsets, narrow=False)
    finite = np.isfinite(look.values).all(axis=1)
    # Two formulas agree on 0 where the loss does not change at all, for want of digits.
    changes = (look.values != look.values[:, :1]).any(axis=1)
    with np.errstate(invalid="ignore"):  # infinite values
        error = np.abs(look.sum(look.weights(1) - look.weights(1, inner)) / look.h)
    error = np.where(finite & changes, error, np.nan)
    # Steps below the precision of x are held there, and would be taken for a curve that is flat.
    repeated = np.diff(look.h, prepend=0.0) == 0.0
    error[repeated] = np.nan
    found = look.which[::length], look.h.reshape(-1, length), error.reshape(-1, length)
    return Curve(*found), finite.reshape(-1, length).sum(axis=1)


def _length(offsets: IntArray, most: int) -> int:
    """Return how many steps a grid may have: nodes at even offsets are nodes of the step twice as large."""
    new = int(np.count_nonzero(offsets % 2))
    return min((most - (offsets.size - 1)) // new + 1, LONGEST)


def least_different(lines: Lines, curve: Curve) -> None:
    """Finish open targets with the largest step at which the error, the largest of three neighbours, is smallest."""
    rest = np.isin(curve.which, lines.open)
    around = np.lib.stride_tricks.sliding_window_view(curve.error[rest], 3, axis=1)
    worst = np.nan_to_num(around, nan=np.inf).max(axis=-1)
    last = worst.shape[1] - np.argmin(worst[:, ::-1], axis=1)
    lines.finish(curve.which[rest], curve.h[rest, last], LEAST_DIFFERENT)


def logarithms(curve: Curve) -> tuple[FloatArray, FloatArray]:
    """Return the logarithms to base 2 of steps and errors; NaN where there is no error to speak of."""
    return np.log2(curve.h), np.log2(np.where(curve.error > 0.0, curve.error, np.nan))
