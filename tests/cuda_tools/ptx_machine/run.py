"""Compiled PTX, run on the CPU with the arguments that a device would get."""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from cuda_tools.ptx_machine.arguments import Address, flatten
from cuda_tools.ptx_machine.build import build
from cuda_tools.ptx_machine.damage import Damage
from cuda_tools.ptx_machine.parse import Variable, parse
from cuda_tools.ptx_machine.scalars import bits, kind
from cuda_tools.ptx_machine.translate import translate

# Labels that all threads of a launch may pass: some seconds, where a launch of a test takes milliseconds.
LIMIT = 2**31


class LaunchError(Exception):
    """A launch ended early: trap, access outside of memory, race, threads that part at a barrier, loop without end."""


class Counts(NamedTuple):
    """Executed instructions of all threads, by class."""

    fp64: int = 0
    fp32: int = 0
    integer: int = 0
    load: int = 0
    store: int = 0
    branch: int = 0
    special: int = 0
    move: int = 0
    """``mov``, addresses, parameters, signs: what costs nothing or next to it once it is machine code."""


class Range(ctypes.Structure):
    _fields_ = (("low", ctypes.c_uint64), ("high", ctypes.c_uint64))


class Fault(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_int32),
        ("line", ctypes.c_uint32),
        ("tid", ctypes.c_uint32 * 3),
        ("ctaid", ctypes.c_uint32 * 3),
        ("waiting", ctypes.c_uint32),
        ("other_line", ctypes.c_uint32),
        ("other", ctypes.c_uint32),
        ("address", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
    )


class PtxMachine:
    """Runs the kernels of one PTX file.

    Parameters
    ----------
    ptx
        The text.
    damage
        A fault to put in, from `cuda_tools.ptx_machine.damage`.
    count
        Whether to count what each thread executes, in `counts` and `opcodes`, by basic block: an instruction under a
        predicate counts whether the predicate holds or not, as on a device, where it takes its turn either way.
    """

    def __init__(self, ptx: str, *, damage: Damage | None = None, count: bool = False) -> None:
        module = parse(ptx)
        if damage is not None:
            damage(module)
        self.translation = translate(module, count=count)
        self.count = count
        self._library = build(self.translation.code)
        self._blocks = (ctypes.c_uint64 * (self.translation.n_blocks + 1)).in_dll(self._library, "counts")

    @property
    def entries(self) -> tuple[str, ...]:
        """Mangled names of the kernels."""
        return tuple(self.translation.entries)

    def launch(
        self,
        entry: str,
        grid: int | tuple[int, ...],
        block: int | tuple[int, ...],
        *args: Any,
        shared: int = 0,
        backward: bool = False,
        limit: int = LIMIT,
    ) -> None:
        """Run a kernel over a grid of blocks; arrays are changed in place.

        Parameters
        ----------
        entry
            Name of the kernel, or a part of it that only one has.
        grid, block
            Up to three sizes each.
        args
            Arrays, numbers, tuples of these; or numbers already taken apart by `flatten_typed`.
        shared
            Bytes of shared memory whose size the kernel leaves open.
        backward
            Whether blocks, and the threads of a block, take turns from the last to the first. A result that depends on
            it depends on a race in global memory.
        limit
            Labels that all threads may pass before the launch is ended.

        Raises
        ------
        LaunchError
            When the kernel traps, leaves the memory it was given, races in shared memory, parts at a barrier, or does
            not end.
        """
        name = self._entry(entry)
        parameters = self.translation.entries[name]
        numbers = [number for one in args for number in flatten(one)]
        if len(numbers) != len(parameters):
            raise TypeError(f"the kernel has {len(parameters)} parameters, the arguments come to {len(numbers)}")
        if shared and not self.translation.grows_shared:
            raise ValueError("the kernel has no shared memory whose size is left open")
        pairs = enumerate(zip(parameters, numbers, strict=True))
        values = [packed(i, parameter, number) for i, (parameter, number) in pairs]
        pointers = (ctypes.c_void_p * max(len(values), 1))(*(one.ctypes.data for one in values))
        known = self._known(numbers)
        fault = Fault()
        code = self._library.launch(
            self.entries.index(name),
            sizes("grid", grid),
            sizes("block", block),
            int(backward),
            ctypes.c_uint64(limit),
            pointers,
            known,
            len(known),
            ctypes.c_uint64(self.translation.shared_bytes + shared),
            ctypes.byref(fault),
        )
        if code:
            raise LaunchError(self._explained(fault))

    @property
    def opcodes(self) -> Counter[str]:
        """Executed instructions of the last launch, by opcode."""
        return self._counted("opcode")

    @property
    def counts(self) -> Counts:
        """Executed instructions of the last launch, by class."""
        return Counts(**self._counted("counts_as"))

    def _counted(self, by: str) -> Counter[str]:
        if not self.count:
            raise ValueError("this machine does not count: make it with count=True")
        found: Counter[str] = Counter()
        for one in self.translation.executed:
            found[getattr(one, by)] += self._blocks[one.block]
        return found

    def _entry(self, part: str) -> str:
        suiting = [name for name in self.entries if part == name] or [name for name in self.entries if part in name]
        if len(suiting) != 1:
            raise ValueError(f"one kernel must suit {part!r}, of {list(self.entries)}")
        return suiting[0]

    def _known(self, numbers: list[Any]) -> ctypes.Array[Range]:
        """Memory that may be read and written: that of the module, and of the arrays."""
        n_own = ctypes.c_int.in_dll(self._library, "n_own").value
        arrays = [one.array for one in numbers if isinstance(one, Address) and one.array.size]
        known = (Range * (n_own + len(arrays) + 1))()
        self._library.own_ranges(known)
        for place, array in enumerate(arrays, n_own):
            known[place] = Range(*np.lib.array_utils.byte_bounds(array))
        return known

    def _explained(self, fault: Fault) -> str:
        thread = f"thread {tuple(fault.tid)} of block {tuple(fault.ctaid)}"
        where = f"line {fault.line} of the PTX: {self.translation.texts.get(fault.line, '')}"
        match fault.code:
            case 1:
                return f"{thread} executes trap, {where}"
            case 2:
                what = f"{fault.size} bytes at address {fault.address:#x}"
                return f"{thread} reads or writes {what}, outside of every array, {where}"
            case 3:
                others = f"others at line {fault.other_line}" if fault.other_line else "others have returned"
                return f"{fault.waiting} threads of block {tuple(fault.ctaid)} wait, {others}, {where}"
            case 4:
                return f"{thread} is in a loop when the limit of labels is reached, {where}"
            case 6:
                other = "others" if fault.other == 2**32 - 1 else f"thread number {fault.other}"
                return f"{thread} and {other} meet in shared memory, one writes, no barrier is between, {where}"
            case _:
                return "there is no memory for the stacks of the threads"


def packed(place: int, parameter: Variable, number: Any) -> np.ndarray[Any, Any]:
    """One parameter in the bytes that the kernel reads."""
    if parameter.count is not None:
        raise TypeError(f"parameter {place} is a structure, which is not covered")
    width = bits(parameter.type)
    if kind(parameter.type) == "f":
        return np.array([number], f"f{width // 8}")
    if not isinstance(number, int | np.integer | np.bool_):
        raise TypeError(f"parameter {place} is an integer of {width} bits, got {number!r}")
    return np.array([int(number) % 2**width], f"u{width // 8}")


def sizes(what: str, given: int | tuple[int, ...]) -> ctypes.Array[ctypes.c_uint32]:
    """Three sizes, of which those left out are 1."""
    asked = (given,) if isinstance(given, int | np.integer) else tuple(given)
    if not 1 <= len(asked) <= 3 or min(asked) < 1:
        raise ValueError(f"{what} must be one to three sizes of at least 1, got {given}")
    if what == "block" and math.prod(asked) > 1024:
        raise ValueError(f"a block has at most 1024 threads, got {given}")
    return (ctypes.c_uint32 * 3)(*asked, *[1] * (3 - len(asked)))
