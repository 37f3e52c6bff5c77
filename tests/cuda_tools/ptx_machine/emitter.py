"""What the C of one function is written into, and how it reads and writes the registers of PTX."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cuda_tools.ptx_machine.parse import Instruction
from cuda_tools.ptx_machine.scalars import bits, c_type, kind, unsigned

SPECIAL_REGISTERS = {
    **{
        f"%{name}.{axis}": f"{name}[{number}]"
        for name in ("ntid", "ctaid", "nctaid")
        for number, axis in enumerate("xyz")
    },
    **{f"%tid.{axis}": f"self->tid[{number}]" for number, axis in enumerate("xyz")},
    "%laneid": "(self->number & 31)",
    "%warpid": "(self->number >> 5)",
    "%dynamic_smem_size": "dynamic_shared",
}
FLOAT_LITERAL = re.compile(r"0[fFdD]([0-9a-fA-F]{8}|[0-9a-fA-F]{16})")
INTEGER_LITERAL = re.compile(r"(-?)(0[xX][0-9a-fA-F]+|\d+)U?")
SYMBOL = re.compile(r"([\w$]+)(?:\s*\+\s*(-?\d+))?")
ADDRESS = re.compile(r"\[\s*([\w$%]+)\s*(?:\+\s*(-?\d+)|(-\d+))?\s*\]")


def c_name(name: str) -> str:
    """Symbols, labels and registers get prefixes, so that none is a word of C."""
    if name.startswith("%"):
        return "r_" + name[1:]
    return "s_" + name.replace("$", "_D_")


@dataclass
class Emitter:
    """Lines of C, the registers in scope, and where shared variables lie."""

    shared: dict[str, int]
    lines: list[str] = field(default_factory=list)
    scopes: list[dict[str, str]] = field(default_factory=lambda: [{}])
    symbols: set[str] = field(default_factory=set)

    def type_of(self, register: str) -> str | None:
        """The declared type; the innermost declaration counts."""
        for scope in reversed(self.scopes):
            if register in scope:
                return scope[register]
        return None

    def symbol(self, name: str, at: Instruction) -> str:
        """Address of a variable, as a number."""
        if name in self.shared:
            return f"((uint64_t)shared + {self.shared[name]})"
        if name not in self.symbols:
            raise at.refuse(f"{name} is no register and no variable")
        return f"((uint64_t){c_name(name)})"

    def read(self, operand: str, as_type: str, at: Instruction) -> str:
        """An expression of C with the value of an operand in a type."""
        if operand.startswith("!"):
            return f"(!{self.read(operand[1:], as_type, at)})"
        declared = self.type_of(operand)
        if declared is not None:
            return reinterpreted(c_name(operand), declared, as_type)
        if operand in SPECIAL_REGISTERS:
            return f"(({c_type(as_type)}){SPECIAL_REGISTERS[operand]})"
        if found := FLOAT_LITERAL.fullmatch(operand):
            width = 4 * len(found[1])
            return reinterpreted(f"0x{found[1]}{'ULL' if width == 64 else 'U'}", f"b{width}", as_type)
        if found := INTEGER_LITERAL.fullmatch(operand):
            if kind(as_type) == "f":
                raise at.refuse(f"the integer {operand} stands where {as_type} is read")
            return f"(({c_type(as_type)}){found[1]}{found[2]}{'ULL' if int(found[2], 0) >= 2**63 else 'LL'})"
        if operand.startswith("%"):
            raise at.refuse(f"the register {operand} is not covered")
        if found := SYMBOL.fullmatch(operand):
            return f"({self.symbol(found[1], at)} + {found[2] or 0})"
        raise at.refuse(f"the operand {operand} is not covered")

    def write(self, register: str, expression: str, of_type: str, at: Instruction) -> None:
        """Assign; a wider register takes the sign of a signed type."""
        if register == "_":
            self.lines.append(f"(void)({expression});")
            return
        declared = self.type_of(register)
        if declared is None:
            raise at.refuse(f"the register {register} is not declared")
        narrowed = expression if of_type == "pred" else f"({c_type(of_type)})({expression})"
        self.lines.append(f"{c_name(register)} = {reinterpreted(narrowed, of_type, declared)};")

    def address(self, operand: str, at: Instruction) -> str:
        """The address in ``[register+offset]``."""
        found = ADDRESS.fullmatch(operand)
        if not found:
            raise at.refuse(f"the address {operand} is not covered")
        base, *offsets = found.groups()
        offset = offsets[0] or offsets[1] or "0"
        declared = self.type_of(base)
        if declared is not None:
            return f"({reinterpreted(c_name(base), declared, 'u64')} + ({offset}))"
        if INTEGER_LITERAL.fullmatch(base):
            return f"((uint64_t){base} + ({offset}))"
        return f"({self.symbol(base, at)} + ({offset}))"


def reinterpreted(expression: str, given: str, wanted: str) -> str:
    """The same bits in another type; integers are cut or extended as C does."""
    if given == wanted:
        return expression
    if "pred" in (given, wanted):
        return f"(({c_type(wanted)})({expression}))"
    if kind(given) == kind(wanted) == "f":
        raise KeyError(f"{given} read as {wanted}")
    if kind(wanted) == "f":
        return f"as_{wanted}(({c_type(unsigned(wanted))})({expression}))"
    if kind(given) == "f":
        return f"(({c_type(wanted)})as_b{bits(given)}({expression}))"
    return f"(({c_type(wanted)})({expression}))"
