"""The gradient as a mean over random directions, and how far the mean may be off."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jitgrad._jit import kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.estimators.choice import RandomDirections
from jitgrad.estimators.directions import SIGNS, fill_directions, new_key
from jitgrad.estimators.student import student_quantile
from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.threads import thread_limit
from jitgrad.steps import Auto

CHUNK_BYTES = 2**25
"""Directions are made, used and forgotten in pieces of this size: above, they would not stay in the cache anyway."""

LEAST_CHUNK = 4
"""So many directions are made at once however long they are: eight evaluations keep lanes and a few threads busy."""

MOST_CHUNK = 4096
"""And so many at most, however short."""

SAMPLE = 1024
"""So many coordinates, about, tell how large one usually is."""

SPACINGS = 256.0
"""The default step is at least so many spacings of the largest coordinate, so that rounding of ``x`` changes a
displacement by 0.2 % at most."""

FIRST_ROUND = 16
"""Directions from which ``"auto"`` learns how many it needs."""


class Sampled(NamedTuple):
    """What the random directions of one point showed.

    Attributes
    ----------
    mean : ndarray of float64, shape (n,)
        The derivatives; 0 by coordinates that did not move, NaN by all others if a value was not finite.
    square : float
        Mean of the squared slopes along the directions: an estimate of the squared length of the gradient, with what
        noise of the loss adds.
    directions : int
    h : float
    enough : bool
        Whether the wished precision was reached, if one was wished.
    """

    mean: FloatArray
    square: float
    directions: int
    h: float
    enough: bool


class Sampler:
    """Random directions as they are asked for, together with where they come from: one for a prepared gradient.

    Parameters
    ----------
    estimator : RandomDirections
    threads : int, optional
        How many draw directions at the same time. Default: as many as evaluate the loss.
    """

    def __init__(self, estimator: RandomDirections, threads: int | None = None) -> None:
        self.estimator = estimator
        self._threads = threads
        self._generator = np.random.default_rng(estimator.rng)

    def new_key(self) -> Array:
        """Return a key for the directions of a gradient, another one in each call."""
        return new_key(self._generator)

    @property
    def evaluations(self) -> int:
        """How often the loss is evaluated around a point, or likely so."""
        asked = self.estimator.n_directions
        return 2 * (FIRST_ROUND if asked == "auto" else int(asked))

    def step(self, x: Array, moving: IntArray | None) -> float:
        """Return the displacement at a point, a number that has the type of ``x``.

        Notes
        -----
        That of `Auto` for a coordinate of which a quarter of the others, if they are not 0, fall short. Along random
        signs truncation and rounding have the same ratio to the slope as along a coordinate: of ``n`` terms, slope,
        third derivative and rounding all grow as ``sqrt(n)``. The error of a sample is far above both, so the step
        need not be the best, and too small is better than too large: the bars show rounding, and no truncation.
        """
        h = self.estimator.h
        if h is None:
            chosen = x if moving is None else x[moving]
            largest = max(float(chosen.max(initial=0.0)), -float(chosen.min(initial=0.0)))
            sizes = np.abs(chosen[:: max(1, chosen.size // SAMPLE)])
            sizes = np.sort(sizes[sizes > 0.0])
            size = float(sizes[sizes.size // 4]) if sizes.size else largest or 1.0
            h = Auto().scaling(x.dtype, order=2).relative * min(size, math.sqrt(size))
            h = max(h, SPACINGS * float(np.finfo(x.dtype).eps) * largest)
        return float(x.dtype.type(h))

    def sample(self, around: Evaluator, point: int, moving: IntArray | None, key: Array) -> Sampled:
        """Evaluate the loss along random directions.

        Parameters
        ----------
        around : Evaluator
        point : int
        moving : ndarray of int64, optional
            The coordinates that move. Default: all.
        key : ndarray of uint64, shape (2,)
        """
        x, asked = around.points[point], self.estimator.n_directions
        h = self.step(x, moving)
        size = x.size if moving is None else moving.size
        total, squares, done = np.zeros(x.size), 0.0, 0
        wanted = min(FIRST_ROUND, self.estimator.most) if asked == "auto" else int(asked)
        if size == 0:
            return Sampled(total, 0.0, wanted, h, True)
        most = max(LEAST_CHUNK, min(MOST_CHUNK, CHUNK_BYTES // (x.size * x.itemsize)))
        rows = np.zeros((0, x.size), x.dtype)
        enough, threads = True, thread_limit(self._threads)
        while done < wanted:
            count = min(most, wanted - done)
            if len(rows) < count:
                rows = np.zeros((count, x.size), x.dtype)
            fill_directions(self.estimator.distribution, key, point, done, moving, rows[:count], threads)
            try:
                slopes = _slopes(around, rows[:count], h, point)
            except Exception as error:
                if done:
                    error.add_note(f"jitgrad: directions of point {point} were counted from the {done}th on.")
                raise
            if not np.isfinite(slopes).all():
                total[slice(None) if moving is None else moving] = np.nan
                return Sampled(total, math.nan, done + count, h, False)
            squares = add_slopes(rows[:count], slopes, total, squares)
            done += count
            if asked == "auto" and done == wanted:
                wanted = self._wanted(total, squares, done, size)
                enough = wanted <= done
                wanted = min(wanted, self.estimator.most)
        total /= done
        return Sampled(total, squares / done, done, h, enough)

    def _wanted(self, total: FloatArray, squares: float, done: int, size: int) -> int:
        """Return how many directions the wished precision takes, at most twice as many as there are.

        The squared length of the mean is that of the gradient and, on top, the variance of the mean.
        """
        excess, length = self.estimator.distribution.excess, float(np.sum(np.square(total))) / done**2
        variance = max(0.0, size * squares / done + excess * length) / (done + excess)
        allowed = self.estimator.precision**2 * (length - variance)
        if variance <= allowed:
            return done
        factor = min(2.0, variance / allowed) if allowed > 0.0 else 2.0
        return max(done + 1, math.ceil(factor * done))

    def error(self, found: Sampled, mean: FloatArray) -> FloatArray:
        """Return bars that hold the derivatives in at least 95 of 100 cases; infinite if there was one direction only.

        Parameters
        ----------
        found : Sampled
        mean : ndarray of float64
            Derivatives, those of `found` or some of them.

        Returns
        -------
        ndarray of float64
            Of the shape of `mean`, or (1,) where all have the same.

        Notes
        -----
        A direction has the variance ``g @ g + excess * g[j]**2`` (`Distribution`), and the mean of the squared slopes
        estimates ``g @ g`` from all coordinates together: no sum of squares per coordinate is kept. Where the excess
        is negative it is left out. With it, few signs would by chance give bars of no width: of two equal derivatives
        and four directions, in 12 of 100 cases.
        """
        if found.directions < 2 or not math.isfinite(found.square):
            return np.full(1, np.inf)
        excess, freedom = self.estimator.distribution.excess, found.directions - 1
        square = np.full(1, found.square) if excess <= 0.0 else found.square + excess * np.square(mean)
        return np.asarray(student_quantile(freedom) * np.sqrt(square / freedom))


def leaves_bounds(estimator: RandomDirections) -> bool:
    """Whether the directions have no limit."""
    return estimator.distribution is not SIGNS


def _slopes(around: Evaluator, directions: Array, h: float, point: int) -> FloatArray:
    """Return the central differences along directions, each from a pair of neighbours in the probe list."""
    count = len(directions)
    along, distance = np.repeat(np.arange(count), 2), np.tile([h, -h], count)
    values = around.moved(directions, along, distance, point)
    with np.errstate(all="ignore"):  # infinite values
        return np.asarray((values[::2] - values[1::2]) / (2.0 * h))


BLOCK = 512
"""Coordinates whose sums stay in the registers and the first-level cache while all directions pass."""


@kernel
def add_slopes(directions: Array, slopes: FloatArray, total: FloatArray, squares: float) -> float:
    """Add ``slopes[k] * directions[k]`` to `total` for every ``k``, in turn; return `squares` with theirs added.

    In turn, so that the sums do not depend on how many directions are made at once.
    """
    for k in range(slopes.size):
        squares += slopes[k] * slopes[k]
    for first in range(0, total.size, BLOCK):
        last = min(first + BLOCK, total.size)
        for k in range(slopes.size):
            slope = slopes[k]
            for j in range(first, last):
                total[j] += slope * np.float64(directions[k, j])
    return squares
