"""``np.copy`` and ``array.copy()``: into the copy of floats lanes may be written."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from jitgrad.loss.lanes.arrays.allocation import lanes_array, lanes_like
from jitgrad.loss.lanes.arrays.elementwise import emit_elementwise
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in


def _copy(count: int) -> Any:
    def choose(array: Any) -> Version | None:
        element = lanes_like(array, count)
        if element is None or not isinstance(array, types.Array):
            return None
        kind = lanes_array(element, array.ndim)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            def compute(operands: list[ir.Value]) -> ir.Value:
                return context.cast(builder, operands[0], array.dtype, element)

            return emit_elementwise(context, builder, kinds, values, kind, compute)

        return Version(kind, emit)

    return stand_in(np.copy, choose)


def functions(count: int) -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy that copy."""
    return {np.copy: _copy(count)}


METHODS = {"copy": np.copy}
"""Methods of arrays, and the functions that do the same."""
