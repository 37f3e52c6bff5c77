"""What every step rule and every tuner is."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from jitgrad._types import FloatArray, IntArray
from jitgrad.launch.evaluator import Evaluator
from jitgrad.stencils import Stencil


class Scaling(NamedTuple):
    """The step of a coordinate as a function of its value.

    ``h = max(relative * |x|, floor)``, and above the knee ``relative * sqrt(knee * |x|)`` instead of
    ``relative * |x|``, as long as that is not below ``least * |x|``. A coordinate that is much smaller than the others
    of its point gets `usual` times the step of a usual one, as long as that is not above ``most * |x|``.

    Data rather than a function, so that compiled code evaluates it without a call back into Python.

    Attributes
    ----------
    relative : float
        Step per unit of ``|x|``.
    floor : ndarray
        Smallest step, broadcast against ``x``; in units of ``x``.
    at_zero : float
        The step where ``relative`` and ``floor`` both give 0.
    knee : float
        Size of ``x``, in units of ``x``, above which the step grows with the square root only.
    least : float
        Smallest step per unit of ``|x|`` above the knee.
    usual : float
        Smallest step of a coordinate that is not 0, in units of the step of one that is larger than a quarter of the
        coordinates of its point (`jitgrad.difference.usual_step`).
    most : float
        Largest step per unit of ``|x|`` to which `usual` may lead.
    """

    relative: float
    floor: npt.NDArray[np.float64]
    at_zero: float = 0.0
    knee: float = math.inf
    least: float = 0.0
    usual: float = 0.0
    most: float = 0.0


@runtime_checkable
class StepRule(Protocol):
    """A rule that needs to know only ``x``, its dtype and the formula."""

    def scaling(self, dtype: np.dtype[Any], order: int) -> Scaling:
        """Give the steps for a first derivative of accuracy `order` on coordinates of type `dtype`."""
        ...


class Search(NamedTuple):
    """What a tuner may look at.

    Attributes
    ----------
    evaluator : Evaluator
        The loss.
    targets : ndarray of int64, shape (targets,)
        Flat indices into the evaluator's points of the coordinates whose steps are wanted.
    lower, upper : ndarray of float64, shape (targets,)
        Bounds of those coordinates, finite; the loss must not be evaluated outside.
    stencil : Stencil
        The formula that is going to use the steps.
    """

    evaluator: Evaluator
    targets: IntArray
    lower: FloatArray
    upper: FloatArray
    stencil: Stencil


class Tuning(NamedTuple):
    """What a tuner found.

    Attributes
    ----------
    h : ndarray of float64, shape (targets,)
        The steps, in units of ``x``; above 0.
    reason : ndarray of str, shape (targets,)
        Why the tuner stopped where it did, as a short sentence.
    evaluations : ndarray of int64, shape (targets,)
        Evaluations spent on each coordinate; the loss at the point itself is not counted.
    """

    h: FloatArray
    reason: npt.NDArray[np.str_]
    evaluations: IntArray


@runtime_checkable
class Tuner(Protocol):
    """A step rule that looks at the loss."""

    def tune(self, search: Search) -> Tuning:
        """Find the steps; one probe list per round for all coordinates that are not finished."""
        ...


class Extrapolated(NamedTuple):
    """What an extrapolation found.

    Attributes
    ----------
    derivative : ndarray of float64, shape (targets,)
        NaN where the loss is finite at too few nodes, or the bounds leave no room.
    error : ndarray of float64, shape (targets,)
        Bound on the absolute error that truncation and rounding let expect; infinite where the derivative is NaN.
    evaluations : ndarray of int64, shape (targets,)
        Evaluations spent on each coordinate; the loss at the point itself is not counted.
    """

    derivative: FloatArray
    error: FloatArray
    evaluations: IntArray


@runtime_checkable
class Extrapolation(Protocol):
    """A way to combine a formula at several steps."""

    def extrapolate(self, search: Search) -> Extrapolated:
        """Evaluate the formula at several steps and combine; one probe list per round for all coordinates."""
        ...


def positive(name: str, value: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return `value` as a float64 array, or say which entry is not a finite number above 0."""
    try:
        numbers = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, an array of numbers or a step rule, got {value!r}") from None
    bad = ~((numbers > 0) & np.isfinite(numbers))
    if bad.any():
        where = "" if numbers.ndim == 0 else f" at coordinate {_index(bad)}"
        raise ValueError(
            f"{name} must be finite and above 0, got {numbers[bad].flat[0]}{where}. "
            "Leave it out for steps that suit x and the formula."
        )
    return numbers


def _index(bad: npt.NDArray[np.bool_]) -> int | tuple[int, ...]:
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return index[0] if len(index) == 1 else index


def check_options(noise: float | None, most: Any, least: int) -> None:
    """Raise `TypeError` or `ValueError` if the noise or the number of evaluations given to a tuner is not possible.

    Parameters
    ----------
    noise, most
        As given by the user.
    least : int
        Fewest evaluations with which the tuner can do anything.
    """
    if noise is not None and positive("noise", noise).ndim != 0:
        raise ValueError(f"noise must be one number, got {noise!r}. Leave it out for the rounding of the loss.")
    if not isinstance(most, int | np.integer) or most < least:
        raise ValueError(f"most must be an integer, at least {least}, got {most!r}. Leave it out for the default.")
