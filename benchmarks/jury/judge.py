"""One estimator on one problem: every comparison with the truth, point by point."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmarks.jury.contestants import Estimator
from jitgrad.testing.problems import Course, Noise, Problem, course

WRONG = 0.01
"""Relative error from which a derivative that is said to be trusted is silently wrong."""


class Sheet(NamedTuple):
    """What came out on one problem; arrays of shape (m,).

    Attributes
    ----------
    problem : Problem
    course : Course
    error : ndarray of float64
        ``|d - f'|`` relative to the scale of the course (``|f'|``, for optima a typical slope); inf where it failed.
    width : ndarray of float64
        Error bar in units of the true error; infinite where the true error is 0, unless the bar is 0 too.
    covered, failed, silent, trusted : ndarray of bool
        Truth within the error bar; NaN or inf as derivative; trusted but wrong by more than 1 %; trusted.
    evaluations : ndarray of int64
        As counted by the jury, f at the point included.
    noise : ndarray of float64
        Noise level found in units of the true one; NaN where the true one is not known (`knows_noise`).
    miscounted : int
        Points whose evaluations the method counts otherwise than the jury, f at the point included or not.
    """

    problem: Problem
    course: Course
    error: np.ndarray
    width: np.ndarray
    covered: np.ndarray
    failed: np.ndarray
    silent: np.ndarray
    trusted: np.ndarray
    evaluations: np.ndarray
    noise: np.ndarray
    miscounted: int


def judge(estimator: Estimator, problem: Problem, dtype: np.dtype, noise: Noise) -> Sheet | None:
    """Let an estimator differentiate one problem; None if the problem has no points in that precision."""
    c = course(problem, dtype, noise)
    m = c.derivative.size
    if m == 0:
        return None
    unbounded = np.full(m, np.inf)
    answer = estimator(c.evaluator, -unbounded, unbounded, np.dtype(dtype), None)
    evaluations = c.counts.copy()
    c.evaluator.at_points()  # a method that did not need f(x) is not charged for it
    with np.errstate(all="ignore"):
        absolute = np.abs(answer.derivative - c.derivative)
        width = np.where((absolute == 0) & (answer.error == 0), 1.0, answer.error / absolute)
        noise_ratio = np.where(knows_noise(problem, c, dtype), answer.noise / c.sigma, np.nan)
    failed = ~np.isfinite(answer.derivative)
    error = np.where(failed, np.inf, absolute / c.scale)
    return Sheet(
        problem=problem,
        course=c,
        error=error,
        width=width,
        covered=absolute <= answer.error,
        failed=failed,
        silent=answer.trusted & ~failed & (error > WRONG),
        trusted=answer.trusted & ~failed,
        evaluations=evaluations,
        noise=noise_ratio,
        miscounted=int(np.count_nonzero(~np.isin(evaluations - answer.evaluations, (0, 1)))),
    )


def knows_noise(problem: Problem, c: Course, dtype: np.dtype) -> np.ndarray:
    """Say where the noise that was added is all there is: well above rounding of f and of what f does to x.

    Stairs are noise themselves, of a level that is not added.
    """
    x = np.abs(c.evaluator.points[:, 0].astype(np.float64))
    # Evaluating f rounds something like x at least once, which moves f by at most f' x eps, or by all of f where
    # x has many lengths: sin(1e9 x) knows its phase to 1e-7.
    rounding = np.finfo(dtype).eps * (np.abs(c.evaluator.at_points()) + c.scale * x)
    return (c.sigma > 10.0 * rounding) & (problem.kind != "stairs")
