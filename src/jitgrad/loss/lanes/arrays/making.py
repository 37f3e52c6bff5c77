"""Arrays made of lists and tuples of numbers, some of which are lanes; and ``np.eye``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import emit_empty, lanes_array, lanes_named
from jitgrad.loss.lanes.arrays.loops import counted, flat
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.common import common_lanes
from jitgrad.loss.lanes.number import Lanes, vector_type
from jitgrad.loss.lanes.vectors import constant

_I64 = ir.IntType(64)


class _Sequence(NamedTuple):
    """A list or a tuple: how many members it has, and code to be run for each of them."""

    count: ir.Value
    each: Callable[[Callable[[ir.Value, Any, ir.Value], None]], None]


def _sequence(context: Any, builder: ir.IRBuilder, kind: Any, value: ir.Value) -> _Sequence:
    if isinstance(kind, types.BaseTuple):
        members = cgutils.unpack_tuple(builder, value, len(kind))

        def each(body: Any) -> None:
            for k, (member, ty) in enumerate(zip(members, kind, strict=True)):
                body(_I64(k), ty, member)

        return _Sequence(_I64(len(kind)), each)
    from numba.cpython.listobj import ListInstance

    items = ListInstance(context, builder, kind, value)

    def run(body: Any) -> None:
        with counted(builder, _I64(0), items.size) as i:
            body(i, kind.dtype, items.getitem(i))

    return _Sequence(items.size, run)


def _is_sequence(kind: Any) -> bool:
    return isinstance(kind, types.List) or (isinstance(kind, types.BaseTuple) and len(kind) > 0)


def _members(kind: Any) -> list[Any]:
    return [kind.dtype] if isinstance(kind, types.List) else list(kind)


def _choose_array(object: Any, dtype: Any = None) -> Version | None:  # noqa: A002  # NumPy's name
    if not _is_sequence(object):
        return None
    members = _members(object)
    nested = all(map(_is_sequence, members))
    leaves = [leaf for member in members for leaf in _members(member)] if nested else members
    element = common_lanes(leaves)
    if element is None:
        return None
    is_given = dtype is not None and not isinstance(dtype, types.NoneType | types.Omitted)
    if is_given and lanes_named(dtype, element.count) != element:
        return None
    result = lanes_array(element, 2 if nested else 1)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        rows = _sequence(context, builder, object, values[0])
        shape = [rows.count]
        width = cgutils.alloca_once_value(builder, _I64(-1))
        if nested:
            builder.store(_I64(-1), width)
            rows.each(lambda i, kind, row: _same_width(context, builder, kind, row, width))
            found = builder.load(width)
            shape.append(builder.select(builder.icmp_signed("<", found, _I64(0)), _I64(0), found))
        made = emit_empty(context, builder, result, shape)
        target = flat(context, builder, result, made)

        def put(place: ir.Value, kind: Any, member: ir.Value) -> None:
            target.put(place, context.cast(builder, member, kind, element))

        def put_row(i: ir.Value, kind: Any, row: ir.Value) -> None:
            first = builder.mul(i, shape[1])
            _sequence(context, builder, kind, row).each(lambda j, ty, x: put(builder.add(first, j), ty, x))

        rows.each(put_row if nested else put)
        return made

    return Version(result, emit)


def _same_width(context: Any, builder: ir.IRBuilder, kind: Any, row: ir.Value, width: ir.Value) -> None:
    count, known = _sequence(context, builder, kind, row).count, builder.load(width)
    differs = builder.and_(builder.icmp_signed(">=", known, _I64(0)), builder.icmp_signed("!=", known, count))
    with builder.if_then(differs, likely=False):
        context.call_conv.return_user_exc(builder, ValueError, ("incompatible sequence lengths",))
    builder.store(count, width)


def _eye(count: int, original: Any) -> Any:
    def choose(N: Any, M: Any = None) -> Version | None:  # noqa: N803  # NumPy's names
        if not isinstance(N, types.Integer) or not (M is None or isinstance(M, types.Integer | types.Omitted)):
            return None
        element = Lanes(count)
        result = lanes_array(element, 2)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            rows = context.cast(builder, values[0], kinds[0], types.intp)
            given = isinstance(kinds[1], types.Integer)
            columns = context.cast(builder, values[1], kinds[1], types.intp) if given else rows
            made = emit_empty(context, builder, result, [rows, columns])
            target = flat(context, builder, result, made)
            zero, one = (constant(vector_type(element), number) for number in (0.0, 1.0))
            with counted(builder, _I64(0), rows) as i, counted(builder, _I64(0), columns) as j:
                diagonal = builder.icmp_signed("==", i, j)
                place = builder.add(builder.mul(i, columns), j)
                target.put(place, builder.select(diagonal, one, zero))
            return made

        return Version(result, emit)

    return stand_in(original, choose)


def list_item(value: float) -> float:
    """Stand in the table of functions for what puts a float into a new list."""
    return value


def _list_item(count: int) -> Any:
    def choose(value: Any) -> Version | None:
        if not isinstance(value, types.Float):
            return None
        return Version(Lanes(count), _cast_to(Lanes(count)))

    return stand_in(list_item, choose)


def _cast_to(wanted: Lanes) -> Any:
    return lambda context, builder, kinds, values: context.cast(builder, values[0], kinds[0], wanted)


def functions(count: int) -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    array = stand_in(np.array, _choose_array)
    return {
        list_item: _list_item(count),
        np.array: array,
        np.eye: _eye(count, np.eye),
        np.identity: _eye(count, np.identity),
    }
