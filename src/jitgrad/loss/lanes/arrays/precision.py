"""Numbers converted to a precision: ``np.float64(v)`` and ``np.float32(v)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes


def _converter(original: Any, element: Any) -> Any:
    def choose(value: Any) -> Version | None:
        if not isinstance(value, Lanes):
            return None
        wanted = Lanes(value.count, element)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            return context.cast(builder, values[0], value, wanted)

        return Version(wanted, emit)

    return stand_in(original, choose)


def converters() -> dict[Any, Any]:
    """Return what to call in place of a type of NumPy; where it is only named, as for ``dtype``, it stays."""
    return {np.float64: _converter(np.float64, types.float64), np.float32: _converter(np.float32, types.float32)}
