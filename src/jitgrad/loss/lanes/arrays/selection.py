"""Choices by truth values: ``np.where``, ``x[mask]``, ``y[mask] = a``, and parts that are assigned to.

What is chosen lane by lane needs no agreement; where a mask decides how many elements there are, lanes that differ are
noted.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from jitgrad.loss.lanes.arrays.allocation import emit_empty, lanes_array
from jitgrad.loss.lanes.arrays.elementwise import Strided, element_of, emit_elementwise
from jitgrad.loss.lanes.arrays.in_place import is_changeable
from jitgrad.loss.lanes.arrays.loops import counted
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.common import common_lanes
from jitgrad.loss.lanes.conversions import agreed_truth
from jitgrad.loss.lanes.number import Lanes, LanesBool, is_scalar

_I64 = ir.IntType(64)


def _choose_where(condition: Any, x: Any, y: Any) -> Version | None:
    kinds = (condition, x, y)
    truth, *numbers = map(element_of, kinds)
    arrays = [kind for kind in kinds if isinstance(kind, types.Array)]
    if not arrays or not isinstance(truth, LanesBool | types.Boolean):
        return None
    if not all(isinstance(number, Lanes) or is_scalar(number) for number in numbers):
        return None
    element = common_lanes(numbers)
    if element is None and isinstance(truth, LanesBool):  # the mask makes lanes of single numbers
        element = Lanes(truth.count, types.float32 if numbers == [types.float32] * 2 else types.float64)
    if element is None:
        return None
    mask = LanesBool(element.count)
    result = lanes_array(element, max(array.ndim for array in arrays))

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        def compute(operands: list[ir.Value]) -> ir.Value:
            wanted = zip(operands, map(element_of, kinds), (mask, element, element), strict=True)
            return builder.select(*(context.cast(builder, value, kind, to) for value, kind, to in wanted))

        return emit_elementwise(context, builder, kinds, values, result, compute)

    return Version(result, emit)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    return {np.where: stand_in(np.where, _choose_where)}


def is_mask(kind: Any) -> bool:
    """Whether this is an array of truth values of lanes."""
    return isinstance(kind, types.Array) and isinstance(kind.dtype, LanesBool)


class _Masked(AbstractTemplate):  # type: ignore[misc]  # numba is untyped
    def generic(self, args: Any, kws: Any) -> Any:
        array, mask, *value = args
        if not isinstance(array, types.Array) or not is_mask(mask):
            return None
        if not value:
            return signature(types.Array(array.dtype, 1, "C"), *args) if array.ndim == mask.ndim == 1 else None
        fits = is_changeable(array) and array.ndim == mask.ndim
        fits = fits and (isinstance(value[0], Lanes | LanesBool) or is_scalar(value[0]))
        return signature(types.none, *args) if fits and common_lanes([array.dtype, value[0]]) == array.dtype else None


infer_global(operator.getitem)(_Masked)
infer_global(operator.setitem)(_Masked)


def emit_masked(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any, result: Any) -> ir.Value:
    """Emit ``array[mask]`` for one dimension: the elements for which the mask holds, in all lanes."""
    array, mask = (Strided(context, builder, kind, value) for kind, value in zip(kinds, values, strict=True))
    unequal = builder.icmp_signed("!=", array.sizes[0], mask.sizes[0])
    with builder.if_then(unequal, likely=False):
        context.call_conv.return_user_exc(builder, IndexError, ("boolean index did not match indexed array",))
    place = cgutils.alloca_once_value(builder, _I64(0))

    def each(found: Any) -> None:
        builder.store(_I64(0), place)
        with counted(builder, _I64(0), mask.sizes[0]) as i, builder.if_then(agreed_truth(builder, mask.load([i]))):
            position = builder.load(place)
            found(i, position)
            builder.store(builder.add(position, _I64(1)), place)

    each(lambda i, position: None)
    made = emit_empty(context, builder, result, [builder.load(place)])
    target = Strided(context, builder, result, made)
    each(lambda i, position: target.store([position], array.load([i])))
    return made


def emit_assign_masked(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> None:
    """Emit ``array[mask] = number``, lane by lane."""
    array = kinds[0]

    def compute(operands: list[ir.Value]) -> ir.Value:
        new = context.cast(builder, operands[2], kinds[2], array.dtype)
        return builder.select(operands[1], new, operands[0])

    emit_elementwise(context, builder, kinds, values, array, compute, into=values[0])


def emit_assign_part(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> None:
    """Emit ``array[part] = values``.

    The values are copied before they are written: numba compares addresses in order to copy only what overlaps, but
    the address of ``x`` must not be looked at, or nobody could prove that ``x`` is not written to.
    """
    target, index, source = kinds
    found = context.typing_context.resolve_function_type(operator.getitem, (target, index), {})
    part = found.return_type
    if not isinstance(part, types.Array) or source.ndim > part.ndim or isinstance(element_of(index), LanesBool):
        raise TypingError(f"Cannot assign {source} to a part of {target}")
    element = target.dtype
    copy = lanes_array(element, source.ndim)

    def cast(given: Any) -> Any:
        return lambda operands: context.cast(builder, operands[0], given, element)

    made = emit_elementwise(context, builder, [source], [values[2]], copy, cast(source.dtype))
    at = context.cast(builder, values[1], index, found.args[-1])
    view = context.get_function(operator.getitem, found)(builder, (values[0], at))
    emit_elementwise(context, builder, [copy], [made], part, cast(element), into=view)
    context.nrt.decref(builder, copy, made)
    context.nrt.decref(builder, part, view)
