"""What a callable may return: one real number or several outputs, for one point or for each of many."""

from __future__ import annotations

import reprlib
from typing import Any, TypeGuard

import numpy as np

from jitgrad._types import Array, FloatArray
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
    if not _real(array):
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


def real_outputs(function: Any, value: Any, *, number: bool = False) -> FloatArray:
    """Return what a function of several outputs gave for one point as an array.

    Parameters
    ----------
    function : callable
        For the message.
    value : object
    number : bool, default False
        Whether one number is welcome too.

    Returns
    -------
    ndarray of float64, shape (p,); () for a number

    Raises
    ------
    TypeError
        If it is something else.
    """
    array = value if isinstance(value, np.ma.MaskedArray) else _array(value)
    if _real(array) and (array.ndim == 1 or (number and array.ndim == 0)):
        return array.astype(np.float64, copy=False)
    wanted = "one real number or " if number else ""
    raise TypeError(
        f"function {loss_name(function)!r} must return {wanted}a one-dimensional array or sequence of real numbers, "
        f"got {_described(value)}. Return array.ravel() of a matrix, and numpy.array([value]) of a number."
    )


def rows_of_outputs(function: Any, value: Any, count: int, *, number: bool = False) -> FloatArray:
    """Return what a vectorized function of several outputs gave for `count` points as an array.

    Parameters
    ----------
    function, value, number
        As in `real_outputs`.
    count : int

    Returns
    -------
    ndarray of float64, shape (count, p); (count,) for numbers

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it does not have one row per point.
    """
    array = value if isinstance(value, np.ma.MaskedArray) else _array(value)
    if not _real(array):
        raise TypeError(
            f"function {loss_name(function)!r} with vectorized=True must return real numbers, got {_described(value)}. "
            "Return one row of outputs for each row of its points."
        )
    if array.shape[:1] != (count,) or not (array.ndim == 2 or (number and array.ndim == 1)):
        shapes = f"({count}, p) or ({count},)" if number else f"({count}, p)"
        raise ValueError(
            f"function {loss_name(function)!r} with vectorized=True must return outputs of shape {shapes} for points "
            f"of {count} rows, got shape {array.shape}. Return one row for each row of its points, or leave out "
            "vectorized."
        )
    return array.astype(np.float64, copy=False)


def refuse_other_outputs(function: Any, known: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise unless a function gives what it gave before.

    Parameters
    ----------
    function : callable
        For the message.
    known, shape : tuple of int
        Of the outputs of one point: (p,), or () for a number.

    Raises
    ------
    ValueError
    """
    if shape != known:
        raise ValueError(
            f"function {loss_name(function)!r} must return outputs of the same shape everywhere, but they are of shape "
            f"{known} and, elsewhere, {shape}. Return an array of fixed length."
        )


def _real(array: Array | None) -> TypeGuard[Array]:
    return array is not None and array.dtype.kind in _REAL and not isinstance(array, np.ma.MaskedArray)


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
