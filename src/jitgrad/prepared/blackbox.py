"""A gradient function of any Python callable, prepared once and called often."""

from __future__ import annotations

from typing import Any

from jitgrad import _check
from jitgrad._types import Array
from jitgrad.launch.blackbox import BlackBox
from jitgrad.loss.accept import callable_loss
from jitgrad.loss.arguments import BatchedArguments
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.team_gradient import TeamGradient
from jitgrad.prepared.work import WorkSession


class BlackBoxGradient(TeamGradient):
    """Callable ``g(x, *args)`` that returns the gradient of any Python callable; made by `gradient_of`."""

    _accept = staticmethod(callable_loss)

    def __init__(self, fun: Any, *, vectorized: bool = False, **options: Any) -> None:
        super().__init__(fun, **options)
        self._vectorized = _check.checked_flag("vectorized", vectorized)

    def start(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> WorkSession:
        """Put the callable and its arguments together."""
        batch = points.shape[:-1]
        axes = _check.checked_axes(self._options.args_axes, args, batch)
        work = BlackBox(self._loss, BatchedArguments(args, axes, batch), self._vectorized)
        return WorkSession(plan, args, self._loss, self.team.given(work))
