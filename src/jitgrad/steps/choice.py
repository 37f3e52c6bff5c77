"""How ``step=`` is read."""

from __future__ import annotations

from typing import Any

from jitgrad.steps.absolute import Absolute
from jitgrad.steps.rule import StepRule, Tuner
from jitgrad.steps.textbook import Textbook


def as_rule(step: Any) -> StepRule | Tuner:
    """Turn what a user gave as ``step=`` into a rule.

    Parameters
    ----------
    step : None, float, array_like, StepRule or Tuner
        None is the textbook rule, a number or an array the absolute step.

    Returns
    -------
    StepRule or Tuner

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
        return Textbook()
    if isinstance(step, StepRule | Tuner):
        return step
    return Absolute(step)
