"""Loops over arrays of lanes, written in LLVM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types

_I64 = ir.IntType(64)

ACCUMULATORS = 4
"""An addition waits four cycles for the one before it; so many sums run at the same time."""


class Flat(NamedTuple):
    """The elements of an array in a row.

    Attributes
    ----------
    count : llvmlite value
        How many.
    at : callable
        ``at(i)`` emits the load of element i.
    put : callable
        ``put(i, value)`` emits its store.
    """

    count: ir.Value
    at: Callable[[ir.Value], ir.Value]
    put: Callable[[ir.Value, ir.Value], None]


def is_flat(kind: Any) -> bool:
    """Whether the elements of such an array lie in a row, one distance apart."""
    return isinstance(kind, types.Array) and (kind.ndim == 1 or kind.layout in "CF")


def flat(context: Any, builder: ir.IRBuilder, kind: Any, value: ir.Value) -> Flat:
    """Emit what is needed to run over the elements of an array for which `is_flat` holds."""
    array = context.make_array(kind)(context, builder, value)
    contiguous = kind.layout in "CF"
    step = None if contiguous else cgutils.unpack_tuple(builder, array.strides, 1)[0]

    def pointer(i: ir.Value) -> ir.Value:
        if contiguous:
            return builder.gep(array.data, [i])
        return cgutils.pointer_add(builder, array.data, builder.mul(i, step), array.data.type)

    def at(i: ir.Value) -> ir.Value:
        return context.unpack_value(builder, kind.dtype, pointer(i))

    def put(i: ir.Value, element: ir.Value) -> None:
        context.pack_value(builder, kind.dtype, element, pointer(i), align=None if kind.aligned else 1)

    return Flat(array.nitems, at, put)


@contextmanager
def counted(builder: ir.IRBuilder, start: ir.Value, stop: ir.Value, step: int = 1) -> Iterator[ir.Value]:
    """Emit ``for i in range(start, stop, step)``; the body is what the with statement holds."""
    with cgutils.for_range_slice(builder, start, stop, _I64(step), inc=True) as (i, _):
        yield i


def reduce(
    builder: ir.IRBuilder,
    count: ir.Value,
    start: ir.Value,
    combine: Callable[[ir.Value, ir.Value], ir.Value],
    term: Callable[[ir.Value], ir.Value],
) -> ir.Value:
    """Emit the reduction of ``term(i)`` for i below `count`, in several accumulators that begin with `start`.

    Parameters
    ----------
    builder : llvmlite IRBuilder
    count : llvmlite value
    start : llvmlite value
        Neutral element of `combine`.
    combine : callable
        ``combine(accumulator, term)``.
    term : callable
    """
    sums = [cgutils.alloca_once_value(builder, start) for _ in range(ACCUMULATORS)]
    whole = builder.sub(count, builder.srem(count, _I64(ACCUMULATORS)))
    with counted(builder, _I64(0), whole, ACCUMULATORS) as i:
        for k, place in enumerate(sums):
            builder.store(combine(builder.load(place), term(builder.add(i, _I64(k)))), place)
    with counted(builder, whole, count) as i:
        builder.store(combine(builder.load(sums[0]), term(i)), sums[0])
    values = [builder.load(place) for place in sums]
    while len(values) > 1:
        values = [combine(a, b) for a, b in zip(values[::2], values[1::2], strict=True)]
    return values[0]
