"""What a loss allocates comes from an arena: a piece of global memory that belongs to one thread.

An allocation moves a mark and nothing is ever freed, so that counting references has no effect and is left out. A
piece begins with two words, the bytes used so far (these two words included) and its capacity; its address lies in
dynamic shared memory, one word for each thread of the block. What does not fit is still added to the bytes used, so
that the launcher learns how much is wanted, and gives NULL, of which numba makes a MemoryError.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import UnsupportedError
from numba.extending import intrinsic

from jitgrad.loss.device.target import NRTContext, cgutils, nvvmutils

HEADER = 16
ALIGNMENT = 16  # of everything that is allocated; the rows of the arenas must be as well aligned
SHARED = 3  # address space

_ALLOCATE = "jitgrad_allocate"
_PIECES = "jitgrad_arenas"
_I8 = ir.IntType(8)
_I64 = ir.IntType(64)


def uses_arena(ptx: str) -> bool:
    """Whether compiled code allocates."""
    return _ALLOCATE in ptx


@intrinsic(target="cuda")
def open_arena(typing_context, arenas, t):  # type: ignore[no-untyped-def]
    """Give row `t` of `arenas`, int64 in C order, to the thread; nothing in it is used yet."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        words = builder.extract_value(array.shape, 1)
        piece = builder.gep(array.data, [builder.mul(arguments[1], words)])
        builder.store(builder.ptrtoint(piece, _I64), _place_of_address(builder))
        builder.store(_I64(HEADER), piece)
        builder.store(builder.mul(words, _I64(8)), builder.gep(piece, [_I64(1)]))
        return context.get_dummy_value()

    return types.none(arenas, types.intp), emit


def _place_of_address(builder: ir.IRBuilder) -> ir.Value:
    """Emit the address in shared memory where the thread's piece is noted."""
    module = builder.module
    if _PIECES not in module.globals:
        # Of no size: it has as many words as the launch says.
        pieces = cgutils.add_global_variable(module, ir.ArrayType(_I64, 0), _PIECES, addrspace=SHARED)
        pieces.linkage = "external"
        pieces.align = 8
    place = None
    for axis in "zyx":
        index = nvvmutils.call_sreg(builder, f"tid.{axis}")
        extent = nvvmutils.call_sreg(builder, f"ntid.{axis}")
        place = index if place is None else builder.add(builder.mul(place, extent), index)
    return builder.gep(module.globals[_PIECES], [ir.IntType(32)(0), place], inbounds=True)


def _allocate_function(module: ir.Module) -> ir.Function:
    """Return the function ``void *allocate(bytes)``, emitted into the module if it is not there yet.

    It is not put into its callers: its name in the compiled code is what tells that memory is needed.
    """
    if _ALLOCATE in module.globals:
        return module.globals[_ALLOCATE]
    function = ir.Function(module, ir.FunctionType(_I8.as_pointer(), [_I64]), _ALLOCATE)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    function.return_value.add_attribute("noalias")
    builder = ir.IRBuilder(function.append_basic_block())
    address = builder.load(_place_of_address(builder))
    header = builder.inttoptr(address, _I64.as_pointer())
    used = builder.load(header)
    capacity = builder.load(builder.gep(header, [_I64(1)]))
    rounded = builder.and_(builder.add(function.args[0], _I64(ALIGNMENT - 1)), _I64(-ALIGNMENT))
    wanted = builder.add(used, rounded)
    builder.store(wanted, header)
    memory = builder.inttoptr(builder.add(address, used), _I8.as_pointer())
    fits = builder.icmp_unsigned("<=", wanted, capacity)
    builder.ret(builder.select(fits, memory, ir.Constant(memory.type, None)))
    return function


class ArenaMemory(NRTContext):  # type: ignore[misc]  # numba is untyped
    """How compiled code asks for memory: numba's run-time memory management, answered by arenas."""

    def _require_nrt(self) -> None:
        """It is always there."""

    def allocate_unchecked(self, builder: ir.IRBuilder, size: ir.Value) -> ir.Value:
        """Emit an allocation of `size` bytes, NULL if they do not fit."""
        return builder.call(_allocate_function(builder.module), [size])

    def meminfo_alloc_unchecked(self, builder: ir.IRBuilder, size: ir.Value) -> ir.Value:
        """The same: there are no counts to be kept beside the data."""
        return self.allocate_unchecked(builder, size)

    def meminfo_alloc_dtor_unchecked(self, builder: ir.IRBuilder, size: ir.Value, _: ir.Value) -> ir.Value:
        """The same: nothing is freed, and so nothing destroyed."""
        return self.allocate_unchecked(builder, size)

    def meminfo_alloc_aligned_unchecked(self, builder: ir.IRBuilder, size: ir.Value, _: Any) -> ir.Value:
        """The same: no number needs more than `ALIGNMENT`; numba asks for more to suit registers of a CPU."""
        return self.allocate_unchecked(builder, size)

    def meminfo_new_varsize_unchecked(self, builder: ir.IRBuilder, size: ir.Value) -> ir.Value:
        """What grows (lists, sets, dicts) needs one more indirection, and is refused."""
        raise UnsupportedError("lists, sets and dicts cannot be made on a GPU")

    def meminfo_new_varsize_dtor_unchecked(self, builder: ir.IRBuilder, size: ir.Value, dtor: ir.Value) -> ir.Value:
        """Likewise."""
        return self.meminfo_new_varsize_unchecked(builder, size)

    def meminfo_data(self, builder: ir.IRBuilder, meminfo: ir.Value) -> ir.Value:
        """The data are all there is."""
        return meminfo

    def free(self, builder: ir.IRBuilder, pointer: ir.Value) -> None:
        """Nothing is freed."""

    def incref(self, builder: ir.IRBuilder, kind: Any, value: ir.Value) -> None:
        """Nothing is counted."""

    def decref(self, builder: ir.IRBuilder, kind: Any, value: ir.Value) -> None:
        """Nothing is counted."""
