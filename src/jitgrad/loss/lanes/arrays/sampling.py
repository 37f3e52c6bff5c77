"""``np.interp`` and ``np.convolve``: compiled from Python, a tenth of a second each, because they are seldom used."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import signature
from numba.np.arraymath import binary_search_with_guess

from jitgrad.loss.lanes.arrays.allocation import emit_empty, lanes_array
from jitgrad.loss.lanes.arrays.elementwise import Strided
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.common import common_lanes
from jitgrad.loss.lanes.number import Lanes

_I64 = ir.IntType(64)


def _fill_interpolated(result: Any, x: Any, xp: Any, fp: Any) -> None:
    # numba's own search: the same place for any order of xp. Lanes that find different places are noted.
    last = len(xp) - 1
    j = 0
    for i in range(len(x)):
        at = x[i]
        if last > 0 and np.isnan(at):
            result[i] = at
            continue
        j = binary_search_with_guess(at, xp, len(xp), j)
        if j == -1:
            result[i] = fp[0]
        elif j >= last:
            result[i] = fp[last]
        elif xp[j] == at:
            result[i] = fp[j]
        else:
            slope = (fp[j + 1] - fp[j]) / (xp[j + 1] - xp[j])
            result[i] = slope * (at - xp[j]) + fp[j]
            if np.isnan(result[i]):  # from the other end
                result[i] = slope * (at - xp[j + 1]) + fp[j + 1]
                if np.isnan(result[i]) and fp[j] == fp[j + 1]:
                    result[i] = fp[j]


def _fill_convolved(result: Any, a: Any, v: Any) -> None:
    for k in range(len(result)):
        result[k] = 0.0
        for i in range(max(0, k - len(v) + 1), min(k + 1, len(a))):
            result[k] = result[k] + a[i] * v[k - i]


def _lines(*kinds: Any) -> Lanes | None:
    """Return the lanes in which arrays of one dimension and double precision are combined."""
    if not all(isinstance(kind, types.Array) and kind.ndim == 1 for kind in kinds):
        return None
    lanes = common_lanes([kind.dtype for kind in kinds])
    doubles = all(getattr(kind.dtype, "element", kind.dtype) == types.float64 for kind in kinds)
    return lanes if doubles and isinstance(lanes, Lanes) else None


def _choose_interp(x: Any, xp: Any, fp: Any) -> Version | None:
    lanes = _lines(x, xp, fp)
    return None if lanes is None else _filled(lanes, _fill_interpolated, _size_of_first, _must_match)


def _choose_convolve(a: Any, v: Any) -> Version | None:
    lanes = _lines(a, v)
    return None if lanes is None else _filled(lanes, _fill_convolved, _size_of_overlaps, _must_not_be_empty)


def _size_of_first(builder: ir.IRBuilder, sizes: list[ir.Value]) -> ir.Value:
    return sizes[0]


def _size_of_overlaps(builder: ir.IRBuilder, sizes: list[ir.Value]) -> ir.Value:
    return builder.sub(builder.add(*sizes), _I64(1))


def _must_match(builder: ir.IRBuilder, sizes: list[ir.Value]) -> tuple[ir.Value, str]:
    _, places, values = sizes
    wrong = builder.or_(builder.icmp_signed("==", places, _I64(0)), builder.icmp_signed("!=", places, values))
    return wrong, "fp and xp are empty or not of the same size"


def _must_not_be_empty(builder: ir.IRBuilder, sizes: list[ir.Value]) -> tuple[ir.Value, str]:
    empty = [builder.icmp_signed("==", size, _I64(0)) for size in sizes]
    return builder.or_(*empty), "arrays cannot be empty"


def _filled(lanes: Lanes, fill: Any, size: Any, check: Any) -> Version:
    result = lanes_array(lanes, 1)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        sizes = [Strided(context, builder, kind, value).sizes[0] for kind, value in zip(kinds, values, strict=True)]
        wrong, message = check(builder, sizes)
        with builder.if_then(wrong, likely=False):
            context.call_conv.return_user_exc(builder, ValueError, (message,))
        made = emit_empty(context, builder, result, [size(builder, sizes)])
        context.compile_internal(builder, fill, signature(types.none, result, *kinds), [made, *values])
        return made

    return Version(result, emit)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    return {np.interp: stand_in(np.interp, _choose_interp), np.convolve: stand_in(np.convolve, _choose_convolve)}
