"""A gradient with Python between the steps: for losses that take longer, batches, and whatever looks at the loss.

Threads for every step, Ctrl-C in between, faults, exceptions and repairs.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.auto.doubt import FURTHER, compare_all, examine_all, judge_all
from jitgrad.difference import NO_FAULT, combine, differences, differences_further
from jitgrad.formula import Formula
from jitgrad.launch.evaluator import Evaluator
from jitgrad.prepared.repair import raise_fault, repair
from jitgrad.prepared.session import Launching
from jitgrad.steps import Extrapolation, Tuner


def gradient_stepwise(session: Launching, rows: Array, gradient: Array, with_value: bool) -> FloatArray:
    """Compute the gradients of all points.

    Parameters
    ----------
    session : Launching
    rows : ndarray of shape (m, n)
        The points.
    gradient : ndarray, shape (targets,)
        Receives the derivatives.
    with_value : bool
        Whether the loss at the points is wanted.

    Returns
    -------
    ndarray of float64, shape (m,)
        The loss at the points; NaN where it was neither wanted nor needed.
    """
    plan, formula = session.plan, session.plan.formula
    if plan.sampler is not None:
        from jitgrad.prepared.sampled import sampled_gradient

        return sampled_gradient(session, rows, gradient, with_value)
    if plan.searches:
        # Before the loss is evaluated at a point that is not finite or not within the bounds.
        raise_fault(differences(rows, plan.targets[:0], formula)[0], formula)
        search = evaluator(session, rows)
        if isinstance(plan.rule, Extrapolation):
            return _extrapolated(session, search, gradient, with_value)
        formula = _tuned(session, search)
    found, needs_value = differences(rows, plan.targets, formula)
    raise_fault(found, formula)
    skip = 0 if with_value or needs_value or session.checked else len(rows)
    values, finite = session.differentiate(found, skip, gradient)
    at_points = values[: len(rows)]
    if session.checked:
        evidence = examine_all(found, values, gradient, plan.checks)
        doubtful, quiet = judge_all(gradient, evidence, plan.checks, at_points)
        if not quiet:
            doubtful = _look_further(session, evaluator(session, rows, at_points), gradient, evidence)
        if doubtful:
            settle_doubts(session, rows, gradient, evidence, look_again=True)
    elif not finite:
        repair(session.evaluate, rows, plan.targets, formula, gradient)
    return at_points


def evaluator(session: Launching, rows: Array, at_points: FloatArray | None = None) -> Evaluator:
    """Prepare to evaluate the loss further away than a formula does.

    Where it raises at a displacement its value is NaN: nobody asked for it there. At the points themselves the
    exception is the user's. The values there may be given where they are not compared with others bit for bit.
    """
    if at_points is None:
        at_points = Evaluator(rows, session.evaluate).at_points()
    return Evaluator(rows, partial(session.evaluate, forgive=True), at_points)


def settle_doubts(session: Launching, rows: Array, gradient: Array, evidence: FloatArray, look_again: bool) -> None:
    """Mend doubtful derivatives, and warn of those that stay doubtful."""
    # With the ladder, which most gradients never need.
    from jitgrad.auto.settle import Job, settle
    from jitgrad.auto.warn import warn_unsettled

    plan = session.plan
    around = evaluator(session, rows)
    job = Job(around, plan.targets, plan.stencil, plan.formula, plan.checks, evidence, look_again)
    unsettled = settle(job, gradient)
    silent = np.isfinite(gradient[unsettled.places])  # NaN speaks for itself
    if silent.any():
        warn_unsettled(plan.targets[unsettled.places[silent]], unsettled.status[silent], plan.shape)


def _look_further(session: Launching, around: Evaluator, gradient: Array, evidence: FloatArray) -> int:
    """Compare with larger steps, where there are too few coordinates to show noise; return how many are doubtful."""
    found, _ = differences_further(around.points, session.plan.targets, session.plan.formula, FURTHER)
    further = np.full_like(gradient, np.nan)
    if found.fault == NO_FAULT:
        combine(found, around.beyond_points(found.probes), further)
    return compare_all(gradient, further, evidence)


def _tuned(session: Launching, search: Evaluator) -> Formula:
    from jitgrad.prepared.tuned import tuned_formula

    plan = session.plan
    assert isinstance(plan.rule, Tuner)
    return tuned_formula(plan.rule, plan.stencil, search, plan.targets, plan.formula)


def _extrapolated(session: Launching, search: Evaluator, gradient: Array, with_value: bool) -> FloatArray:
    from jitgrad.prepared.tuned import search_for

    plan = session.plan
    assert isinstance(plan.rule, Extrapolation)
    gradient[:] = plan.rule.extrapolate(search_for(plan.stencil, search, plan.targets, plan.formula)).derivative
    return search.at_points() if with_value else np.full(len(search.points), np.nan)
