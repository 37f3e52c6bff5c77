"""The default: a step that suits most coordinates, and checks that find the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jitgrad.steps.rule import Scaling


@dataclass(frozen=True)
class Auto:
    """A step by rule, checked against what the values themselves show, and repaired where they do not agree.

    The loss at ``x`` and the values of the formula (two per coordinate by default) show at no extra cost whether the
    difference drowns in rounding or noise, whether the slope changes over the step as much as it should not, and
    whether something is not finite. Only coordinates that look doubtful get more evaluations, from the ladder
    estimator behind `estimate_cpu`; a `PrecisionWarning` names those that stay so.

    Parameters
    ----------
    verify : bool, default False
        Spend one more evaluation per coordinate, at 0.37 of the step, which must agree with the others. Two values and
        the loss at ``x`` may by chance look like a smooth function where the loss oscillates faster than the step;
        three hardly ever do (``benchmarks/aliasing.py`` counts).
    noise : float, default 0.0
        Absolute error of the loss, if known, in units of the loss. Rounding need not be stated.

    Raises
    ------
    TypeError, ValueError
        If `noise` is not a number, or negative or not finite.

    Notes
    -----
    The step is ``4 eps**(1 / (order + 1))`` times ``|x|`` up to 1, and times ``sqrt(|x|)`` above; where ``x`` is 0 it
    is that number itself, and the other side of a central formula is half as far, since an odd function looks like a
    straight line to a symmetric pair. The factor 4: in a loss that sums many terms each coordinate sees 10 to 100
    times the rounding that its own term makes, and the best step grows with the cube root. In float32 it is 1: steps
    are 4 % of ``|x|`` as it is, and unless another order is asked for the central formula of order 4 is taken, which
    such steps do not harm. The square root: where
    ``x`` is 1e8 and the loss varies on the scale of 1, a relative step is wrong by a factor of 1e4.

    A coordinate that is small by chance needs no smaller step than the others, and would lose digits. So of eight or
    more coordinates that are not 0 (a sample of 32) the lower quartile of ``|x|`` says what is usual, and none gets
    less than a quarter of the step of that; but never more than ``1e-5**(1 / order)`` times its own ``|x|``, which does
    no harm where it has another unit. Points of a batch are treated each by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.sin(1e6 * x[0]) + x[1] ** 2
    >>> jg.grad_cpu(loss, np.array([0.0, 1.0]), step=jg.Auto(verify=True)).round(3)
    array([1000000.,       2.])
    """

    verify: bool = False
    noise: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.noise, bool) or not isinstance(self.noise, float | int | np.floating | np.integer):
            raise TypeError(f"noise must be a number, got {self.noise!r}. Leave it out if it is unknown.")
        if not (self.noise >= 0.0 and np.isfinite(self.noise)):
            raise ValueError(f"noise must be finite and at least 0, got {self.noise!r}. Leave it out if it is unknown.")

    def scaling(self, dtype: np.dtype[Any], order: int) -> Scaling:
        """Give the steps for a first derivative of accuracy `order` on coordinates of type `dtype`."""
        eps = float(np.finfo(dtype).eps)
        unit = (4.0 if eps < 1e-10 else 1.0) * eps ** (1.0 / (order + 1))
        return Scaling(
            relative=unit,
            floor=np.zeros(()),
            at_zero=unit,
            knee=1.0,
            least=8.0 * eps,
            usual=0.25,
            most=1e-5 ** (1.0 / order),
        )
