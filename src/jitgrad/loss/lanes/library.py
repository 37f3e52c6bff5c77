"""Functions of lanes that are not written out here: the platform's vector library, or one call for every lane."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature

from jitgrad.loss.lanes.vectors import assembly_of

Emit = Callable[..., ir.Value]
"""``emit(context, builder, *vectors)`` writes the code of an operation and returns its result."""

_I32 = ir.IntType(32)
_BITS = {ir.DoubleType(): 64, ir.FloatType(): 32}

# Names of the vector ABI of x86-64, which glibc's libmvec follows: registers of 512, 256 and 128 bits.
_REGISTERS = ((512, "zmm", "e"), (256, "ymm", "d"), (128, "xmm", "b"))


def per_lane(function: Any) -> Emit:
    """Return the emitter that calls numba's scalar `function` once for every lane."""

    def emit(context: Any, builder: ir.IRBuilder, *vectors: ir.Value) -> ir.Value:
        element = types.float64 if _BITS[vectors[0].type.element] == 64 else types.float32
        call = context.get_function(function, signature(element, *[element] * len(vectors)))
        result = ir.Constant(vectors[0].type, ir.Undefined)
        for k in range(vectors[0].type.count):
            value = call(builder, [builder.extract_element(vector, _I32(k)) for vector in vectors])
            result = builder.insert_element(result, value, _I32(k))
        return result

    return emit


def platform(name: str, function: Any) -> Emit:
    """Return the emitter that calls the platform's vector version of the C function `name`, where there is one.

    Parameters
    ----------
    name : str
        Name in C, for double precision.
    function : callable
        The scalar function that numba knows, for platforms without a vector version.
    """

    def emit(context: Any, builder: ir.IRBuilder, *vectors: ir.Value) -> ir.Value:
        found = _symbol(name, _BITS[vectors[0].type.element], len(vectors), vectors[0].type.count)
        if found is None:
            return per_lane(function)(context, builder, *vectors)
        symbol, width = found
        ty = ir.VectorType(vectors[0].type.element, width)
        call = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ty, [ty] * len(vectors)), symbol)
        parts = zip(*(_split(builder, vector, width) for vector in vectors), strict=True)
        return _join(builder, [builder.call(call, list(part)) for part in parts])

    return emit


def _symbol(name: str, bits: int, arity: int, count: int) -> tuple[str, int] | None:
    """Return the widest vector version that the processor and the library have, and its number of lanes."""
    if not load_vector_library():
        return None
    for register, _, letter in _REGISTERS:
        width = register // bits
        symbol = f"_ZGV{letter}N{width}{'v' * arity}_{name}{'f' if bits == 32 else ''}"
        if width <= count and register <= register_bits() and llvm.address_of_symbol(symbol):
            return symbol, width
    return None


@cache
def load_vector_library() -> bool:
    """Load glibc's vector math; needed before code that calls it is loaded. False where there is none."""
    try:
        ctypes.CDLL("libmvec.so.1")
        llvm.load_library_permanently("libmvec.so.1")
    except (OSError, RuntimeError):
        return False
    return True


@cache
def register_bits() -> int:
    """Return the width of the registers that hold lanes, in the code that numba makes here."""
    # Names of features differ between processors, and the name of a processor implies some: LLVM knows.
    assembly = assembly_of(lambda builder, x: builder.fadd(x, x), ir.VectorType(ir.DoubleType(), 8))
    return next((bits for bits, name, _ in _REGISTERS if name in assembly), 128)


def _split(builder: ir.IRBuilder, vector: ir.Value, width: int) -> list[ir.Value]:
    undefined = ir.Constant(vector.type, ir.Undefined)
    places = ir.VectorType(_I32, width)
    return [
        builder.shuffle_vector(vector, undefined, ir.Constant(places, list(range(first, first + width))))
        for first in range(0, vector.type.count, width)
    ]


def _join(builder: ir.IRBuilder, parts: list[ir.Value]) -> ir.Value:
    while len(parts) > 1:
        places = list(range(2 * parts[0].type.count))
        mask = ir.Constant(ir.VectorType(_I32, len(places)), places)
        parts = [builder.shuffle_vector(a, b, mask) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]
