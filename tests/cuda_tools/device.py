"""A device that is none: PTX, executed on the CPU, behind the interface of `jitgrad.launch.cuda.device`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cuda_tools.ptx_machine import PtxMachine, flatten_typed
from cuda_tools.toolkit import compile_ptx
from jitgrad.launch.cuda.device import BLOCK, WORD, Compiled, Device, compiled
from jitgrad.loss.device.context import compiling


class Program:
    """A kernel as PTX, and the machine that runs it, made when it is first launched."""

    def __init__(self, ptx: str, signature: tuple[Any, ...]) -> None:
        self.ptx, self.signature = ptx, signature
        self._machine: PtxMachine | None = None

    def machine(self) -> PtxMachine:
        """Return the machine."""
        self._machine = self._machine or PtxMachine(self.ptx)
        return self._machine


class PtxDevice(Device):
    """Executes compiled PTX; its arrays are NumPy arrays.

    Attributes
    ----------
    launches : list of str
        Kernels that were launched, by entry.
    """

    capability = (9, 0)
    fma = False

    def __init__(self, index: int = 0, stream: Any = None) -> None:
        self.index, self.copied, self._stream = index, 0, stream
        self.launches: list[str] = []

    def put(self, array: Any) -> Any:
        self.copied += array.nbytes
        return DeviceArray(np.array(array, order="C"))

    def get(self, array: Any) -> Any:
        self.copied += array.nbytes
        return np.array(array)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        # What was there before is anything: NaN shows what nobody wrote.
        dtype = np.dtype(dtype)
        return DeviceArray(np.full(shape, np.nan if dtype.kind == "f" else 119, dtype))

    def adopt(self, array: Any) -> Any:
        return array

    def copy_into(self, there: Any, array: Any) -> None:
        self.copied += array.nbytes
        there[...] = array

    def copy_within(self, there: Any, array: Any) -> None:
        there[...] = array

    def compile(self, function: Callable[..., None], signature: tuple[Any, ...]) -> Compiled:
        with compiling():
            ptx = compile_ptx(function, signature, self.capability, fma=self.fma)
        return compiled(Program(ptx, signature), ptx)

    def launch(self, compiled: Compiled, threads: int, args: tuple[Any, ...]) -> None:
        if threads == 0:
            return
        machine = compiled.kernel.machine()
        (entry,) = machine.entries
        self.launches.append(entry)
        shared = BLOCK * WORD if machine.translation.grows_shared else 0
        numbers = flatten_typed(compiled.kernel.signature, args)
        machine.launch(entry, -(-threads // BLOCK), BLOCK, *numbers, shared=shared)


class DeviceArray(np.ndarray[Any, Any]):
    """An array of a `PtxDevice`: to jitgrad it lies on a device."""

    def __new__(cls, array: Any) -> DeviceArray:
        return array.view(cls)

    def copy_to_host(self) -> Any:
        return np.array(self)

    def is_c_contiguous(self) -> bool:
        return self.flags.c_contiguous
