"""The step at which truncation and noise of a formula balance, and what follows for other formulas."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.stencils import Stencil


class ErrorLaw(NamedTuple):
    """Worst-case error of a formula: ``truncation * |f^(order + 1)| * h**order + noise * e / h``.

    Attributes
    ----------
    order : int
        Accuracy order of the formula.
    truncation : float
        ``|sum(weights * offsets**(order + 1))| / (order + 1)!``.
    noise : float
        ``sum(|weights|)``; `e` is the largest error of one value.
    """

    order: int
    truncation: float
    noise: float

    def optimal(self, noise: FloatArray, derivative: FloatArray) -> FloatArray:
        """Return the step with the smallest worst-case error.

        Parameters
        ----------
        noise : ndarray
            Largest error of one value of the loss.
        derivative : ndarray
            Size of the derivative of order ``order + 1``, or a bound; above 0.

        Returns
        -------
        ndarray
            ``(noise * sum(|weights|) / (order * truncation * derivative)) ** (1 / (order + 1))``: for forward
            differences ``2 * sqrt(noise / |f''|)``, for central ones ``cbrt(3 * noise / |f'''|)``.
        """
        power = 1.0 / (self.order + 1)
        # Powers first: the quotient may leave the range of numbers, the step does not.
        return np.asarray((self.noise / (self.order * self.truncation)) ** power * noise**power / derivative**power)


@cache
def error_law(chosen: Stencil) -> ErrorLaw:
    """Return the error law of a formula, in exact arithmetic until the end."""
    order = chosen.order
    moment = float(sum(w * o ** (order + 1) for o, w in zip(chosen.offsets, chosen.weights, strict=True)))
    factorial = int(np.prod(np.arange(1, order + 2)))
    return ErrorLaw(order, abs(moment) / factorial, float(sum(abs(w) for w in chosen.weights)))


def ordinary_step(chosen: Stencil, relative_noise: FloatArray, length: FloatArray) -> FloatArray:
    """Return the best step for a loss whose derivatives of order ``k`` are as large as ``|f| / length**k``.

    Parameters
    ----------
    chosen : Stencil
    relative_noise : ndarray
        Noise of the loss over its size.
    length : ndarray
        The length on which the loss changes, in units of ``x``.
    """
    return np.asarray(length * error_law(chosen).optimal(relative_noise, np.ones_like(relative_noise)))


def converted(h: FloatArray, made_for: Stencil, used_by: Stencil, relative_noise: FloatArray) -> FloatArray:
    """Turn the best step of one formula into that of another.

    The step says on which length the loss changes, if its derivatives of order ``k`` are as large as
    ``|f| / length**k``; the length says what the best step of any other formula is.
    """
    one = np.ones_like(relative_noise)
    return np.asarray(h * (ordinary_step(used_by, relative_noise, one) / ordinary_step(made_for, relative_noise, one)))
