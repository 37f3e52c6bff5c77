"""Sorting: ``np.sort``, ``x.sort()``, ``sorted(x)``, ``np.argsort``.

numba's own sorts work for lanes that agree on every comparison, but take a second to compile, or four for lists. Here
each lane is sorted by itself, with no branch on values, by the odd-even merge of Batcher (1968) in the form for any
length of Knuth (The Art of Computer Programming 3, algorithm 5.2.2M).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import emit_empty, lanes_array
from jitgrad.loss.lanes.arrays.loops import Flat, counted, flat
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.flag import emit_mark
from jitgrad.loss.lanes.number import Lanes
from jitgrad.loss.lanes.vectors import INDEX, any_lane, constant, like

_I1, _I64 = ir.IntType(1), ir.IntType(64)


@numba.njit  # type: ignore[untyped-decorator]
def sort(values: Any) -> None:
    """Sort an array or a list in place: what stands behind the method."""
    values.sort()


def _is_ours(values: Any) -> bool:
    one = (isinstance(values, types.Array) and values.ndim == 1) or isinstance(values, types.List)
    return one and isinstance(values.dtype, Lanes)


def _elements(context: Any, builder: ir.IRBuilder, kind: Any, values: ir.Value) -> Flat:
    """Return the elements of an array or of a list."""
    if isinstance(kind, types.Array):
        return flat(context, builder, kind, values)
    from numba.cpython.listobj import ListInstance

    return _of_list(ListInstance(context, builder, kind, values))


def _of_list(items: Any) -> Flat:
    return Flat(items.size, items.getitem, lambda i, value: items.setitem(i, value, incref=False))


def _emit_network(builder: ir.IRBuilder, count: ir.Value, exchange: Callable[[ir.Value, ir.Value], None]) -> None:
    """Emit calls of ``exchange(i, j)``, i < j, that sort `count` values if each of them puts two in order."""
    bits = builder.ctlz(builder.sub(count, _I64(1)), _I1(0))
    half = builder.shl(_I64(1), builder.and_(builder.sub(_I64(63), bits), _I64(63)))
    top = builder.select(builder.icmp_signed("<", count, _I64(2)), _I64(0), half)
    p, q, r, d = (cgutils.alloca_once(builder, _I64) for _ in range(4))
    for place, start in ((p, top), (q, top), (r, _I64(0)), (d, top)):
        builder.store(start, place)
    test, body, done = (builder.append_basic_block(f"sort.{name}") for name in ("test", "body", "done"))
    builder.branch(test)
    builder.position_at_end(test)
    builder.cbranch(builder.icmp_signed(">", builder.load(p), _I64(0)), body, done)
    builder.position_at_end(body)
    distance, rest, block = builder.load(d), builder.load(r), builder.load(p)
    last = builder.sub(count, distance)
    with counted(builder, _I64(0), last) as i, builder.if_then(builder.icmp_signed("==", builder.and_(i, block), rest)):
        exchange(i, builder.add(i, distance))
    width = builder.load(q)
    again, next_block = builder.icmp_signed("!=", width, block), builder.lshr(block, _I64(1))
    for place, yes, no in (
        (p, block, next_block),
        (q, builder.lshr(width, _I64(1)), top),
        (r, block, _I64(0)),
        (d, builder.sub(width, block), next_block),
    ):
        builder.store(builder.select(again, yes, no), place)
    builder.branch(test)
    builder.position_at_end(done)


def _emit_sort(builder: ir.IRBuilder, elements: Flat) -> None:
    """Emit code that sorts every lane in place."""
    with counted(builder, _I64(0), elements.count) as i:
        value = elements.at(i)
        word = ir.IntType(64 if value.type.element == ir.DoubleType() else 32)
        bits = builder.bitcast(value, like(value.type, word))
        # Where NaN goes, and which of two zeros comes first, is left to numba's own order.
        negative_zero = builder.icmp_signed("==", bits, constant(bits.type, 1 << (word.width - 1)))
        odd = builder.or_(negative_zero, builder.fcmp_unordered("uno", value, value))
        with builder.if_then(any_lane(builder, odd), likely=False):
            emit_mark(builder)

    def exchange(i: ir.Value, j: ir.Value) -> None:
        a, b = elements.at(i), elements.at(j)
        ordered = builder.fcmp_ordered("<", a, b)
        elements.put(i, builder.select(ordered, a, b))
        elements.put(j, builder.select(ordered, b, a))

    _emit_network(builder, elements.count, exchange)


def _choose_sort(a: Any) -> Version | None:
    if not _is_ours(a) or isinstance(a, types.List):
        return None
    result = lanes_array(a.dtype, 1)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        source = flat(context, builder, a, values[0])
        made = emit_empty(context, builder, result, [source.count])
        target = flat(context, builder, result, made)
        with counted(builder, _I64(0), source.count) as i:
            target.put(i, source.at(i))
        _emit_sort(builder, target)
        return made

    return Version(result, emit)


def _choose_sort_in_place(values: Any) -> Version | None:
    if not _is_ours(values) or not values.mutable:
        return None

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, arrays: Any) -> ir.Value:
        _emit_sort(builder, _elements(context, builder, values, arrays[0]))
        return context.get_dummy_value()

    return Version(types.none, emit)


def _choose_sorted(values: Any) -> Version | None:
    if not _is_ours(values):
        return None
    result = types.List(values.dtype)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, given: Any) -> ir.Value:
        from numba.core.imputils import impl_ret_new_ref
        from numba.cpython.listobj import ListInstance

        source = _elements(context, builder, values, given[0])
        made = ListInstance.allocate(context, builder, result, source.count)
        made.size = source.count
        with counted(builder, _I64(0), source.count) as i:
            made.setitem(i, source.at(i), incref=False, decref_old_value=False)
        _emit_sort(builder, _of_list(made))
        return impl_ret_new_ref(context, builder, result, made.value)

    return Version(result, emit)


def _choose_argsort(a: Any, kind: Any = None) -> Version | None:
    if not _is_ours(a) or isinstance(a, types.List):
        return None
    result = types.Array(types.intp, 1, "C")

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        elements = flat(context, builder, a, values[0])
        made = emit_empty(context, builder, result, [elements.count])
        order = flat(context, builder, result, made)
        with counted(builder, _I64(0), elements.count) as i:
            order.put(i, i)

        def first_lane(i: ir.Value) -> ir.Value:
            return builder.extract_element(elements.at(i), INDEX(0))

        def exchange(i: ir.Value, j: ir.Value) -> None:
            a, b = order.at(i), order.at(j)
            ordered = builder.fcmp_ordered("<", first_lane(a), first_lane(b))
            order.put(i, builder.select(ordered, a, b))
            order.put(j, builder.select(ordered, b, a))

        _emit_network(builder, elements.count, exchange)
        # The order of lane 0 is that of all lanes, and the only one, if values increase strictly in each.
        with counted(builder, _I64(1), elements.count) as i:
            before, after = (elements.at(order.at(place)) for place in (builder.sub(i, _I64(1)), i))
            wrong = builder.not_(builder.fcmp_ordered("<", before, after))
            with builder.if_then(any_lane(builder, wrong), likely=False):
                emit_mark(builder)
        return made

    return Version(result, emit)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy, and of the method that sorts in place."""
    return {
        np.sort: stand_in(np.sort, _choose_sort),
        np.argsort: stand_in(np.argsort, _choose_argsort),
        sort: stand_in(sort, _choose_sort_in_place),
        sorted: stand_in(sorted, _choose_sorted),
    }


METHODS = {"argsort": np.argsort, "sort": sort}
"""Methods of arrays, and the functions that do the same."""
