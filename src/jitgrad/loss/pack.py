"""Arguments as 8-byte words, and the code that reads them back: the fast path of ``args``.

A number is one word, a complex number two, an array its data pointer, shape and strides, a tuple its members
in turn. Packing runs in Python without compiling anything; what has no such form takes `jitgrad.loss.native`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

WORD = 8

HEAD = 2
"""Words of a block before the arguments: addresses of the loss for one point, and of its version for lanes."""

_I64 = ir.IntType(64)


def is_packable(ty: Any) -> bool:
    """Whether values of this numba type have a form in words."""
    if isinstance(ty, types.BaseTuple):
        return all(map(is_packable, ty))
    if isinstance(ty, types.Array):
        return True
    if isinstance(ty, types.Integer | types.Float):
        return bool(ty.bitwidth <= 64)
    return isinstance(ty, types.Boolean | types.Complex | types.NoneType | types.Dispatcher)


def words(value: Any, ty: Any) -> list[int]:
    """Return the words of one argument, as signed 64-bit integers."""
    match ty:
        case types.Array():
            return [value.ctypes.data, *value.shape, *value.strides]
        case types.BaseTuple():
            return [word for member, kind in zip(value, ty, strict=True) for word in words(member, kind)]
        case types.Integer():
            return [int(np.array(value).astype(np.int64))]
        case types.Boolean():
            return [int(value)]
        case types.Float():
            return [_bits(value)]
        case types.Complex():
            return [_bits(value.real), _bits(value.imag)]
        case _:
            return []  # None and functions are known from their type


def _bits(number: float) -> int:
    return int(struct.unpack("q", struct.pack("d", number))[0])


def arrays(value: Any, ty: Any) -> Iterator[tuple[int, Any]]:
    """Yield ``(word, array)`` for every array in an argument: where its data pointer stands, and itself."""
    if isinstance(ty, types.Array):
        yield 0, value
    elif isinstance(ty, types.BaseTuple):
        position = 0
        for member, kind in zip(value, ty, strict=True):
            for word, array in arrays(member, kind):
                yield position + word, array
            position += len(words(member, kind))


def unpack(context: Any, builder: ir.IRBuilder, ty: Any, next_word: Callable[[], ir.Value]) -> ir.Value:
    """Emit the code that rebuilds a value of type `ty` from its words.

    Parameters
    ----------
    context : numba target context
    builder : llvmlite IRBuilder
    ty : numba type
    next_word : callable
        Emits the load of the following word.

    Returns
    -------
    llvmlite Value
        The value in numba's native form.
    """
    match ty:
        case types.Array():
            return _unpack_array(context, builder, ty, next_word)
        case types.BaseTuple():
            members = [unpack(context, builder, member, next_word) for member in ty]
            return context.make_tuple(builder, ty, members)
        case types.Integer():
            return builder.trunc(next_word(), ir.IntType(ty.bitwidth)) if ty.bitwidth < 64 else next_word()
        case types.Boolean():
            return context.cast(builder, next_word(), types.int64, types.boolean)
        case types.Float():
            return _unpack_float(context, builder, ty, next_word)
        case types.Complex():
            number = context.make_complex(builder, ty)
            number.real = _unpack_float(context, builder, ty.underlying_float, next_word)
            number.imag = _unpack_float(context, builder, ty.underlying_float, next_word)
            return number._getvalue()
        case _:
            return context.get_dummy_value()


def _unpack_float(context: Any, builder: ir.IRBuilder, ty: Any, next_word: Callable[[], ir.Value]) -> ir.Value:
    number = builder.bitcast(next_word(), ir.DoubleType())
    return context.cast(builder, number, types.float64, ty)


def _unpack_array(context: Any, builder: ir.IRBuilder, ty: Any, next_word: Callable[[], ir.Value]) -> ir.Value:
    address = next_word()
    shape = [next_word() for _ in range(ty.ndim)]
    strides = [next_word() for _ in range(ty.ndim)]
    return borrow_array(context, builder, ty, address, shape, strides)


def borrow_array(
    context: Any,
    builder: ir.IRBuilder,
    ty: Any,
    address: ir.Value,
    shape: list[Any],
    strides: list[Any],
    parent: ir.Value | None = None,
) -> ir.Value:
    """Emit an array struct over memory that somebody else owns and keeps alive."""
    from numba.np import arrayobj  # 50 ms, and numba loads it itself before it compiles anything

    array = arrayobj.make_array(ty)(context, builder)
    element = context.get_data_type(ty.dtype)
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(address, element.as_pointer()),
        shape=shape,
        strides=strides,
        itemsize=_I64(context.get_abi_sizeof(element)),
        meminfo=cgutils.get_null_value(cgutils.voidptr_t),
        parent=parent,
    )
    return array._getvalue()
