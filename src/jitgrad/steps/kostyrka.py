"""The step of Kostyrka: a V fitted to the logarithm of the error against that of the step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.steps.grid import FEWEST, least_different, logarithms, truncation_curve
from jitgrad.steps.lines import Lines
from jitgrad.steps.rule import Search, Tuning, check_options

PER_OCTAVE = 4
"""Positions of the tip of the V that are tried per factor of 2: the error at the best step is flat on this scale."""

FOUND = "tip of a V fitted to the error against the step"
SLANTED = "no noise seen: the smallest step of the grid"
FALLING = "no truncation above the noise on the grid"

LEAST_LEVEL = 3
"""So many steps at least are on the side of the noise."""

OUTLIER = 4.0
"""Deviations count for so many factors of 2 at most: the error dips where a derivative has a zero."""

MISFIT = 1.0
"""A fit is believed if half of the errors are within so many factors of 2 of the V; else the step at which the two
formulas differ least is taken."""


@dataclass(frozen=True)
class Kostyrka:
    """Step tuner of Kostyrka, for every formula.

    On a grid of steps the error is measured by the difference to the next higher order. Against the step, both in
    logarithms, it is a V: noise falls with slope -1, truncation rises with the order of the formula. A robust fit
    of that V uses all values, not those at the tip alone, and needs no idea of the noise. Where the loss changes on a
    length far below ``max(|x|, 1)``, most of the grid is beyond the V, and the fit misses it.

    Parameters
    ----------
    noise : float, optional
        Absolute error of one value of the loss; not used unless the loss is 0 nearby. Default: that of rounding.
    most : int, default 160
        Most evaluations per coordinate; less than half of them go into one grid.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    The published fit minimises a pseudo-Huber loss by BFGS (the manual of pnd has least median of squares by
    Nelder and Mead, its code has not). Here the sum of absolute deviations, each at most 4 octaves, is minimised over
    positions of the tip on a grid of four per octave, the height of the noise being a median: local minima are no
    trap, and all coordinates are done at once. Steps beyond the length on which the loss changes break the
    V, so the fitted curve ends at the largest error times step. The step is ``(1 / order) ** (1 / (order + 1))`` times
    that of the tip.

    References
    ----------
    A. V. Kostyrka, "Step size selection in numerical differences using a regression kink", Department of Economics
    and Management, University of Luxembourg, 2025; R package pnd.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), step=jg.Kostyrka()).round(8)
    array([1.])
    """

    noise: float | None = None
    most: int = 160

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 160)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        order = search.stencil.order
        which, h, _ = curve = truncation_curve(lines, self.most)
        tip, misfit = _fit(*logarithms(curve), order)
        best = 2.0**tip * (1.0 / order) ** (1.0 / (order + 1))
        for ended, step, reason in (
            (tip <= np.log2(h[:, 0]) + LEAST_LEVEL, h[:, 0], SLANTED),
            (tip >= np.log2(h[:, -1]) - 0.5, h[:, -1], FALLING),
            (np.ones(which.size, bool), best, FOUND),
        ):
            chosen = ended & (misfit <= MISFIT) & np.isin(which, lines.open)
            lines.finish(which[chosen], step[chosen], reason)
        least_different(lines, curve)
        return lines.tuning()


def _fit(log_h: FloatArray, log_error: FloatArray, order: int) -> tuple[FloatArray, FloatArray]:
    """Return the position of the tip of each V, and the median deviation from it."""
    count, length = log_h.shape
    best, tip, misfit = np.full(count, np.inf), np.full(count, np.nan), np.full(count, np.inf)
    known = np.flatnonzero(np.isfinite(log_error).sum(axis=1) >= FEWEST)
    # In units of the loss rather than its derivative the V is a ramp: noise is level.
    change = (log_error + log_h)[known]
    top = np.nanmax(change, axis=1, keepdims=True, initial=-np.inf)
    for noisy in range(LEAST_LEVEL, length):  # steps on the side of the noise
        level = _median(change[:, :noisy])[:, None]
        for within in np.arange(PER_OCTAVE) / PER_OCTAVE:
            position = noisy - 1 + within
            rise = (order + 1) * np.maximum(np.arange(length) - position, 0.0)
            deviation = np.minimum(np.abs(change - np.minimum(level + rise, top)), OUTLIER)
            total = np.nansum(deviation, axis=1)
            at = total < best[known]
            better = known[at]
            best[better], tip[better] = total[at], log_h[better, -1] - (length - 1) + position
            misfit[better] = _median(deviation[at])
    return tip, misfit


def _median(rows: FloatArray) -> FloatArray:
    """Return the lower median of the numbers in each row, NaN where there are none; `numpy.nanmedian` warns of that."""
    middle = np.maximum(np.isfinite(rows).sum(axis=1) - 1, 0) // 2
    return np.asarray(np.take_along_axis(np.sort(rows, axis=1), middle[:, None], axis=1)[:, 0])
