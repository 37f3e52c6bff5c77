"""The step that balances truncation against rounding for a loss of ordinary scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad.steps.rule import Scaling, positive


@dataclass(frozen=True, eq=False)
class Textbook:
    """``h = eps**(1 / (order + 1)) * max(|x|, typical)``.

    A formula of accuracy ``p`` for a first derivative has a truncation error that grows as ``h**p`` and a
    rounding error that grows as ``eps / h``. Their sum is smallest near ``h = eps**(1 / (p + 1))`` in units
    of the length on which the loss changes, which the rule takes to be ``max(|x|, typical)``.

    Parameters
    ----------
    typical : float or array_like, default 1.0
        Typical size of a coordinate near zero, in units of ``x``: one number or one per coordinate.

    Raises
    ------
    ValueError
        If `typical` is zero, negative or not finite.

    References
    ----------
    J. E. Dennis and R. B. Schnabel, "Numerical Methods for Unconstrained Optimization and Nonlinear
    Equations", SIAM 1996, section 5.4 (their ``typx`` is `typical`).

    Examples
    --------
    >>> import numpy as np
    >>> import jitgrad as jg
    >>> jg.Textbook().scaling(np.dtype(np.float64), order=2).relative  # doctest: +ELLIPSIS
    6.05...e-06
    """

    typical: npt.ArrayLike = 1.0

    def __post_init__(self) -> None:
        # A private copy: the caller may go on using the array for something else.
        object.__setattr__(self, "_typical", positive("typical", self.typical))

    def scaling(self, dtype: np.dtype[Any], order: int) -> Scaling:
        """Give the steps for a first derivative of accuracy `order` on coordinates of type `dtype`."""
        unit = float(np.finfo(dtype).eps) ** (1.0 / (order + 1))
        typical: npt.NDArray[np.float64] = self._typical  # type: ignore[attr-defined]
        return Scaling(relative=unit, floor=np.asarray(unit * typical))
