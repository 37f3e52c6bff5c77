"""What callers may pass: every check of ``x``, ``bounds``, ``coords``, ``args_axes``, ``threads`` and ``out``.

Messages say what must hold, what was given and what to do next.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt

from jitgrad._types import Array, Bounds, FloatArray, IntArray, Vectorize

_DOUBLE, _SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def checked_points(x: Any) -> Array:
    """Return ``x`` as a contiguous array of shape (..., n) and type float64 or float32.

    It is the caller's own array if that will do: it is read, and never handed to a loss.

    Raises
    ------
    TypeError
        If ``x`` does not hold real numbers of a supported type.
    ValueError
        If it has no dimension.
    """
    # `is`, because comparing types takes longer than the rest, and copying takes longer than that.
    if type(x) is np.ndarray and (x.dtype is _DOUBLE or x.dtype is _SINGLE) and x.ndim and x.flags.carray:
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("x must be a plain array, got a masked array. Pass x.filled(value) or x.data.")
    try:
        array = np.asarray(x)
    except ValueError:
        raise TypeError(
            "x must be an array of real numbers, got a ragged nesting. Give all rows the same length."
        ) from None
    if array.ndim == 0:
        raise ValueError(
            f"x must have shape (n,) or (..., n), got {array[()]!r} without a dimension. Pass numpy.array([x])."
        )
    return array.astype(_float_type(array.dtype), order="C", copy=True)


def checked_device_points(x: Any) -> Any:
    """Return ``x``, an array on a GPU, if it is one of shape (..., n) and type float64 or float32 in C order.

    Raises
    ------
    TypeError, ValueError
        If it is not.
    """
    if x.dtype not in (_DOUBLE, _SINGLE):
        raise TypeError(f"x on a GPU must hold float64 or float32, got {x.dtype}. Convert it there.")
    if len(x.shape) == 0:
        raise ValueError("x must have shape (n,) or (..., n), got an array without a dimension.")
    if not x.is_c_contiguous():
        raise ValueError(f"x on a GPU must be in C order, got strides {x.strides}. Copy it there.")
    return x


def _float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind in "iu":
        return np.dtype(np.float64)
    for known in (_DOUBLE, _SINGLE):
        if dtype.kind == "f" and dtype.itemsize == known.itemsize:
            return known  # byte order aside
    advice = {
        "c": "Differentiate by the real and imaginary parts as two real coordinates.",
        "O": "Convert it with numpy.asarray(x, dtype=float).",
        "b": "Convert it with x.astype(float).",
    }.get(dtype.kind, "Convert it with x.astype(numpy.float64).")
    raise TypeError(f"x must hold float64, float32 or integers, got dtype {dtype}. {advice}")


def checked_args(args: Any) -> tuple[Any, ...]:
    """Return `args` if it is a tuple.

    Raises
    ------
    TypeError
        If it is not: a list or a single array would be taken apart.
    """
    if not isinstance(args, tuple):
        raise TypeError(f"args must be a tuple, got {type(args).__name__}. For one argument write args=(value,).")
    return args


def checked_bounds(bounds: Bounds, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds as two-dimensional arrays, each size 1 or that of the points.

    Infinite bounds become the largest finite numbers, so that no displacement overflows.

    Raises
    ------
    TypeError
        If `bounds` is not a pair.
    ValueError
        If a bound is NaN, does not broadcast to ``x``, or if lower > upper somewhere.
    """
    largest = float(np.finfo(dtype).max)
    if bounds is None:
        return np.full((1, 1), -largest), np.full((1, 1), largest)
    try:
        low, high = bounds
    except (TypeError, ValueError):
        raise TypeError(
            f"bounds must be a pair (lower, upper), got {bounds!r}. Give None for a side without a bound."
        ) from None
    lower = matrix("lower bound", -np.inf if low is None else low, shape)
    upper = matrix("upper bound", np.inf if high is None else high, shape)
    for name, bound in (("lower", lower), ("upper", upper)):
        if np.isnan(bound).any():
            where = int(np.argmax(np.isnan(bound)))
            raise ValueError(f"{name} bound must not be NaN, got NaN at coordinate {where}. Use None or infinity.")
    crossed = lower > upper
    if crossed.any():
        p, j = np.argwhere(crossed)[0]
        low, high = np.broadcast_to(lower, crossed.shape)[p, j], np.broadcast_to(upper, crossed.shape)[p, j]
        raise ValueError(
            f"lower bound must be at most the upper bound, got {low} > {high} at coordinate {j}. "
            "Are they in the order (lower, upper)?"
        )
    lower, upper = np.clip(lower, -largest, largest), np.clip(upper, -largest, largest)
    return _inward(lower, dtype, np.inf), _inward(upper, dtype, -np.inf)


def _inward(bound: FloatArray, dtype: np.dtype[Any], towards: float) -> FloatArray:
    """Round a bound to a number of type `dtype` that does not lie outside it."""
    rounded = bound.astype(dtype)
    outside = rounded < bound if towards > 0 else rounded > bound
    return np.where(outside, np.nextafter(rounded, dtype.type(towards)), rounded).astype(np.float64)


def matrix(name: str, value: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return `value`, which must broadcast to `shape` (..., n), as a (1 or m, 1 or n) array of float64."""
    array = np.array(value, dtype=np.float64)
    try:
        if np.broadcast_shapes(array.shape, shape) != shape:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{name} must broadcast to the shape of x, {shape}, got shape {array.shape}. "
            "Give one number, or one per coordinate."
        ) from None
    if array.ndim <= 1:
        return array.reshape(1, -1)
    return np.ascontiguousarray(np.broadcast_to(array, shape).reshape(-1, shape[-1]))


def checked_coords(coords: npt.ArrayLike | None, n: int) -> IntArray:
    """Return the coordinates to differentiate by, as indices from 0 to n - 1.

    Raises
    ------
    TypeError
        If they are not integers or booleans.
    ValueError
        If they are not one-dimensional or a mask has the wrong length.
    IndexError
        If one is out of range.
    """
    if coords is None:
        return np.arange(n)
    array = np.asarray(coords)
    if array.ndim != 1:
        raise ValueError(f"coords must be one-dimensional, got shape {array.shape}. Pass a list of indices.")
    if array.dtype == np.bool_:
        if array.size != n:
            raise ValueError(f"coords as a mask must have one entry per coordinate, {n}, got {array.size}.")
        return np.flatnonzero(array)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"coords must be integers or a mask, got dtype {array.dtype}. Pass indices into x.")
    index = array.astype(np.int64)
    bad = (index < -n) | (index >= n)
    if bad.any():
        raise IndexError(f"coords must lie between {-n} and {n - 1}, got {index[bad][0]}. x has {n} coordinates.")
    return np.where(index < 0, index + n, index)


def checked_axes(args_axes: Any, args: tuple[Any, ...], batch: tuple[int, ...]) -> tuple[int | None, ...]:
    """Return, for each argument, the axis where the dimensions of the batch begin, or None.

    Raises
    ------
    TypeError
        If an argument that shall vary is not an array.
    ValueError
        If there is not one entry per argument, or an argument does not have the batch's shape there.
    """
    if args_axes is None:
        return (None,) * len(args)
    axes = tuple(args_axes)
    if len(axes) != len(args):
        raise ValueError(
            f"args_axes must have one entry per argument, {len(args)}, got {len(axes)}. "
            "Write None for an argument that all points share."
        )
    for k, (axis, value) in enumerate(zip(axes, args, strict=True)):
        if axis is None:
            continue
        if not isinstance(value, np.ndarray):
            raise TypeError(
                f"args[{k}] must be an array to vary with the point, got {type(value).__name__}. "
                f"Write None at place {k} of args_axes, or pass a NumPy array."
            )
        if not 0 <= axis <= value.ndim - len(batch) or value.shape[axis : axis + len(batch)] != batch:
            raise ValueError(
                f"args[{k}] must have the shape of the batch, {batch}, from axis {axis} on, got shape "
                f"{value.shape}. Name the axis that runs along the points in args_axes."
            )
    return axes


def checked_threads(threads: int | None) -> int | None:
    """Return `threads`, a number from 1 up, or None for an automatic choice."""
    if threads is None:
        return None
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer):
        raise TypeError(f"threads must be an integer or None, got {threads!r}.")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}. Leave it out for an automatic choice.")
    return int(threads)


def checked_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def checked_devices(devices: Any) -> tuple[int, ...]:
    """Return `devices`, numbers of GPUs from 0 up, none twice; the first for None."""
    if devices is None:
        return (0,)
    indices = tuple(devices) if np.iterable(devices) else (devices,)
    if not indices or any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 0 for k in indices):
        raise ValueError(f"devices must be the numbers of GPUs, such as [0, 1], got {devices!r}.")
    if len(set(indices)) < len(indices):
        raise ValueError(f"devices must name each GPU once, got {devices!r}.")
    return tuple(int(k) for k in indices)


def checked_vectorize(vectorize: Any) -> Vectorize:
    """Return `vectorize`, one of its three words."""
    if vectorize not in ("auto", "off", "require"):
        raise ValueError(f"vectorize must be 'auto', 'off' or 'require', got {vectorize!r}.")
    return cast(Vectorize, vectorize)


def checked_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
    """Return `out` if a gradient of this shape and type can be written into it.

    Raises
    ------
    TypeError
        If it is not an array of the type of the gradient.
    ValueError
        If it has another shape or is read only.
    """
    if out is None:
        return None
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        got = f"dtype {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out must be an array of dtype {dtype}, like the gradient, got {got}.")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of the gradient, {shape}, got {out.shape}.")
    if not out.flags.writeable:
        raise ValueError("out must be writeable, got a read-only array.")
    return out
