"""The same elements in another shape: ``reshape``, ``ravel``, ``flatten``, ``trace``, ``outer``."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import lanes_array
from jitgrad.loss.lanes.arrays.elementwise import Strided, emit_elementwise
from jitgrad.loss.lanes.arrays.loops import counted
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.common import common_lanes
from jitgrad.loss.lanes.number import Lanes, is_lanes_array, vector_type
from jitgrad.loss.lanes.vectors import constant

_I64 = ir.IntType(64)


def emit_view(
    context: Any, builder: ir.IRBuilder, kind: Any, value: ir.Value, result: Any, shape: list[ir.Value]
) -> ir.Value:
    """Emit a view of an array in C order that has another shape.

    numba asks a C function about it, to which the array's address escapes: nobody could prove any more that ``x`` is
    not written to.
    """
    from numba.np import arrayobj

    array = context.make_array(kind)(context, builder, value)
    made = context.make_array(result)(context, builder)
    strides: list[ir.Value] = []
    step = array.itemsize
    for size in reversed(shape):
        strides.insert(0, step)
        step = builder.mul(step, size)
    arrayobj.populate_array(made, array.data, shape, strides, array.itemsize, array.meminfo, array.parent)
    return arrayobj.impl_ret_borrowed(context, builder, result, made._getvalue())


def _sizes(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> list[ir.Value]:
    if len(kinds) == 1 and isinstance(kinds[0], types.BaseTuple):
        kinds, values = list(kinds[0]), cgutils.unpack_tuple(builder, values[0], len(kinds[0]))
    return [context.cast(builder, value, kind, types.intp) for kind, value in zip(kinds, values, strict=True)]


def _choose_reshape(array: Any, *shape: Any) -> Version | None:
    if not is_lanes_array(array) or array.layout != "C":
        return None
    wanted = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], types.BaseTuple) else list(shape)
    if not wanted or not all(isinstance(size, types.Integer) for size in wanted):
        return None
    result = array.copy(ndim=len(wanted))

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        count = context.make_array(array)(context, builder, values[0]).nitems
        shape = _sizes(context, builder, kinds[1:], values[1:])
        known, open_sides = _I64(1), _I64(0)
        for size in shape:
            is_open = builder.icmp_signed("<", size, _I64(0))
            known = builder.mul(known, builder.select(is_open, _I64(1), size))
            open_sides = builder.add(open_sides, builder.zext(is_open, _I64))
        divisor = builder.select(builder.icmp_signed("==", known, _I64(0)), _I64(1), known)
        missing = builder.sdiv(count, divisor)
        shape = [builder.select(builder.icmp_signed("<", size, _I64(0)), missing, size) for size in shape]
        total = builder.mul(known, builder.select(builder.icmp_signed("==", open_sides, _I64(0)), _I64(1), missing))
        wrong = builder.or_(builder.icmp_signed("!=", total, count), builder.icmp_signed(">", open_sides, _I64(1)))
        with builder.if_then(wrong, likely=False):
            context.call_conv.return_user_exc(builder, ValueError, ("total size of new array must be unchanged",))
        return emit_view(context, builder, array, values[0], result, shape)

    return Version(result, emit)


def _choose_ravel(array: Any) -> Version | None:
    if not is_lanes_array(array) or array.layout != "C":
        return None
    result = array.copy(ndim=1)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        count = context.make_array(array)(context, builder, values[0]).nitems
        return emit_view(context, builder, array, values[0], result, [count])

    return Version(result, emit)


def _choose_trace(array: Any) -> Version | None:
    if not is_lanes_array(array) or array.ndim != 2 or not isinstance(array.dtype, Lanes):
        return None

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        elements = Strided(context, builder, array, values[0])
        rows, columns = elements.sizes
        count = builder.select(builder.icmp_signed("<", rows, columns), rows, columns)
        total = cgutils.alloca_once_value(builder, constant(vector_type(array.dtype), 0.0))
        builder.store(constant(vector_type(array.dtype), 0.0), total)
        with counted(builder, _I64(0), count) as i:
            builder.store(builder.fadd(builder.load(total), elements.load([i, i])), total)
        return builder.load(total)

    return Version(array.dtype, emit)


def _choose_outer(a: Any, b: Any) -> Version | None:
    """``np.outer(a, b)`` is ``a`` as a column times ``b``, broadcast."""
    if not all(isinstance(kind, types.Array) and kind.ndim == 1 for kind in (a, b)):
        return None
    element = common_lanes([a.dtype, b.dtype])
    if element is None or not isinstance(element, Lanes):
        return None
    result = lanes_array(element, 2)
    column = a.copy(ndim=2, layout="A")

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        from numba.np import arrayobj

        array = context.make_array(a)(context, builder, values[0])
        made = context.make_array(column)(context, builder)
        size, step = (cgutils.unpack_tuple(builder, part, 1)[0] for part in (array.shape, array.strides))
        arrayobj.populate_array(
            made, array.data, [size, _I64(1)], [step, _I64(0)], array.itemsize, array.meminfo, array.parent
        )

        def compute(operands: list[ir.Value]) -> ir.Value:
            both = zip(operands, (a.dtype, b.dtype), strict=True)
            return builder.fmul(*(context.cast(builder, value, kind, element) for value, kind in both))

        return emit_elementwise(context, builder, [column, b], [made._getvalue(), values[1]], result, compute)

    return Version(result, emit)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    return {
        np.reshape: stand_in(np.reshape, _choose_reshape),
        np.ravel: stand_in(np.ravel, _choose_ravel),
        np.trace: stand_in(np.trace, _choose_trace),
        np.outer: stand_in(np.outer, _choose_outer),
    }


METHODS = {"reshape": np.reshape, "ravel": np.ravel, "trace": np.trace}
"""Methods of arrays, and the functions that do the same."""
