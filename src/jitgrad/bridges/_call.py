"""One call of a bridge: its arguments, and how they lie when a framework maps the call over further axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import FloatArray
from jitgrad.bridges._refusal import by_argument


class Laid(NamedTuple):
    """What a host gets: a batch of points, vectors that belong to them, and the arguments.

    Attributes
    ----------
    x : array of shape (..., n)
    vectors : tuple of arrays of shape (..., n) or (..., p)
    args : tuple
    axes : tuple of int or None
        As ``args_axes``.
    """

    x: Any
    vectors: tuple[Any, ...]
    args: tuple[Any, ...]
    axes: tuple[int | None, ...]


class Call:
    """The arguments of one call; arrays of the framework are taken out, because the framework hands them over anew.

    Parameters
    ----------
    args : tuple
        What follows ``x``.
    axes : sequence of int or None, optional
        The option ``args_axes``.
    rank : int, optional
        Dimensions of ``x``. Where it has more later on, a framework has put axes of its own in front: ``vmap`` does,
        once per level, of length 1 for what it does not map. None if the framework does no such thing.
    is_tensor : callable
        Says what is an array of the framework.

    Attributes
    ----------
    tensors : tuple
        The arrays of the framework.
    places : tuple of int
        Where in ``args`` they are.
    rank : int or None
    """

    def __init__(
        self,
        args: tuple[Any, ...],
        axes: Sequence[int | None] | None,
        rank: int | None,
        is_tensor: Callable[[Any], bool],
    ) -> None:
        self._axes = (None,) * len(args) if axes is None else tuple(axes)
        if len(self._axes) != len(args):
            raise ValueError(
                f"args_axes must have one entry per argument, {len(args)}, got {len(self._axes)}. "
                "Write None for an argument that all points share."
            )
        self.rank = rank
        self.places = tuple(k for k, value in enumerate(args) if is_tensor(value))
        self.tensors = tuple(args[k] for k in self.places)
        self._args = tuple(None if k in self.places else value for k, value in enumerate(args))

    def refuse(self, derived: Iterable[bool]) -> None:
        """Raise an error if one of the arguments from the framework has, or wants, a derivative.

        Raises
        ------
        ValueError
        """
        for place, wanted in zip(self.places, derived, strict=True):
            if wanted:
                raise ValueError(by_argument(place))

    def lay(self, xp: Any, x: Any, vectors: Sequence[Any], tensors: Sequence[Any]) -> Laid:
        """Put the framework's arrays back among the arguments, and its axes among those of the batch.

        Parameters
        ----------
        xp : module
            Of the arrays: NumPy, or one with the same `broadcast_to` and `moveaxis`.
        x : array of shape (..., n)
        vectors : sequence of arrays
            Of as many dimensions as ``x``.
        tensors : sequence of arrays
            One for each of `tensors`, in their order.
        """
        args: list[Any] = list(self._args)
        for k, tensor in zip(self.places, tensors, strict=True):
            args[k] = tensor
        depth = 0 if self.rank is None else x.ndim - self.rank
        if depth == 0:
            return Laid(x, tuple(vectors), tuple(args), self._axes)
        lead = np.broadcast_shapes(*(tuple(array.shape[:depth]) for array in (x, *vectors, *tensors)))
        batch = tuple(x.shape[depth:-1])
        axes = list(self._axes)
        for k, (value, axis) in enumerate(zip(args, self._axes, strict=True)):
            own = depth if k in self.places else 0  # how many of the axes in front it has
            if axis is not None or math.prod(value.shape[:own] if own else ()) > 1:
                args[k], axes[k] = _along(xp if own else np, value, own, axis, lead, batch), 0
            elif own:
                args[k] = value.reshape(tuple(value.shape[own:]))
        x, *vectors = (xp.broadcast_to(array, (*lead, *array.shape[depth:])) for array in (x, *vectors))
        return Laid(x, tuple(vectors), tuple(args), tuple(axes))

    def numpy(self, dtype: Any, host: Any, verb: str, vectors: int, *arrays: Any) -> Any:
        """Compute with arrays that a framework hands to a callback: ``host.verb``, of type `dtype`.

        Parameters
        ----------
        dtype : dtype
        host : LossHost or LayerHost
        verb : str
        vectors : int
            How many arrays after the first are vectors; the others are `tensors`.
        *arrays : array_like
        """
        x, *others = map(np.asarray, arrays)
        laid = self.finished(self.lay(np, x, others[:vectors], others[vectors:]), plain_points, plain)
        result = getattr(host, verb)(laid)
        return tuple(np.asarray(r, dtype) for r in result) if isinstance(result, tuple) else np.asarray(result, dtype)

    def finished(self, laid: Laid, points: Callable[[Any], Any], tensor: Callable[[Any], Any]) -> Laid:
        """Apply `points` to points and vectors, and `tensor` to those arguments that came from the framework."""
        args = tuple(tensor(value) if k in self.places else value for k, value in enumerate(laid.args))
        return Laid(points(laid.x), tuple(map(points, laid.vectors)), args, laid.axes)


def _along(xp: Any, value: Any, own: int, axis: int | None, lead: tuple[int, ...], batch: tuple[int, ...]) -> Any:
    """Return an argument of shape lead + batch + rest, for one that has `own` axes of `lead`."""
    ones = (1,) * (len(lead) - own)
    if axis is None:  # of the framework's axes only
        ahead, rest = tuple(value.shape[:own]) + (1,) * len(batch), tuple(value.shape[own:])
    else:
        batched = range(own + axis, own + axis + len(batch))
        value = xp.moveaxis(value, tuple(batched), tuple(range(own, own + len(batch))))
        ahead, rest = tuple(value.shape[: own + len(batch)]), tuple(value.shape[own + len(batch) :])
    return xp.broadcast_to(value.reshape((*ones, *ahead, *rest)), (*lead, *batch, *rest))


def plain(value: Any) -> Any:
    """Return an array of a framework, seen as a NumPy array, as losses get it.

    Real numbers become float64, like ``x``, because numba multiplies matrices of one type only. An array without
    dimensions becomes a number. Arrays that may not be written to are copied: numba has another type for them.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "iubc":  # float16 and bfloat16 too, which NumPy has no kind for
        array = array.astype(np.float64, copy=False)
    return array.item() if array.ndim == 0 else np.require(array, requirements=["C", "W"])


def plain_points(value: Any) -> FloatArray:
    """Return points or vectors of a framework, seen as a NumPy array, in float64 and C order."""
    return np.require(value, np.float64, "C")
