"""The step of Stepleman and Winarsky: make it smaller as long as the derivative settles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray, IntArray
from jitgrad.steps.lines import Lines
from jitgrad.steps.rule import Search, Tuning, check_options

FIRST = 16.0
"""The first step over the best one of an ordinary loss."""

STARTS = 1.0, 64.0, 1.0 / 64.0, 1.0 / 4096.0
"""First steps, in turn, over the usual one: the search begins anew where its first comparison fails."""

FLAT = "two steps give the same derivative"
SETTLED = "the next smaller step changes the derivative more than this one did"
NEVER_SETTLED = "textbook step: smaller steps never changed the derivative less"
USED_UP = "evaluations used up while the derivative was settling"


@dataclass(frozen=True)
class SteplemanWinarsky:
    """Step tuner of Stepleman and Winarsky, for every formula.

    The step is divided by 4 (by 2 for formulas of order above 2), until the derivative changes by more than it
    did at the division before; the step before that is taken. It needs an idea of the noise only to begin, and
    stops anywhere if it begins with steps that are all noise.

    Parameters
    ----------
    noise : float, optional
        Absolute error of one value of the loss; says where to begin. Default: that of rounding.
    most : int, default 60
        Most evaluations per coordinate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    Implementations disagree. numericalderivative divides by 4 and starts where the loss changes by a certain number
    of digits, which has no answer where the derivative is 0; pnd divides by 2 and also wants the signs of the
    changes to agree. Here the search starts at 16 times the best step of an ordinary loss; where the very first
    comparison fails, the step was in the noise already, or beyond what the loss is smooth on, and the search starts
    anew from a step 64 times as large, then from smaller ones. Signs are not looked at: near the best step they
    are those of the noise.

    References
    ----------
    R. S. Stepleman, N. D. Winarsky, "Adaptive numerical differentiation", Mathematics of Computation 33 (1979)
    1257-1264.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), step=jg.SteplemanWinarsky()).round(8)
    array([1.])
    """

    noise: float | None = None
    most: int = 60

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 30)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        ratio = 4.0 if search.stencil.order <= 2 else 2.0
        state = _State(lines, np.minimum(FIRST * lines.ordinary(), np.maximum(0.1 * lines.length, lines.ordinary())))
        while lines.open.size:
            which = lines.open
            look = lines.look(which, state.h[which], lines.span())
            state.advance(look.which, look.h, look.sum(look.weights(1)) / look.h, ratio)
            stopped = np.intersect1d(look.refused, lines.open)
            lines.finish(stopped, state.before[stopped], USED_UP)
        return lines.tuning()


class _State:
    """The last step, derivative and change of every target."""

    def __init__(self, lines: Lines, first: FloatArray) -> None:
        self.lines = lines
        self.first = first
        self.h = first.copy()
        self.before = np.full(first.size, np.nan)
        self.slope = np.full(first.size, np.nan)
        self.change = np.full(first.size, np.inf)
        self.fell = np.zeros(first.size, bool)
        self.start = np.zeros(first.size, np.int64)

    def advance(self, which: IntArray, h: FloatArray, slope: FloatArray, ratio: float) -> None:
        """Take in the derivatives at the present steps; finish targets or choose the next steps."""
        change = np.abs(slope - self.slope[which])  # NaN at a first step
        same = change == 0.0
        worse = ~same & (change >= self.change[which])
        settled = worse & self.fell[which]
        self.lines.finish(which[same], self.before[which[same]], FLAT)
        self.lines.finish(which[settled], self.before[which[settled]], SETTLED)
        anew = which[worse & ~settled]
        self.fell[which] |= (change < self.change[which]) & np.isfinite(self.change[which])
        self.before[which], self.slope[which], self.h[which] = h, slope, h / ratio
        self.change[which] = np.where(np.isnan(change), np.inf, change)
        self.start[anew] += 1
        self.lines.give_up(anew[self.start[anew] == len(STARTS)], NEVER_SETTLED)
        anew = anew[self.start[anew] < len(STARTS)]
        self.slope[anew], self.change[anew] = np.nan, np.inf
        self.h[anew] = self.first[anew] * np.array(STARTS)[self.start[anew]]
