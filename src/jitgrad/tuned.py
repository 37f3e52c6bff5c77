"""Gradients with a step tuner: the steps of a formula are looked for at every call, since they depend on ``x``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jitgrad._types import Array, IntArray
from jitgrad.difference import Formula, differences
from jitgrad.launch.cpu import Evaluation
from jitgrad.launch.evaluator import Evaluator
from jitgrad.launch.probes import Probes
from jitgrad.repair import raise_fault
from jitgrad.stencils import Stencil
from jitgrad.steps import Search, Tuner


def tuned_formula(
    tuner: Tuner,
    chosen: Stencil,
    evaluate: Callable[[Probes], Evaluation],
    points: Array,
    targets: IntArray,
    formula: Formula,
) -> Formula:
    """Return the formula with steps that a tuner found.

    Parameters
    ----------
    tuner : Tuner
    chosen : Stencil
        What `formula` was made from.
    evaluate : callable
        The launcher: takes a probe list.
    points : ndarray of shape (m, n)
    targets : ndarray of int64
        Flat indices into `points`.
    formula : Formula
        Its bounds are used, and its steps replaced.

    Returns
    -------
    Formula

    Raises
    ------
    ValueError
        If a point is not finite or not within the bounds.
    """
    found, _ = differences(points, targets[:0], formula)
    raise_fault(found, formula)  # before the loss is evaluated there
    limits = np.broadcast_to(formula.limits, (*points.shape, 3)).copy()
    flat = limits.reshape(-1, 3)
    evaluator = Evaluator(points, lambda probes: evaluate(probes).values)
    flat[targets, 0] = tuner.tune(Search(evaluator, targets, flat[targets, 1], flat[targets, 2], chosen)).h
    settings = formula.settings.copy()
    settings[2:] = 0.0  # no step relative to x, none at zero
    return Formula(formula.stencil, settings, limits)
