"""What a scenario is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import numba
import numpy as np

from jitgrad._types import FloatArray, Loss


def njit(function: Loss) -> Loss:
    """`numba.njit` with a type, for the type checker."""
    return cast(Loss, numba.njit(function))


@dataclass(frozen=True, eq=False)
class Scenario:
    """A loss, where to evaluate it, and its exact gradient.

    Attributes
    ----------
    name : str
        Name to look it up by.
    loss : numba-jitted function
        ``loss(x, *args) -> float``, compiled at its first call.
    gradient : callable
        ``gradient(x, *args) -> ndarray of shape (n,)``: closed form or forward sensitivities in NumPy, not numerical
        differences. Exact up to rounding.
    lower, upper : ndarray of shape (n,)
        The box from which `draw` takes points. The loss is smooth in it and around it, up to 0.2 times
        ``max(|x|, 1)``, so that long stencils have room.
    args : tuple
        What the loss takes after ``x``.
    dense : bool
        Whether the scenario comes in any size, an evaluation costs at least a few operations per coordinate, and
        every coordinate matters: what a benchmark wants.
    noise : float
        Absolute error that the loss makes on purpose; 0 if it only rounds.
    smooth : numba-jitted function, optional
        The loss without its noise, where `noise` is not 0. `gradient` is the gradient of this function.
    point : ndarray of shape (n,)
        A point from the box, always the same.

    Examples
    --------
    >>> import jitgrad as jg
    >>> from jitgrad.testing import scenario
    >>> s = scenario("rosenbrock", n=6)
    >>> error = jg.grad_cpu(s.loss, s.point, args=s.args) - s.gradient(s.point, *s.args)
    >>> bool(abs(error).max() < 1e-6)
    True
    """

    name: str
    loss: Loss
    gradient: Callable[..., FloatArray]
    lower: FloatArray
    upper: FloatArray
    args: tuple[Any, ...] = ()
    dense: bool = False
    noise: float = 0.0
    smooth: Loss | None = None
    point: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "point", self.draw(np.random.default_rng(0)))

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return int(self.lower.size)

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Draw a point at which the loss is well-behaved.

        Parameters
        ----------
        rng : numpy.random.Generator

        Returns
        -------
        ndarray of shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from jitgrad.testing import scenario
        >>> scenario("rosenbrock", n=6).draw(np.random.default_rng(1)).shape
        (6,)
        """
        return rng.uniform(self.lower, self.upper)


Factory: TypeAlias = Callable[..., Scenario]
"""``factory(n=default) -> Scenario``, with as many of `n` coordinates as the loss can use; its name is the name of
the scenario."""
