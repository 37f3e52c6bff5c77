"""What happens when a gradient cannot be computed as asked: faults get a sentence, NaN the other side."""

from __future__ import annotations

from functools import partial

import numpy as np

from jitgrad._types import Array, IntArray
from jitgrad.difference import (
    FAULT_BOUNDS,
    FAULT_STEP,
    NO_FAULT,
    X_NOT_FINITE,
    X_OUTSIDE,
    Differences,
    combine,
    differences,
    step_of,
    usual_size,
)
from jitgrad.formula import AT_ZERO, KNEE, LEAST, MOST, RELATIVE, USUAL, Formula
from jitgrad.launch.evaluator import Launch
from jitgrad.loss.accept import python_function

LEAST_ROOM = 64
"""Fewer representable numbers than this on one side are too few for any formula."""


def raise_fault(found: Differences, formula: Formula) -> None:
    """Raise `ValueError` if `found` reports a fault."""
    if found.fault == NO_FAULT:
        return
    points = found.probes.points
    p, j = divmod(int(found.culprit), points.shape[1])
    x = points[p, j]
    where = f"coordinate {j}" if len(points) == 1 else f"coordinate {j} of point {p}"
    floor, lower, upper = map(float, np.broadcast_to(formula.limits, (*points.shape, 3))[p, j])
    settings = formula.settings
    step = partial(python_function(step_of), relative=settings[RELATIVE], knee=settings[KNEE], least=settings[LEAST])
    others = step(python_function(usual_size)(points, p), floor=0.0, at_zero=0.0, usual=0.0, most=0.0)
    usual = settings[USUAL] * others
    h = step(float(x), floor=floor, at_zero=settings[AT_ZERO], usual=usual, most=settings[MOST])
    sentences = {
        X_NOT_FINITE: f"x must be finite, got {x} at {where}. Remove or replace it.",
        X_OUTSIDE: f"x must lie within its bounds, got {x} outside [{lower}, {upper}] at {where}. "
        "Clip it with numpy.clip(x, lower, upper).",
        FAULT_STEP: f"step must change x, but {x} + {h:g} rounds to the same {points.dtype} number at {where}. "
        "Give a larger step, or Relative(r).",
        FAULT_BOUNDS: f"bounds must leave room for the formula, but there are too few {points.dtype} numbers "
        f"between {lower!r} and {upper!r} at {where}. Use a lower order, or equal bounds to hold it fixed.",
    }
    raise ValueError(sentences[found.fault])


def repair(launch: Launch, points: Array, targets: IntArray, formula: Formula, gradient: Array) -> None:
    """Try one-sided formulas of the same order where a derivative is NaN or infinite; change it in place.

    What is finite on neither side becomes NaN.

    Parameters
    ----------
    launch : callable
        The launcher: takes a probe list, returns values.
    points : ndarray of shape (m, n)
    targets : ndarray of int64
    formula : Formula
    gradient : ndarray, shape (targets,)
    """
    for side in (_LOWER, _UPPER):  # x as the lower bound leaves the upper side
        bad = np.flatnonzero(~np.isfinite(gradient))
        limits = np.broadcast_to(formula.limits, (*points.shape, 3)).copy()
        limits[..., side] = points
        with np.errstate(over="ignore"):  # from one end of the numbers to the other
            room = (limits[..., _UPPER] - limits[..., _LOWER]).reshape(-1)[targets[bad]]
        # Without room the coordinate would look fixed, and get the derivative 0.
        bad = bad[room > LEAST_ROOM * np.spacing(np.abs(points.reshape(-1)[targets[bad]]))]
        confined = formula._replace(limits=limits)
        found, _ = differences(points, targets[bad], confined)
        raise_fault(found, confined)
        derivatives = np.empty(bad.size, points.dtype)
        combine(found, launch(found.probes), derivatives)
        gradient[bad] = derivatives
    gradient[~np.isfinite(gradient)] = np.nan


_LOWER, _UPPER = 1, 2
"""Places in `Formula.limits`."""
