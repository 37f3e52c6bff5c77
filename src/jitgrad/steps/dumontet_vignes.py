"""The step of Dumontet and Vignes: central differences from a third difference of just enough digits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import stencil
from jitgrad.steps.lines import Lines
from jitgrad.steps.look import Look
from jitgrad.steps.rule import Search, Tuning, check_options
from jitgrad.steps.walk import settle, stride, walk

QUOTIENT = 2.0, 15.0
"""Largest over smallest third derivative that the noise allows: less means too large a step, more too small."""

WINDOW = (QUOTIENT[1] + 1.0) / (QUOTIENT[1] - 1.0), (QUOTIENT[0] + 1.0) / (QUOTIENT[0] - 1.0)
"""The same for the third difference over its noise, ``r``: the quotient is ``(r + 1) / (r - 1)``."""

UP = 4.0


@dataclass(frozen=True)
class DumontetVignes:
    """Step tuner of Dumontet and Vignes, for central differences of order 2.

    A third difference is taken with a step at which its sign is certain and little else. It gives ``f'''``, and
    ``h = cbrt(3 noise / |f'''|)``.

    Parameters
    ----------
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
    Other formulas get the step that is best for them if the derivatives of order ``k`` are as large as
    ``|f| / L**k``, with the length ``L`` from ``f'''``.

    The published quotient ``L`` of the largest and the smallest ``f'''`` that relative rounding errors allow, and its
    intervals [1/15, 1/2] and [2, 15], are kept, for an absolute noise. Implementations disagree. On the constant of
    the step: 3 (numericalderivative), 1.68, 1.67 and 0.835 (pnd and the documentation of both); here 3, which
    makes the largest possible error smallest, while the others suppose that errors cancel. On the next step:
    numericalderivative halves a fixed interval that has no width at ``x = 0``, pnd takes geometric middles; here the
    third power law says where the window is, and geometric middles follow if that fails.

    References
    ----------
    J. Dumontet, J. Vignes, "Détermination du pas optimal dans le calcul des dérivées sur ordinateur", RAIRO
    Analyse numérique 11 (1977) 13-25.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), step=jg.DumontetVignes()).round(8)
    array([1.])
    """

    noise: float | None = None
    most: int = 60

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 8)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        central = stencil("central", 2)

        def ratio(look: Look) -> FloatArray:
            return look.clarity(look.weights(3))

        found = walk(
            lines, lines.ordinary(central), [-2, -1, 0, 1, 2], ratio, WINDOW, lambda ratio: stride(ratio, WINDOW, 3, UP)
        )
        with np.errstate(divide="ignore"):  # ratios of 0 are flat
            best = found.h / np.cbrt(found.ratio)
        settle(lines, found, lines.converted(best, central))
        return lines.tuning()
