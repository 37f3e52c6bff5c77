"""The step of Shi, Xie, Xuan and Nocedal: two steps of one formula must differ by a few times the noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import Stencil
from jitgrad.steps.lines import Lines
from jitgrad.steps.look import Look
from jitgrad.steps.rule import Search, Tuning, check_options
from jitgrad.steps.walk import settle, stride, walk

WINDOW = 1.5, 6.0
"""Smallest and largest ratio; they must exceed 1, the most that noise alone makes, and differ by more than 2."""


@dataclass(frozen=True)
class Shi:
    """Step tuner of Shi, Xie, Xuan and Nocedal, for every formula.

    The formula is evaluated with the steps ``h`` and ``a * h``. Noise alone makes the two differ by at most a
    known amount; ``h`` is changed until they differ by 1.5 to 6 times that. A good choice for noisy losses, and
    the one tuner that comes with a guarantee.

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
    With forward differences and ``a = 4`` the ratio is ``|f(x + 4h) - 4 f(x + h) + 3 f(x)| / (8 noise)``, and the
    step is between 0.41 and 1.5 times the best one where ``f''`` hardly changes.

    Implementations disagree. Central differences: nlmixr2est takes ``a = 3``, numericalderivative takes ``a = 2`` and
    changes the step by 4, so that no value is used twice. Here ``a`` is 4 for first-order formulas, 3 for
    central ones of order 2 and 2 for the others, and the step changes by ``a``: values are used again. Where the
    ratio is far too large the step shrinks by the power of ``a`` that the order suggests (published: by ``a``). A
    bracket is divided at its geometric middle, as in numericalderivative, since the ratio is a power of the step
    (nlmixr2est: arithmetic). The first step is the best one for ``|f''| = |f| / max(|x|, 1)**2`` and the like;
    published are ``2 sqrt(noise / 3)`` and ``2 sqrt(noise)``, which mean a certain unit of ``x``. Where no
    truncation is ever seen (numericalderivative raises) the search ends with `most` and the largest step, at
    most a tenth of ``max(|x|, 1)``.

    References
    ----------
    H.-J. M. Shi, Y. Xie, M. Q. Xuan, J. Nocedal, "Adaptive finite-difference interval estimation for noisy
    derivative-free optimization", SIAM Journal on Scientific Computing 44 (2022) A2302-A2321.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), step=jg.Shi()).round(6)
    array([1.])
    """

    noise: float | None = None
    most: int = 60

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 20)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        a, near = stretch(search.stencil), lines.span()
        offsets = np.union1d(near, a * near)
        inner, outer = (np.searchsorted(offsets, nodes).tolist() for nodes in (near, a * near))

        def ratio(look: Look) -> FloatArray:
            return look.clarity(look.weights(1, inner) - look.weights(1, outer))

        def factor(ratio: FloatArray) -> FloatArray:
            wanted = np.log(stride(ratio, WINDOW, search.stencil.order + 1, up=float(a))) / np.log(a)
            return np.asarray(float(a) ** np.where(wanted < 0.0, np.minimum(np.round(wanted), -1.0), 1.0))

        found = walk(lines, lines.ordinary(), offsets, ratio, WINDOW, factor)
        settle(lines, found, found.h)
        return lines.tuning()


def stretch(chosen: Stencil) -> int:
    """Return ``a``, the quotient of the two steps that are compared."""
    return {1: 4, 2: 3 if chosen.method == "central" else 2}.get(chosen.order, 2)
