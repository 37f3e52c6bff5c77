"""Instructions of the table, and comparisons: from the opcode to the row, from the row to C."""

from __future__ import annotations

from dataclasses import dataclass

from cuda_tools.ptx_machine.emitter import Emitter
from cuda_tools.ptx_machine.opcodes import FLOAT_COMPARISONS, INTEGER_COMPARISONS, ROUNDINGS, TABLE, Row
from cuda_tools.ptx_machine.parse import Instruction
from cuda_tools.ptx_machine.scalars import C_TYPES, bits, kind, unsigned, widened

WIDE = {"16": "32", "32": "64"}


@dataclass
class Operand:
    """One operand of a template: what follows the colon is the type it is read in."""

    text: str
    own_type: str
    flush: bool
    emit: Emitter
    at: Instruction

    def __format__(self, wanted: str) -> str:
        of = self.own_type
        if wanted == "u":
            of = unsigned(of)
        elif wanted == "wide":
            of = of[0] + WIDE[of[1:]]
        elif wanted == "selector":
            of = self.at.modifiers[-1]
        elif wanted:
            of = wanted
        value = self.emit.read(self.text, of, self.at)
        return f"ftz_{of}({value})" if self.flush and kind(of) == "f" else value


def row_of(at: Instruction) -> tuple[Row, str]:
    """The row of an instruction, and its type."""
    modifiers = at.modifiers
    if at.name == "slct":
        modifiers = modifiers[:-1]
    if not modifiers or modifiers[-1] not in C_TYPES:
        raise at.refuse("this instruction is not covered")
    of = modifiers[-1]
    generic = {"rn", "ftz", "sat", *ROUNDINGS} & set(modifiers)
    parts = [at.name, *(one for one in modifiers[:-1] if one not in generic)]
    if generic & set(ROUNDINGS):
        parts.append("directed")
    for last in (of, kind(of)):
        row = TABLE.get(".".join([*parts, last]))
        if row is not None and generic <= row.allows:
            return row, of
    raise at.refuse("this instruction is not covered")


def compute(emit: Emitter, at: Instruction) -> str:
    """Emit an instruction of the table; returns the class it counts as."""
    row, of = row_of(at)
    flush = "ftz" in at.modifiers
    operands = {name: Operand(text, of, flush, emit, at) for name, text in zip("abcd", at.operands[1:], strict=False)}
    mode = next((ROUNDINGS[one] for one in at.modifiers if one in ROUNDINGS), "")
    try:
        expression = row.template.format(
            **operands,
            type=of,
            C=C_TYPES[of],
            U=C_TYPES[unsigned(of)] if of != "pred" else "int",
            W=widened(of) if of != "pred" else "int",
            WU=widened(unsigned(of)) if of != "pred" else "int",
            bits=bits(of),
            signed=int(of[0] == "s"),
            m="f" if of == "f32" else "",
            mode=mode,
        )
    except KeyError as missing:
        raise at.refuse(f"{missing} is missing or of a type that is not covered") from missing
    gives = row.gives or of
    if gives == "wide":
        gives = of[0] + WIDE[of[1:]]
    if kind(of) == "f" and gives == of:
        expression = f"sat_{of}({expression})" if "sat" in at.modifiers else expression
        expression = f"ftz_{of}({expression})" if flush else expression
    emit.write(at.operands[0], expression, gives, at)
    return row.counts_as or class_of(of)


def compare(emit: Emitter, at: Instruction) -> str:
    """``setp``, with or without a second predicate and another to combine with."""
    comparison, *modifiers, of = at.modifiers
    templates = FLOAT_COMPARISONS if kind(of) == "f" else INTEGER_COMPARISONS
    unknown = set(modifiers) - {"ftz", "and", "or", "xor"}
    if of not in C_TYPES or comparison not in templates or unknown:
        raise at.refuse("this comparison is not covered")
    read = [Operand(text, of, "ftz" in modifiers, emit, at) for text in at.operands[1:3]]
    result = "(" + templates[comparison].format(a=read[0], b=read[1]) + ")"
    opposite = f"!{result}"
    for name, sign in (("and", "&"), ("or", "|"), ("xor", "^")):
        if name in modifiers:
            other = emit.read(at.operands[3], "pred", at)
            result, opposite = f"({result} {sign} {other})", f"({opposite} {sign} {other})"
    first, _, second = at.operands[0].partition("|")
    if second:
        # The first may be what the second is combined with.
        emit.lines.append(f"{{ int _q = {opposite};")
    emit.write(first, result, "pred", at)
    if second:
        emit.write(second, "_q", "pred", at)
        emit.lines.append("}")
    return class_of(of)


def class_of(of: str) -> str:
    """Of what works on numbers of a type."""
    return {"f64": "fp64", "f32": "fp32"}.get(of, "integer")
