"""Steps given by the user, in units of x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad.steps.rule import Scaling, positive


@dataclass(frozen=True, eq=False)
class Absolute:
    """The same step wherever ``x`` is.

    Parameters
    ----------
    h : float or array_like
        The step, in units of ``x``: one number, or one per coordinate.

    Raises
    ------
    ValueError
        If a step is zero, negative or not finite.

    Examples
    --------
    >>> import jitgrad as jg
    >>> jg.Absolute(1e-6)
    Absolute(h=1e-06)
    """

    h: npt.ArrayLike

    def __post_init__(self) -> None:
        # A private copy: the caller may go on using the array for something else.
        object.__setattr__(self, "_floor", positive("step", self.h))

    def scaling(self, dtype: np.dtype[Any], order: int) -> Scaling:
        """Give the steps, which depend on neither the type nor the formula."""
        del dtype, order
        floor: npt.NDArray[np.float64] = self._floor  # type: ignore[attr-defined]
        return Scaling(relative=0.0, floor=floor)
