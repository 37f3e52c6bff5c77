"""The step of Gill, Murray, Saunders and Wright: forward differences from a second difference that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import stencil
from jitgrad.steps.lines import Lines
from jitgrad.steps.look import Look
from jitgrad.steps.rule import Search, Tuning, check_options
from jitgrad.steps.walk import FOUND, SMALL, settle, walk

CONDITION = 1e-3, 0.1
"""Smallest and largest relative error, from noise, of the second difference that is accepted."""

FACTOR = 10.0
"""The step changes by this; the second difference grows by its square, which is the width of `CONDITION`."""

LINEAR = "nearly linear or odd: the smallest step with a slope above the noise"
NEARLY_CONSTANT = "nearly constant: no slope above the noise up to the largest step tried"
POOR = "curvature found, but the slope is small against the error of forward differences"


@dataclass(frozen=True)
class Gill:
    """Step tuner of Gill, Murray, Saunders and Wright, for forward differences of smooth losses.

    A second difference is taken with a step at which noise makes 0.1 % to 10 % of it. It gives ``f''``, and
    ``h = 2 sqrt(noise / |f''|)``. Known from the optimisers NPSOL and SNOPT; cheap.

    Parameters
    ----------
    noise : float, optional
        Absolute error of one value of the loss. Default: that of rounding.
    most : int, default 16
        Most evaluations per coordinate.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    Other formulas than forward and backward differences of order 1 get the step that is best for them if the
    derivatives of order ``k`` are as large as ``|f| / L**k``, with the length ``L`` from ``f''``.

    Implementations disagree. nlmixr2est follows the published steps FD1 to FD6 and is the model here;
    numericalderivative bisects between fixed ends for the condition alone. NPSOL takes the step of the second
    difference for central differences; here they get a larger one, as above. The first step is ``10 h'`` with
    ``h' = 2 max(|x|, 1) sqrt(noise / |f|)``; published is ``2 (1 + |x|) sqrt(noise / (1 + |f|))``, which is far
    too small where ``|f|`` is. The number of second differences follows from `most`, here 7 (published:
    6 after the first). The published test of the result against half the slope says in `reason` what it finds, and
    uses the slope's size (nlmixr2est forgets the absolute value, so negative slopes always fail it).

    References
    ----------
    P. E. Gill, W. Murray, M. A. Saunders, M. H. Wright, "Computing forward-difference intervals for numerical
    optimization", SIAM Journal on Scientific and Statistical Computing 4 (1983) 310-321.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.exp(x[0])
    >>> jg.grad_cpu(loss, np.array([0.0]), method="forward", step=jg.Gill()).round(6)
    array([1.])
    """

    noise: float | None = None
    most: int = 16

    def __post_init__(self) -> None:
        check_options(self.noise, self.most, 4)

    def tune(self, search: Search) -> Tuning:
        """Find the steps; see `jitgrad.steps.rule.Tuner`."""
        lines = Lines(search, self.noise, self.most)
        first = lines.ordinary(stencil("forward", 1))
        steep = np.full(first.size, np.inf)  # smallest step with a slope above the noise
        slope = np.zeros(first.size)  # size of the slope times the last step

        def ratio(look: Look) -> FloatArray:
            which = look.which
            rises = np.abs(np.diff(look.values, axis=1))
            clear = 2.0 * look.noise <= CONDITION[1] * rises.min(axis=1)
            steep[which] = np.where(clear, np.minimum(steep[which], look.h), steep[which])
            slope[which] = np.abs(look.sum(look.weights(1)))
            return look.clarity(look.weights(2))

        def factor(ratio: FloatArray) -> FloatArray:
            return np.where(ratio < 1.0 / CONDITION[1], FACTOR, 1.0 / FACTOR)

        found = walk(lines, FACTOR * first, [-1, 0, 1], ratio, (1.0 / CONDITION[1], 1.0 / CONDITION[0]), factor)
        with np.errstate(divide="ignore"):  # ratios of 0 are flat
            best = _fitted(lines, found.h / np.sqrt(found.ratio))
        flat = found.ended(SMALL)
        linear = flat[np.isfinite(steep[flat])]
        lines.finish(flat, _fitted(lines, first)[flat], NEARLY_CONSTANT)
        lines.finish(linear, _fitted(lines, steep)[linear], LINEAR)
        # The error of forward differences at their best step is 2 sqrt(noise |f''|).
        small = np.flatnonzero(4.0 * lines.noise * np.sqrt(found.ratio) > 0.5 * slope)
        poor = np.intersect1d(found.ended(FOUND), small)
        lines.finish(poor, best[poor], POOR)
        settle(lines, found, best)
        return lines.tuning()


def _fitted(lines: Lines, h: FloatArray) -> FloatArray:
    return lines.converted(h, stencil("forward", 1))
