"""Memory on a device that is kept from one call to the next: reserving it takes longer than a small gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jitgrad._types import Array
from jitgrad.launch.cuda.device import Device


class Buffers:
    """Arrays on a device by name; one that has the wanted shape and type already is used again.

    Parameters
    ----------
    device : Device
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._kept: dict[str, Any] = {}

    def empty(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """Return an array on the device, whatever it holds."""
        kept = self._kept.get(name)
        if kept is None or kept.shape != shape or kept.dtype != dtype:
            self._kept.pop(name, None)  # before more is asked for
            kept = self._kept[name] = self._device.empty(shape, dtype)
        return kept

    def keep(self, name: str, size: int, make: Callable[[int], Array]) -> Any:
        """Return what ``make(size)`` gives, copied to the device when the size is another than before."""
        kept = self._kept.get(name)
        return kept if kept is not None and kept.shape == (size,) else self.put(name, make(size))

    def put(self, name: str, array: Array) -> Any:
        """Copy an array to the device."""
        there = self.empty(name, array.shape, array.dtype)
        if array.size:
            self._device.copy_into(there, np.asarray(array, order="C"))
        return there
