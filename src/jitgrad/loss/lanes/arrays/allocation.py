"""New arrays: where a loss asks for floats it gets lanes, which can hold both."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.loops import counted, flat
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes

_I64 = ir.IntType(64)
_FLOATS = (types.float64, types.float32)


def emit_empty(context: Any, builder: ir.IRBuilder, kind: Any, shape: list[ir.Value]) -> ir.Value:
    """Emit a new array of type `kind`; its elements are not set."""
    from numba.np import arrayobj

    array = arrayobj._empty_nd_impl(context, builder, kind, shape)
    return arrayobj.impl_ret_new_ref(context, builder, kind, array._getvalue())


def lanes_array(element: Lanes, ndim: int) -> Any:
    """Return the type of new arrays of lanes."""
    return types.Array(element, ndim, "C")


def _is_given(dtype: Any) -> bool:
    return not (dtype is None or isinstance(dtype, types.NoneType | types.Omitted))


def lanes_named(dtype: Any, count: int) -> Lanes | None:
    """Return the lanes that stand for an argument ``dtype``, or None if it does not mean floats."""
    if not _is_given(dtype) or (isinstance(dtype, types.Function) and dtype.typing_key is float):
        return Lanes(count)
    element = getattr(dtype, "dtype", None)
    if isinstance(element, Lanes):
        return element
    return Lanes(count, element) if element in _FLOATS else None


def lanes_like(kind: Any, count: int) -> Lanes | None:
    """Return the lanes that stand for a number or for the elements of an array, or None if they are no floats."""
    element = kind.dtype if isinstance(kind, types.Array) else kind
    if isinstance(element, Lanes):
        return element
    return Lanes(count, element) if element in _FLOATS else None


def _dimensions(shape: Any) -> int:
    return len(shape) if isinstance(shape, types.BaseTuple) else 1


def _sizes(context: Any, builder: ir.IRBuilder, kind: Any, shape: ir.Value) -> list[ir.Value]:
    if not isinstance(kind, types.BaseTuple):
        return [context.cast(builder, shape, kind, types.intp)]
    members = cgutils.unpack_tuple(builder, shape, len(kind))
    return [context.cast(builder, size, ty, types.intp) for size, ty in zip(members, kind, strict=True)]


def _emit_like(context: Any, builder: ir.IRBuilder, kind: Any, given: Any, array: ir.Value) -> ir.Value:
    """Emit a new array of type `kind` in the shape of an array of type `given`."""
    shape = context.make_array(given)(context, builder, array).shape
    return emit_empty(context, builder, kind, cgutils.unpack_tuple(builder, shape, kind.ndim))


def _fill(context: Any, builder: ir.IRBuilder, kind: Any, array: ir.Value, given: Any, value: ir.Value) -> ir.Value:
    """Emit the assignment of a value of type `given` to every element."""
    elements, element = flat(context, builder, kind, array), context.cast(builder, value, given, kind.dtype)
    with counted(builder, _I64(0), elements.count) as i:
        elements.put(i, element)
    return array


def _fill_constant(context: Any, builder: ir.IRBuilder, kind: Any, array: ir.Value, value: float | None) -> ir.Value:
    if value is None:
        return array
    return _fill(context, builder, kind, array, types.float64, context.get_constant(types.float64, value))


def _constant(count: int, original: Any, value: float | None) -> Any:
    """Return the stand-in for ``np.empty``, ``np.zeros`` or ``np.ones``."""

    def choose(shape: Any, dtype: Any = None) -> Version | None:
        element = lanes_named(dtype, count)
        if element is None:
            return None
        kind = lanes_array(element, _dimensions(shape))

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            made = emit_empty(context, builder, kind, _sizes(context, builder, kinds[0], values[0]))
            return _fill_constant(context, builder, kind, made, value)

        return Version(kind, emit)

    return stand_in(original, choose)


def _like(count: int, original: Any, value: float | None) -> Any:
    """Return the stand-in for ``np.empty_like``, ``np.zeros_like`` or ``np.ones_like``."""

    def choose(array: Any, dtype: Any = None) -> Version | None:
        element = lanes_named(dtype, count) if _is_given(dtype) else lanes_like(array, count)
        if element is None or not isinstance(array, types.Array):
            return None
        kind = lanes_array(element, array.ndim)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            made = _emit_like(context, builder, kind, kinds[0], values[0])
            return _fill_constant(context, builder, kind, made, value)

        return Version(kind, emit)

    return stand_in(original, choose)


def _full(count: int) -> Any:
    def choose(shape: Any, fill_value: Any, dtype: Any = None) -> Version | None:
        element = lanes_named(dtype, count) if _is_given(dtype) else lanes_like(fill_value, count)
        if element is None:
            return None
        kind = lanes_array(element, _dimensions(shape))

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            made = emit_empty(context, builder, kind, _sizes(context, builder, kinds[0], values[0]))
            return _fill(context, builder, kind, made, kinds[1], values[1])

        return Version(kind, emit)

    return stand_in(np.full, choose)


def _full_like(count: int) -> Any:
    def choose(array: Any, fill_value: Any) -> Version | None:
        element = lanes_like(array, count)
        if element is None or not isinstance(array, types.Array):
            return None
        kind = lanes_array(element, array.ndim)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            made = _emit_like(context, builder, kind, kinds[0], values[0])
            return _fill(context, builder, kind, made, kinds[1], values[1])

        return Version(kind, emit)

    return stand_in(np.full_like, choose)


def functions(count: int) -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy that make arrays."""
    return {
        np.empty: _constant(count, np.empty, None),
        np.zeros: _constant(count, np.zeros, 0.0),
        np.ones: _constant(count, np.ones, 1.0),
        np.empty_like: _like(count, np.empty_like, None),
        np.zeros_like: _like(count, np.zeros_like, 0.0),
        np.ones_like: _like(count, np.ones_like, 1.0),
        np.full: _full(count),
        np.full_like: _full_like(count),
    }
