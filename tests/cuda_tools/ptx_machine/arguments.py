"""Arguments of a kernel as numba-cuda passes them: arrays and tuples taken apart into numbers.

The same as `_prepare_args` in `numba_cuda/numba/cuda/dispatcher.py`: of an array the addresses of its meminfo and its
parent (both 0), the number of elements, the size of one, the address of the first, the shape, and the strides in bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np


class Address(int):
    """Address of the first element of an array, which it keeps alive."""

    array: np.ndarray[Any, Any]

    def __new__(cls, array: np.ndarray[Any, Any]) -> Address:
        made = super().__new__(cls, array.ctypes.data)
        made.array = array
        return made


def flatten(value: Any) -> list[Any]:
    """Numbers of one argument, by its value. Arrays are not copied: a kernel writes into them."""
    if isinstance(value, np.ndarray):
        return [0, 0, value.size, value.itemsize, Address(value), *value.shape, *value.strides]
    if isinstance(value, tuple):
        return [number for one in value for number in flatten(one)]
    if isinstance(value, enum.Enum):
        return flatten(value.value)
    if isinstance(value, complex | np.complexfloating):
        return [value.real, value.imag]
    if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
        return [value]
    if value is None:  # as jitgrad passes it (`PassNone`)
        return [0]
    raise TypeError(f"a kernel takes arrays, numbers and tuples of these, got {type(value).__name__}")


def flatten_typed(signature: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Numbers of all arguments, refused where they do not suit numba's types of them."""
    from numba.core import types

    def one(kind: Any, value: Any, where: str) -> list[Any]:
        if isinstance(kind, types.BaseTuple):
            if not isinstance(value, tuple) or len(value) != len(kind):
                raise TypeError(f"{where} must be a tuple of {len(kind)}, got {value!r}")
            pairs = zip(kind, value, strict=True)
            return [number for i, (k, v) in enumerate(pairs) for number in one(k, v, f"{where}[{i}]")]
        if isinstance(kind, types.Array):
            from numba import typeof

            if not isinstance(value, np.ndarray) or not suits(typeof(value), kind):
                given = typeof(value) if isinstance(value, np.ndarray) else type(value).__name__
                raise TypeError(f"{where} must be {kind}, got {given}")
        elif isinstance(value, np.ndarray | tuple):
            raise TypeError(f"{where} must be {kind}, got {type(value).__name__}")
        elif isinstance(kind, types.Complex):
            return flatten(complex(value))
        return flatten(value)

    if len(signature) != len(values):
        raise TypeError(f"the kernel takes {len(signature)} arguments, got {len(values)}")
    pairs = enumerate(zip(signature, values, strict=True))
    return [number for i, (kind, value) in pairs for number in one(kind, value, f"argument {i}")]


def suits(given: Any, wanted: Any) -> bool:
    """Whether an array of one type may be passed where the other is compiled for."""
    same = given.dtype == wanted.dtype and given.ndim == wanted.ndim
    return same and wanted.layout in ("A", given.layout) and (given.mutable or not wanted.mutable)
