"""The word that says "lanes disagree", one for every thread.

A loss in lanes takes the branch that lane 0 takes. Where another lane would have taken the other one, the values of
the group are worthless, which the code in the cold branch notes here; the shim clears the word before an evaluation
and reads it after. The word is thread-local memory of the operating system, reached by symbols only, so that compiled
code can be kept on disk and used by any process. (An exception would carry the same message and end the evaluation
early, but numba does not release the arrays of functions that an exception leaves.)
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils

_KEY_SYMBOL = "jitgrad_lanes_key"
_SET_SYMBOL = "jitgrad_lanes_set"
_GET_SYMBOL = "jitgrad_lanes_get"

# The type of a key differs between systems.
_KEY_TYPE = {"win32": ctypes.c_uint32, "darwin": ctypes.c_ulong}.get(sys.platform, ctypes.c_uint)
_KEY = ir.IntType(8 * ctypes.sizeof(_KEY_TYPE))
_I64 = ir.IntType(64)

_key = _KEY_TYPE(0)  # compiled code reads it from here


def register() -> None:
    """Make the word known to compiled code; needed before code that mentions it is loaded."""
    if llvm.address_of_symbol(_KEY_SYMBOL):
        return
    system: Any
    if sys.platform == "win32":
        system = ctypes.windll.kernel32
        _key.value = system.TlsAlloc()
        put, get = system.TlsSetValue, system.TlsGetValue
    else:
        system = ctypes.CDLL(None)
        system.pthread_key_create(ctypes.byref(_key), None)
        put, get = system.pthread_setspecific, system.pthread_getspecific
    llvm.add_symbol(_SET_SYMBOL, ctypes.cast(put, ctypes.c_void_p).value)
    llvm.add_symbol(_GET_SYMBOL, ctypes.cast(get, ctypes.c_void_p).value)
    llvm.add_symbol(_KEY_SYMBOL, ctypes.addressof(_key))


def emit_clear(builder: ir.IRBuilder) -> None:
    """Emit: the lanes of this thread agree."""
    _emit_set(builder, 0)


def emit_mark(builder: ir.IRBuilder) -> None:
    """Emit: the lanes of this thread disagree."""
    _emit_set(builder, 1)


def emit_is_marked(builder: ir.IRBuilder) -> ir.Value:
    """Emit the question whether they disagree."""
    get = cgutils.get_or_insert_function(builder.module, ir.FunctionType(cgutils.voidptr_t, [_KEY]), _GET_SYMBOL)
    return builder.icmp_unsigned("!=", builder.ptrtoint(builder.call(get, [_emit_key(builder)]), _I64), _I64(0))


def _emit_set(builder: ir.IRBuilder, value: int) -> None:
    put = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.IntType(32), [_KEY, cgutils.voidptr_t]), _SET_SYMBOL
    )
    builder.call(put, [_emit_key(builder), builder.inttoptr(_I64(value), cgutils.voidptr_t)])


def _emit_key(builder: ir.IRBuilder) -> ir.Value:
    key = builder.module.globals.get(_KEY_SYMBOL)
    if key is None:
        key = ir.GlobalVariable(builder.module, _KEY, _KEY_SYMBOL)
        key.linkage = "external"
    return builder.load(key)
