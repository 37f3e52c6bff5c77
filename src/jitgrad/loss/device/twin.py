"""The perturbed view as a Python object: for the simulator, which hands it to losses compiled for the CPU."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import cgutils, types
from numba.extending import NativeValue, typeof_impl, unbox

from jitgrad._types import Array
from jitgrad.loss.device.view import View, emit_view, view_type


def plain(value: Any) -> Any:
    """Take arrays out of what the simulator wraps them in, in tuples too."""
    if isinstance(value, tuple):
        parts = map(plain, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    for wrapping in ("_item", "_ary"):
        value = getattr(value, wrapping, value)
    return value


class PerturbedArray:
    """A view of `x` in which element `i` reads `v`; compiled code takes it as a `View`.

    Parameters
    ----------
    x : ndarray of shape (n,)
    i : int
        -1 if no element is replaced.
    v : float
    """

    __slots__ = ("base", "i", "v")

    def __init__(self, x: Array, i: int, v: float) -> None:
        self.base = plain(x)
        self.i = int(i)
        self.v = self.base.dtype.type(v)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return a copy of `x` with element `i` replaced."""
        array = np.array(self.base, dtype)
        if self.i >= 0:
            array[self.i] = self.v
        return array


@typeof_impl.register(PerturbedArray)  # type: ignore[untyped-decorator]  # numba is untyped
def _typeof(value: PerturbedArray, _: Any) -> View:
    return view_type(numba.typeof(value.base))


@unbox(View)  # type: ignore[untyped-decorator]
def _unbox(view: View, value: Any, c: Any) -> NativeValue:
    """Borrow the memory of the array; the Python object keeps it alive while it is looked at."""
    kinds = (types.Array(view.dtype, 1, "C" if view.contiguous else "A"), types.intp, view.dtype)
    objects = [c.pyapi.object_getattr_string(value, name) for name in PerturbedArray.__slots__]
    base, i, v = (c.unbox(kind, each) for kind, each in zip(kinds, objects, strict=True))
    array = c.context.make_array(kinds[0])(c.context, c.builder, base.value)
    native = emit_view(c.context, c.builder, view, array, i.value, v.value)
    failed = c.builder.or_(base.is_error, c.builder.or_(i.is_error, v.is_error))
    with cgutils.if_likely(c.builder, c.builder.not_(base.is_error)):
        c.context.nrt.decref(c.builder, kinds[0], base.value)
    for each in objects:
        c.pyapi.decref(each)
    return NativeValue(native, is_error=failed)
