"""What a problem is: a function of one number, where to differentiate it, and the exact derivative there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from jitgrad._types import Array, FloatArray, Loss

POINTS = 100
"""Points per problem."""

_GOLDEN = 0.5 * (5.0**0.5 - 1.0)


@dataclass(frozen=True, eq=False)
class Problem:
    """A function of one number with a known derivative.

    Attributes
    ----------
    name : str
        Name, unique among all problems.
    function : numba-jitted function
        ``function(x) -> float``, compiled at its first call; any function given is compiled.
    slope : callable
        The derivative in closed form, elementwise on arrays, of any precision of NumPy. `derivative` calls it.
    x : ndarray of float64, shape (100,)
        Where the function is differentiated.
    length : ndarray of float64, shape (100,)
        Length on which the function changes by as much as it ever does, at each of `x`, in units of ``x``: the
        distance of a singularity or a kink, one over a frequency. A number or a function of ``x`` may be given.
    typical : float
        Slope that errors are measured against where the derivative is smaller; 0 where it is never about 0.
    smooth : callable, optional
        The function whose derivative `slope` is, where `function` is a rounded version of it.
    hidden_by : float
        Noise level from which on what makes the slope is smaller than the noise, so that nobody can know of it.
    kind : str
        The class of difficulty, set by the catalogue: the name of the file the problem is from.
    held_out : bool
        Whether the problem is set aside for the final judgement, set by the catalogue.

    Examples
    --------
    >>> from jitgrad.testing.problems import problem
    >>> p = problem("softplus")
    >>> round(p.function(0.0), 4), float(p.derivative([0.0])[0])
    (0.6931, 0.5)
    """

    name: str
    function: Loss
    slope: Callable[[Any], Any]
    x: FloatArray
    length: Any = 1.0
    typical: float = 0.0
    smooth: Loss | None = None
    hidden_by: float = np.inf
    kind: str = ""
    held_out: bool = False

    def __post_init__(self) -> None:
        # 1/0 is inf, as in jitgrad's own kernels: an exception would end the judgement of all other points.
        # `replace` comes here again with a function that is compiled already.
        plain = getattr(self.function, "py_func", self.function)
        object.__setattr__(self, "function", numba.njit(error_model="numpy")(plain))
        length = self.length(self.x) if callable(self.length) else self.length
        object.__setattr__(self, "length", np.array(np.broadcast_to(length, self.x.shape)))

    def values(self, x: Array) -> FloatArray:
        """Evaluate the function at each of `x` in the arithmetic of its dtype; the results are rounded to it.

        Parameters
        ----------
        x : ndarray, float64 or float32

        Returns
        -------
        ndarray of float64, shape of `x`
            In float32 every value is a number that float32 can hold.
        """
        # One call from Python each, 0.2 us: a compiled loop would have to be compiled for every problem.
        found = [self.function(value) for value in x.ravel()]
        return np.array(found, x.dtype).astype(np.float64).reshape(x.shape)

    def derivative(self, x: npt.ArrayLike) -> FloatArray:
        """Evaluate the exact derivative of the mathematical function at the floating-point numbers `x`.

        Parameters
        ----------
        x : array_like

        Returns
        -------
        ndarray of float64, shape of `x`
            Computed in the widest format of NumPy and then rounded. Where that is wider than float64 (all but Windows
            and macOS on ARM) the last digit is right, unless x is a million times `length` or more.
        """
        wide = np.asarray(x).astype(np.longdouble)
        with np.errstate(under="ignore"):
            return np.asarray(self.slope(wide), np.float64) * np.ones(wide.shape)

    def size(self) -> FloatArray:
        """Typical ``|f|`` around each of `x`: median of ``|f(x - L/2)|, |f(x)|, |f(x + L/2)|``, `L` being `length`.

        Returns
        -------
        ndarray of float64, shape (100,)
            In units of the function. The noise of level ``r`` has the standard deviation ``r * size()``.
        """
        around = [self.x - 0.5 * self.length, self.x, self.x + 0.5 * self.length]
        return np.asarray(np.median([np.abs(self.values(x)) for x in around], axis=0))


def spread(lower: float, upper: float, count: int = POINTS) -> FloatArray:
    """Numbers between two others, evenly spread and without a pattern: multiples of the golden ratio, modulo 1."""
    return np.asarray(lower + (upper - lower) * (_GOLDEN * np.arange(1, count + 1) % 1.0))


def spread_log(lower: float, upper: float, count: int = POINTS) -> FloatArray:
    """As `spread`, on a logarithmic scale."""
    return np.asarray(np.exp(spread(np.log(lower), np.log(upper), count)))


def beside(centre: float, nearest: float, furthest: float, count: int = POINTS) -> FloatArray:
    """Numbers on both sides of `centre`, at distances spread on a logarithmic scale."""
    return np.asarray(centre + np.where(np.arange(count) % 2 == 0, 1.0, -1.0) * spread_log(nearest, furthest, count))


def at_and_beside(centre: float, nearest: float, furthest: float, count: int = POINTS) -> FloatArray:
    """As `beside`, the first being `centre` itself."""
    return np.concatenate([[centre], beside(centre, nearest, furthest, count - 1)])


def distance_to(*places: float, most: float = np.inf) -> Callable[[FloatArray], FloatArray]:
    """Make a `length`: the distance to the nearest of `places`, `most` at most."""
    return lambda x: np.minimum(np.min([np.abs(x - place) for place in places], axis=0), most)
