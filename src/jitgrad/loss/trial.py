"""Single evaluations, before the drivers start: what a loss costs, and which doubtful arrays it changes."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from jitgrad._types import Array, IntArray
from jitgrad.loss.compiled import CompiledLoss
from jitgrad.loss.shim import OK

ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 5)
"""The C type of a shim: ``int shim(x, n, result, block, record)``."""


WARM_UP_SECONDS = 1e-3
"""A first evaluation faster than this may have been slowed down by cold memory, and is timed again."""


def evaluation_seconds(shim: int, x: Array, block: IntArray) -> float:
    """Time one evaluation of a loss at `x`.

    Parameters
    ----------
    shim : int
        Address of the C entry.
    x : ndarray of shape (n,)
    block : ndarray of int64
        The arguments.
    """
    scratch, result = np.empty_like(x), np.empty(1)
    call = ENTRY(shim)
    fastest = np.inf
    for _ in range(3):
        scratch[:] = x
        before = time.perf_counter()
        call(scratch.ctypes.data, x.size, result.ctypes.data, block.ctypes.data, 0)
        fastest = min(fastest, time.perf_counter() - before)
        if fastest > WARM_UP_SECONDS:
            break
    return fastest


def changed_arrays(
    compiled: CompiledLoss, x: Array, block: IntArray, doubtful: list[tuple[int, Any]]
) -> list[tuple[int, int, int, int]]:
    """Evaluate a loss at `x` with copies of its doubtful arguments and compare them with the originals.

    Parameters
    ----------
    compiled : CompiledLoss
    x : ndarray of shape (n,)
    block : ndarray of int64
        The arguments, in words or in numba's own form.
    doubtful : list of (word, array)
        Arrays that LLVM did not prove to be read only, and where their data pointers stand in the block.

    Returns
    -------
    list of (word, low, size, data)
        For each array that was changed: its word, lowest address, bytes spanned and data address. All of
        them, if the loss raised before it came to an end. In numba's own form pointers cannot be redirected,
        so there every doubtful array that is changed is put back as it was.
    """
    places = []
    for word, array in doubtful:
        low, high = byte_bounds(array)
        places.append((word, low, high - low, array.ctypes.data))
    originals = [bytes_at(low, size) for _, low, size, _ in places]
    copies = [original.copy() for original in originals]
    own = block.copy()
    if compiled.packed:
        for (word, low, _, data), copy in zip(places, copies, strict=True):
            own[word] = copy.ctypes.data + (data - low)
    scratch, result = x.copy(), np.empty(1)
    status = ENTRY(compiled.shim)(scratch.ctypes.data, x.size, result.ctypes.data, own.ctypes.data, 0)
    changed = []
    for place, original, copy in zip(places, originals, copies, strict=True):
        same = np.array_equal(original, copy)
        if not same and not compiled.packed:
            original[:] = copy
        if not same or status != OK:
            changed.append(place)
    return changed


def bytes_at(address: int, size: int) -> Array:
    """View memory as an array of bytes."""
    memory = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(memoryview(memory).cast("B"), np.uint8)
