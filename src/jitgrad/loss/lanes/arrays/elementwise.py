"""Loops over arrays that are combined element by element, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import emit_empty

_I64 = ir.IntType(64)
_MISMATCH = "arrays of these shapes cannot be combined"


class Strided:
    """An array of any layout."""

    def __init__(self, context: Any, builder: ir.IRBuilder, kind: Any, value: ir.Value) -> None:
        self._context, self._builder, self._kind = context, builder, kind
        array = context.make_array(kind)(context, builder, value)
        self._data = array.data
        self.sizes = cgutils.unpack_tuple(builder, array.shape, kind.ndim)
        self.strides = cgutils.unpack_tuple(builder, array.strides, kind.ndim)
        if kind.layout == "C" and kind.ndim:  # a constant, of which LLVM makes better addresses
            self.strides[-1] = _I64(context.get_abi_sizeof(context.get_data_type(kind.dtype)))

    def repeat(self) -> None:
        """Let sides of length 1 serve for any index."""
        one = [self._builder.icmp_signed("==", size, _I64(1)) for size in self.sizes]
        self.strides = [self._builder.select(o, _I64(0), s) for o, s in zip(one, self.strides, strict=True)]

    def pointer(self, indices: Sequence[ir.Value]) -> ir.Value:
        """Emit the address of an element; there may be more indices than this array has dimensions."""
        offset = _I64(0)
        own = indices[len(indices) - len(self.strides) :]
        for index, stride in zip(own, self.strides, strict=True):
            offset = self._builder.add(offset, self._builder.mul(index, stride))
        return cgutils.pointer_add(self._builder, self._data, offset, self._data.type)

    def load(self, indices: Sequence[ir.Value]) -> ir.Value:
        """Emit the load of an element."""
        return self._context.unpack_value(self._builder, self._kind.dtype, self.pointer(indices))

    def store(self, indices: Sequence[ir.Value], element: ir.Value) -> None:
        """Emit the store of an element."""
        align = None if self._kind.aligned else 1
        self._context.pack_value(self._builder, self._kind.dtype, element, self.pointer(indices), align=align)


def element_of(kind: Any) -> Any:
    """Return the type that an operand has inside of the loop."""
    return kind.dtype if isinstance(kind, types.Array) else kind


def emit_elementwise(
    context: Any,
    builder: ir.IRBuilder,
    kinds: Sequence[Any],
    values: Sequence[ir.Value],
    result: Any,
    compute: Callable[[list[ir.Value]], ir.Value],
    into: ir.Value | None = None,
) -> ir.Value:
    """Emit a loop over all elements of arrays that are broadcast against each other.

    Parameters
    ----------
    context, builder
    kinds, values : sequences of numba types and of llvmlite values
        Operands: arrays, and anything else as it is.
    result : numba type
        Of the array that is made, or written to.
    compute : callable
        ``compute(operands)`` emits an element from one of each operand; its type is that of the result's elements.
    into : llvmlite value, optional
        Array to write to. Elements are taken in their order, as in numba, where it overlaps with an operand.
    """
    arrays = {
        k: Strided(context, builder, kind, values[k]) for k, kind in enumerate(kinds) if isinstance(kind, types.Array)
    }
    target = None if into is None else Strided(context, builder, result, into)
    shape = [None] * result.ndim if target is None else list(target.sizes)
    for array in arrays.values():
        _join_shape(context, builder, shape, array.sizes, fixed=target is not None)
    if len(arrays) + (target is not None) > 1:
        for array in arrays.values():
            array.repeat()
    made = emit_empty(context, builder, result, shape) if into is None else into
    place = target or Strided(context, builder, result, made)
    with cgutils.loop_nest(builder, place.sizes, _I64) as indices:
        operands = [arrays[k].load(indices) if k in arrays else value for k, value in enumerate(values)]
        place.store(indices, compute(operands))
    return made


def _join_shape(context: Any, builder: ir.IRBuilder, shape: list[Any], sizes: list[ir.Value], *, fixed: bool) -> None:
    """Take one more operand into the shape of the result; emit the exception for one that does not fit."""
    for back, size in enumerate(reversed(sizes), start=1):
        joint = shape[-back]
        if joint is None:
            shape[-back] = size
            continue
        if not fixed:
            joint = builder.select(builder.icmp_signed("==", joint, _I64(1)), size, joint)
        unequal = builder.icmp_signed("!=", joint, size)
        with builder.if_then(builder.and_(unequal, builder.icmp_signed("!=", size, _I64(1))), likely=False):
            context.call_conv.return_user_exc(builder, ValueError, (_MISMATCH,))
        shape[-back] = joint
