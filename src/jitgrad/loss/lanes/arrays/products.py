"""Products with arrays of lanes: ``A @ x``, ``x @ A``, ``np.dot``.

For lanes ``A @ x`` is a product of two matrices, whose second has one column for every lane. A tile of rows is kept in
registers: each element of ``x`` is loaded once for all of them. That beats the matrix-vector product of BLAS, which
would have to run once for every lane. Products and sums are fused where the processor can, as they are in BLAS.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import emit_empty
from jitgrad.loss.lanes.arrays.loops import counted, reduce
from jitgrad.loss.lanes.arrays.shared import Operand, emit_product, may_share
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes, is_lanes_array, vector_type
from jitgrad.loss.lanes.vectors import constant, multiply_add

_I64 = ir.IntType(64)

ROWS = 8
"""Rows of a tile. With 16 lanes of 512 bits they take 16 of 32 registers; 4 are slower, 12 no faster."""


class _Matrix:
    """Loads and stores of elements as lanes, for an array of one or two dimensions and any layout."""

    def __init__(self, context: Any, builder: ir.IRBuilder, kind: Any, value: ir.Value, lanes: Lanes) -> None:
        self._context, self._builder, self._kind, self._lanes = context, builder, kind, lanes
        self._array = context.make_array(kind)(context, builder, value)
        self.shape = cgutils.unpack_tuple(builder, self._array.shape, kind.ndim)
        self._strides = cgutils.unpack_tuple(builder, self._array.strides, kind.ndim)
        itemsize = _I64(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
        if kind.layout in "CF":  # a constant, of which LLVM makes better addresses
            self._strides[-1 if kind.layout == "C" else 0] = itemsize

    def transposed(self) -> _Matrix:
        self.shape, self._strides = self.shape[::-1], self._strides[::-1]
        return self

    def operand(self) -> Operand:
        """Return the matrix, or the vector as a matrix of one row, for products that are shared."""
        rows, step = (self.shape[0], self._strides[0]) if len(self.shape) == 2 else (_I64(1), _I64(0))
        return Operand(self._array, self._kind.dtype, (rows, self.shape[-1]), (step, self._strides[-1]))

    def row(self, i: ir.Value) -> _Vector:
        start = self._builder.mul(i, self._strides[0])
        return _Vector(self, start, self._strides[-1], self.shape[-1])

    def column(self, j: ir.Value) -> _Vector:
        return _Vector(self, self._builder.mul(j, self._strides[1]), self._strides[0], self.shape[0])

    def whole(self) -> _Vector:
        return _Vector(self, _I64(0), self._strides[0], self.shape[0])

    def pointer(self, offset: ir.Value) -> ir.Value:
        return cgutils.pointer_add(self._builder, self._array.data, offset, self._array.data.type)

    def load(self, offset: ir.Value) -> ir.Value:
        element = self._context.unpack_value(self._builder, self._kind.dtype, self.pointer(offset))
        return self._context.cast(self._builder, element, self._kind.dtype, self._lanes)

    def store(self, offset: ir.Value, element: ir.Value) -> None:
        self._context.pack_value(self._builder, self._kind.dtype, element, self.pointer(offset), align=1)


class _Vector:
    """A row or a column of a matrix."""

    def __init__(self, matrix: _Matrix, start: ir.Value, step: ir.Value, count: ir.Value) -> None:
        self._matrix, self._start, self._step, self.count = matrix, start, step, count

    def _offset(self, builder: ir.IRBuilder, i: ir.Value) -> ir.Value:
        return builder.add(self._start, builder.mul(i, self._step))

    def at(self, builder: ir.IRBuilder, i: ir.Value) -> ir.Value:
        return self._matrix.load(self._offset(builder, i))

    def put(self, builder: ir.IRBuilder, i: ir.Value, element: ir.Value) -> None:
        self._matrix.store(self._offset(builder, i), element)


def _emit_matrix_vector(builder: ir.IRBuilder, matrix: _Matrix, vector: _Vector, result: _Vector, ty: ir.Type) -> None:
    """Emit ``result = matrix @ vector``, a tile of rows at a time."""
    m, n = matrix.shape
    whole = builder.sub(m, builder.srem(m, _I64(ROWS)))

    def rows(first: ir.Value, count: int) -> None:
        sums = [cgutils.alloca_once_value(builder, constant(ty, 0.0)) for _ in range(count)]
        for place in sums:
            builder.store(constant(ty, 0.0), place)
        places = [builder.add(first, _I64(r)) for r in range(count)]
        lines = [matrix.row(place) for place in places]
        with counted(builder, _I64(0), n) as j:
            element = vector.at(builder, j)
            for line, place in zip(lines, sums, strict=True):
                factor = line.at(builder, j)
                builder.store(multiply_add(builder, factor, element, builder.load(place)), place)
        for i, place in zip(places, sums, strict=True):
            result.put(builder, i, builder.load(place))

    with counted(builder, _I64(0), whole, ROWS) as i:
        rows(i, ROWS)
    with counted(builder, whole, m) as i:
        rows(i, 1)


def _emit_inner(builder: ir.IRBuilder, a: _Vector, b: _Vector, ty: ir.Type) -> ir.Value:
    def accumulate(total: ir.Value, term: Any) -> ir.Value:
        if not isinstance(term, tuple):  # another accumulator
            return builder.fadd(total, term)
        return multiply_add(builder, term[0], term[1], total)

    return reduce(builder, a.count, constant(ty, 0.0), accumulate, lambda i: (a.at(builder, i), b.at(builder, i)))


def _require_equal(context: Any, builder: ir.IRBuilder, a: ir.Value, b: ir.Value) -> None:
    with builder.if_then(builder.icmp_signed("!=", a, b), likely=False):
        context.call_conv.return_user_exc(builder, ValueError, ("incompatible array sizes for np.dot(a, b)",))


def _choose(a: Any, b: Any) -> Version | None:
    arrays = isinstance(a, types.Array) and isinstance(b, types.Array)
    if not arrays or not (is_lanes_array(a) or is_lanes_array(b)) or max(a.ndim, b.ndim) > 2 or not a.ndim * b.ndim:
        return None
    lanes = a.dtype if isinstance(a.dtype, Lanes) else b.dtype
    lanes = lanes.with_other(b.dtype if lanes is a.dtype else a.dtype) if isinstance(lanes, Lanes) else None
    if lanes is None:
        return None
    ndim = a.ndim + b.ndim - 2
    result = lanes if ndim == 0 else types.Array(lanes, ndim, "C")
    ty = vector_type(lanes)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        left = _Matrix(context, builder, a, values[0], lanes)
        right = _Matrix(context, builder, b, values[1], lanes)
        _require_equal(context, builder, left.shape[-1], right.shape[0])
        if ndim == 2:
            made = emit_empty(context, builder, result, [left.shape[0], right.shape[1]])
            target = _Matrix(context, builder, result, made, lanes)
            with counted(builder, _I64(0), right.shape[1]) as j:
                _emit_matrix_vector(builder, left, right.column(j), target.column(j), ty)
            return made
        if a.ndim == 2 or (ndim == 0 and is_lanes_array(b)):
            matrix, matrix_kind, vector, vector_kind, x = left, a, right, b, values[1]
        else:
            matrix, matrix_kind, vector, vector_kind, x = right.transposed(), b, left, a, values[0]
        if ndim == 0:
            place = cgutils.alloca_once(builder, ty)

            def put(i: ir.Value, element: ir.Value) -> None:
                builder.store(element, place)

            def plain() -> None:
                builder.store(_emit_inner(builder, left.whole(), right.whole(), ty), place)

        else:
            made = emit_empty(context, builder, result, [matrix.shape[0]])
            line = _Matrix(context, builder, result, made, lanes).whole()

            def put(i: ir.Value, element: ir.Value) -> None:
                line.put(builder, i, element)

            def plain() -> None:
                _emit_matrix_vector(builder, matrix, vector.whole(), line, ty)

        if may_share(matrix_kind, vector_kind):
            struct = context.make_array(vector_kind)(context, builder, x)
            emit_product(context, builder, matrix.operand(), struct, vector_kind, lanes, put, plain)
        else:
            plain()
        return builder.load(place) if ndim == 0 else made

    return Version(result, emit)


def functions() -> dict[Any, Any]:
    """Return what to call in place of products of NumPy, the operator ``@`` among them."""
    dot = stand_in(np.dot, _choose)
    return {operator.matmul: stand_in(operator.matmul, _choose), np.dot: dot, np.vdot: stand_in(np.vdot, _choose)}


METHODS = {"dot": np.dot}
