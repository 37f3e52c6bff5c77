"""The instructions that compute a value from values, one row each: what it is in C.

A template reads operands as ``{a}``, ``{b}``, ``{c}``, ``{d}`` in the type of the instruction, or as ``{b:u32}`` in the
type that follows the colon, where ``:u`` is the unsigned type of the same width. It may name ``{type}`` (the PTX type),
``{C}`` (that type in C), ``{U}`` (the same, unsigned), ``{W}`` and ``{WU}`` (twice as wide), ``{bits}`` and ``{mode}``
(a direction of rounding).

A key is the name, the modifiers that make it another operation, and ``f``, ``i`` or ``p`` for the kind of the type.
Modifiers that a row does not list are refused. ``ftz`` and ``sat`` are done by the translation; of the roundings ``rn``
is what C does, and the others are written ``directed``.

Approximate instructions (``ex2.approx`` and so on) give here the exact value, rounded; on a device the last
bits differ. The gross ones of float64 keep the 20 bits that they have there, rounded to nearest, which a device need
not do.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """How one operation is written in C, and what it counts as."""

    template: str
    counts_as: str = ""
    """Class of the instruction; empty for that of its type."""
    gives: str = ""
    """Type of the result where it is not that of the instruction; ``wide`` for twice the width."""
    allows: frozenset[str] = frozenset()
    """Modifiers without which it is the same."""


ROUNDINGS = {"rz": "FE_TOWARDZERO", "rm": "FE_DOWNWARD", "rp": "FE_UPWARD"}
FLOAT = frozenset({"rn", "ftz", "sat"})
DIRECTED = frozenset({"ftz", "sat", *ROUNDINGS})


def arithmetic(name: str, template: str, *operands: str, slow: bool = False) -> dict[str, Row]:
    """Rounded to nearest and in a direction."""
    padded = ", ".join((*(f"{{{one}}}" for one in operands), *["0"] * (3 - len(operands))))
    counts_as = "special" if slow else ""
    return {
        f"{name}.f": Row(template, counts_as, allows=FLOAT),
        f"{name}.directed.f": Row(f"directed_{name}_{{type}}({{mode}}, {padded})", counts_as, allows=DIRECTED),
    }


def carrying(name: str, first: str, second: str, *, carry_in: bool = False) -> dict[str, Row]:
    """With a carry that goes out, and those that take one in also without."""
    inner = f"{first}, {second}, {'carry' if carry_in else 0}"
    borrows = name.startswith("sub")
    rows = {f"{name}.cc.i": Row(f"{'SUB_BORROW' if borrows else 'ADD_CARRY'}({{WU}}, {{bits}}, {inner})")}
    if carry_in:
        rows[f"{name}.i"] = Row("({U})(" + inner.replace(", ", " - " if borrows else " + ") + ")")
    return rows


LOW = "({U})({a:u} * {b:u})"
HIGH = "({U})((({W}){a} * ({W}){b}) >> {bits})"

TABLE: dict[str, Row] = {
    # Floating point.
    **arithmetic("add", "{a} + {b}", "a", "b"),
    **arithmetic("sub", "{a} - {b}", "a", "b"),
    **arithmetic("mul", "{a} * {b}", "a", "b"),
    **arithmetic("fma", "fma{m}({a}, {b}, {c})", "a", "b", "c"),
    **arithmetic("div", "{a} / {b}", "a", "b", slow=True),
    **arithmetic("sqrt", "sqrt{m}({a})", "a", slow=True),
    **arithmetic("rcp", "1 / {a}", "a", slow=True),
    "mad.f": Row("fma{m}({a}, {b}, {c})", allows=FLOAT),
    "neg.f": Row("-{a}", "move", allows=FLOAT),
    "abs.f": Row("fabs{m}({a})", "move", allows=FLOAT),
    "min.f": Row("min_{type}({a}, {b})", allows=FLOAT),
    "max.f": Row("max_{type}({a}, {b})", allows=FLOAT),
    "copysign.f": Row("copysign{m}({b}, {a})", "integer"),
    "testp.infinite.f": Row("isinf({a}) != 0", gives="pred"),
    "testp.finite.f": Row("isfinite({a}) != 0", gives="pred"),
    "testp.notanumber.f": Row("{a} != {a}", gives="pred"),
    "testp.number.f": Row("{a} == {a}", gives="pred"),
    "testp.normal.f": Row("isnormal({a}) != 0", gives="pred"),
    "testp.subnormal.f": Row("fpclassify({a}) == FP_SUBNORMAL", gives="pred"),
    # Approximations: of float32 the exact value rounded, of float64 the 20 bits of the instruction.
    "div.approx.f": Row("{a} / {b}", "special", allows=FLOAT),
    "div.full.f": Row("{a} / {b}", "special", allows=FLOAT),
    "sqrt.approx.f": Row("sqrt{m}({a})", "special", allows=FLOAT),
    "rcp.approx.f32": Row("1 / {a}", "special", allows=FLOAT),
    "rsqrt.approx.f32": Row("(float)(1 / sqrt((double){a}))", "special", allows=FLOAT),
    "rcp.approx.f64": Row("rcp_gross({a})", "special", allows=FLOAT),
    "rsqrt.approx.f64": Row("rsqrt_gross({a})", "special", allows=FLOAT),
    "ex2.approx.f32": Row("(float)exp2((double){a})", "special", allows=FLOAT),
    "lg2.approx.f32": Row("(float)log2((double){a})", "special", allows=FLOAT),
    "sin.approx.f32": Row("(float)sin((double){a})", "special", allows=FLOAT),
    "cos.approx.f32": Row("(float)cos((double){a})", "special", allows=FLOAT),
    "tanh.approx.f32": Row("(float)tanh((double){a})", "special", allows=FLOAT),
    # Integers. C wraps (-fwrapv), as PTX does.
    "add.i": Row("{a} + {b}"),
    "sub.i": Row("{a} - {b}"),
    "mul.lo.i": Row("({C})({a:u} * {b:u})"),
    "mul.hi.i": Row(HIGH),
    "mul.wide.i": Row("({W}){a} * ({W}){b}", gives="wide"),
    "mad.lo.i": Row(f"{LOW} + {{c:u}}"),
    "mad.hi.i": Row(f"{HIGH} + {{c:u}}"),
    "mad.wide.i": Row("({W}){a} * ({W}){b} + {c:wide}", gives="wide"),
    **carrying("add", "{a:u}", "{b:u}"),
    **carrying("addc", "{a:u}", "{b:u}", carry_in=True),
    **carrying("sub", "{a:u}", "{b:u}"),
    **carrying("subc", "{a:u}", "{b:u}", carry_in=True),
    **carrying("mad.lo", LOW, "{c:u}"),
    **carrying("madc.lo", LOW, "{c:u}", carry_in=True),
    **carrying("mad.hi", HIGH, "{c:u}"),
    **carrying("madc.hi", HIGH, "{c:u}", carry_in=True),
    "div.i": Row("DIV({C}, {a}, {b})", "special"),
    "rem.i": Row("REM({C}, {a}, {b})", "special"),
    "neg.i": Row("-{a}"),
    "abs.i": Row("{a} < 0 ? -{a} : {a}"),
    "min.i": Row("{a} < {b} ? {a} : {b}"),
    "max.i": Row("{a} > {b} ? {a} : {b}"),
    "sad.i": Row("{c} + ({a} < {b} ? {b} - {a} : {a} - {b})"),
    # Bits.
    "and.i": Row("{a} & {b}"),
    "or.i": Row("{a} | {b}"),
    "xor.i": Row("{a} ^ {b}"),
    "not.i": Row("~{a}"),
    "cnot.i": Row("{a} == 0"),
    "shl.i": Row("SHL({C}, {bits}, {a}, {b:u32})"),
    "shr.i": Row("SHR({C}, {bits}, {a}, {b:u32})"),
    "shf.l.wrap.i": Row("shf_left({a:u32}, {b:u32}, {c:u32} & 31)"),
    "shf.r.wrap.i": Row("shf_right({a:u32}, {b:u32}, {c:u32} & 31)"),
    "shf.l.clamp.i": Row("shf_left({a:u32}, {b:u32}, {c:u32} < 32 ? {c:u32} : 32)"),
    "shf.r.clamp.i": Row("shf_right({a:u32}, {b:u32}, {c:u32} < 32 ? {c:u32} : 32)"),
    "bfe.i": Row("bfe({a:u}, {b:u32}, {c:u32}, {bits}, {signed})"),
    "bfi.i": Row("bfi({a:u}, {b:u}, {c:u32}, {d:u32}, {bits})"),
    "bfind.i": Row("bfind({a}, {bits}, {signed}, 0)", gives="u32"),
    "bfind.shiftamt.i": Row("bfind({a}, {bits}, {signed}, 1)", gives="u32"),
    "popc.i": Row("__builtin_popcountll({a:u})", gives="u32"),
    "clz.i": Row("clz{bits}({a:u})", gives="u32"),
    "brev.i": Row("brev{bits}({a:u})"),
    "prmt.i": Row("prmt({a:u32}, {b:u32}, {c:u32})"),
    "lop3.i": Row("lop3({a:u32}, {b:u32}, {c:u32}, {d:u32})"),
    # Predicates.
    "and.p": Row("{a} & {b}", "integer"),
    "or.p": Row("{a} | {b}", "integer"),
    "xor.p": Row("{a} ^ {b}", "integer"),
    "not.p": Row("!{a}", "integer"),
    # Choices and moves.
    "selp.f": Row("{c:pred} ? {a} : {b}", "integer"),
    "selp.i": Row("{c:pred} ? {a} : {b}", "integer"),
    "slct.i": Row("{c:selector} >= 0 ? {a} : {b}", "integer"),
    "slct.f": Row("{c:selector} >= 0 ? {a} : {b}", "integer"),
    "mov.f": Row("{a}", "move"),
    "mov.i": Row("{a}", "move"),
    "mov.p": Row("{a}", "move"),
    # Every address is one of the process: all spaces are generic.
    **{
        f"cvta.{to}{space}.i": Row("{a}", "move")
        for to in ("", "to.")
        for space in ("global", "shared", "local", "const")
    },
    "cvta.to.param.i": Row("{a}", "move"),
    "cvta.param.i": Row("{a}", "move"),
}

COMPARISONS: dict[str, str] = {
    "eq": "{a} == {b}",
    "lt": "{a} < {b}",
    "le": "{a} <= {b}",
    "gt": "{a} > {b}",
    "ge": "{a} >= {b}",
}
INTEGER_COMPARISONS: dict[str, str] = {
    **COMPARISONS,
    "ne": "{a} != {b}",
    "lo": "{a} < {b}",
    "ls": "{a} <= {b}",
    "hi": "{a} > {b}",
    "hs": "{a} >= {b}",
}
FLOAT_COMPARISONS: dict[str, str] = {
    **COMPARISONS,
    # Ordered: false where one is NaN. With u, for unordered: true there.
    "ne": "({a} < {b}) | ({a} > {b})",
    "equ": "!(({a} < {b}) | ({a} > {b}))",
    "neu": "{a} != {b}",
    "ltu": "!({a} >= {b})",
    "leu": "!({a} > {b})",
    "gtu": "!({a} <= {b})",
    "geu": "!({a} < {b})",
    "num": "({a} == {a}) & ({b} == {b})",
    "nan": "({a} != {a}) | ({b} != {b})",
}
