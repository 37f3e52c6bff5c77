"""The step of Mathur's AutoDX: where the truncation begins to follow its power law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jitgrad._types import IntArray
from jitgrad.steps.grid import least_different, logarithms, truncation_curve
from jitgrad.steps.lines import Lines
from jitgrad.steps.rule import Search, Tuning, check_options

TOLERANCES = 0.1, 0.3
"""Relative deviation of the slope from the order of the formula; the second is tried if the first finds nothing."""

REASONS = "from the left end of the power law of truncation", "from a power law of truncation that is only roughly kept"
STEP_RATIO = 0.5


@dataclass(frozen=True)
class Mathur:
    """Step tuner of Mathur's AutoDX, for every formula.

    On a grid of steps the truncation is measured by the difference to the next higher order. At the smallest
    step from which on it follows its power law, truncation is just above the noise; the best step is a
    little below. All evaluations are in one probe list: slow on one thread, quick on hardware that wants much work
    at once. It needs no idea of the noise.

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
    The grid ends at a quarter of ``max(|x|, 1)``, with as many steps, each half the one before, as `most` allows.
    pnd takes 61 steps around a first guess, some of them far beyond the size of ``x``. A power law is kept over 5
    slopes that are within 10 % of the order (else 30 %), as in pnd; over 3 for orders 3 and 4, and 2
    above, because formulas of high order go from the largest step to the noise in fewer steps than 5. Of several such
    runs pnd takes the first, here it is the longest: noise makes short ones. Where there is none, the step at
    which the two formulas differ least is taken.

    References
    ----------
    R. Mathur, "An analytical approach to computing step sizes for finite-difference derivatives", dissertation,
    University of Texas at Austin, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), step=jg.Mathur()).round(8)
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
        log_h, log_error = logarithms(curve)
        with np.errstate(invalid="ignore", divide="ignore"):  # steps that the precision of x made equal
            slope = np.diff(log_error, axis=1) / np.diff(log_h, axis=1)
        # At the best step the truncation is about 1 / order of the noise, at the left end it is above it.
        below = ((1.0 + 1.0 / STEP_RATIO) / (1.0 - STEP_RATIO**order)) ** (-1.0 / (order + 1))
        for tolerance, reason in zip(TOLERANCES, REASONS, strict=True):
            length = _runs(np.abs(slope - order) <= tolerance * order)
            left = np.argmax(length, axis=1)
            enough = length.max(axis=1) >= {1: 5, 2: 5, 3: 3, 4: 3}.get(order, 2)
            found = np.isin(which, lines.open) & enough
            lines.finish(which[found], below * h[found, left[found]], reason)
        least_different(lines, curve)
        return lines.tuning()


def _runs(mask: npt.NDArray[np.bool_]) -> IntArray:
    """Return how many true entries follow from each entry on, in each row."""
    length = np.zeros(mask.shape, np.int64)
    length[:, -1] = mask[:, -1]
    for i in range(mask.shape[1] - 2, -1, -1):
        length[:, i] = np.where(mask[:, i], length[:, i + 1] + 1, 0)
    return length
