"""What comes back from workers, in any order, put where it belongs."""

from __future__ import annotations

import pickle

import numpy as np

from jitgrad._types import FloatArray
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
        self._found: dict[int, FloatArray] = {}
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
        """Keep the values of a block, which were found."""
        assert answer.values is not None
        self._found[answer.start] = answer.values
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
        # In order of the list, so that the first block says how many outputs there are, whoever was faster.
        blocks = [(start, self._found[start]) for start in sorted(self._found)]
        shape = next((values.shape[1:] for _, values in blocks if not _empty(values)), ())
        values = np.full((self._count, *shape), np.nan)
        for start, found in blocks:
            if start >= self.end:
                break
            if found.shape[1:] == shape:
                values[start : start + len(found)] = found
            elif not _empty(found):
                error = ValueError(
                    f"outputs must have the same shape everywhere, but they are of shape {shape} and, elsewhere, "
                    f"{found.shape[1:]}. Return an array of fixed length."
                )
                self._failure = Failure(start, error, "")
        values[self.end :] = np.nan
        return Reply(values, self._seconds, self._failure)


def _empty(values: FloatArray) -> bool:
    """Whether a block says nothing about how many outputs there are: it raised everywhere."""
    return values.ndim == 1 and bool(np.isnan(values).all())
