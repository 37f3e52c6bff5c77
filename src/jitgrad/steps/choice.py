"""How ``step=`` is read."""

from __future__ import annotations

from typing import Any

from jitgrad.steps.absolute import Absolute
from jitgrad.steps.auto import Auto
from jitgrad.steps.rule import StepRule


def as_rule(step: Any) -> StepRule:
    """Turn what a user gave as ``step=`` into a rule.

    Parameters
    ----------
    step : None, float, array_like or StepRule
        None is `Auto`, a number or an array the absolute step.

    Returns
    -------
    StepRule

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If a step is zero, negative or not finite.

    Examples
    --------
    >>> from jitgrad.steps import as_rule
    >>> as_rule(1e-6)
    Absolute(h=1e-06)
    """
    if step is None:
        return Auto()
    if isinstance(step, StepRule):
        return step
    return Absolute(step)
