"""One device, with what a loss needs there: its arguments, memory, and kernels that know nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from jitgrad.launch.cuda.arguments import DeviceArguments
from jitgrad.launch.cuda.buffers import Buffers
from jitgrad.launch.cuda.device import Compiled, Device


@lru_cache(maxsize=64)
def known_kernels(_: Any) -> dict[Any, Compiled | Exception]:
    """Return what was compiled for a loss, or of a kernel, by device and types; of those that were used last."""
    return {}


class Place:
    """A device on which a loss is evaluated.

    Parameters
    ----------
    device : Device
    arguments : DeviceArguments
    n : int
    dtype : dtype
        Of the points.
    name : str
        Of the loss, for messages.

    Attributes
    ----------
    buffers : Buffers
    width : int
        Bytes of its arena that a thread needs, as far as it is known; 0 at first.
    """

    def __init__(self, device: Device, arguments: DeviceArguments, n: int, dtype: np.dtype[Any], name: str) -> None:
        self.device, self.arguments = device, arguments
        self.n, self.dtype, self.name = n, dtype, name
        self.buffers = Buffers(device)
        self.width = 0

    @property
    def key(self) -> tuple[Any, ...]:
        """What a kernel depends on beside the types of its arguments."""
        return type(self.device), self.device.index

    def kernel(self, function: Callable[..., None], signature: tuple[Any, ...]) -> Compiled:
        """Return a kernel that knows nothing of the loss."""
        known, key = known_kernels(function), (*self.key, signature)
        if key not in known:
            known[key] = self.device.compile(function, signature)
        found = known[key]
        assert isinstance(found, Compiled)
        return found
