"""How ``step=`` is read."""

from __future__ import annotations

from typing import Any

from jitgrad.steps.absolute import Absolute
from jitgrad.steps.auto import Auto
from jitgrad.steps.rule import Extrapolation, StepRule, Tuner

Rule = StepRule | Tuner | Extrapolation
"""Whatever says how large displacements are."""


def as_rule(step: Any) -> Rule:
    """Turn what a user gave as ``step=`` into a rule.

    Parameters
    ----------
    step : None, float, array_like, StepRule, Tuner or Extrapolation
        None is `Auto`, a number or an array the absolute step.

    Returns
    -------
    StepRule, Tuner or Extrapolation

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
    if isinstance(step, Rule):
        return step
    return Absolute(step)


def as_scaling_rule(step: Any) -> StepRule:
    """Turn ``step=`` into a rule that compiled code can follow on its own.

    Raises
    ------
    TypeError
        If it looks at the loss: that needs the launcher.
    """
    rule = as_rule(step)
    if isinstance(rule, StepRule):
        return rule
    raise TypeError(
        f"step must be a number, an array or a step rule inside compiled code, got {rule!r}, which needs the launcher. "
        "Use Textbook(), Relative(r) or Absolute(h), or compute the gradient with grad_cpu."
    )
