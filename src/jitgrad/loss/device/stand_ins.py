"""Functions of numba-cuda's compiler that emit what a GPU does not have, and what is emitted in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from llvmlite import ir
from numba.core import types

from jitgrad.loss.device.target import arraymath, arrayobj, builtin_functions, cgutils


def _reshape(
    context: Any, builder: ir.IRBuilder, kind: Any, array: Any, n_new: int, new_shape: ir.Value, new_strides: ir.Value
) -> ir.Value:
    """Emit the strides of a new shape; gives 0, which raises, unless the elements follow each other in memory.

    numba-cuda calls a function in C that is linked when a kernel is loaded, and serves more layouts.
    """
    size = array.itemsize
    packed = cgutils.true_bit
    expected = size
    for axis in reversed(range(kind.ndim)):
        extent = builder.extract_value(array.shape, axis)
        stride = builder.extract_value(array.strides, axis)
        alone = builder.icmp_signed("<=", extent, extent.type(1))
        packed = builder.and_(packed, builder.or_(alone, builder.icmp_signed("==", stride, expected)))
        expected = builder.mul(expected, extent)
    stride = size
    for axis in reversed(range(n_new)):
        builder.store(stride, cgutils.gep_inbounds(builder, new_strides, 0, axis))
        stride = builder.mul(stride, builder.load(cgutils.gep_inbounds(builder, new_shape, 0, axis)))
    return builder.zext(packed, context.get_value_type(types.intc))


def _round_to_even(kind: Any) -> str:
    """Return the name of a function that rounds; NVVM has no ``llvm.rint``."""
    return "__nv_rintf" if kind == types.float32 else "__nv_rint"


_STAND_INS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (arrayobj, "_attempt_nocopy_reshape", _reshape),
    (builtin_functions, "_round_intrinsic", _round_to_even),
    (arraymath, "_np_round_intrinsic", _round_to_even),
)


@contextmanager
def stand_ins() -> Iterator[None]:
    """Put them in for the time of a compilation."""
    with ExitStack() as stack:
        for module, name, function in _STAND_INS:
            stack.enter_context(mock.patch.object(module, name, function))
        yield
