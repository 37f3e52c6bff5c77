"""``np.sum``: of all elements, along an axis, and of truth values; ``np.any``, ``np.all``, ``np.count_nonzero``."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import emit_empty, lanes_array
from jitgrad.loss.lanes.arrays.elementwise import Strided
from jitgrad.loss.lanes.arrays.loops import reduce
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.conversions import agreed_truth
from jitgrad.loss.lanes.number import Lanes, LanesBool, vector_type
from jitgrad.loss.lanes.vectors import BIT, constant

_I64 = ir.IntType(64)


def _emit_over_all(context: Any, builder: ir.IRBuilder, array: Strided, start: ir.Value, combine: Any) -> ir.Value:
    """Emit a reduction of all elements: a loop over lines, and several accumulators along each."""
    total = cgutils.alloca_once_value(builder, start)
    builder.store(start, total)
    with cgutils.loop_nest(builder, array.sizes[:-1], _I64) as line:
        along = reduce(builder, array.sizes[-1], start, combine, lambda i: array.load([*line, i]))
        builder.store(combine(builder.load(total), along), total)
    return builder.load(total)


def _choose_sum(array: Any, axis: Any = None) -> Version | None:
    if not isinstance(array, types.Array) or array.ndim == 0:
        return None
    along_all = axis is None or isinstance(axis, types.NoneType | types.Omitted)
    if isinstance(array.dtype, LanesBool):
        return _count(array) if along_all else None
    if not isinstance(array.dtype, Lanes):
        return None
    ty = vector_type(array.dtype)
    zero = constant(ty, 0.0)
    if along_all:

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            elements = Strided(context, builder, array, values[0])
            return _emit_over_all(context, builder, elements, zero, builder.fadd)

        return Version(array.dtype, emit)
    if not isinstance(axis, types.IntegerLiteral) or not -array.ndim <= axis.literal_value < array.ndim:
        return None
    return _sum_along(array, axis.literal_value % array.ndim, zero)


def _sum_along(array: Any, axis: int, zero: ir.Value) -> Version:
    result = lanes_array(array.dtype, array.ndim - 1) if array.ndim > 1 else array.dtype

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        elements = Strided(context, builder, array, values[0])
        length = elements.sizes[axis]
        if array.ndim == 1:
            return reduce(builder, length, zero, builder.fadd, lambda i: elements.load([i]))
        shape = elements.sizes[:axis] + elements.sizes[axis + 1 :]
        made = emit_empty(context, builder, result, shape)
        target = Strided(context, builder, result, made)
        with cgutils.loop_nest(builder, shape, _I64) as place:
            before, after = list(place[:axis]), list(place[axis:])
            total = reduce(builder, length, zero, builder.fadd, lambda i: elements.load([*before, i, *after]))
            target.store(place, total)
        return made

    return Version(result, emit)


def _count(array: Any) -> Version | None:
    """How many hold: a whole number, for which lanes must agree about every element."""

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        elements = Strided(context, builder, array, values[0])
        total = cgutils.alloca_once_value(builder, _I64(0))
        builder.store(_I64(0), total)
        with cgutils.loop_nest(builder, elements.sizes, _I64) as place:
            one = builder.zext(agreed_truth(builder, elements.load(place)), _I64)
            builder.store(builder.add(builder.load(total), one), total)
        return builder.load(total)

    return Version(types.int64, emit)


def _choose_count(array: Any) -> Version | None:
    return _count(array) if isinstance(array, types.Array) and isinstance(array.dtype, LanesBool) else None


def _truths(original: Any, instruction: str, start: bool) -> Any:
    """Return the stand-in for ``np.any`` or ``np.all``; lanes may differ until somebody branches on them."""

    def choose(array: Any) -> Version | None:
        if not isinstance(array, types.Array) or not isinstance(array.dtype, LanesBool) or array.ndim == 0:
            return None
        neutral = constant(ir.VectorType(BIT, array.dtype.count), int(start))

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            elements = Strided(context, builder, array, values[0])
            return _emit_over_all(context, builder, elements, neutral, getattr(builder, instruction))

        return Version(array.dtype, emit)

    return stand_in(original, choose)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    return {
        np.sum: stand_in(np.sum, _choose_sum),
        np.count_nonzero: stand_in(np.count_nonzero, _choose_count),
        np.any: _truths(np.any, "or_", False),
        np.all: _truths(np.all, "and_", True),
    }


METHODS = {"sum": np.sum, "any": np.any, "all": np.all}
"""Methods of arrays, and the functions that do the same."""
