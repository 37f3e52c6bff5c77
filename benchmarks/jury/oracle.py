"""What an oracle could do that knows the function: the best steps of plain central differences."""

from __future__ import annotations

import math

import numpy as np

from jitgrad.testing.problems import Problem

DRAWS = 25
_RATIOS = np.linspace(0.0, 8.0, 401)


def _median_of_folded(ratio: float) -> float:
    """Median of ``|ratio + Z|`` where Z is standard normal, by bisection."""
    low, high = 0.0, ratio + 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = math.erf((middle - ratio) / math.sqrt(2)) + math.erf((middle + ratio) / math.sqrt(2))
        low, high = (middle, high) if below < 1.0 else (low, middle)
    return 0.5 * (low + high)


_MEDIANS = np.array([_median_of_folded(ratio) for ratio in _RATIOS])


def best_central(problem: Problem, sigma: np.ndarray) -> np.ndarray:
    """Errors of the central difference with the best step for every point, under Gaussian noise.

    The oracle knows the function, its derivative and the noise level. Steps are tried from 1e-9 to 8 lengths of the
    problem, four to a factor of 2. The best one has the smallest median of ``|bias + sigma Z / (sqrt(2) h)|``, where
    the largest of the medians up to a factor of sqrt(2) away counts: without that, the oracle finds steps many
    lengths long at which the bias happens to cross 0, which is not what is meant by a good step.

    Returns
    -------
    ndarray of shape (25, 100)
        Absolute errors of so many draws of the noise.
    """
    h = problem.length[:, None] * 2.0 ** np.arange(-30, 3.125, 0.25)
    x = problem.x[:, None]
    with np.errstate(all="ignore"):
        above, below = x + h, x - h
        slopes = (problem.values(above) - problem.values(below)) / (above - below)
        bias = slopes - problem.derivative(problem.x)[:, None]
        spread = sigma[:, None] / (math.sqrt(2.0) * h)
        ratio = np.abs(bias) / spread
        # Beyond 8 standard deviations the median is the bias.
        median = np.where(ratio > _RATIOS[-1], np.abs(bias), spread * np.interp(ratio, _RATIOS, _MEDIANS))
    median = np.where(np.isfinite(median), median, np.inf)
    around = np.lib.stride_tricks.sliding_window_view(median, 5, axis=1).max(axis=2)
    best = np.argmin(around, axis=1) + 2
    rows = np.arange(best.size)
    noise = np.random.default_rng(0).standard_normal((DRAWS, best.size))
    return np.abs(bias[rows, best] + spread[rows, best] * noise)


def best_fixed(problem: Problem, points: np.ndarray, derivative: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Errors of the central difference with the best fixed step, in the precision of `points`.

    The step is the same multiple of `length` at all points: the multiple with the smallest median error. That is a
    fixed step chosen afterwards by somebody who knows all lengths and the errors.

    Returns
    -------
    ndarray of shape (m,)
        Absolute errors.
    """
    x = points[:, None]
    h = (problem.length[kept][:, None] * 2.0 ** np.arange(-20, 1.125, 0.25)).astype(points.dtype)
    above, below = x + h, x - h
    with np.errstate(all="ignore"):
        width = above.astype(np.float64) - below.astype(np.float64)
        errors = np.abs((problem.values(above) - problem.values(below)) / width - derivative[:, None])
    errors = np.where(np.isfinite(errors), errors, np.inf)
    return errors[:, np.argmin(np.median(errors, axis=0))]
