"""The loss without a compiler, under ``NUMBA_DISABLE_JIT=1``.

People set that variable to step through their loss with a debugger. The same drivers then run as Python, and
call this C entry, which calls the loss as Python.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from jitgrad._types import Array
from jitgrad.loss.shim import OK, RAISED
from jitgrad.loss.trial import ENTRY, bytes_at


def interpreted_loss(evaluate: Callable[[Array, int], float], dtype: np.dtype[Any]) -> tuple[int, Any]:
    """Return the address of a C entry that calls ``evaluate(x, point)``, and the object that owns it."""

    def entry(x_address: int, n: int, result_address: int, block: int, _: int) -> int:
        x = _array_at(x_address, n, dtype)
        point = int(_array_at(block, 1, np.dtype(np.int64))[0])
        try:
            value = evaluate(x, point)
        except Exception:  # noqa: BLE001  # the caller evaluates the point again and lets it through
            return RAISED
        _array_at(result_address, 1, np.dtype(np.float64))[0] = value
        return OK

    function = ENTRY(entry)
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None  # a callback has an address
    return address, function


def _array_at(address: int, size: int, dtype: np.dtype[Any]) -> Array:
    return bytes_at(address, size * dtype.itemsize).view(dtype)
