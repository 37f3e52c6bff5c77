"""What comes back from workers, in any order, put where it belongs."""

from __future__ import annotations

import pickle

import numpy as np

from jitgrad._types import Array
from jitgrad.launch.work import Failure, Reply
from jitgrad.launch.workers.progress import Progress
from jitgrad.launch.workers.task import Answer


class Harvest:
    """Values by place, and the failure of lowest place: neither depends on who was faster.

    Parameters
    ----------
    count : int
        Length of the list.
    progress : Progress or None
    """

    def __init__(self, count: int, progress: Progress | None) -> None:
        self._count = count
        self._values: Array = np.full(count, np.nan)
        self._seconds = 0.0
        self._failure: Failure | None = None
        self._progress = progress

    @property
    def end(self) -> int:
        """Where evaluating may stop: at the failure, or at the end of the list."""
        return self._count if self._failure is None else self._failure.probe

    @property
    def failed(self) -> bool:
        """Whether a failure is known."""
        return self._failure is not None

    def take(self, answer: Answer) -> None:
        """Put the values of a block in their place."""
        values: Array = np.asarray(answer.values)
        if values.ndim > self._values.ndim:  # of a function of several outputs
            self._values = np.full((self._count, *values.shape[1:]), np.nan)
        if values.ndim == self._values.ndim:  # a failure has no outputs
            if values.shape[1:] != self._values.shape[1:]:
                raise ValueError(
                    f"the function must return as many numbers everywhere, got {values.shape[1]} and "
                    f"{self._values.shape[1]}. Return a one-dimensional array of the same length at every point."
                )
            self._values[answer.start : answer.stop] = values
        self._seconds += answer.seconds
        if answer.failed is not None and answer.start + answer.failed.probe < self.end:
            probe, error, trace = answer.failed
            if isinstance(error, bytes):
                error = pickle.loads(error)
                error.add_note(f"jitgrad: in a worker:\n{trace.rstrip()}")
            self._failure = Failure(answer.start + probe, error, trace)
        if self._progress is not None:
            self._progress.advance(answer.stop - answer.start)

    def reply(self) -> Reply:
        """Return all of it."""
        self._values[self.end :] = np.nan
        return Reply(self._values, self._seconds, self._failure)
