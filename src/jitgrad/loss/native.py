"""Arguments in numba's own form: the general path of ``args``, for all that `jitgrad.loss.pack` cannot say.

Strings, typed lists and dicts, jitclass instances and the like are unboxed by numba itself. Two functions per
type are compiled: one stores the unboxed tuple at an address and takes a reference to what it holds, the
other gives the references back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from jitgrad.loss.pack import WORD


@cache
def native_form(argument_types: Any) -> tuple[int, Callable[[int, Any], None], Callable[[int], None]]:
    """Return the size in bytes of a tuple type, and its functions ``store(address, args)``, ``release(address)``."""

    @intrinsic  # type: ignore[untyped-decorator]
    def put(typing_context: Any, address: Any, value: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            context.nrt.incref(builder, argument_types, arguments[1])
            builder.store(arguments[1], _pointer(context, builder, arguments[0]), align=WORD)
            return context.get_dummy_value()

        return types.void(types.int64, argument_types), emit

    @intrinsic  # type: ignore[untyped-decorator]
    def drop(typing_context: Any, address: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = builder.load(_pointer(context, builder, arguments[0]), align=WORD)
            context.nrt.decref(builder, argument_types, value)
            return context.get_dummy_value()

        return types.void(types.int64), emit

    def _pointer(context: Any, builder: Any, address: ir.Value) -> ir.Value:
        return builder.inttoptr(address, context.get_value_type(argument_types).as_pointer())

    @njit  # type: ignore[untyped-decorator]
    def store(address: int, args: Any) -> None:
        put(address, args)

    @njit  # type: ignore[untyped-decorator]
    def release(address: int) -> None:
        drop(address)

    context = cpu_target.target_context
    size = context.get_abi_sizeof(context.get_value_type(argument_types))
    return size, store, release
