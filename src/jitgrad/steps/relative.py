"""Steps relative to the size of each coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jitgrad.steps.rule import Scaling, positive


@dataclass(frozen=True)
class Relative:
    """A step proportional to ``|x|``.

    Parameters
    ----------
    r : float
        The step of a coordinate is ``r * |x|``; where ``x`` is 0 it is `r` itself.

    Raises
    ------
    ValueError
        If `r` is zero, negative or not finite.

    Examples
    --------
    >>> import jitgrad as jg
    >>> jg.Relative(1e-5)
    Relative(r=1e-05)
    """

    r: float

    def __post_init__(self) -> None:
        if positive("r", self.r).ndim != 0:
            raise ValueError(f"r must be one number, got {self.r!r}. Give an array of absolute steps as step=.")

    def scaling(self, dtype: np.dtype[Any], order: int) -> Scaling:
        """Give the steps, which depend on neither the type nor the formula."""
        del dtype, order
        return Scaling(relative=float(self.r), floor=np.zeros(()), at_zero=float(self.r))
