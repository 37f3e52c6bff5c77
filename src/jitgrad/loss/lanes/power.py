"""Powers with whole exponents, multiplied out in the order of numba's scalar code, so that they agree bit for bit."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from jitgrad.loss.lanes.number import Lanes
from jitgrad.loss.lanes.vectors import constant

MOST_MULTIPLIED = 0x10000
"""numba multiplies out exponents up to this one and calls ``pow`` for those above."""


class _WholePower(AbstractTemplate):  # type: ignore[misc]  # numba is untyped
    prefer_literal = True

    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) != 2 or not isinstance(args[0], Lanes) or kws:
            return None
        base, exponent = args
        if isinstance(exponent, types.IntegerLiteral) and abs(exponent.literal_value) <= MOST_MULTIPLIED:
            return signature(base, base, exponent)
        if isinstance(exponent, types.Integer) and not isinstance(exponent, types.Literal):
            return signature(base, base, types.int64)
        return None


def _literal_power(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    left = abs(sig.args[1].literal_value)
    result, square = constant(args[0].type, 1.0), args[0]
    while left:
        if left & 1:
            result = builder.fmul(result, square)
        left >>= 1
        square = builder.fmul(square, square)
    if sig.args[1].literal_value >= 0:
        return result
    divide = context.get_function(operator.truediv, signature(*[sig.return_type] * 3))
    return divide(builder, [constant(args[0].type, 1.0), result])


def _integer_power(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    def power(base: Any, exponent: Any) -> Any:
        left = abs(exponent)
        if left > MOST_MULTIPLIED:
            return base ** float(exponent)
        result = base**0
        while left != 0:
            if left & 1:
                result = result * base
            left >>= 1
            base = base * base
        if exponent < 0:
            return 1.0 / result
        return result

    return context.compile_internal(builder, power, sig, args)


for _function in (operator.pow, operator.ipow, pow):
    infer_global(_function)(_WholePower)
    lower_builtin(_function, Lanes, types.IntegerLiteral)(_literal_power)
    lower_builtin(_function, Lanes, types.Integer)(_integer_power)
