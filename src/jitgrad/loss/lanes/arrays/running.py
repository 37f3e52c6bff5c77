"""Running sums, products and differences, in the order of numba's loops."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from jitgrad.loss.lanes.arrays.allocation import emit_empty, lanes_array
from jitgrad.loss.lanes.arrays.loops import counted, flat, is_flat
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes, vector_type
from jitgrad.loss.lanes.vectors import constant

_I64 = ir.IntType(64)


def _is_ours(array: Any) -> bool:
    return is_flat(array) and isinstance(array.dtype, Lanes) and array.layout != "F"


def _accumulated(original: Any, instruction: str, start: float) -> Any:
    def choose(array: Any) -> Version | None:
        if not _is_ours(array):
            return None
        result = lanes_array(array.dtype, 1)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            elements = flat(context, builder, array, values[0])
            made = emit_empty(context, builder, result, [elements.count])
            target = flat(context, builder, result, made)
            neutral = constant(vector_type(array.dtype), start)
            total = cgutils.alloca_once_value(builder, neutral)
            builder.store(neutral, total)
            with counted(builder, _I64(0), elements.count) as i:
                value = getattr(builder, instruction)(builder.load(total), elements.at(i))
                builder.store(value, total)
                target.put(i, value)
            return made

        return Version(result, emit)

    return stand_in(original, choose)


MOST_DIFFERENCES = 4
"""``np.diff(x, n)`` is written out up to this n; beyond it the work grows with its square."""


def _choose_diff(a: Any, n: Any = 1) -> Version | None:
    order = n.value if isinstance(n, types.Omitted) else getattr(n, "literal_value", n)
    if not _is_ours(a) or a.ndim != 1 or not isinstance(order, int) or not 1 <= order <= MOST_DIFFERENCES:
        return None
    result = lanes_array(a.dtype, 1)

    def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
        elements = flat(context, builder, a, values[0])
        fewer = builder.sub(elements.count, _I64(order))
        count = builder.select(builder.icmp_signed("<", fewer, _I64(0)), _I64(0), fewer)
        made = emit_empty(context, builder, result, [count])
        target = flat(context, builder, result, made)
        with counted(builder, _I64(0), count) as i:
            terms = [elements.at(builder.add(i, _I64(k))) for k in range(order + 1)]
            while len(terms) > 1:
                terms = [builder.fsub(after, before) for before, after in pairwise(terms)]
            target.put(i, terms[0])
        return made

    return Version(result, emit)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    return {
        np.cumsum: _accumulated(np.cumsum, "fadd", 0.0),
        np.cumprod: _accumulated(np.cumprod, "fmul", 1.0),
        np.diff: stand_in(np.diff, _choose_diff),
    }


METHODS = {"cumsum": np.cumsum, "cumprod": np.cumprod}
"""Methods of arrays, and the functions that do the same."""
