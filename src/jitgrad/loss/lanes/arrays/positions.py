"""``np.argmax`` and ``np.argmin``: numba's own compare one element after the other, and take 0.5 s to compile."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.loops import counted, flat, is_flat
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.flag import emit_mark
from jitgrad.loss.lanes.number import Lanes, vector_type
from jitgrad.loss.lanes.vectors import INDEX, any_lane, constant, like, splat

_I64 = ir.IntType(64)


def _position(original: Any, predicate: str) -> Any:
    """Return the stand-in that finds the first of the extreme elements in every lane, which must be the same one."""

    def choose(a: Any) -> Version | None:
        if not is_flat(a) or a.layout == "F" or not isinstance(a.dtype, Lanes):
            return None
        ty = vector_type(a.dtype)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            elements = flat(context, builder, a, values[0])
            with builder.if_then(builder.icmp_signed("==", elements.count, _I64(0)), likely=False):
                message = f"attempt to get {original.__name__} of an empty sequence"
                context.call_conv.return_user_exc(builder, ValueError, (message,))
            zero = constant(like(ty, _I64), 0)
            extreme, place = (cgutils.alloca_once(builder, kind) for kind in (ty, zero.type))
            builder.store(elements.at(_I64(0)), extreme)
            builder.store(zero, place)
            odd = cgutils.alloca_once(builder, like(ty, ir.IntType(1)))
            builder.store(constant(like(ty, ir.IntType(1)), 0), odd)
            with counted(builder, _I64(0), elements.count) as i:
                value, best = elements.at(i), builder.load(extreme)
                beyond = builder.fcmp_ordered(predicate, value, best)
                builder.store(builder.select(beyond, value, best), extreme)
                builder.store(builder.select(beyond, splat(builder, i, ty.count), builder.load(place)), place)
                builder.store(builder.or_(builder.load(odd), builder.fcmp_unordered("uno", value, value)), odd)
            places = builder.load(place)
            first = builder.extract_element(places, INDEX(0))
            # Where NaN is among the elements the scalar code says which of them it takes.
            differ = builder.icmp_signed("!=", places, splat(builder, first, ty.count))
            with builder.if_then(any_lane(builder, builder.or_(differ, builder.load(odd))), likely=False):
                emit_mark(builder)
            return first

        return Version(types.intp, emit)

    return stand_in(original, choose)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    return {np.argmax: _position(np.argmax, ">"), np.argmin: _position(np.argmin, "<")}


METHODS = {"argmax": np.argmax, "argmin": np.argmin}
"""Methods of arrays, and the functions that do the same."""
