"""Between lanes and single numbers.

Scalars fill all lanes. A branch or an index takes lane 0, and notes if another lane differs.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, lower_cast

from jitgrad.loss.lanes.flag import emit_mark
from jitgrad.loss.lanes.number import Lanes, LanesBool, vector_type
from jitgrad.loss.lanes.vectors import any_lane, constant, intrinsic, splat

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)


@lower_cast(types.Float, Lanes)  # type: ignore[untyped-decorator]  # numba is untyped
@lower_cast(types.Integer, Lanes)  # type: ignore[untyped-decorator]
@lower_cast(types.Boolean, Lanes)  # type: ignore[untyped-decorator]
@lower_cast(types.IntegerLiteral, Lanes)  # type: ignore[untyped-decorator]
@lower_cast(types.BooleanLiteral, Lanes)  # type: ignore[untyped-decorator]
def _number_to_lanes(context: Any, builder: ir.IRBuilder, given: Any, wanted: Lanes, value: Any) -> ir.Value:
    if isinstance(given, types.Literal):
        value, given = context.get_constant(given.literal_type, given.literal_value), given.literal_type
    return splat(builder, context.cast(builder, value, given, wanted.element), wanted.count)


@lower_cast(types.Boolean, LanesBool)  # type: ignore[untyped-decorator]
def _bool_to_lanes(context: Any, builder: ir.IRBuilder, given: Any, wanted: LanesBool, value: Any) -> ir.Value:
    return splat(builder, context.cast(builder, value, given, types.boolean), wanted.count)


@lower_cast(LanesBool, Lanes)  # type: ignore[untyped-decorator]
def _truth_to_lanes(context: Any, builder: ir.IRBuilder, given: Any, wanted: Lanes, value: Any) -> ir.Value:
    return builder.uitofp(value, vector_type(wanted))


@lower_cast(Lanes, Lanes)  # type: ignore[untyped-decorator]
def _lanes_to_lanes(context: Any, builder: ir.IRBuilder, given: Lanes, wanted: Lanes, value: Any) -> ir.Value:
    if given.element == wanted.element:
        return value
    resize = builder.fpext if wanted.element == types.float64 else builder.fptrunc
    return resize(value, vector_type(wanted))


@lower_cast(LanesBool, types.Boolean)  # type: ignore[untyped-decorator]
def _lanes_to_bool(context: Any, builder: ir.IRBuilder, given: LanesBool, wanted: Any, value: Any) -> ir.Value:
    return agreed_truth(builder, value)


def agreed_truth(builder: ir.IRBuilder, mask: ir.Value) -> ir.Value:
    """Emit the truth value of lane 0, noting it if another lane differs."""
    bits = ir.IntType(mask.type.count)
    packed = builder.bitcast(mask, bits)
    some = builder.icmp_unsigned("!=", packed, bits(0))
    not_all = builder.icmp_unsigned("!=", packed, bits(2**mask.type.count - 1))
    with builder.if_then(builder.and_(some, not_all), likely=False):
        emit_mark(builder)
    return builder.trunc(packed, ir.IntType(1))


def agreed_integer(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """Emit lane 0, whose fraction is cut off, as an integer; noting it if another lane differs."""
    whole = builder.fptosi(value, ir.VectorType(_I64, value.type.count))
    first = builder.extract_element(whole, _I32(0))
    differs = builder.icmp_signed("!=", whole, splat(builder, first, value.type.count))
    with builder.if_then(any_lane(builder, differs), likely=False):
        emit_mark(builder)
    return first


class _OneTruth(AbstractTemplate):  # type: ignore[misc]  # numba is untyped
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Lanes | LanesBool):
            return signature(types.boolean, args[0])
        return None


class _OneInteger(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Lanes):
            return signature(types.int64, args[0])
        return None


def _lower_truth(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    value = args[0]
    if isinstance(sig.args[0], Lanes):
        value = builder.fcmp_unordered("!=", value, constant(value.type, 0.0))
    return agreed_truth(builder, value)


for _function in (bool, operator.truth):
    infer_global(_function)(_OneTruth)
    lower_builtin(_function, Lanes)(_lower_truth)
    lower_builtin(_function, LanesBool)(_lower_truth)


def _round_to_even(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    return intrinsic(builder, "llvm.rint", value)


# How Python makes an integer of a float, in each case before the fraction is cut off.
_TO_INTEGER: dict[Any, Any] = {
    int: lambda builder, value: value,
    math.trunc: lambda builder, value: value,
    math.floor: lambda builder, value: intrinsic(builder, "llvm.floor", value),
    math.ceil: lambda builder, value: intrinsic(builder, "llvm.ceil", value),
    round: _round_to_even,
}


def _lower_integer(prepare: Any) -> Any:
    return lambda context, builder, sig, args: agreed_integer(builder, prepare(builder, args[0]))


for _rounding, _prepare in _TO_INTEGER.items():
    infer_global(_rounding)(_OneInteger)
    lower_builtin(_rounding, Lanes)(_lower_integer(_prepare))
