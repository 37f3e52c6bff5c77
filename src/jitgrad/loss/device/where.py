"""``np.where`` of a one-dimensional condition: numba-cuda has one that needs lists, which it has not."""

from __future__ import annotations

import numba
import numpy as np
from numba.core import types
from numba.np.numpy_support import as_dtype

# How element j of an operand is read, and whether the operand has n of them: of arrays, and of numbers.
_OF_ARRAYS = numba.njit(lambda values, j: values[j]), numba.njit(lambda values, n: len(values) == n)
_OF_NUMBERS = numba.njit(lambda value, _: value), numba.njit(lambda *_: True)


def where(condition, x, y):  # type: ignore[no-untyped-def]
    """Implement it for numbers and arrays as long as the condition; nothing is broadcast."""
    if not (isinstance(condition, types.Array) and condition.ndim == 1):
        return None
    if not all(isinstance(kind, types.Number) or getattr(kind, "ndim", 0) == 1 for kind in (x, y)):
        return None
    dtype = np.promote_types(
        *(as_dtype(getattr(types.unliteral(kind), "dtype", types.unliteral(kind))) for kind in (x, y))
    )
    of_x, fits_x = _OF_ARRAYS if isinstance(x, types.Array) else _OF_NUMBERS
    of_y, fits_y = _OF_ARRAYS if isinstance(y, types.Array) else _OF_NUMBERS

    def choices(condition, x, y):  # type: ignore[no-untyped-def]
        n = len(condition)
        if not (fits_x(x, n) and fits_y(y, n)):
            raise ValueError("shapes do not match")
        chosen = np.empty(n, dtype)
        for j in range(n):
            chosen[j] = of_x(x, j) if condition[j] else of_y(y, j)
        return chosen

    return choices
