"""Any Python callable as what derivatives of other kinds than a gradient are taken of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from jitgrad import _check
from jitgrad._types import Array, FloatArray, Workers
from jitgrad.launch.blackbox import BlackBox
from jitgrad.launch.probes import Probes, replaced
from jitgrad.launch.returns import NumbersOrRows, Rows
from jitgrad.launch.work import Work
from jitgrad.loss.accept import callable_loss
from jitgrad.loss.arguments import BatchedArguments
from jitgrad.loss.called import composed
from jitgrad.loss.derived import Form
from jitgrad.loss.returned import refuse_other_outputs
from jitgrad.prepared.blackbox import BlackBoxGradient
from jitgrad.prepared.team import Team
from jitgrad.prepared.work import evaluated


class Called:
    """Black boxes, called here or by workers; see `jitgrad.prepared.devices.Device`."""

    compiled = False

    def __init__(self, *, vectorized: bool = False, workers: Workers = None, progress: bool = False) -> None:
        self._vectorized = _check.checked_flag("vectorized", vectorized)
        self._team = Team(workers, progress)

    def accept(self, function: Any) -> Any:
        """See `Device`."""
        return callable_loss(function)

    def derived(self, form: Form, function: Any, args: tuple[Any, ...]) -> Any:
        """See `Device`."""
        del args
        return composed(form, function, self._vectorized)

    def gradient(self, loss: Any, **options: Any) -> BlackBoxGradient:
        """See `Device`."""
        return BlackBoxGradient(loss, vectorized=self._vectorized, team=self._team, **options)

    def outputs(
        self,
        function: Any,
        points: Array,
        args: tuple[Any, ...],
        axes: tuple[int | None, ...],
        known: Any = None,
        number: bool = False,
    ) -> CalledOutputs:
        """See `Device`."""
        del known  # nothing that took time would be kept
        arguments = BatchedArguments(args, axes, points.shape[:-1])
        work = BlackBox(function, arguments, self._vectorized, NumbersOrRows if number else Rows)
        return CalledOutputs(function, self._team.given(work))

    def call(self) -> AbstractContextManager[None]:
        """See `Device`."""
        return self._team.call()


class CalledOutputs:
    """A callable of several outputs with its arguments, ready to be evaluated around some points.

    Nobody knows how many outputs there are before it has been called. So that this takes no call of its own, the first
    list is evaluated early, and its values are kept until they are asked for.
    """

    def __init__(self, function: Any, work: Work) -> None:
        self._function, self._work = function, work
        self._shape: tuple[int, ...] | None = None  # of the outputs at one point
        self._early: tuple[Probes, int, FloatArray] | None = None

    @property
    def width(self) -> int:
        """How many outputs it has."""
        assert self._shape is not None
        return self._shape[0] if self._shape else 1

    @property
    def number(self) -> bool:
        """Whether it returns one number."""
        return self._shape == ()

    def count(self, first: Callable[[], tuple[Probes, int]]) -> int:
        """Find out how many outputs there are; see `jitgrad.prepared.devices.Evaluable`."""
        probes, skip = first()
        if skip < probes.point.size:
            self._early = (probes, skip, self.evaluate(probes, skip))
        else:  # no coordinate is displaced
            nothing = np.empty((1, 0))
            self.evaluate(replaced(probes.points, [0], nothing, nothing))
        return self.width

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate the callable at every probe.

        Parameters
        ----------
        probes : Probes
        skip : int, default 0
            Leave out this many at the beginning; their outputs are NaN.
        forgive : bool, default False
            Whether outputs are NaN where the callable raises, and no exception leaves.

        Returns
        -------
        ndarray of float64, shape (probes, width)

        Raises
        ------
        ValueError
            If the number of outputs is not the same everywhere.
        Exception
            Whatever the callable raises, with a note that names the probe; unless `forgive`.
        """
        early, self._early = self._early, None
        if early is not None and _same(early[:2], (probes, skip)):
            return early[2]
        distinct, places = _distinct(probes) if skip == 0 else (probes, None)
        values = evaluated(self._work, self._function, distinct, skip, forgive=forgive)
        if self._shape is None:
            self._shape = values.shape[1:]
        if values.ndim == 1 and (self._shape == () or np.isnan(values).all()):
            values = np.repeat(values[:, None], self.width, axis=1)
        else:
            refuse_other_outputs(self._function, self._shape, values.shape[1:])
        return values if places is None else values[places]


def _same(one: tuple[Probes, int], other: tuple[Probes, int]) -> bool:
    return one[1] == other[1] and all(map(np.array_equal, one[0], other[0]))


def _distinct(probes: Probes) -> tuple[Probes, Any]:
    """Return a list without repetitions, and where its values belong: outputs may want the same displacements."""
    if probes.along.size or not np.array_equal(probes.begin, np.arange(probes.point.size + 1)):
        return probes, None
    keys = np.stack([probes.point, probes.coordinate, probes.value.astype(np.float64).view(np.int64)])
    _, first, places = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    if first.size == probes.point.size:
        return probes, None
    order = np.argsort(first)  # as in the list: the first that raises is the one that is named
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    kept = first[order]
    points = probes.points
    found = replaced(points, probes.point[kept], probes.coordinate[kept, None], probes.value[kept, None])
    return found, rank[places.reshape(-1)]
