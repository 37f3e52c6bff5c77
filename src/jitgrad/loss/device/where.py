"""``np.where`` of a one-dimensional condition: numba-cuda has one that needs lists, which it has not."""

from __future__ import annotations

import numpy as np
from numba.core import types
from numba.np.numpy_support import as_dtype


def where(condition, x, y):  # type: ignore[no-untyped-def]
    """Implement it for numbers and arrays as long as the condition; nothing is broadcast."""
    if not (isinstance(condition, types.Array) and condition.ndim == 1):
        return None
    arrays = [isinstance(kind, types.Array) for kind in (x, y)]
    if not all(isinstance(kind, types.Number) or getattr(kind, "ndim", 0) == 1 for kind in (x, y)):
        return None
    dtype = np.promote_types(
        *(as_dtype(getattr(types.unliteral(kind), "dtype", types.unliteral(kind))) for kind in (x, y))
    )

    def arrays_of_choices(condition, x, y):  # type: ignore[no-untyped-def]
        if not len(x) == len(y) == len(condition):
            raise ValueError("shapes do not match")
        chosen = np.empty(len(condition), dtype)
        for j in range(len(condition)):
            chosen[j] = x[j] if condition[j] else y[j]
        return chosen

    def array_and_number(condition, x, y):  # type: ignore[no-untyped-def]
        if len(x) != len(condition):
            raise ValueError("shapes do not match")
        chosen = np.full(len(condition), y, dtype)
        for j in range(len(condition)):
            if condition[j]:
                chosen[j] = x[j]
        return chosen

    def number_and_array(condition, x, y):  # type: ignore[no-untyped-def]
        if len(y) != len(condition):
            raise ValueError("shapes do not match")
        chosen = np.full(len(condition), x, dtype)
        for j in range(len(condition)):
            if not condition[j]:
                chosen[j] = y[j]
        return chosen

    def numbers(condition, x, y):  # type: ignore[no-untyped-def]
        chosen = np.full(len(condition), x, dtype)
        for j in range(len(condition)):
            if not condition[j]:
                chosen[j] = y
        return chosen

    if arrays[0]:
        return arrays_of_choices if arrays[1] else array_and_number
    return number_and_array if arrays[1] else numbers
