"""Richardson extrapolation with a fixed number of levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jitgrad.extrapolation.rounds import Summary, extrapolate_in_rounds
from jitgrad.extrapolation.rule import START, check_levels
from jitgrad.extrapolation.table import Slopes, best_entry, entries, sigma_of
from jitgrad.steps import Extrapolated, StepRule, as_scaling_rule
from jitgrad.steps.rule import Search


@dataclass(frozen=True, eq=False)
class Richardson:
    """Evaluate a formula at a few steps in one ratio and cancel one error term per step, all in one round.

    The entry of the table with the smallest credible error is taken: it covers truncation by the neighbours in the
    table, and noise, which is found in the table too, by the sum of the weights.

    Parameters
    ----------
    levels : int, default 6
        Number of steps, from 2 to 16.
    ratio : float, default 2.0
        Of neighbouring steps. Formulas of order 4 and more have nodes in common at neighbouring levels of a whole
        ratio; these are evaluated once.
    start : float, array_like or step rule, default ``Relative(0.125)``
        The largest step. Steps shrink to the room between the bounds.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not of its kind or out of its range.

    References
    ----------
    L. F. Richardson and J. A. Gaunt, "The deferred approach to the limit", Philosophical Transactions of the Royal
    Society A 226 (1927) 299-361. The error terms of a central formula of order p are ``h**p, h**(p + 2), ...``;
    eliminating ``h**p, h**(2 p), ...`` instead, as some packages do, leaves the second one in place.

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.extrapolation import Richardson
    >>> from jitgrad.launch.evaluator import Evaluator
    >>> from jitgrad.stencils import stencil
    >>> from jitgrad.steps import Search
    >>> def launch(probes):  # of the exponential function; the point itself has no value of its own
    ...     return np.exp(probes.value if probes.value.size else probes.points[:, 0])
    >>> evaluator = Evaluator(np.array([[1.0]]), launch)
    >>> everywhere = np.array([-np.inf]), np.array([np.inf])
    >>> found = Richardson().extrapolate(Search(evaluator, np.array([0]), *everywhere, stencil()))
    >>> bool(abs(found.derivative[0] - np.e) < found.error[0] < 1e-12)
    True
    """

    levels: int = 6
    ratio: float = 2.0
    start: npt.ArrayLike | StepRule = START

    def __post_init__(self) -> None:
        check_levels(self.levels, self.ratio, 2)
        object.__setattr__(self, "start", as_scaling_rule(self.start))  # with a private copy of an array

    def extrapolate(self, search: Search) -> Extrapolated:
        """Evaluate the formula at all steps at once and combine."""
        return extrapolate_in_rounds(search, self.start, self.levels, self.ratio, self.levels, _best)


def _best(slopes: Slopes) -> Summary:
    table = entries(slopes, slopes.u.shape[1])
    value, error = best_entry(slopes, table, sigma_of(slopes, table))
    return value, error, np.ones(value.size, bool)
