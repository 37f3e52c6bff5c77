"""What a user may ask of random directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from jitgrad.estimators.directions import NORMAL, SIGNS, Distribution
from jitgrad.steps.rule import positive


@dataclass(frozen=True)
class RandomDirections:
    """What `SPSA` and `Smoothing` have in common: everything but the distribution of the directions."""

    n_directions: int | Literal["auto"] = 16
    h: float | None = None
    rng: Any = None
    precision: float = 0.5
    most: int = 10_000

    distribution: ClassVar[Distribution]

    def __post_init__(self) -> None:
        if self.n_directions != "auto":
            _check_count("n_directions", self.n_directions, 1, " or 'auto'")
        _check_count("most", self.most, 2)
        for name in ("h", "precision"):
            given = getattr(self, name)
            if given is not None and positive(name, given).ndim != 0:
                raise ValueError(f"{name} must be one number, got {given!r}. Leave it out for the default.")
        try:
            np.random.default_rng(self.rng)
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"rng must be an integer, a numpy.random.Generator or SeedSequence, or None, got {self.rng!r}. "
                "Give an integer for the same directions every time."
            ) from None


@dataclass(frozen=True)
class SPSA(RandomDirections):
    """Simultaneous perturbation: every coordinate moves by ``+h`` or ``-h`` at the same time, at random.

    Of each direction ``u`` the loss is evaluated at ``x + h u`` and ``x - h u``, and the gradient is the mean of
    ``(f(x + h u) - f(x - h u)) / (2 h) * u`` over all directions. One direction costs two evaluations, however many
    coordinates there are; the error is that of a sample, and large: see Notes.

    Parameters
    ----------
    n_directions : int or "auto", default 16
        Directions per gradient; ``"auto"`` for as many as `precision` takes.
    h : float, optional
        Displacement of every coordinate, in units of ``x``. Default: that of `Auto` for a coordinate of which a
        quarter of the others fall short, those that are 0 left out.
    rng : int, numpy.random.Generator, SeedSequence or None
        Where the directions come from, as `numpy.random.default_rng` reads it. With an integer `grad_cpu` takes the
        same directions in every call; a function from `gradient_of` takes new ones in each of its calls, which are the
        same in each run of the program. A Generator goes on from call to call.
    precision : float, default 0.5
        For ``"auto"``: wished standard error of the gradient, as a vector, relative to its length. At 0.5 the
        direction of the gradient is right to 27 degrees.
    most : int, default 10000
        Most directions that ``"auto"`` may take; a `PrecisionWarning` tells when they did not do.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as described.

    Notes
    -----
    From ``K`` directions the derivative by coordinate ``j`` has the variance ``(g @ g - g[j]**2) / K``, so the whole
    gradient of ``n`` coordinates has the relative standard error ``sqrt((n - 1) / K)``: as many directions as
    coordinates, and twice the evaluations of a forward difference, still give an error of 100 %. What few directions
    are good for is descent, where the errors of many steps average out.

    All coordinates move by the same `h`. If they have different units, let the loss take them rescaled.

    References
    ----------
    J. C. Spall, "Multivariate Stochastic Approximation Using a Simultaneous Perturbation Gradient Approximation",
    IEEE Transactions on Automatic Control 37 (1992) 332-341.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return (x * x).sum()
    >>> x = np.ones(1000)
    >>> gradient = jg.grad_cpu(loss, x, estimator=jg.SPSA(n_directions=500, rng=1))
    >>> bool(gradient @ (2 * x) > 0)
    True
    """

    distribution: ClassVar[Distribution] = SIGNS


@dataclass(frozen=True)
class Smoothing(RandomDirections):
    """Gaussian smoothing: every coordinate moves by `h` times a normal random number.

    As `SPSA`, with normal directions. The result is an unbiased estimate of the gradient of a smoothed loss, the mean
    of ``f(x + h u)`` over ``u``: of use with a large `h`, where the loss has kinks, steps or noise. With a small one
    the variance is a little above that of `SPSA`, and drawing the directions takes longer.

    Parameters
    ----------
    n_directions, h, rng, precision, most
        As in `SPSA`; `h` is a standard deviation, and the width of the smoothing.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as described.

    Notes
    -----
    From ``K`` directions the derivative by coordinate ``j`` has the variance ``(g @ g + g[j]**2) / K``. There is no
    limit to where the loss is evaluated, so `bounds` are refused.

    References
    ----------
    Y. Nesterov and V. Spokoiny, "Random Gradient-Free Minimization of Convex Functions", Foundations of Computational
    Mathematics 17 (2017) 527-566.

    Examples
    --------
    The slope of a staircase, whose derivative is 0 wherever it has one:

    >>> import numpy as np
    >>> from numba import njit
    >>> import jitgrad as jg
    >>> @njit
    ... def loss(x):
    ...     return np.floor(10.0 * x).sum()
    >>> g = jg.grad_cpu(loss, np.array([0.5]), estimator=jg.Smoothing(n_directions=4000, h=1.0, rng=1))
    >>> bool(abs(g[0] - 10.0) < 1.0)
    True
    """

    distribution: ClassVar[Distribution] = NORMAL


def _check_count(name: str, value: Any, least: int, otherwise: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer, at least {least}{otherwise}, got {value!r}.")
