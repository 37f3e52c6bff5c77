"""Comparing a gradient with the loss it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.check.remainders import measure, random_directions
from jitgrad.check.result import GradientCheck
from jitgrad.check.values import launcher, values_at
from jitgrad.check.verdict import Findings, Verdict, examine
from jitgrad.ladder import Status, climb
from jitgrad.launch.evaluator import Evaluator
from jitgrad.loss.separable import Separable


def check_gradient(
    loss: Callable[..., Any],
    grad: Callable[..., Any] | npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    args: tuple[Any, ...] = (),
    directions: int = 4,
    seed: int = 0,
    rtol: float | None = None,
) -> GradientCheck:
    """Tell whether a gradient is that of a loss, without choosing a step.

    Along a few random directions ``u`` the loss is evaluated at distances ``t`` over ten decades, on both sides of
    ``x``. What remains of ``f(x + t u) - f(x - t u) - 2 t g.u`` falls as ``t**3`` if ``g`` is the gradient, and as
    ``t`` if it is not, until it reaches the noise of the loss, which shows in the same values.

    Parameters
    ----------
    loss : callable
        ``loss(x, *args) -> float``: jitted by numba, or any function.
    grad : callable or array_like
        ``grad(x, *args) -> ndarray of shape (n,)``, or the gradient at `x` itself.
    x : array_like of shape (n,)
    args : tuple
        What `loss` and `grad` take after `x`.
    directions : int, default 4
        Number of directions; each costs 40 evaluations (22 if `x` is float32).
    seed : int, default 0
        Of the random directions.
    rtol : float, optional
        An error of ``g.u`` below this part of ``sum(|g_i u_i|)`` is not one. Default: the square root of the precision
        of `x`, 1.5e-8 in double and 3.5e-4 in single precision.

    Returns
    -------
    GradientCheck
        Print it for a table; ``.ok`` is True if the gradient is right. If it is wrong, each coordinate is examined
        as `estimate_cpu` does, and the worst ones are named.

    Raises
    ------
    TypeError, ValueError
        If `x`, the gradient or an option is not what it has to be.

    Notes
    -----
    "Right" means within the error bars that the table shows, which are at most 1 % of the slope: an error below them,
    or below `rtol`, is not seen, such as that of a coordinate with a very small share of the slope. The noise of a loss
    is told from a wrong gradient because it does not fall with ``t``; noise that is smooth at small distances, because
    larger ones confirm the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.check import check_gradient
    >>> def loss(x):
    ...     return np.sin(x).sum() + x[0] * x[1]
    >>> def grad(x):
    ...     return np.cos(x) + x[::-1]
    >>> check_gradient(loss, grad, [0.5, 1.5]).ok
    True
    >>> wrong = check_gradient(loss, lambda x: np.cos(x) + x, [0.5, 1.5])
    >>> wrong.verdict, wrong.coordinates
    (<Verdict.WRONG: 'the gradient is wrong'>, array([1, 0]))
    """
    loss = loss.loss if isinstance(loss, Separable) else loss
    point = _checked_point(x)
    count = _checked_count(directions)
    tolerance = _checked_rtol(rtol, point)
    g = _checked_gradient(grad(point.copy(), *args) if callable(grad) else grad, point)
    chosen = random_directions(point, count, np.random.default_rng(seed))
    found = measure(lambda points: values_at(loss, args, points), point, g, chosen)
    findings = examine(found, tolerance, _precision_of_values(found.values))
    verdict = _overall(findings)
    evaluations = found.evaluations
    worst = np.empty(0, np.int64)
    derivative: FloatArray = np.zeros(point.size)
    bars = derivative
    if verdict is Verdict.WRONG:
        derivative, bars, spent = coordinate_differences(loss, args, point)
        worst = worst_coordinates(derivative, bars, g, tolerance)
        evaluations += spent
    return GradientCheck(
        verdict=verdict,
        t=found.t,
        remainders=np.abs(found.odd + found.even),
        odd_remainders=np.abs(found.odd),
        orders=findings.order,
        slopes=found.slope,
        defects=findings.defect,
        errors=findings.error,
        noise=float(np.median(findings.noise)),
        coordinates=worst,
        claimed=g[worst],
        found=derivative[worst],
        bars=bars[worst],
        evaluations=evaluations,
    )


def _overall(findings: Findings) -> Verdict:
    """Sum up the verdicts of the directions."""
    verdicts = findings.verdict
    for decisive in (Verdict.WRONG, Verdict.KINK):
        if decisive in verdicts:
            return decisive
    # One family of directions may move too far on a loss with scales of its own.
    if 2 * verdicts.count(Verdict.RIGHT) >= len(verdicts):
        return Verdict.RIGHT
    noisy = verdicts.count(Verdict.NOISY) >= verdicts.count(Verdict.NOT_FINITE)
    return Verdict.NOISY if noisy else Verdict.NOT_FINITE


def coordinate_differences(loss: Any, args: tuple[Any, ...], x: Array) -> tuple[FloatArray, FloatArray, int]:
    """Differentiate by every coordinate.

    Returns
    -------
    derivative, error : ndarray of shape (n,)
    evaluations : int
    """
    points = x[None]
    evaluator = Evaluator(points, launcher(loss, args, points))
    largest = float(np.finfo(x.dtype).max)
    anywhere = np.full(x.size, -largest), np.full(x.size, largest)
    found = climb(evaluator, np.arange(x.size), *anywhere)
    # Nothing is known of a loss that is the same everywhere but that its derivative is 0, which is what is asked here.
    flat = found.status == Status.FLAT
    return np.where(flat, 0.0, found.derivative), np.where(flat, 0.0, found.error), evaluator.evaluations


def worst_coordinates(derivative: FloatArray, error: FloatArray, claimed: FloatArray, rtol: float) -> IntArray:
    """Name the coordinates whose claimed derivative is not the one found, the largest disagreement first.

    Parameters
    ----------
    derivative, error, claimed : ndarray of shape (n,)
    rtol : float
        Relative disagreement that is rounding.
    """
    disagreement = np.abs(derivative - claimed)
    size = np.maximum(np.abs(derivative), np.abs(claimed))
    wrong = np.flatnonzero(disagreement > error + rtol * size)
    order: IntArray = wrong[np.argsort(-disagreement[wrong], kind="stable")]
    return order


def _precision_of_values(values: FloatArray) -> float:
    """Relative precision of the values: that of single precision if all of them are such numbers."""
    single = np.asarray(values, np.float32) == values
    return float(np.finfo(np.float32 if single.all() else np.float64).eps)


def _checked_point(x: npt.ArrayLike) -> Array:
    point = _check.checked_points(x)
    if point.ndim != 1 or point.size == 0:
        raise ValueError(
            f"x must be one point of shape (n,) with n > 0, got shape {point.shape}. Check one point at a time."
        )
    if not np.isfinite(point).all():
        where = int(np.argmin(np.isfinite(point)))
        raise ValueError(f"x must be finite, got {point[where]} at coordinate {where}. Remove or replace it.")
    return point


def _checked_count(directions: int) -> int:
    if isinstance(directions, bool) or not isinstance(directions, int | np.integer):
        raise TypeError(f"directions must be an integer, got {directions!r}.")
    if directions < 1:
        raise ValueError(f"directions must be at least 1, got {directions}.")
    return int(directions)


def _checked_rtol(rtol: float | None, x: Array) -> float:
    if rtol is None:
        return float(np.sqrt(np.finfo(x.dtype).eps))
    if not 0.0 <= rtol < 1.0:
        raise ValueError(f"rtol must be a number from 0 to below 1, got {rtol!r}.")
    return float(rtol)


def _checked_gradient(gradient: Any, x: Array) -> FloatArray:
    """Return the claimed gradient as an array of float64."""
    array = np.asarray(gradient)
    if array.shape != x.shape:
        raise ValueError(f"grad must give the gradient, of shape {x.shape} like x, got shape {array.shape}.")
    if array.dtype.kind not in "fiu":
        raise TypeError(f"grad must give real numbers, got dtype {array.dtype}.")
    g = array.astype(np.float64)
    if not np.isfinite(g).all():
        where = int(np.argmin(np.isfinite(g)))
        raise ValueError(f"grad must be finite, got {g[where]} at coordinate {where}. Choose a point at which it is.")
    return g
