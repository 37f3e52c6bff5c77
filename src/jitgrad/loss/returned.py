"""What a loss that is called from Python may return: one real number, or one for each of many points."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np

from jitgrad._types import Array
from jitgrad.loss.accept import loss_name

_REAL = "fiub"  # kinds of NumPy's types that are real numbers


def real_number(loss: Any, value: Any) -> float:
    """Return what a loss gave as a float: a number, or an array or tensor of one number, as SciPy takes it.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(value, np.ndarray | np.generic):
        if value.size == 1 and value.dtype.kind in _REAL and not isinstance(value, np.ma.MaskedArray):
            return float(value.item())
    elif not isinstance(value, str | bytes | bytearray):
        try:
            return float(value)  # of an integer, a fraction or a tensor, for instance
        except Exception:  # noqa: BLE001  # whatever a foreign object raises, it is no number
            pass
    raise TypeError(
        f"loss {loss_name(loss)!r} must return one real number, got {_described(value)}. Reduce its result to a scalar "
        "before the return, or return NaN where there is none."
    )


def real_numbers(loss: Any, value: Any, count: int) -> Array:
    """Return what a vectorized loss gave for `count` points as an array.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If its shape is not ``(count,)``.
    """
    array = value if isinstance(value, np.ma.MaskedArray) else _array(value)
    if array is None or array.dtype.kind not in _REAL or isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"loss {loss_name(loss)!r} with vectorized=True must return real numbers, got {_described(value)}. Return "
            "one for each row of x."
        )
    if array.shape != (count,):
        raise ValueError(
            f"loss {loss_name(loss)!r} with vectorized=True must return values of shape ({count},) for points of "
            f"{count} rows, got shape {array.shape}. Return one for each row of x, or leave out vectorized."
        )
    return array


def _array(value: Any) -> Array | None:
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        return None


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, np.ma.MaskedArray):
        return "a masked array"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, int):
        return "an integer above the largest float"  # which may be too long to print
    if isinstance(value, complex):
        return f"the complex number {value}"
    return f"{reprlib.repr(value)} of type {type(value).__name__}"
