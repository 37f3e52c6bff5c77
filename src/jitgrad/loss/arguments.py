"""The arguments of a loss, of all points of a batch or of each, and how to call it with them from Python."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import Array, IntArray
from jitgrad.loss.accept import collects_rest, complete_arguments


class BatchedArguments(NamedTuple):
    """What follows ``x``, for every point of a batch.

    Attributes
    ----------
    shared : tuple
        One value per parameter of the loss.
    axes : tuple of int or None
        For each value the axis that runs along the batch, or None if all points share it.
    batch : tuple of int
        Shape of the batch.
    """

    shared: tuple[Any, ...]
    axes: tuple[int | None, ...]
    batch: tuple[int, ...]

    @property
    def vary(self) -> bool:
        """Whether some value differs from point to point."""
        return any(axis is not None for axis in self.axes)

    @property
    def points(self) -> int:
        """How many sets of arguments there are."""
        return int(np.prod(self.batch)) if self.vary else 1

    def at(self, point: int) -> tuple[Any, ...]:
        """Return the arguments of one point."""
        index = np.unravel_index(point, self.batch) if self.vary else ()
        return tuple(
            value if axis is None else value[(slice(None),) * axis + index]
            for value, axis in zip(self.shared, self.axes, strict=True)
        )

    def of(self, points: IntArray) -> tuple[Any, ...]:
        """Return the arguments of many points at once: what varies has one entry per point, in the axis of the batch.

        Parameters
        ----------
        points : ndarray of int64, shape (k,)
            They may repeat.
        """
        if not self.vary:
            return self.shared
        return tuple(
            value if axis is None else self._flat(value, axis).take(points, axis)
            for value, axis in zip(self.shared, self.axes, strict=True)
        )

    @property
    def bytes_per_point(self) -> int:
        """How much of what varies belongs to one point."""
        total = sum(int(v.nbytes) for v, axis in zip(self.shared, self.axes, strict=True) if axis is not None)
        return total // max(1, self.points)

    def _flat(self, value: Array, axis: int) -> Array:
        """Make one axis of the batch."""
        batch = len(self.batch)
        return value.reshape(*value.shape[:axis], -1, *value.shape[axis + batch :]) if batch > 1 else value


def batched_arguments(
    loss: Any, args: tuple[Any, ...], axes: tuple[int | None, ...], batch: tuple[int, ...]
) -> BatchedArguments:
    """Arrange what follows ``x`` by the parameters of the loss; what ``*rest`` collects is one value then.

    Raises
    ------
    LossCompileError
        If the loss does not take that many arguments.
    """
    complete = complete_arguments(loss, args)
    # Defaults are values too.
    return BatchedArguments(complete, (*axes, *[None] * len(complete))[: len(complete)], batch)


def call_from_python(loss: Any, x: Array, values: tuple[Any, ...]) -> Any:
    """Call a loss with copies of its arguments, and the values of ``*rest`` one by one."""
    copies = [value.copy() if isinstance(value, np.ndarray) else value for value in values]
    return loss(x.copy(), *copies[:-1], *copies[-1]) if collects_rest(loss) else loss(x.copy(), *copies)
