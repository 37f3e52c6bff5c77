"""The step of Curtis and Reid: truncation a hundred times the noise, where it can be measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import stencil
from jitgrad.steps.lines import Lines
from jitgrad.steps.look import Look
from jitgrad.steps.optimum import error_law
from jitgrad.steps.rule import Search, Tuning, check_options
from jitgrad.steps.walk import settle, stride, walk

WINDOW = 10.0, 1000.0
"""Smallest and largest truncation over noise that end the search."""

AIM = 100.0

UP = 16.0
"""The step grows by this where truncation cannot be told from noise."""


@dataclass(frozen=True)
class CurtisReid:
    """Step tuner of Curtis and Reid, and its extension to every formula.

    The truncation of one-sided differences is measured by the difference to central ones, and the step changed
    until it is 10 to 1000 times the noise. Central differences with that step are then accurate: a simple rule
    from the days of stiff solvers. With `modified` the truncation of the formula itself is measured, against
    that of the next higher order, and the best step follows from it.

    Parameters
    ----------
    modified : bool, default False
        Measure the truncation of the formula that is going to be used.
    noise : float, optional
        Absolute error of one value of the loss. Default: that of rounding.
    most : int, default 60
        Most evaluations per coordinate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    One class with a flag, since both change the step in the same way and differ in what they measure.

    Original: the step is for central differences of order 2. One-sided differences of order 1 get their own best
    step, which follows from the same second difference; other formulas get the step that is best for them if the
    derivatives of order ``k`` are as large as ``|f| / L**k``, with the length ``L`` from ``f''``.

    Modified, implementations disagree: pnd aims at truncation over noise of ``1 / order``, that of the best
    step, to within a factor of 4. There the difference of two formulas is mostly noise, whatever the step, and a
    first step that is far too small is accepted. Here the search is for the original's window, where truncation can
    be told from noise, and its power law leads to the best step. pnd's limit of a tenth of ``|x|`` is left out: it
    supposes that ``x`` is far from 0.

    References
    ----------
    A. R. Curtis, J. K. Reid, "The choice of step lengths when using differences to approximate Jacobian
    matrices", IMA Journal of Applied Mathematics 13 (1974) 121-126. The modification: A. Kostyrka, R package pnd.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), order=4, step=jg.CurtisReid(modified=True)).round(9)
    array([1.])
    """

    modified: bool = False
    noise: float | None = None
    most: int = 60

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 20)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        return _own(lines) if self.modified else _original(lines)


def _original(lines: Lines) -> Tuning:
    forward = stencil("forward", 1)

    def ratio(look: Look) -> FloatArray:
        # |central - forward| is half the second difference over h; the noise is noise / h.
        return 2.0 * look.clarity(look.weights(2))

    first = lines.ordinary(forward) * np.sqrt(AIM)
    found = walk(lines, first, [-1, 0, 1], ratio, WINDOW, lambda ratio: stride(ratio, WINDOW, 2, UP))
    if (lines.stencil.method, lines.stencil.order) == ("central", 2):
        h = found.h
    else:
        with np.errstate(divide="ignore"):  # ratios of 0 are flat
            best = found.h * np.sqrt(2.0 / found.ratio)
        h = lines.converted(best, forward)
    settle(lines, found, h, flat=lines.ordinary())
    return lines.tuning()


def _own(lines: Lines) -> Tuning:
    order, law = lines.stencil.order, error_law(lines.stencil)
    offsets, inner = lines.with_next_order()

    def ratio(look: Look) -> FloatArray:
        difference = np.abs(look.sum(look.weights(1) - look.weights(1, inner)))
        return np.asarray(difference / (law.noise * look.noise))

    first = lines.ordinary() * (order * AIM) ** (1.0 / (order + 1))
    found = walk(lines, first, offsets, ratio, WINDOW, lambda ratio: stride(ratio, WINDOW, order + 1, UP))
    with np.errstate(divide="ignore"):  # ratios of 0 are flat
        # Truncation grows as h**order and noise falls as 1 / h: at the best step their quotient is 1 / order.
        h = found.h / (order * found.ratio) ** (1.0 / (order + 1))
    settle(lines, found, h)
    return lines.tuning()
