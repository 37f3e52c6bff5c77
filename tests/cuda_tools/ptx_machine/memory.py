"""Loads, stores and atomic operations.

Every space is memory of the process, so an address is generic whatever its space. Addresses of the spaces global, const
and shared, and generic ones, are checked: an access outside of every array, of module memory, of shared memory and of
the stack ends the launch. So does a race in shared memory: one thread writes what another reads or writes, and no
barrier lies between. Atomic operations are plain ones, as threads take turns.
"""

from __future__ import annotations

from cuda_tools.ptx_machine.emitter import Emitter
from cuda_tools.ptx_machine.parse import Instruction, split
from cuda_tools.ptx_machine.scalars import C_TYPES, bits, unsigned

UNCHECKED = {"param", "local"}
SPACES = {"global", "const", "shared", *UNCHECKED}
# What orders or caches memory changes nothing here.
IRRELEVANT = {
    *SPACES,
    *("nc", "volatile", "relaxed", "weak", "acquire", "release", "acq_rel", "gpu", "cta", "sys", "gl"),
    *("ca", "cg", "cs", "cv", "lu", "wb", "wt"),
}
LANES = {"v2": 2, "v4": 4, "v8": 8}

ATOMIC = {
    "add": "{old} + {b}",
    "min": "{old} < {b} ? {old} : {b}",
    "max": "{old} > {b} ? {old} : {b}",
    "and": "{old} & {b}",
    "or": "{old} | {b}",
    "xor": "{old} ^ {b}",
    "exch": "{b}",
    "cas": "{old} == {b} ? {c} : {old}",
    "inc": "{old} >= {b} ? 0 : {old} + 1",
    "dec": "{old} == 0 || {old} > {b} ? {b} : {old} - 1",
}


def kind_of(at: Instruction, besides: set[str]) -> tuple[str, list[str]]:
    """Type of the values, and the modifiers that are not about order or caches."""
    *modifiers, of = at.modifiers
    if of not in C_TYPES:
        raise at.refuse("this type is not covered")
    left = [one for one in modifiers if one not in IRRELEVANT]
    if unknown := set(left) - besides:
        raise at.refuse(f"the modifiers {sorted(unknown)} are not covered")
    return of, left


def point(emit: Emitter, at: Instruction, operand: str, of: str, lanes: int, of_shared: str) -> None:
    """Open a block in which ``_p`` is the address, checked; `of_shared` checks an address of shared memory."""
    address = emit.address(operand, at)
    if not UNCHECKED & set(at.modifiers):
        check = of_shared if "shared" in at.modifiers else "at"
        address = f"{check}(self, {address}, {lanes * size(of)}, {at.line})"
    emit.lines.append(f"{{ {C_TYPES[of]} *_p = ({C_TYPES[of]} *){address};")


def load(emit: Emitter, at: Instruction) -> str:
    """``ld``, of one value or of two, four or eight."""
    of, left = kind_of(at, set(LANES))
    lanes = LANES[left[0]] if left else 1
    targets = split(at.operands[0].strip("{}")) if left else (at.operands[0],)
    point(emit, at, at.operands[1], of, lanes, "read_shared")
    # The address may be in a register that the first of the values overwrites.
    for lane, target in enumerate(targets):
        emit.write(target, f"_p[{lane}]", of, at)
    emit.lines.append("}")
    return "move" if "param" in at.modifiers else "load"


def store(emit: Emitter, at: Instruction) -> str:
    """``st``."""
    of, left = kind_of(at, set(LANES))
    lanes = LANES[left[0]] if left else 1
    values = split(at.operands[1].strip("{}")) if left else (at.operands[1],)
    point(emit, at, at.operands[0], of, lanes, "write_shared")
    for lane, value in enumerate(values):
        emit.lines.append(f"_p[{lane}] = {emit.read(value, of, at)};")
    emit.lines.append("}")
    return "move" if "param" in at.modifiers else "store"


def atomic(emit: Emitter, at: Instruction) -> str:
    """``atom``, and ``red``, which gives nothing back."""
    of, left = kind_of(at, set(ATOMIC))
    if len(left) != 1:
        raise at.refuse("this atomic operation is not covered")
    operands = at.operands if at.name == "atom" else ("_", *at.operands)
    values = dict(zip("bc", (emit.read(one, of, at) for one in operands[2:]), strict=False))
    expression = ATOMIC[left[0]].format(old="_old", **values)
    point(emit, at, operands[1], of, 1, "in_shared")
    emit.lines.append(f"{C_TYPES[of]} _old = *_p;")
    emit.lines.append(f"*_p = {expression};")
    if operands[0] != "_":
        emit.write(operands[0], "_old", of, at)
    emit.lines.append("}")
    return "store"


def pack(emit: Emitter, at: Instruction) -> str:
    """``mov`` between a register and the parts of it."""
    of = at.modifiers[-1]
    target, source = at.operands
    parts = split((target if target.startswith("{") else source).strip("{}"))
    width = bits(of) // len(parts)
    whole, part = unsigned(of), f"b{width}"
    if target.startswith("{"):
        emit.lines.append(f"{{ {C_TYPES[whole]} _x = {emit.read(source, whole, at)};")
        for number, one in enumerate(parts):
            emit.write(one, f"_x >> {number * width}", part, at)
        emit.lines.append("}")
    else:
        joined = (f"({C_TYPES[whole]}){emit.read(one, part, at)} << {i * width}" for i, one in enumerate(parts))
        emit.write(target, " | ".join(joined), of, at)
    return "move"


def size(of: str) -> int:
    """In bytes."""
    return bits(of) // 8
