"""What drivers do with addresses and memory: call a shim, find an array, borrow one, copy bytes, free memory."""

from __future__ import annotations

import ctypes
from typing import Any

from llvmlite import ir
from numba import config
from numba.core import cgutils, types
from numba.extending import intrinsic

from jitgrad._types import Array
from jitgrad.loss.trial import ENTRY

_I64 = ir.IntType(64)

if config.DISABLE_JIT:

    def call_shim(shim: int, x: int, n: int, result: int, block: int, record: int) -> int:
        """Call the C entry at address `shim`."""
        return int(ENTRY(int(shim))(x, int(n), result, int(block), int(record)))

    def address_of(array: Array) -> int:
        """Return the address of the first element."""
        return array.ctypes.data

    def borrow(array: Array) -> Array:
        """Return an array as it is."""
        return array

    def copy_bytes(target: int, source: int, size: int) -> None:
        """Copy `size` bytes."""
        ctypes.memmove(int(target), int(source), int(size))

    def free_memory(address: int) -> None:
        """Free memory that compiled code asked for; without it there is none."""

else:

    @intrinsic  # type: ignore[untyped-decorator]
    def call_shim(typing_context: Any, shim: Any, x: Any, n: Any, result: Any, block: Any, record: Any) -> Any:
        """Call the C entry at address `shim`."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            entry = ir.FunctionType(ir.IntType(32), [_I64] * 5).as_pointer()
            return builder.call(builder.inttoptr(args[0], entry), args[1:])

        return types.int32(*[types.int64] * 6), emit

    @intrinsic  # type: ignore[untyped-decorator]
    def address_of(typing_context: Any, array: Any) -> Any:
        """Return the address of the first element."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            return builder.ptrtoint(data, _I64)

        return types.int64(array), emit

    @intrinsic  # type: ignore[untyped-decorator]
    def borrow(typing_context: Any, array: Any) -> Any:
        """Return the same array, and views of it, without counting references; the caller's own must outlive it.

        Counting is atomic and takes 5 ns, at every call and for every field of a named tuple that is read: it took
        a third of a small gradient. numba lets go of an array where its name is last used, so borrow arguments, or
        keep the array in a named tuple together with what was borrowed from it.
        """

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            view = context.make_array(array)(context, builder, args[0])
            view.meminfo = cgutils.get_null_value(view.meminfo.type)
            view.parent = cgutils.get_null_value(view.parent.type)
            return view._getvalue()

        return array(array), emit

    @intrinsic  # type: ignore[untyped-decorator]
    def copy_bytes(typing_context: Any, target: Any, source: Any, size: Any) -> Any:
        """Copy `size` bytes."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            target, source = (builder.inttoptr(a, cgutils.voidptr_t) for a in args[:2])
            cgutils.raw_memcpy(builder, target, source, args[2], 1)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 3), emit

    @intrinsic  # type: ignore[untyped-decorator]
    def free_memory(typing_context: Any, address: Any) -> Any:
        """Free memory that compiled code asked for."""

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            context.nrt.free(builder, builder.inttoptr(args[0], cgutils.voidptr_t))
            return context.get_dummy_value()

        return types.void(types.int64), emit
