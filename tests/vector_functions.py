"""Run the emitted code of one elementary function on arrays, compiled as numba compiles here."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core.compiler_lock import global_compiler_lock
from numba.core.cpu_options import FastMathOptions
from numba.core.fastmathpass import rewrite_module
from numba.core.registry import cpu_target

from jitgrad.loss.lanes.vectors import BYTE, REAL, SHORT_REAL, WORD

ELEMENTS = {np.dtype(np.float64): REAL, np.dtype(np.float32): SHORT_REAL}


class Compiled(NamedTuple):
    """A function on arrays, ``call(*x)``, whose size is a multiple of the lanes, and its assembly."""

    call: Callable[..., np.ndarray]
    assembly: str


def compiled(
    emit: Callable[..., ir.Value], lanes: int, arity: int = 1, dtype: Any = np.float64, fastmath: bool = False
) -> Compiled:
    """Compile a loop that applies `emit` to arrays."""
    dtype = np.dtype(dtype)
    library = cpu_target.target_context.codegen().create_library("harness")
    module = library.create_ir_module("harness")
    loop(module, emit, lanes, arity, ELEMENTS[dtype])
    if fastmath:
        rewrite_module(module, FastMathOptions(True))
    with global_compiler_lock:
        library.add_ir_module(module)
        library.finalize()
    entry = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (arity + 1), ctypes.c_int64)(
        library.get_pointer_to_function("loop")
    )

    def call(*x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        result = np.empty_like(x[0]) if out is None else out
        assert result.size % lanes == 0
        assert all(v.dtype == dtype and v.flags.c_contiguous and v.size == result.size for v in (*x, result))
        entry(*(v.ctypes.data for v in (*x, result)), result.size)
        return result

    call.library = library  # owns the machine code
    return Compiled(call, library.get_asm_str())


def loop(module: ir.Module, emit: Callable[..., ir.Value], lanes: int, arity: int, element: ir.Type) -> None:
    """Define ``loop(x..., result, size)``; the size is a multiple of the lanes and not 0."""
    kind, size_of = ir.VectorType(element, lanes), 8 if element == REAL else 4
    pointer = ir.PointerType(BYTE)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * (arity + 1) + [WORD]), "loop")
    *places, size = function.args
    entry, body, done = (function.append_basic_block(name) for name in ("entry", "body", "done"))
    builder = ir.IRBuilder(entry)
    builder.branch(body)
    builder.position_at_end(body)
    at = builder.phi(WORD)
    at.add_incoming(WORD(0), entry)
    offset = builder.mul(at, WORD(size_of))
    *x, result = (builder.bitcast(builder.gep(place, [offset]), ir.PointerType(kind)) for place in places)
    value = emit(builder, *(builder.load(v, align=size_of) for v in x))
    builder.store(value, result, align=size_of)
    following = builder.add(at, WORD(lanes))
    at.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, size), body, done)
    builder.position_at_end(done)
    builder.ret_void()


def symbols(assembly: str) -> set[str]:
    """Return the functions and data outside of itself that the loop refers to."""
    body = re.search(r"^loop:(.*?)^\.Lfunc_end", assembly, re.DOTALL | re.MULTILINE)
    assert body is not None
    # An address in a register before the call (x86), or the target of one (`callq f@PLT`, `bl f`).
    found = re.findall(r"\$([A-Za-z_][\w.]*)|\b(?:callq?|jmp|bl?)\s+([A-Za-z_][\w.]*)", body[1])
    return {address or target for address, target in found}
