"""The workers and the bar of a gradient function: what they hold is kept for a call, and let go at its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple

from jitgrad import _check
from jitgrad.launch.probes import Probes
from jitgrad.launch.work import Reply, Work
from jitgrad.launch.workers.accept import crew_of
from jitgrad.launch.workers.evaluate import Employed, employed
from jitgrad.launch.workers.mapped import Mapped
from jitgrad.launch.workers.progress import Progress


class _Call(NamedTuple):
    """What a call holds."""

    stack: ExitStack
    progress: Progress | None
    employed: dict[int, Employed]


class Team:
    """Who evaluates the loss of a gradient function.

    Parameters
    ----------
    workers : None, int, Executor or map-like callable
        See `jitgrad.launch.workers.accept.crew_of`.
    progress : bool
        Whether a bar is shown.
    """

    def __init__(self, workers: Any, progress: Any) -> None:
        self._workers = workers
        self._progress = _check.checked_flag("progress", progress)
        crew = crew_of(workers)
        # A bar counts blocks, in this process too.
        self._crew = Mapped(map) if crew is None and self._progress else crew
        self.alone = crew is None  # this process does everything
        self._of_thread = threading.local()

    def __reduce__(self) -> tuple[Any, ...]:
        # A callable that is sent to workers may differentiate another.
        return Team, (self._workers, self._progress)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Send a loss once for all lists that this thread has evaluated inside, and show one bar for them."""
        before = getattr(self._of_thread, "call", None)  # of a callable that differentiates itself
        with ExitStack() as stack:
            progress = stack.enter_context(closing(Progress())) if self._progress else None
            self._of_thread.call = _Call(stack, progress, {})
            try:
                yield
            finally:
                self._of_thread.call = before

    def given(self, work: Work, multiple: int = 1) -> Work:
        """Return the same work, done by the team in blocks whose length is a multiple of so many probes."""
        return work if self._crew is None else _Given(self, work, multiple)

    def run(self, work: Work, probes: Probes, forgive: bool, multiple: int) -> Reply:
        """Have a list evaluated."""
        assert self._crew is not None
        call = getattr(self._of_thread, "call", None)
        if call is None:  # a picture that is drawn after the call
            with self.call():
                return self.run(work, probes, forgive, multiple)
        if id(work) not in call.employed:
            call.employed[id(work)] = call.stack.enter_context(employed(self._crew, work, multiple=multiple))
        found: Employed = call.employed[id(work)]
        return found.evaluate(probes, forgive=forgive, progress=call.progress)


class _Given:
    """Work that a team does."""

    def __init__(self, team: Team, work: Work, multiple: int) -> None:
        self._team = team
        self._work = work
        self._multiple = multiple

    def run(self, probes: Probes, *, forgive: bool = False) -> Reply:
        """Evaluate the loss at every probe; see `jitgrad.launch.work.Work`."""
        return self._team.run(self._work, probes, forgive, self._multiple)
