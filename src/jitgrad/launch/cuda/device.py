"""One GPU: its memory, what is copied to and from it, and launches of kernels on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from numba.core.errors import UnsupportedError

from jitgrad._errors import CudaUnavailableError
from jitgrad._types import Array
from jitgrad.launch.cuda_state import require_cuda
from jitgrad.loss.device import target
from jitgrad.loss.device.form import compiling, uses_arena
from jitgrad.loss.device.pass_none import PassNone
from jitgrad.loss.device.target import SIMULATED, cuda

BLOCK = 128
"""Threads of a block: four warps, of which every processor of a GPU runs several at once."""

WORD = 8


class Compiled(NamedTuple):
    """A kernel compiled for the types of its arguments.

    Attributes
    ----------
    kernel : object
        What `Device.launch` takes; it belongs to the device that compiled it.
    allocates : bool
        Whether it asks for memory of a thread's arena.
    """

    kernel: Any
    allocates: bool


def compiled(kernel: Any, ptx: str) -> Compiled:
    """Describe a kernel by its PTX.

    Raises
    ------
    UnsupportedError
        numba's: if it calls a function that is nowhere.
    """
    missing = re.findall(r"\.extern \.func .*?(\w+)\s*\(|\.extern \.func +(\w+)", ptx)
    if missing:
        raise UnsupportedError(f"calls a function that a GPU has not: {''.join(missing[0])}")
    return Compiled(kernel, uses_arena(ptx))


class Device:
    """A GPU, or numba's simulator of one.

    Parameters
    ----------
    index : int
        Which one, as CUDA counts them.
    stream : object, optional
        A stream of numba, CuPy or PyTorch, or its address. Default: the default stream.

    Attributes
    ----------
    copied : int
        Bytes that were copied between host and device so far.

    Raises
    ------
    CudaUnavailableError
        If a part of CUDA is missing, or there is no such device.
    """

    def __init__(self, index: int = 0, stream: Any = None) -> None:
        require_cuda()
        if index >= len(cuda.gpus):
            raise CudaUnavailableError(
                f"devices must name GPUs of this machine, got {index}, but it has {len(cuda.gpus)}, counted from 0."
            )
        self.index = index
        self.copied = 0
        self._stream = _stream_of(stream)

    def __repr__(self) -> str:
        return f"Device({self.index})"

    def put(self, array: Array) -> Any:
        """Copy an array to the device."""
        self.copied += array.nbytes
        with self._current():
            return cuda.to_device(np.asarray(array, order="C"), self._stream)

    def copy_into(self, there: Any, array: Array) -> None:
        """Copy an array to the memory of another on the device."""
        self.copied += array.nbytes
        with self._current():
            there.copy_to_device(array, self._stream)

    def get(self, array: Any) -> Array:
        """Copy an array from the device, when all that was launched before is done."""
        with self._current():
            found: Array = array.copy_to_host(stream=self._stream)
            if self._stream:
                self._stream.synchronize()
        self.copied += found.nbytes
        return found

    def copy_within(self, there: Any, array: Any) -> None:
        """Copy an array on the device to another one there."""
        with self._current():
            there.copy_to_device(array, self._stream)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Reserve memory on the device."""
        with self._current():
            return cuda.device_array(shape, dtype, stream=self._stream)

    def adopt(self, array: Any) -> Any:
        """Look at an array that lies on the device already, without copying it.

        Parameters
        ----------
        array : object
            With ``__cuda_array_interface__``.
        """
        if SIMULATED:
            return array
        with self._current():
            return cuda.as_cuda_array(array)

    def compile(self, function: Callable[..., None], signature: tuple[Any, ...]) -> Compiled:
        """Compile a kernel for arguments of the types `signature`."""
        if SIMULATED:
            return Compiled(cuda.jit(function), False)
        dispatcher = cuda.jit(function, extensions=[PassNone()])
        with self._current(), compiling():
            return compiled(dispatcher.compile(signature), dispatcher.inspect_asm(signature))

    def launch(self, compiled: Compiled, threads: int, args: tuple[Any, ...]) -> None:
        """Start a kernel with at least so many threads, and do not wait for it."""
        if threads == 0:
            return
        grid, shared = -(-threads // BLOCK), BLOCK * WORD
        with self._current():
            if SIMULATED:
                compiled.kernel[grid, BLOCK, self._stream, shared](*args)
            else:
                # Not through the dispatcher, which would compile for read-only arrays what it is called with others.
                compiled.kernel.launch(args, (grid, 1, 1), (BLOCK, 1, 1), target.core_stream(self._stream), shared)

    def _current(self) -> AbstractContextManager[Any]:
        return nullcontext() if SIMULATED else cuda.gpus[self.index]


def _stream_of(stream: Any) -> Any:
    """Return a stream as numba knows it; 0 for the default one."""
    if stream is None:
        return 0
    if isinstance(stream, int):
        return cuda.external_stream(stream)
    for name in ("cuda_stream", "ptr"):  # PyTorch, CuPy
        address = getattr(stream, name, None)
        if isinstance(address, int):
            return cuda.external_stream(address)
    if not hasattr(stream, "synchronize"):
        raise TypeError(
            f"stream must be a stream of numba, CuPy or PyTorch, or its address, got {stream!r}. "
            "Pass numba.cuda.stream(), or leave it out for the default stream."
        )
    return stream


def on_device(array: Any) -> bool:
    """Whether an array lies on a GPU, or on the simulator's."""
    return hasattr(array, "__cuda_array_interface__") or hasattr(array, "copy_to_host")
