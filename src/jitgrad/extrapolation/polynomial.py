"""Polynomial through the slopes at the smallest steps, by least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jitgrad._types import FloatArray
from jitgrad.extrapolation.rounds import Summary, extrapolate_in_rounds
from jitgrad.extrapolation.rule import START, check_levels
from jitgrad.extrapolation.table import SIGMAS, Slopes, entries, sigma_of, weights
from jitgrad.steps import Extrapolated, StepRule, as_scaling_rule
from jitgrad.steps.rule import Search


@dataclass(frozen=True, eq=False)
class PolynomialFit:
    """Fit ``f' + c1 h**p + c2 h**(p + 2) + ...`` to the slopes at the last steps; halve until it gets no better.

    Parameters
    ----------
    degree : int, default 3
        So many terms after ``f'`` at most. The fit uses the last ``degree + 2`` steps, one more than it has unknowns.
    levels : int, default 10
        Number of steps at most, from 3 to 16.
    ratio : float, default 2.0
        Of neighbouring steps.
    start : float, array_like or step rule, default ``Relative(0.125)``
        The largest step.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not of its kind or out of its range.

    Notes
    -----
    The error is the standard deviation of the constant that follows from the residual of the fit, plus rounding.
    With one point more than unknowns, the residual is the projection on one vector ``v``, the difference of
    the weights that interpolate without the first and without the last point; no equations are solved.

    References
    ----------
    The method of the package jacobi by H. Dembinski, which fits in ``h**2`` and starts from ``|x| / 4``.

    Examples
    --------
    >>> from jitgrad.extrapolation import PolynomialFit
    >>> PolynomialFit(degree=2)
    PolynomialFit(degree=2, levels=10, ratio=2.0, start=Relative(r=0.125))
    """

    degree: int = 3
    levels: int = 10
    ratio: float = 2.0
    start: npt.ArrayLike | StepRule = START

    def __post_init__(self) -> None:
        check_levels(self.levels, self.ratio, FIRST_ROUND)
        if self.degree not in (1, 2, 3):
            raise ValueError(f"degree must be 1, 2 or 3, got {self.degree!r}.")
        object.__setattr__(self, "start", as_scaling_rule(self.start))

    def extrapolate(self, search: Search) -> Extrapolated:
        """Add levels until the error of the fit grows, for each coordinate by itself."""
        return extrapolate_in_rounds(search, self.start, self.levels, self.ratio, FIRST_ROUND, self._summary)

    def _summary(self, slopes: Slopes) -> Summary:
        rows = len(slopes.u)
        # No noise yet, because infinitely much of it times a sigma of 0, that of a loss that is 0, is not a number.
        value, deviation, noise = np.full(rows, np.nan), np.full(rows, np.inf), np.zeros(rows)
        worse = np.zeros(rows, bool)
        for last in range(FIRST_ROUND - 1, slopes.u.shape[1]):
            fitted, residual, amplified = fit(slopes, max(0, last - self.degree - 1), last)
            usable = last < slopes.usable
            better = usable & (residual + slopes.sigma * amplified < deviation + slopes.sigma * noise)
            worse = np.where(usable, ~better, worse)
            for best, new in ((value, fitted), (deviation, residual), (noise, amplified)):
                best[better] = new[better]
        # Not before: while truncation prevails it would be taken for noise, and end the search.
        sigma = sigma_of(slopes, entries(slopes, slopes.u.shape[1]))
        return value, SIGMAS * (deviation + sigma * noise), worse


FIRST_ROUND = 3
"""Steps of the smallest fit: a straight line and one residual."""


def fit(slopes: Slopes, first: int, last: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit a polynomial to the slopes of the levels ``first .. last`` with one unknown less than there are levels.

    Returns
    -------
    value : ndarray of shape (rows,)
        The constant of the polynomial.
    deviation : ndarray of shape (rows,)
        Its standard deviation by the residual.
    noise : ndarray of shape (rows,)
        What values with a standard deviation of 1 would contribute to it.
    """
    u, d, unit = (a[:, first : last + 1] for a in (slopes.u, slopes.slope, slopes.unit))
    through = np.zeros_like(u)
    through[:, 1:] = weights(u[:, 1:], slopes.gap)
    v = -through
    v[:, :-1] += weights(u[:, :-1], slopes.gap)
    length = (v * v).sum(axis=1)
    w = through - v * ((through * v).sum(axis=1) / length)[:, None]
    differences = d - d[:, -1:]
    residual = np.abs((v * differences).sum(axis=1)) / np.sqrt(length)
    deviation = residual * np.sqrt((w * w).sum(axis=1))
    return d[:, -1] + (w * differences).sum(axis=1), deviation, (np.abs(w) * unit).sum(axis=1)
