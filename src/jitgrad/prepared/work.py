"""A plan together with the arguments of the last call, for a loss that is called from Python."""

from __future__ import annotations

from operator import is_
from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.difference import Differences, combine
from jitgrad.launch.failure import note_for
from jitgrad.launch.probes import Probes, part_of
from jitgrad.launch.work import Work
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.session import described


class WorkSession:
    """A plan together with the arguments of the last call, and the work that evaluates the loss.

    It never changes: several threads may use it.
    """

    def __init__(self, plan: Plan, args: tuple[Any, ...], loss: Any, work: Work) -> None:
        self.plan = plan
        self.shape, self.dtype = plan.shape, plan.dtype
        self.size, self.checked = plan.targets.size, plan.checks.size > 0
        self._loss, self._work = loss, work
        self._args, self._descriptions = args, [described(value) for value in args]

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        """Whether points and arguments are like those of the last call."""
        return (
            (x.shape, x.dtype) == (self.shape, self.dtype)
            and len(args) == len(self._args)
            and all(map(is_, args, self._args))
            and list(map(described, args)) == self._descriptions
        )

    def renewed(self, *_: Any) -> None:
        """Return None: nothing that took time would be kept."""

    def quick(self, *_: Any) -> None:
        """Return None: Python is between the evaluations anyway."""

    def attempt(self, *_: Any) -> None:
        """Return None, as `quick`."""

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate the loss at every probe of a list but the first `skip`, whose values are NaN.

        Raises
        ------
        Exception
            Whatever the loss raised, with a note that names the probe; unless `forgive`.
        """
        return evaluated(self._work, self._loss, probes, skip, forgive=forgive)

    def differentiate(self, found: Differences, skip: int, gradient: Array) -> tuple[FloatArray, bool]:
        """Evaluate the probes and combine them; return the values and whether all derivatives are finite."""
        values = self.evaluate(found.probes, skip)
        return values, combine(found, values, gradient)


def evaluated(work: Work, loss: Any, probes: Probes, skip: int, *, forgive: bool) -> FloatArray:
    """Return what a loss gives at every probe of a list but the first `skip`, whose values are NaN.

    Parameters
    ----------
    work : Work
    loss : callable
        For the note.
    probes : Probes
    skip : int
    forgive : bool

    Returns
    -------
    ndarray of float64, shape (probes,) or (probes, p)

    Raises
    ------
    Exception
        Whatever the loss raised, with a note that names the probe; unless `forgive`.
    """
    wanted = part_of(probes, skip, probes.point.size) if skip else probes
    reply = work.run(wanted, forgive=forgive)
    if reply.failure is not None:
        error = reply.failure.error
        error.add_note(note_for(loss, wanted, reply.failure.probe))
        raise error
    values = reply.values
    return np.concatenate((np.full((skip, *values.shape[1:]), np.nan), values)) if skip else values
