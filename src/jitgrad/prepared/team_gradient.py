"""Gradient functions whose loss may be evaluated by workers, with a bar."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from jitgrad._types import Array
from jitgrad.launch.cpu import MOST_LANES
from jitgrad.launch.jitted_work import JittedWork
from jitgrad.prepared.gradient import Gradient
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.team import Team
from jitgrad.prepared.work import WorkSession


class TeamGradient(Gradient):
    """A gradient function with workers, or with a bar."""

    def __init__(
        self, loss: Any, *, workers: Any = None, progress: bool = False, team: Team | None = None, **options: Any
    ) -> None:
        super().__init__(loss, **options)
        self.team = Team(workers, progress) if team is None else team

    def call(self) -> AbstractContextManager[None]:
        """Send the loss once, and show one bar."""
        return self.team.call()

    def _compute(self, x: Any, args: tuple[Any, ...], out: Array | None, with_value: bool) -> tuple[Array, Any]:
        with self.call():
            return super()._compute(x, args, out, with_value)


class JittedTeamGradient(TeamGradient):
    """The same of a jitted loss: every worker compiles it, and evaluates in lanes what it is given."""

    def start(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> WorkSession:
        """Compile the loss here too, so that what is wrong with it shows at once, and all use the same lanes."""
        bound, seconds = self.bound(plan, points, args)
        values, threads = bound.values, self._options.threads
        if threads is None and not self.team.alone:
            threads = 1  # there are workers for the other cores
        work = JittedWork(
            self._loss, args, values.axes[: len(args)], points.shape[:-1], bound.lanes.count, seconds, threads
        )
        return WorkSession(plan, args, self._loss, self.team.given(work, MOST_LANES))
