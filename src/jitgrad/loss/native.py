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

from jitgrad._types import IntArray
from jitgrad.loss.pack import HEAD, WORD


@cache
def native_form(argument_types: Any) -> tuple[int, Callable[[IntArray, Any], None], Callable[[IntArray], None]]:
    """Return how a tuple of arguments is stored behind the first word of a block.

    Parameters
    ----------
    argument_types : numba tuple type

    Returns
    -------
    size : int
        Bytes that the tuple takes.
    store : callable
        ``store(block, args)`` puts it there and takes a reference to everything in it.
    release : callable
        ``release(block)`` gives the references back.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def put(typing_context: Any, address: Any, value: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            context.nrt.incref(builder, argument_types, arguments[1])
            builder.store(arguments[1], _pointer(context, builder, arguments[0]), align=WORD)
            return context.get_dummy_value()

        return types.void(types.int64, argument_types), emit

    @intrinsic  # type: ignore[untyped-decorator]
    def take(typing_context: Any, address: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.load(_pointer(context, builder, arguments[0]), align=WORD)

        return argument_types(types.int64), emit

    def _pointer(context: Any, builder: Any, address: ir.Value) -> ir.Value:
        return builder.inttoptr(address, context.get_value_type(argument_types).as_pointer())

    @njit  # type: ignore[untyped-decorator]
    def store(block: IntArray, args: Any) -> None:
        put(block.ctypes.data + HEAD * WORD, args)

    @njit  # type: ignore[untyped-decorator]
    def release(block: IntArray) -> None:
        # A local variable, whose references numba gives back at the end of its life. A plain decref would
        # be removed by numba 0.61, which drops all counting from functions that seem to hold nothing.
        take(block.ctypes.data + HEAD * WORD)

    context = cpu_target.target_context
    size = context.get_abi_sizeof(context.get_value_type(argument_types))
    return size, store, release
