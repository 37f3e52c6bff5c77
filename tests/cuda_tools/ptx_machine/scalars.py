"""Scalar types of PTX and what they are in C."""

from __future__ import annotations

C_TYPES = {
    "pred": "int",
    "f32": "float",
    "f64": "double",
    **{f"{kind}{bits}": f"{'' if kind == 's' else 'u'}int{bits}_t" for kind in "bsu" for bits in (8, 16, 32, 64)},
}


def c_type(name: str) -> str:
    """Name in C; raises ``KeyError`` for a type that is not covered."""
    return C_TYPES[name]


def bits(name: str) -> int:
    """Width in bits; a predicate has one."""
    return 1 if name == "pred" else int(name[1:])


def kind(name: str) -> str:
    """``f`` for floating point, ``i`` for integers and untyped bits, ``p`` for predicates."""
    return name[0] if name[0] in "fp" else "i"


def unsigned(name: str) -> str:
    """The unsigned integer of the same width."""
    return f"u{bits(name)}"


def widened(name: str) -> str:
    """The integer of twice the width in C, signed if `name` is."""
    return f"{'' if name[0] == 's' else 'u'}int{2 * bits(name)}_t"
