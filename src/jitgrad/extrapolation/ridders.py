"""Ridders' method: smaller steps until they make things worse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jitgrad._types import Array
from jitgrad.extrapolation.rounds import Summary, extrapolate_in_rounds
from jitgrad.extrapolation.rule import START, check_levels
from jitgrad.extrapolation.table import Entries, Slopes, best_entry, distance, entries, sigma_of
from jitgrad.steps import Extrapolated, StepRule, as_scaling_rule
from jitgrad.steps.rule import Search


@dataclass(frozen=True, eq=False)
class Ridders:
    """Add smaller steps, one a round, until the highest order is worse than the best by a factor.

    Parameters
    ----------
    levels : int, default 10
        Number of steps at most, from 3 to 16.
    ratio : float, default 1.4
        Of neighbouring steps.
    safe : float, default 2.0
        Stop when the last two highest orders differ by so many times the smallest error so far.
    start : float, array_like or step rule, default ``Relative(0.125)``
        The largest step.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not of its kind or out of its range.

    Notes
    -----
    Only the rule that stops is Ridders': the entry is then chosen as by `Richardson`, because the smallest
    difference of two neighbours, which Ridders takes, is too small by chance where the loss is noisy.

    References
    ----------
    C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Advances in Engineering Software 4 (1982)
    75-76; with ratio, safety factor and number of levels of W. H. Press et al., "Numerical Recipes", section 5.7.

    Examples
    --------
    >>> from jitgrad.extrapolation import Ridders
    >>> Ridders(levels=8)
    Ridders(levels=8, ratio=1.4, safe=2.0, start=Relative(r=0.125))
    """

    levels: int = 10
    ratio: float = 1.4
    safe: float = 2.0
    start: npt.ArrayLike | StepRule = START

    def __post_init__(self) -> None:
        check_levels(self.levels, self.ratio, FIRST_ROUND)
        if not (np.isfinite(self.safe) and self.safe >= 1.0):
            raise ValueError(f"safe must be finite and at least 1, got {self.safe!r}.")
        object.__setattr__(self, "start", as_scaling_rule(self.start))

    def extrapolate(self, search: Search) -> Extrapolated:
        """Add levels until the rule stops, for each coordinate by itself."""
        return extrapolate_in_rounds(search, self.start, self.levels, self.ratio, FIRST_ROUND, self._summary)

    def _summary(self, slopes: Slopes) -> Summary:
        table = entries(slopes, slopes.u.shape[1])
        value, error = best_entry(slopes, table, sigma_of(slopes, table))
        return value, error, _got_worse(slopes, table, self.safe)


FIRST_ROUND = 3
"""The rule cannot stop before the third level: at the second the difference is the smallest error itself."""


def _got_worse(slopes: Slopes, table: Entries, safe: float) -> Array:
    """Whether the last step of the diagonal is ``safe`` times the smallest error, by coordinate."""
    levels = slopes.u.shape[1]
    smallest = np.full(len(slopes.u), np.inf)
    for a, b in table.value:
        if a < b:
            error = distance(table, a, b)
            smallest = np.where((b < slopes.usable) & (error < smallest), error, smallest)
    worse = np.zeros(len(slopes.u), bool)
    for last in range(1, levels):
        step = np.abs(table.value[0, last] - table.value[0, last - 1])
        worse |= (slopes.usable == last + 1) & (step >= safe * smallest)
    return worse
