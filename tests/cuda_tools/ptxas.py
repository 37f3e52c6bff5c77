"""What the assembler makes of a kernel: registers, spills, stack, and how many threads of it a processor holds.

These are figures of the compiler. They do not say how fast a kernel is, nor that it is right.
"""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from cuda_tools.toolkit import tool


class Usage(NamedTuple):
    """Of one kernel: registers of a thread; everything else in bytes, of a thread or (shared) of a block."""

    registers: int
    spill_stores: int
    spill_loads: int
    stack: int
    """Local memory of the kernel and what it calls: arrays, spills, and slow paths of libdevice."""
    shared: int
    constant: int
    """Arguments, and arrays that the kernel keeps in constant memory."""


class Limits(NamedTuple):
    """Of one multiprocessor."""

    threads: int
    blocks: int
    registers: int
    shared: int
    shared_of_block: int


# CUDA C++ Programming Guide 13.0, "Technical Specifications per Compute Capability".
LIMITS = {
    (8, 0): Limits(2048, 32, 65536, 164 * 1024, 163 * 1024),
    (9, 0): Limits(2048, 32, 65536, 228 * 1024, 227 * 1024),
    (10, 0): Limits(2048, 32, 65536, 228 * 1024, 227 * 1024),
}
# cuda_occupancy.h of the toolkit, the same for all three: registers go to a warp in units, warps to four parts of the
# multiprocessor, shared memory to a block in units, of which the driver takes some.
WARP = 32
REGISTER_UNIT = 256
PARTS = 4
SHARED_UNIT = 128
SHARED_RESERVED = 1024

ENTRY = re.compile(r"Compiling entry function '([\w$]+)' for '\w+'")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")


def assemble(ptx: str, cc: tuple[int, int]) -> dict[str, Usage]:
    """Run ptxas; returns the figures of every kernel of the file by its mangled name.

    Raises
    ------
    RuntimeError
        With the message of ptxas, when it does not take the PTX.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, binary = Path(scratch, "kernel.ptx"), Path(scratch, "kernel.cubin")
        source.write_text(ptx.rstrip("\0"))
        command = [str(tool("ptxas")), "-v", f"-arch=sm_{cc[0]}{cc[1]}", str(source), "-o", str(binary)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        log = answer.stdout + answer.stderr
        if answer.returncode:
            raise RuntimeError(f"ptxas refuses the kernel for compute capability {cc[0]}.{cc[1]}:\n{log[:2000]}")
        constants = constant_bytes(binary.read_bytes())
    pieces = ENTRY.split(log)[1:]
    return {name: usage(name, text, constants) for name, text in zip(pieces[::2], pieces[1::2], strict=True)}


def usage(name: str, text: str, constants: dict[str, int]) -> Usage:
    """Read the part of the log that is about one kernel."""
    # Functions that it calls have a frame of their own, which is part of the kernel's; their spills are not.
    frames = [tuple(map(int, found)) for found in FRAME.findall(text)]
    used = next(line for line in text.splitlines() if "Used" in line)
    return Usage(
        registers=number(r"Used (\d+) registers", used),
        spill_stores=sum(frame[1] for frame in frames),
        spill_loads=sum(frame[2] for frame in frames),
        stack=max(number(r"(\d+) bytes cumulative stack size", used), frames[0][0]),
        shared=number(r"(\d+) bytes smem", used),
        constant=sum(size for key, size in constants.items() if key in ("", name)),
    )


def number(pattern: str, text: str) -> int:
    """The number in a line, 0 where the line does not have it."""
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def constant_bytes(binary: bytes) -> dict[str, int]:
    """Bytes of the sections ``.nv.constant0.<kernel>`` and ``.nv.constant3`` of an ELF file, by kernel.

    ptxas no longer prints them.
    """
    start, size, count, names = struct.unpack_from("<Q", binary, 0x28) + struct.unpack_from("<HHH", binary, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", binary, start + i * size) for i in range(count)]
    strings = headers[names][4]
    found: dict[str, int] = {}
    for header in headers:
        begin = strings + header[0]
        section = binary[begin : binary.index(b"\0", begin)].decode()
        if match := re.match(r"\.nv\.constant\d+(?:\.([\w$]+))?$", section):
            found[match[1] or ""] = found.get(match[1] or "", 0) + header[5]
    return found


def resident_blocks(registers: int, block: int, shared: int, cc: tuple[int, int]) -> int:
    """Blocks that one multiprocessor holds at once.

    Parameters
    ----------
    registers
        Of a thread.
    block
        Threads of a block.
    shared
        Bytes of a block, static and dynamic.
    cc
        Compute capability.
    """
    limits = LIMITS[cc]
    if not 1 <= block <= 1024 or shared > limits.shared_of_block:
        raise ValueError(f"no block has {block} threads and {shared} bytes of shared memory")
    warps_of_block = -(-block // WARP)
    registers_of_warp = -(-registers * WARP // REGISTER_UNIT) * REGISTER_UNIT
    # A block is taken only if it fits as though its warps filled all parts alike.
    if registers_of_warp * (-(-warps_of_block // PARTS) * PARTS) > limits.registers:
        return 0
    warps = limits.registers // PARTS // registers_of_warp * PARTS
    shared_of_block = -(-(shared + SHARED_RESERVED) // SHARED_UNIT) * SHARED_UNIT
    return min(
        limits.blocks,
        limits.threads // WARP // warps_of_block,
        warps // warps_of_block,
        limits.shared // shared_of_block,
    )


def occupancy(registers: int, block: int, shared: int, cc: tuple[int, int]) -> float:
    """Warps that one multiprocessor holds at once, of those that it could hold at most; arguments as above."""
    warps = resident_blocks(registers, block, shared, cc) * -(-block // WARP)
    return warps * WARP / LIMITS[cc].threads
