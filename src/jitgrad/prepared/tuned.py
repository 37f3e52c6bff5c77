"""Rules that look at the loss: what they are told, and a formula with the steps that a tuner found."""

from __future__ import annotations

import numpy as np

from jitgrad._types import IntArray
from jitgrad.formula import AT_ZERO, RELATIVE, Formula
from jitgrad.launch.evaluator import Evaluator
from jitgrad.stencils import Stencil
from jitgrad.steps import Search, Tuner


def search_for(chosen: Stencil, evaluator: Evaluator, targets: IntArray, formula: Formula) -> Search:
    """Tell a rule what it may look at.

    Parameters
    ----------
    chosen : Stencil
    evaluator : Evaluator
    targets : ndarray of int64
        Flat indices into the points.
    formula : Formula
        Its bounds are used.
    """
    limits = np.broadcast_to(formula.limits, (*evaluator.points.shape, 3)).reshape(-1, 3)[targets]
    return Search(evaluator, targets, limits[:, 1], limits[:, 2], chosen)


def tuned_formula(tuner: Tuner, chosen: Stencil, evaluator: Evaluator, targets: IntArray, formula: Formula) -> Formula:
    """Return the formula with steps that a tuner found; they are looked for at every call, since they depend on ``x``.

    Parameters
    ----------
    tuner : Tuner
    chosen : Stencil
        What `formula` was made from.
    evaluator : Evaluator
    targets : ndarray of int64
        Flat indices into the points.
    formula : Formula
        Its bounds are used, and its steps replaced.
    """
    limits = np.broadcast_to(formula.limits, (*evaluator.points.shape, 3)).copy()
    limits.reshape(-1, 3)[targets, 0] = tuner.tune(search_for(chosen, evaluator, targets, formula)).h
    settings = formula.settings.copy()
    settings[[RELATIVE, AT_ZERO]] = 0.0
    return Formula(formula.stencil, settings, limits)
