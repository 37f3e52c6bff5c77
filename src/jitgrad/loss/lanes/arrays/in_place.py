"""Operators that change an array of lanes: ``y -= a``."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import types

from jitgrad.loss.lanes.arrays.calls import Call, forgiving
from jitgrad.loss.lanes.arrays.elementwise import element_of, emit_elementwise
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes

OPERATORS = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
    operator.ifloordiv: operator.floordiv,
    operator.imod: operator.mod,
    operator.ipow: operator.pow,
}
"""Operators that change their left side, and those that compute what it becomes."""


def is_changeable(kind: Any) -> bool:
    """Whether this is an array of lanes that may be written to."""
    return isinstance(kind, types.Array) and isinstance(kind.dtype, Lanes) and bool(kind.mutable)


def _changing(original: Any, plain: Any) -> Any:
    def choose(array: Any, operand: Any) -> Version | None:
        if not is_changeable(array) or (isinstance(operand, types.Array) and operand.ndim > array.ndim):
            return None

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            call = Call(forgiving(context), plain, [array.dtype, element_of(kinds[1])])

            def compute(operands: list[ir.Value]) -> ir.Value:
                return context.cast(builder, call(builder, operands), call.result, array.dtype)

            emit_elementwise(context, builder, kinds, values, array, compute, into=values[0])
            context.nrt.incref(builder, array, values[0])
            return values[0]

        return Version(array, emit)

    return stand_in(original, choose)


def functions() -> dict[Any, Any]:
    """Return what to call in place of operators that change their left side."""
    return {original: _changing(original, plain) for original, plain in OPERATORS.items()}
