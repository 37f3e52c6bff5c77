"""The step of Moré and Wild: forward differences for the noise that the loss is found to have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.noise import MOST_OF_NOISE, noise_on_lines
from jitgrad.stencils import stencil
from jitgrad.steps.lines import Lines
from jitgrad.steps.rule import Search, Tuning, check_options

CLEAR = 100.0
"""A second difference is believed if it is so many times the noise ..."""

NEAR = 0.1
"""... and the loss at its ends is within this share of that in the middle ..."""

AGREES = 0.5
"""... or if it agrees with another one to within this share of the larger."""

FIRST = "curvature clear at the first step"
SECOND = "curvature clear at the second step"
AGREED = "two steps agree on the curvature"
UNSURE = "curvature unsure: neither clear nor the same at two steps"
USED_UP = "textbook step: evaluations used up before the loss was finite at all nodes"


@dataclass(frozen=True)
class MoreWild:
    """Step tuner of Moré and Wild, for forward differences of noisy losses.

    The noise is measured with ECnoise along every coordinate, the curvature by one or two second differences;
    ``h = 8**(1/4) sqrt(noise / |f''|)``. The tuner to take when the noise is not known: simulations, solvers with a
    tolerance, Monte Carlo.

    Parameters
    ----------
    noise : float, optional
        Standard deviation of the values of the loss. Default: what `jitgrad.noise` finds.
    most : int, default 40
        Most evaluations per coordinate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    The constant makes the expected squared error smallest, so `noise` is a standard deviation here and not the
    largest error. Other formulas than forward and backward differences of order 1 get the step that is best for them
    if the derivatives of order ``k`` are as large as ``|f| / L**k``, with the length ``L`` from ``f''``.

    The first step of the curvature is ``max(|x|, 1) (noise / |f|)**(1/4)``, the second
    ``(noise / |f''|)**(1/4)``; published is ``noise**(1/4)``, which means a certain unit of ``x`` and of the
    loss. Where the published procedure gives up, the larger curvature is used and `reason` says so. PETSc has
    the constant 1.68, which is ``8**(1/4)``. Where ECnoise finds no consistent level, the noise is that of rounding.

    References
    ----------
    J. J. Moré, S. M. Wild, "Estimating derivatives of noisy simulations", ACM Transactions on Mathematical Software
    38 (2012) 19:1-19:21.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), method="forward", step=jg.MoreWild()).round(6)
    array([1.])
    """

    noise: float | None = None
    most: int = 40

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 12)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        if self.noise is None:
            # What the two second differences need is kept back.
            level = noise_on_lines(lines, self.most - 4).level
            lines.noise = np.where(np.isfinite(level) & (level > 0.0), level, lines.noise)
            lines.size = np.maximum(lines.size, MOST_OF_NOISE * lines.noise)
        first, first_clear = _curvature(lines, lines.length * lines.relative_noise**0.25, lines.open)
        self._finish(lines, np.flatnonzero(first_clear), first, FIRST)
        second, second_clear = _curvature(lines, (lines.noise / first) ** 0.25, lines.open)
        self._finish(lines, np.flatnonzero(second_clear), second, SECOND)
        agree = np.abs(first - second) <= AGREES * np.maximum(first, second)
        self._finish(lines, np.flatnonzero(agree), second, AGREED)
        self._finish(lines, np.flatnonzero(np.isfinite(second)), np.maximum(first, second), UNSURE)
        lines.give_up(lines.open, USED_UP)
        return lines.tuning()

    @staticmethod
    def _finish(lines: Lines, which: IntArray, curvature: FloatArray, reason: str) -> None:
        which = np.intersect1d(which, lines.open)
        h = 8.0**0.25 * np.sqrt(lines.noise) / np.sqrt(curvature)
        lines.finish(which, lines.converted(h, stencil("forward", 1))[which], reason)


def _curvature(lines: Lines, h: FloatArray, which: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the second derivatives of some targets, at least that of the noise, and whether they are clear."""
    curvature, clear = np.full(h.size, np.nan), np.zeros(h.size, bool)
    while which.size:
        look = lines.look(which, h[which], [-1, 0, 1])
        weights = look.weights(2)
        second, noise = np.abs(look.sum(weights)), lines.noise[look.which]
        curvature[look.which] = np.maximum(second, noise) / look.h**2
        middle, spread = look.values[:, 1:2], np.abs(look.values - look.values[:, 1:2]).max(axis=1)
        near = spread <= NEAR * np.maximum(np.abs(middle[:, 0]), np.abs(look.values).max(axis=1))
        clear[look.which] = near & (second >= CLEAR * noise)
        which = np.setdiff1d(np.intersect1d(which, lines.open), np.union1d(look.which, look.refused))
    return curvature, clear
