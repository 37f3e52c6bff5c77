"""The table of operations on lanes: what Python calls them, how they are written in LLVM, and where they are tested.

Adding an operation is adding a row. Arrays of lanes take the elementwise operations by themselves.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir

from jitgrad.loss.lanes import elementary
from jitgrad.loss.lanes.flag import emit_mark
from jitgrad.loss.lanes.library import Emit, per_lane, platform
from jitgrad.loss.lanes.vectors import any_lane, constant, constant_in, intrinsic

MOST_OPERANDS = 6
"""``min`` and ``max`` take up to so many numbers."""


class Operation(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    functions : tuple of callables
        What means this operation in Python: operators, functions of `math` and of NumPy.
    emit : callable
        ``emit(context, builder, *vectors)`` writes it in LLVM.
    domain : tuple of (float, float)
        For each operand an interval in which tests sample it.
    truth : bool
        Whether the result is a truth value for every lane.
    ulps : float
        Largest difference from numba's scalar operation, in units of the last place; 0 if bit for bit the same.
    """

    functions: tuple[Callable[..., Any], ...]
    emit: Emit
    domain: tuple[tuple[float, float], ...]
    truth: bool = False
    ulps: float = 0.0

    @property
    def arities(self) -> range:
        """How many operands it may have: Python's ``min`` and ``max`` take several."""
        several = min in self.functions or max in self.functions
        return range(len(self.domain), (MOST_OPERANDS if several else len(self.domain)) + 1)


def _instruction(name: str) -> Emit:
    return lambda context, builder, *vectors: getattr(builder, name)(*vectors)


def _intrinsic(name: str) -> Emit:
    return lambda context, builder, *vectors: intrinsic(builder, name, *vectors)


def _compare(predicate: str) -> Emit:
    if predicate == "!=":
        return lambda context, builder, a, b: builder.fcmp_unordered("!=", a, b)
    return lambda context, builder, a, b: builder.fcmp_ordered(predicate, a, b)


def _divide(context: Any, builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
    """Python divides by no zero: the scalar code, run again, is going to raise."""
    _refuse_zero(context, builder, b)
    return builder.fdiv(a, b)


def _refuse_zero(context: Any, builder: ir.IRBuilder, divisor: ir.Value) -> None:
    if context.error_model.raise_on_fp_zero_division:
        zero = builder.fcmp_ordered("==", divisor, constant(divisor.type, 0.0))
        with builder.if_then(any_lane(builder, zero), likely=False):
            emit_mark(builder)


def _checked(function: Any) -> Emit:
    """Return the emitter of a scalar function that raises for a divisor of 0."""
    scalar = per_lane(function)

    def emit(context: Any, builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        _refuse_zero(context, builder, b)
        return scalar(_ForgivingContext(context), builder, a, b)

    return emit


class _ForgivingContext:
    """A target context under which scalar code divides by zero as NumPy does."""

    def __init__(self, context: Any) -> None:
        from numba.core.callconv import NumpyErrorModel

        self._context = context.subtarget()
        self._context.error_model = NumpyErrorModel(self._context.call_conv)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def _second_if(predicate: str) -> Emit:
    """Python's ``min`` and ``max``: the later one, if it compares so with the earlier."""

    def emit(context: Any, builder: ir.IRBuilder, *vectors: ir.Value) -> ir.Value:
        result = vectors[0]
        for vector in vectors[1:]:
            result = builder.select(builder.fcmp_ordered(predicate, vector, result), vector, result)
        return result

    return emit


def _extreme(predicate: str, *, nan: bool) -> Emit:
    """NumPy's ``minimum`` and ``maximum`` (NaN if one is) or ``fmin`` and ``fmax`` (the other one, if one is NaN)."""

    def emit(context: Any, builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        if nan:
            first = builder.or_(builder.fcmp_ordered(predicate, a, b), builder.fcmp_unordered("uno", a, a))
        else:
            first = builder.or_(builder.fcmp_ordered(predicate, a, b), builder.fcmp_unordered("uno", b, b))
        return builder.select(first, a, b)

    return emit


minimum, maximum = _extreme("<", nan=True), _extreme(">", nan=True)


def _magnitude_is(predicate: str) -> Emit:
    def emit(context: Any, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
        magnitude = intrinsic(builder, "llvm.fabs", value)
        return builder.fcmp_ordered(predicate, magnitude, constant(value.type, math.inf))

    return emit


def _sign(context: Any, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    zero = constant(value.type, 0.0)
    below = builder.select(builder.fcmp_ordered("<", value, zero), constant(value.type, -1.0), value)
    return builder.select(builder.fcmp_ordered(">", value, zero), constant(value.type, 1.0), below)


def _scaled(factor: float) -> Emit:
    return lambda context, builder, value: builder.fmul(value, constant(value.type, factor))


def _sinc(context: Any, builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """As numba has it: 0 counts as 1e-20, of which the sine is itself, and pi is one of double precision."""
    if value.type.element == ir.FloatType():
        wide = builder.fpext(value, ir.VectorType(ir.DoubleType(), value.type.count))
        return builder.fptrunc(_sinc(context, builder, wide), value.type)
    zero = builder.fcmp_ordered("==", value, constant(value.type, 0.0))
    angle = builder.fmul(builder.select(zero, constant(value.type, 1e-20), value), constant(value.type, math.pi))
    return builder.fdiv(elementary.sin(builder, angle), angle)


def _own(emit: Callable[..., ir.Value]) -> Emit:
    return lambda context, builder, *vectors: emit(builder, *vectors)


def _power(context: Any, builder: ir.IRBuilder, base: ir.Value, exponent: ir.Value) -> ir.Value:
    """LLVM does not call ``pow`` for these constants either, so that scalar code and lanes agree."""
    number = constant_in(exponent)
    if number == 2.0:
        return builder.fmul(base, base)
    if number == 0.5:
        # pow(-inf, 0.5) is inf, and pow(-0.0, 0.5) is 0.
        root = intrinsic(builder, "llvm.fabs", intrinsic(builder, "llvm.sqrt", base))
        infinite = builder.fcmp_ordered("==", base, constant(base.type, -math.inf))
        return builder.select(infinite, constant(base.type, math.inf), root)
    return elementary.pow(builder, base, exponent)


_ANY = (-5.0, 5.0)
_POSITIVE = (1e-3, 30.0)
_UNIT = (-0.99, 0.99)

ARITHMETIC = (
    Operation((operator.add, operator.iadd, np.add), _instruction("fadd"), (_ANY, _ANY)),
    Operation((operator.sub, operator.isub, np.subtract), _instruction("fsub"), (_ANY, _ANY)),
    Operation((operator.mul, operator.imul, np.multiply), _instruction("fmul"), (_ANY, _ANY)),
    Operation((operator.truediv, operator.itruediv), _divide, (_ANY, _ANY)),
    Operation((np.divide,), _instruction("fdiv"), (_ANY, _ANY)),
    Operation((operator.mod, operator.imod), _checked(operator.mod), (_ANY, _ANY)),
    Operation((operator.floordiv, operator.ifloordiv), _checked(operator.floordiv), (_ANY, _ANY)),
    Operation((np.remainder,), per_lane(np.remainder), (_ANY, _ANY)),
    Operation((np.fmod,), per_lane(np.fmod), (_ANY, _ANY)),
    Operation((operator.neg, np.negative), _instruction("fneg"), (_ANY,)),
    Operation((operator.pos, float), lambda context, builder, value: value, (_ANY,)),
    Operation((np.square,), lambda context, builder, value: builder.fmul(value, value), (_ANY,)),
    Operation((abs, np.abs, math.fabs, np.fabs), _intrinsic("llvm.fabs"), (_ANY,)),
    Operation((math.sqrt, np.sqrt), _intrinsic("llvm.sqrt"), (_POSITIVE,)),
    Operation((np.floor,), _intrinsic("llvm.floor"), (_ANY,)),
    Operation((np.ceil,), _intrinsic("llvm.ceil"), (_ANY,)),
    Operation((np.trunc,), _intrinsic("llvm.trunc"), (_ANY,)),
    Operation((np.rint,), _intrinsic("llvm.rint"), (_ANY,)),
    Operation((np.sign,), _sign, (_ANY,)),
    Operation((math.copysign, np.copysign), _intrinsic("llvm.copysign"), (_ANY, _ANY)),
    Operation((min,), _second_if("<"), (_ANY, _ANY)),
    Operation((max,), _second_if(">"), (_ANY, _ANY)),
    Operation((np.minimum,), minimum, (_ANY, _ANY)),
    Operation((np.maximum,), maximum, (_ANY, _ANY)),
    Operation((np.fmin,), _extreme("<=", nan=False), (_ANY, _ANY)),
    Operation((np.fmax,), _extreme(">=", nan=False), (_ANY, _ANY)),
    Operation((math.degrees, np.degrees, np.rad2deg), _scaled(180.0 / math.pi), (_ANY,)),
    Operation((math.radians, np.radians, np.deg2rad), _scaled(math.pi / 180.0), (_ANY,)),
)

COMPARISONS = (
    *(
        Operation((function,), _compare(predicate), (_ANY, _ANY), truth=True)
        for function, predicate in (
            (operator.lt, "<"),
            (operator.le, "<="),
            (operator.gt, ">"),
            (operator.ge, ">="),
            (operator.eq, "=="),
            (operator.ne, "!="),
        )
    ),
    Operation(
        (operator.not_,),
        lambda context, builder, value: builder.fcmp_ordered("==", value, constant(value.type, 0.0)),
        (_ANY,),
        truth=True,
    ),
    Operation(
        (math.isnan, np.isnan),
        lambda context, builder, value: builder.fcmp_unordered("uno", value, value),
        (_ANY,),
        truth=True,
    ),
    Operation((math.isinf, np.isinf), _magnitude_is("=="), (_ANY,), truth=True),
    Operation((math.isfinite, np.isfinite), _magnitude_is("<"), (_ANY,), truth=True),
)

# Own functions are within 1.6 units of the last place, scalar ones within 1; glibc states at most 4 for its vectors.
FUNCTIONS = (
    Operation((math.exp, np.exp), _own(elementary.exp), (_ANY,), ulps=2),
    Operation((math.expm1, np.expm1), _own(elementary.expm1), (_ANY,), ulps=2),
    Operation((np.exp2,), platform("exp2", np.exp2), (_ANY,), ulps=4),
    Operation((math.log, np.log), _own(elementary.log), (_POSITIVE,), ulps=2),
    Operation((math.log1p, np.log1p), _own(elementary.log1p), (_POSITIVE,), ulps=2),
    Operation((math.log2, np.log2), platform("log2", np.log2), (_POSITIVE,), ulps=4),
    Operation((math.log10, np.log10), platform("log10", math.log10), (_POSITIVE,), ulps=4),
    Operation((math.sin, np.sin), _own(elementary.sin), (_ANY,), ulps=2),
    Operation((math.cos, np.cos), _own(elementary.cos), (_ANY,), ulps=2),
    Operation((np.sinc,), _sinc, (_ANY,), ulps=4),
    Operation((math.tan, np.tan), platform("tan", math.tan), (_ANY,), ulps=4),
    Operation((math.asin, np.arcsin), platform("asin", math.asin), (_UNIT,), ulps=4),
    Operation((math.acos, np.arccos), platform("acos", math.acos), (_UNIT,), ulps=4),
    Operation((math.atan, np.arctan), platform("atan", math.atan), (_ANY,), ulps=4),
    Operation((math.atan2, np.arctan2), platform("atan2", math.atan2), (_ANY, _ANY), ulps=4),
    Operation((math.sinh, np.sinh), platform("sinh", math.sinh), (_ANY,), ulps=4),
    Operation((math.cosh, np.cosh), platform("cosh", math.cosh), (_ANY,), ulps=4),
    Operation((math.tanh, np.tanh), _own(elementary.tanh), (_ANY,), ulps=2),
    Operation((math.asinh, np.arcsinh), platform("asinh", math.asinh), (_ANY,), ulps=4),
    Operation((math.acosh, np.arccosh), platform("acosh", math.acosh), ((1.01, 30.0),), ulps=4),
    Operation((math.atanh, np.arctanh), platform("atanh", math.atanh), (_UNIT,), ulps=4),
    Operation((math.erf,), platform("erf", math.erf), (_ANY,), ulps=4),
    Operation((math.erfc,), platform("erfc", math.erfc), (_ANY,), ulps=4),
    Operation((math.gamma,), per_lane(math.gamma), (_POSITIVE,)),
    Operation((math.lgamma,), per_lane(math.lgamma), (_POSITIVE,)),
    Operation((math.hypot, np.hypot), platform("hypot", math.hypot), (_ANY, _ANY), ulps=4),
    Operation((np.cbrt,), platform("cbrt", np.cbrt), (_POSITIVE,), ulps=4),
    Operation((np.logaddexp,), per_lane(np.logaddexp), (_ANY, _ANY)),
    Operation((math.pow, np.power, operator.pow, operator.ipow), _power, (_POSITIVE, _ANY), ulps=2),
)

OPERATIONS = ARITHMETIC + COMPARISONS + FUNCTIONS
