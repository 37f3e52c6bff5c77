"""The arguments of a loss on the device: copied there once, and again where the caller has changed them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
from numba.core import types

from jitgrad._errors import LossCompileError
from jitgrad._types import Array
from jitgrad.launch.cuda.device import Device, on_device
from jitgrad.loss.accept import collects_rest, loss_name
from jitgrad.loss.arguments import BatchedArguments


class _Copied(NamedTuple):
    """An array of the caller, and what it held when it was copied."""

    array: Array
    axis: int | None
    content: Array
    there: Any


class DeviceArguments:
    """What follows ``x``, on one device.

    Arrays that lie on the device are used as they are; the others are copied, and compared with what was copied at
    every further use.

    Parameters
    ----------
    device : Device
    loss : callable
    arguments : BatchedArguments

    Attributes
    ----------
    values : tuple
        What kernels get. Of arguments that vary with the point the first axis runs along the points.
    kinds : tuple of numba types
        Their types; arrays are read only, because all threads share them.
    vary : tuple of bool
        Which values vary with the point.
    """

    def __init__(self, device: Device, loss: Any, arguments: BatchedArguments) -> None:
        self._device = device
        self._copied: list[_Copied] = []
        self._batch = arguments.batch
        values, axes = arguments.shared, arguments.axes
        if collects_rest(loss):
            values, axes = (*values[:-1], *values[-1]), (*axes[:-1], *[None] * len(values[-1]))
        placed = [self._place(loss, k, value, axis) for k, (value, axis) in enumerate(zip(values, axes, strict=True))]
        self.values = tuple(value for value, _ in placed)
        self.kinds = tuple(kind for _, kind in placed)
        self.vary = tuple(axis is not None for axis in axes)

    def refresh(self) -> None:
        """Copy again what has changed since it was copied."""
        for place, (array, axis, content, there) in enumerate(self._copied):
            now = self._arranged(array, axis)
            if not _same(now, content):
                self._device.copy_into(there, now)
                self._copied[place] = _Copied(array, axis, now.copy(), there)

    def _place(self, loss: Any, k: int, value: Any, axis: int | None) -> tuple[Any, Any]:
        """Return a value as kernels get it, and its type."""
        if on_device(value):
            there = self._device.adopt(value)
            if axis is not None:
                there = self._along_points(k, there, axis)
            return there, _read_only(numba.typeof(there))
        if isinstance(value, np.ndarray):
            now = self._arranged(value, axis)
            there = self._device.put(now)
            self._copied.append(_Copied(value, axis, now.copy(), there))
            return there, types.Array(numba.typeof(now).dtype, now.ndim, "C", readonly=True)
        if isinstance(value, tuple):
            members = [self._place(loss, k, member, None) for member in value]
            kind = numba.typeof(value)
            kinds = [member for _, member in members]
            if isinstance(kind, types.BaseNamedTuple):
                return type(value)(*(member for member, _ in members)), types.NamedTuple(kinds, type(value))
            return tuple(member for member, _ in members), types.BaseTuple.from_types(kinds)
        if value is None or isinstance(value, bool | int | float | complex | np.number | np.bool_):
            return value, numba.typeof(value)
        raise LossCompileError(
            f"args[{k}] of loss {loss_name(loss)!r} must be a number, an array, None or a tuple of these to reach a "
            f"GPU, got {value!r}. Pass an array, make it a global of the loss, or use grad_cpu."
        )

    def _arranged(self, array: Array, axis: int | None) -> Array:
        """Return an array in C order; with the points along its first axis, if it varies with them."""
        if axis is None:
            return np.asarray(array, order="C")
        dimensions = len(self._batch)
        moved = np.moveaxis(array, range(axis, axis + dimensions), range(dimensions))
        return np.ascontiguousarray(moved).reshape(-1, *moved.shape[dimensions:])

    def _along_points(self, k: int, there: Any, axis: int) -> Any:
        if axis != 0 or not there.is_c_contiguous():
            raise ValueError(
                f"args[{k}] lies on a GPU, where the axis that runs along the points must be the first of an array in "
                f"C order, got axis {axis}. Move the axis and copy the array."
            )
        rest = there.shape[len(self._batch) :]
        return there.reshape((math.prod(self._batch), *rest))


def _same(a: Array, b: Array) -> bool:
    """Whether two arrays in C order hold the same bytes, so that NaN is the same as NaN."""
    return bool(np.array_equal(a.reshape(-1).view(np.uint8), b.reshape(-1).view(np.uint8)))


def _read_only(ty: Any) -> Any:
    return ty.copy(readonly=True)
