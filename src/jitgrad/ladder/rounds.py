"""Derivatives with error bars for many coordinates, block by block and round by round."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.ladder.block import (
    CURVATURE,
    DERIVATIVE,
    ERROR,
    FOUND,
    NOISE,
    PAIRS,
    SPENT,
    STATES,
    STATUS,
    STEP,
    Block,
    Settings,
)
from jitgrad.ladder.signs import TRUST
from jitgrad.ladder.status import Status
from jitgrad.ladder.steering import Requests, advance, begin, make_requests, make_scratch
from jitgrad.ladder.steps import LOWEST, MANTISSAS
from jitgrad.launch.evaluator import Evaluator

BLOCK = 8192  # coordinates that climb together: their state, values and probes stay below 16 MB
TOLERANCE = 1e-12  # the bar is ten times the error, so this is where digits end
SINGLE_TOLERANCE = 0.5  # in units of the spacing of float32


class Climbed(NamedTuple):
    """Derivatives and what is known about them; arrays with one entry per target.

    Attributes
    ----------
    derivative, error : ndarray of float64
        Estimate and error bar; NaN and infinite where nothing can be said.
    step : ndarray of float64
        Largest displacement that the estimate uses, in units of ``x``; NaN if none.
    noise : ndarray of float64
        Absolute error of a single value of the loss, as found.
    evaluations : ndarray of int64
        Evaluations spent; the loss at the point itself is not counted.
    status : ndarray of int8
        `Status`.
    trusted : ndarray of bool
        Whether the bar is at most 1 % of the derivative and there is no kink, or the derivative is zero or fixed.
    curvature : ndarray of float64
        Second derivative, from the smallest pair that resolves it; 0 if none does.
    steps, above, below : ndarray of float64, shape (targets, rungs), or (0, rungs) if not kept
        The displacements that were tried and the loss above and below; NaN beyond the last and on sides left out.
    """

    derivative: FloatArray
    error: FloatArray
    step: FloatArray
    noise: FloatArray
    evaluations: IntArray
    status: npt.NDArray[np.int8]
    trusted: npt.NDArray[np.bool_]
    curvature: FloatArray
    steps: FloatArray
    above: FloatArray
    below: FloatArray


def climb(
    evaluator: Evaluator,
    targets: IntArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    noise: float = 0.0,
    tolerance: float | None = None,
    start: IntArray | None = None,
    most: int = 24,
    keep: bool = False,
) -> Climbed:
    """Estimate derivatives and their errors from values on a ladder of displacements.

    Parameters
    ----------
    evaluator : Evaluator
        The loss.
    targets : ndarray of int64, shape (targets,)
        Flat indices into the evaluator's points of the coordinates to differentiate by.
    lower, upper : ndarray of float64, shape (targets,)
        Bounds of those coordinates, finite; the loss is not evaluated outside. Equal bounds fix a coordinate.
    noise : float, default 0.0
        Absolute error of a value of the loss, if known. It helps where values repeat their error: what a solver
        leaves that stops at a tolerance looks like a smooth function on the scale of its steps.
    tolerance : float, optional
        Expected error, relative to the derivative, at which to stop. Default 1e-12, for float32 half its spacing.
    start : ndarray of int64, shape (targets,), optional
        Rung at which to look first: the displacement is near ``2**start``. Very negative for the usual one, an
        eighth of ``|x|``.
    most : int, default 24
        Evaluations per coordinate that are never exceeded, the one at the point itself counted.
    keep : bool, default False
        Whether to return what was evaluated, for a plot.

    Returns
    -------
    Climbed

    Examples
    --------
    >>> import numpy as np
    >>> from jitgrad.ladder.rounds import climb
    >>> from jitgrad.launch.evaluator import Evaluator
    >>> def launch(probes):
    ...     return np.sin(probes.value if probes.value.size else probes.points[:, 0])
    >>> found = climb(Evaluator(np.array([[1.0]]), launch), np.array([0]), np.array([-9.0]), np.array([9.0]))
    >>> bool(abs(found.derivative[0] - np.cos(1.0)) <= found.error[0] < 1e-12)
    True
    """
    points, n = evaluator.points, targets.size
    settings = _settings(points.dtype, noise, tolerance, most)
    x = points.reshape(-1)[targets].astype(np.float64)
    value = evaluator.at_points()[targets // max(points.shape[1], 1)]
    start = np.full(n, LOWEST - 1) if start is None else np.array(start, np.int64)
    found, status, spent = np.empty((n, FOUND)), np.empty(n, np.int8), np.empty(n, np.int64)
    kept = np.full((3, n if keep else 0, most), np.nan)
    size = min(n, BLOCK)
    scratch, active, requests = make_scratch(most), np.empty(size, np.int64), make_requests(size)
    for first in range(0, n, BLOCK):
        part = slice(first, min(first + BLOCK, n))
        block = _block(x[part], lower[part], upper[part], value[part], found[part], most)
        left, count = begin(block, settings, scratch, start[part], active, requests)
        while left:
            values = _evaluate(evaluator, targets[part], requests, count)
            left, count = advance(block, settings, scratch, active, left, requests, values)
        status[part] = block.state[:, STATUS]
        spent[part] = block.state[:, SPENT]
        if keep:
            kept[:, part] = _seen(block)
    derivative, error = found[:, DERIVATIVE], found[:, ERROR]
    sharp = (error <= TRUST * np.abs(derivative)) & (status != Status.KINK) & (status != Status.FLAT)
    trusted = (sharp | (status == Status.ZERO)) & np.isfinite(derivative) & np.isfinite(error)
    return Climbed(
        derivative,
        error,
        found[:, STEP],
        found[:, NOISE],
        spent - 1,
        status,
        trusted | (status == Status.FIXED),
        found[:, CURVATURE],
        *kept,
    )


def _settings(dtype: np.dtype[np.floating], noise: float, tolerance: float | None, most: int) -> Settings:
    eps, single = float(np.finfo(dtype).eps), dtype == np.float32
    if tolerance is None:
        tolerance = SINGLE_TOLERANCE * eps if single else TOLERANCE
    return Settings(eps, bool(single), float(noise), float(tolerance), int(most))


def _block(
    x: FloatArray, lower: FloatArray, upper: FloatArray, value: FloatArray, found: FloatArray, slots: int
) -> Block:
    """Make a block; what `begin` fills in is left as it comes."""
    # Copies throughout: read-only arrays would be types of their own, and 15 s of compilation.
    n = x.size
    return Block(
        x=x,
        lower=np.array(lower, np.float64),
        upper=np.array(upper, np.float64),
        value=value.astype(np.float64),
        unit=np.empty(n),
        rungs=np.empty((n, slots), np.int16),
        above=np.empty((n, slots)),
        below=np.empty((n, slots)),
        state=np.empty((n, STATES), np.int32),
        found=found,
    )


def _evaluate(evaluator: Evaluator, targets: IntArray, requests: Requests, count: int) -> FloatArray:
    values = requests.value[:count].astype(evaluator.points.dtype)
    return evaluator.displaced(targets[requests.owner[:count]], values)


def _seen(block: Block) -> Array:
    """Return displacements and the loss above and below, in the order of evaluation; NaN where there are none."""
    unused = np.arange(block.rungs.shape[1]) >= block.state[:, PAIRS, None]
    rungs = np.where(unused, 0, block.rungs)
    seen = np.stack([np.ldexp(MANTISSAS[rungs & 7], rungs), block.above, block.below])
    seen[:, unused] = np.nan  # before dividing: what was never filled in may be any number
    seen[1:] /= block.unit[:, None]
    return seen
