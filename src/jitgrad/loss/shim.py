"""The shim: a plain C entry ``int shim(x, n, results, block, record)`` to losses of one signature.

Drivers are compiled once and know nothing of losses; they call a shim by its address. The shim builds the
array ``x`` over the driver's scratch, reads the arguments from the block, calls the loss whose address stands
at the head of the block, stores its values and returns a status. The address of the driver's record of what
evaluations share (`jitgrad.loss.sharing`), or 0, goes to a loss in lanes together with ``x``.

It is written in LLVM directly: the same in Python through numba's front end, with the loss linked in, cost 150 to
300 ms because LLVM optimised the loss a second time; this costs a few milliseconds and one more jump per evaluation.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.callconv import RETCODE_EXC
from numba.core.registry import cpu_target

from jitgrad.loss.lanes.flag import emit_clear, emit_is_marked
from jitgrad.loss.lanes.number import Lanes
from jitgrad.loss.pack import HEAD, WORD, borrow_array, unpack

OK = 0
DISAGREED = 1  # lanes took different branches: their values are worthless
RAISED = 2  # the loss raised an exception

_I32 = ir.IntType(32)
_I64 = ir.IntType(64)


class Call(NamedTuple):
    """What a shim needs to know of a loss.

    Attributes
    ----------
    given : tuple of numba types
        Types of ``x`` and of the arguments in the block.
    accepted : tuple of numba types
        Types the compiled loss takes; they differ from `given` for losses with explicit signatures.
    returned : numba type
        Type the compiled loss returns.
    packed : bool
        Whether the block holds words (`jitgrad.loss.pack`) or one native tuple (`jitgrad.loss.native`).
    """

    given: tuple[Any, ...]
    accepted: tuple[Any, ...]
    returned: Any
    packed: bool

    @property
    def lanes(self) -> int:
        """How many points it evaluates at once."""
        element = self.given[0].dtype
        return int(element.count) if isinstance(element, Lanes) else 1

    @property
    def name(self) -> str:
        """A symbol name that is the same in every process."""
        # Of functions among the arguments the shim needs nothing; their addresses differ between processes.
        text = re.sub(" at 0x[0-9a-f]+", "", repr((self.given, self.accepted, self.returned, self.packed)))
        return f"jitgrad_shim_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class _Shim(NamedTuple):
    address: int
    object_code: Any
    library: Any  # owns the memory of the machine code


_shims: dict[str, _Shim] = {}


def shim_address(call: Call, object_code: Any = None) -> int:
    """Return the address of the shim for losses called like this.

    Parameters
    ----------
    call : Call
    object_code : optional
        What `shim_object_code` gave in another process; spares the compiler.
    """
    name = call.name
    if name not in _shims:
        if object_code is None:
            library = _compile(call)
            object_code = library.serialize_using_object_code()
        else:
            library = cpu_target.target_context.codegen().unserialize_library(object_code)
        _shims[name] = _Shim(int(library.get_pointer_to_function(name)), object_code, library)
    return _shims[name].address


def shim_object_code(call: Call) -> Any:
    """Return the machine code of a shim that is in use, to be kept on disk."""
    return _shims[call.name].object_code


def _compile(call: Call) -> Any:
    context = cpu_target.target_context.subtarget(enable_nrt=True)
    library = context.codegen().create_library(call.name)
    library.enable_object_caching()
    module = library.create_ir_module(call.name)
    function = ir.Function(module, ir.FunctionType(_I32, [_I64] * 5), call.name)
    with context.push_code_library(library):
        _emit(context, ir.IRBuilder(function.append_basic_block()), call)
    library.add_ir_module(module)
    library.finalize()
    return library


def _emit(context: Any, builder: ir.IRBuilder, call: Call) -> None:
    x_address, n, result_address, block, record = builder.function.args
    x = _emit_x(context, builder, call, x_address, n, record)
    arguments = [x, *_emit_arguments(context, builder, call, block)]
    accepted = [
        context.cast(builder, value, given, taken)
        for value, given, taken in zip(arguments, call.given, call.accepted, strict=True)
    ]
    if call.lanes == 1:
        loss, wanted = _load(builder, block, _I64), types.float64
    else:
        loss, wanted = _load(builder, builder.add(block, _I64(WORD)), _I64), Lanes(call.lanes)
        emit_clear(builder)
    failed, value = _emit_call(context, builder, call, loss, accepted)
    value = context.cast(builder, value, call.returned, wanted)
    builder.store(value, builder.inttoptr(result_address, value.type.as_pointer()), align=WORD)
    status = builder.select(failed, _I32(RAISED), _I32(OK))
    if call.lanes > 1:
        status = builder.or_(status, builder.select(emit_is_marked(builder), _I32(DISAGREED), _I32(OK)))
    builder.ret(status)


def _emit_x(
    context: Any, builder: ir.IRBuilder, call: Call, address: ir.Value, n: ir.Value, record: ir.Value
) -> ir.Value:
    ty = call.given[0]
    itemsize = context.get_abi_sizeof(context.get_data_type(ty.dtype))
    # In compiled code nothing looks at the parent of an array, and views inherit it.
    parent = builder.inttoptr(record, cgutils.voidptr_t) if call.lanes > 1 else None
    return borrow_array(context, builder, ty, address, [n], [_I64(itemsize)], parent)


def _emit_arguments(context: Any, builder: ir.IRBuilder, call: Call, block: ir.Value) -> list[ir.Value]:
    position = builder.add(block, _I64(HEAD * WORD))
    if not call.packed:
        whole = types.BaseTuple.from_types(call.given[1:])
        native = _load(builder, position, context.get_value_type(whole))
        return [builder.extract_value(native, i) for i in range(len(call.given) - 1)]

    def next_word() -> ir.Value:
        nonlocal position
        word = _load(builder, position, _I64)
        position = builder.add(position, _I64(WORD))
        return word

    return [unpack(context, builder, ty, next_word) for ty in call.given[1:]]


def _emit_call(
    context: Any, builder: ir.IRBuilder, call: Call, address: ir.Value, arguments: list[ir.Value]
) -> tuple[ir.Value, ir.Value]:
    """Call a function of numba's calling convention by its address; return (failed, value)."""
    convention = context.call_conv
    function_type = convention.get_function_type(call.returned, call.accepted)
    slot_type, exception_type = (pointer.pointee for pointer in function_type.args[:2])
    slot = cgutils.alloca_once_value(builder, cgutils.get_null_value(slot_type))
    exception = cgutils.alloca_once_value(builder, cgutils.get_null_value(exception_type))
    flat = context.get_arg_packer(call.accepted).as_arguments(builder, arguments)
    loss = builder.inttoptr(address, function_type.as_pointer())
    code = builder.call(loss, [slot, exception, *flat])
    failed = builder.icmp_signed("!=", code, ir.Constant(code.type, 0))
    with builder.if_then(failed, likely=False):
        _emit_release(context, builder, builder.load(exception))
        _emit_clear(context, builder, code)
    value = context.get_returned_value(builder, call.returned, builder.load(slot))
    return failed, value


def _emit_release(context: Any, builder: ir.IRBuilder, exception: ir.Value) -> None:
    """Free an exception whose message was made at run time; nobody is going to raise it."""
    with builder.if_then(cgutils.is_not_null(builder, exception)):
        fields = builder.load(exception)
        allocated = builder.extract_value(fields, 4)
        with builder.if_then(builder.icmp_signed(">", allocated, ir.Constant(allocated.type, 0))):
            context.nrt.free(builder, builder.extract_value(fields, 2))
            context.nrt.free(builder, builder.bitcast(exception, cgutils.voidptr_t))


def _emit_clear(context: Any, builder: ir.IRBuilder, code: ir.Value) -> None:
    """Clear an exception that Python code inside the loss (objmode) left in the interpreter."""
    with builder.if_then(builder.icmp_signed("==", code, RETCODE_EXC)):
        python = context.get_python_api(builder)
        gil = python.gil_ensure()
        python.err_clear()
        python.gil_release(gil)


def _load(builder: ir.IRBuilder, address: ir.Value, ty: ir.Type) -> ir.Value:
    return builder.load(builder.inttoptr(address, ty.as_pointer()), align=WORD)
