"""Formulas on lanes, written as formulas: vectors of LLVM with the operators of Python."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from llvmlite import ir

from jitgrad.loss.lanes.vectors import (
    PLAIN,
    REAL,
    SHORT_REAL,
    WORD,
    any_lane,
    constant,
    intrinsic,
    like,
    multiply_add,
    rare_formula,
    scalar_calls,
)

SIGN = 1 << 63


class _Vector:
    """A value, and the builder that appends instructions to the code that makes it."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def _operand(self, other: Any) -> ir.Value:
        return other.value if isinstance(other, _Vector) else constant(self.value.type, other)


class Mask(_Vector):
    """Truth of each lane."""

    __slots__ = ()

    def __and__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: Mask) -> Mask:
        return Mask(self.builder, self.builder.or_(self.value, other.value))

    def __invert__(self) -> Mask:
        return Mask(self.builder, self.builder.not_(self.value))

    def any(self) -> ir.Value:
        """Tell whether it holds in any lane."""
        return any_lane(self.builder, self.value)


class Words(_Vector):
    """64 bits per lane."""

    __slots__ = ()

    def _new(self, operation: str, other: Words | int) -> Words:
        return Words(self.builder, getattr(self.builder, operation)(self.value, self._operand(other)))

    def __add__(self, other: Words | int) -> Words:
        return self._new("add", other)

    def __sub__(self, other: Words | int) -> Words:
        return self._new("sub", other)

    def __and__(self, other: Words | int) -> Words:
        return self._new("and_", other)

    def __or__(self, other: Words | int) -> Words:
        return self._new("or_", other)

    def __xor__(self, other: Words | int) -> Words:
        return self._new("xor", other)

    def __lshift__(self, other: int) -> Words:
        return self._new("shl", other)

    def __rshift__(self, other: int) -> Words:
        # Without the sign: AVX2 and SSE2 have no arithmetic shift of 64 bits.
        return self._new("lshr", other)

    def __rsub__(self, other: int) -> Words:
        return Words(self.builder, self.builder.sub(self._operand(other), self.value))

    def equals(self, other: int) -> Mask:
        """Compare lane by lane."""
        return Mask(self.builder, self.builder.icmp_signed("==", self.value, self._operand(other)))

    def negative(self) -> Mask:
        """Tell whether the highest bit is set."""
        return Mask(self.builder, self.builder.icmp_signed("<", self.value, self._operand(0)))

    def real(self) -> Real:
        """Return the number that has these bits."""
        return Real(self.builder, self.builder.bitcast(self.value, like(self.value.type, REAL)))


class Real(_Vector):
    """A double per lane. No operation is reordered or simplified, whatever the fastmath of the loss."""

    __slots__ = ()

    def _new(self, operation: str, *operands: Any) -> Real:
        function = getattr(self.builder, operation)
        return Real(self.builder, function(*(self._operand(o) for o in operands), flags=PLAIN))

    def __add__(self, other: Real | float) -> Real:
        return self._new("fadd", self, other)

    def __radd__(self, other: float) -> Real:
        return self._new("fadd", other, self)

    def __sub__(self, other: Real | float) -> Real:
        return self._new("fsub", self, other)

    def __rsub__(self, other: float) -> Real:
        return self._new("fsub", other, self)

    def __mul__(self, other: Real | float) -> Real:
        return self._new("fmul", self, other)

    def __rmul__(self, other: float) -> Real:
        return self._new("fmul", other, self)

    def __truediv__(self, other: Real | float) -> Real:
        return self._new("fdiv", self, other)

    def __rtruediv__(self, other: float) -> Real:
        return self._new("fdiv", other, self)

    def __neg__(self) -> Real:
        return self._new("fneg", self)

    def _compared(self, how: str, other: Real | float) -> Mask:
        return Mask(self.builder, self.builder.fcmp_ordered(how, self.value, self._operand(other), flags=PLAIN))

    # Each is false where one of the two is NaN.
    def __lt__(self, other: Real | float) -> Mask:
        return self._compared("<", other)

    def __le__(self, other: Real | float) -> Mask:
        return self._compared("<=", other)

    def __gt__(self, other: Real | float) -> Mask:
        return self._compared(">", other)

    def __ge__(self, other: Real | float) -> Mask:
        return self._compared(">=", other)

    def equals(self, other: Real | float) -> Mask:
        """Compare lane by lane."""
        return self._compared("==", other)

    def times_plus(self, factor: Real | float, summand: Real | float) -> Real:
        """Return ``self * factor + summand``, rounded once or twice as the processor can."""
        return Real(self.builder, multiply_add(self.builder, self.value, self._operand(factor), self._operand(summand)))

    def filled(self, number: float) -> Real:
        """Return the same number in every lane."""
        return Real(self.builder, self._operand(number))

    def bits(self) -> Words:
        """Return the 64 bits."""
        return Words(self.builder, self.builder.bitcast(self.value, like(self.value.type, WORD)))

    def magnitude(self) -> Real:
        """Return the absolute value."""
        return Real(self.builder, intrinsic(self.builder, "llvm.fabs", self.value))

    def with_sign_of(self, other: Real) -> Real:
        """Return the absolute value with another sign."""
        return Real(self.builder, intrinsic(self.builder, "llvm.copysign", self.value, other.value))

    def or_scalar_calls(self, symbol: str, mask: Mask, *x: Real) -> Real:
        """Replace the lanes of a mask by the values of a scalar C function: the way of rare arguments."""
        values = (v.value for v in x)
        return Real(self.builder, scalar_calls(self.builder, symbol, mask.value, self.value, *values))

    def or_formula(self, name: str, formula: Callable[[Real], Real], mask: Mask, x: Real) -> Real:
        """Replace all lanes by those of a formula, compiled out of line, if a mask holds in any of them."""

        def emit(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
            return formula(Real(builder, value)).value

        return Real(self.builder, rare_formula(self.builder, name, emit, mask.value, self.value, x.value))


def where(mask: Mask, yes: Real | float, no: Real | float) -> Real:
    """Choose lane by lane."""
    kind = like(mask.value.type, REAL)
    chosen = (v.value if isinstance(v, Real) else constant(kind, v) for v in (yes, no))
    return Real(mask.builder, mask.builder.select(mask.value, *chosen))


def polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """Evaluate a polynomial, coefficient of the constant first, by Estrin's scheme.

    Horner's takes the latency of one multiply-add per degree, in which nothing else of a loss might happen. Only the
    last three terms are added up in his way, which takes as long and saves the square that would join two of them.
    """
    terms: list[Any] = list(coefficients)
    while len(terms) > 1:
        if len(terms) == 3:
            return x.times_plus(x.times_plus(terms[2], terms[1]), terms[0])
        pairs = zip(terms[0::2], terms[1::2], strict=False)
        last = terms[-1:] if len(terms) % 2 else []
        terms = [x.times_plus(high, low) for low, high in pairs] + last
        x = x * x if len(terms) > 1 else x
    result: Real = terms[0]
    return result


def bits_of(number: float) -> int:
    """Return the 64 bits of a double."""
    return int.from_bytes(struct.pack("<d", number), "little")


def elementary(formula: Callable[..., Real]) -> Callable[..., ir.Value]:
    """Make ``emit(builder, *x)`` of a formula on `Real`, for vectors of double and of float.

    Floats are computed as doubles, and rounded: within 0.5 ulp of a float and 2 ulp of a double, for the price of
    the doubles.
    """

    @wraps(formula)
    def emit(builder: ir.IRBuilder, *x: ir.Value) -> ir.Value:
        kind = x[0].type
        short = kind.element == SHORT_REAL
        wide = like(kind, REAL)
        result = formula(*(Real(builder, builder.fpext(v, wide) if short else v) for v in x)).value
        return builder.fptrunc(result, kind) if short else result

    return emit
