"""Small helpers on LLVM vectors."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils

_I32 = ir.IntType(32)


def constant(ty: ir.VectorType, number: float) -> ir.Constant:
    """Return a vector whose elements are all `number`."""
    return ir.Constant(ty, [number] * ty.count)


def splat(builder: ir.IRBuilder, value: ir.Value, count: int) -> ir.Value:
    """Emit a vector whose elements are all `value`."""
    ty = ir.VectorType(value.type, count)
    undefined = ir.Constant(ty, ir.Undefined)
    first = builder.insert_element(undefined, value, _I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, count), [0] * count))


def intrinsic(builder: ir.IRBuilder, name: str, *values: ir.Value) -> ir.Value:
    """Emit a call of an LLVM intrinsic (``"llvm.sqrt"``) whose arguments and result are vectors of one type."""
    ty = values[0].type
    bits = {ir.DoubleType(): "f64", ir.FloatType(): "f32"}[ty.element]
    signature = ir.FunctionType(ty, [ty] * len(values))
    function = cgutils.get_or_insert_function(builder.module, signature, f"{name}.v{ty.count}{bits}")
    return builder.call(function, values)


def any_true(builder: ir.IRBuilder, mask: ir.Value) -> ir.Value:
    """Emit the question whether an element of a vector of truth values is true."""
    bits = ir.IntType(mask.type.count)
    return builder.icmp_unsigned("!=", builder.bitcast(mask, bits), bits(0))
