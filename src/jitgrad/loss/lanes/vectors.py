"""Small helpers on LLVM vectors: constants, intrinsics, fused multiply-add, and the cold path lane by lane.

They use generic LLVM only, no instruction of one processor, so that the same code serves AVX-512, AVX2, SSE2 and NEON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from llvmlite import ir
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

BIT, BYTE, INDEX, WORD = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
REAL, SHORT_REAL = ir.DoubleType(), ir.FloatType()

PLAIN = ("afn",)
"""Flag of instructions that must be computed as written, even in a loss with fastmath.

numba's fastmath pass leaves instructions alone that have flags already. This one speaks of calls of functions like
``sin`` only, so that it changes nothing on + - * / and comparisons.
"""


def like(vector: ir.Type, element: ir.Type) -> ir.VectorType:
    """Return the type of as many lanes of another element."""
    return ir.VectorType(element, vector.count)


def constant(kind: ir.Type, number: float) -> ir.Constant:
    """Return the number as a constant of a type, in every lane where that is a vector type."""
    if isinstance(kind, ir.VectorType):
        return ir.Constant(kind, [constant(kind.element, number)] * kind.count)
    return ir.Constant(kind, number)


def constant_in(vector: ir.Value) -> float | None:
    """Return the number that every lane of a constant vector holds; None if it is no constant."""
    lanes = getattr(vector, "constant", None)
    if not isinstance(lanes, list) or any(lane.constant != lanes[0].constant for lane in lanes):
        return None
    return float(lanes[0].constant)


def splat(builder: ir.IRBuilder, scalar: ir.Value, count: int) -> ir.Value:
    """Copy a scalar into every lane; the result of a constant is one."""
    if isinstance(scalar, ir.Constant) and isinstance(scalar.constant, int | float):
        return constant(ir.VectorType(scalar.type, count), scalar.constant)
    kind = ir.VectorType(scalar.type, count)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(INDEX, 0))
    return builder.shuffle_vector(first, first, constant(ir.VectorType(INDEX, count), 0))


def intrinsic(builder: ir.IRBuilder, name: str, *arguments: ir.Value, result: ir.Type | None = None) -> ir.Value:
    """Call an LLVM intrinsic that is overloaded on the type of its first argument, which is also that of its result."""
    kind = arguments[0].type
    function = _declared(builder.module, f"{name}.{_suffix(kind)}", result or kind, [a.type for a in arguments])
    return builder.call(function, arguments)


def multiply_add(builder: ir.IRBuilder, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
    """Return ``x * y + z``, rounded once where the processor can.

    Where it cannot, ``llvm.fma`` would become a call of a slow function per lane; then it is rounded twice, and
    formulas must be accurate both ways.
    """
    if has_fused_multiply_add():
        return intrinsic(builder, "llvm.fma", x, y, z)
    return builder.fadd(builder.fmul(x, y, flags=PLAIN), z, flags=PLAIN)


@cache
def has_fused_multiply_add() -> bool:
    """Tell whether code that numba makes here has an instruction for ``x * y + z``."""
    # The names of features differ from processor to processor, and a processor's name implies some: LLVM knows.
    assembly = assembly_of(lambda builder, x: intrinsic(builder, "llvm.fma", x, x, x), ir.VectorType(REAL, 2))
    return re.search(r"\bfma\b", assembly) is None


def assembly_of(emit: Callable[[ir.IRBuilder, ir.Value], ir.Value], kind: ir.VectorType) -> str:
    """Return the assembly of a function of one vector in memory, as numba compiles here."""
    library = cpu_target.target_context.codegen().create_library("jitgrad.lanes.probe")
    module = library.create_ir_module("jitgrad.lanes.probe")
    pointer = kind.as_pointer()
    probe = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer]), "jitgrad.lanes.probe")
    builder = ir.IRBuilder(probe.append_basic_block())
    x, result = probe.args
    builder.store(emit(builder, builder.load(x)), result)
    builder.ret_void()
    with global_compiler_lock:
        library.add_ir_module(module)
        library.finalize()
    return str(library.get_asm_str())


def any_lane(builder: ir.IRBuilder, mask: ir.Value) -> ir.Value:
    """Tell whether a mask holds in any lane."""
    return intrinsic(builder, "llvm.vector.reduce.or", mask, result=BIT)


def scalar_calls(builder: ir.IRBuilder, symbol: str, mask: ir.Value, otherwise: ir.Value, *x: ir.Value) -> ir.Value:
    """Call a scalar C function in the lanes of a mask, if there are any; `otherwise` has the result of the others.

    Parameters
    ----------
    builder : ir.IRBuilder
    symbol : str
        Name of the C function, of as many arguments as there are `x`, all of the element's type.
    mask : ir.Value
        Lanes to call it in, ``<L x i1>``.
    otherwise, *x : ir.Value
        Vectors.

    Returns
    -------
    ir.Value
        Vector.
    """
    # Out of line, and one loop instead of L calls: what hardly ever runs must not take room from what does.
    function = _calls_of(builder.module, symbol, otherwise.type, len(x))
    return _if_any(builder, mask, otherwise, function, [mask, otherwise, *x])


def rare_formula(
    builder: ir.IRBuilder, name: str, formula: Callable[..., ir.Value], mask: ir.Value, otherwise: ir.Value, x: ir.Value
) -> ir.Value:
    """Replace all lanes by those of a formula of any argument, if a mask holds in one of them.

    Parameters
    ----------
    builder : ir.IRBuilder
    name : str
        Of the formula, unlike that of all others.
    formula : callable
        ``formula(builder, x)`` writes it.
    mask : ir.Value
        Lanes that need it, ``<L x i1>``.
    otherwise, x : ir.Value
        Vectors.

    Returns
    -------
    ir.Value
        Vector.
    """
    function = _declared(builder.module, f"jitgrad.lanes.{name}.{_suffix(x.type)}", x.type, [x.type])
    if function.is_declaration:
        _make_cold(function)
        inner = ir.IRBuilder(function.append_basic_block())
        inner.ret(formula(inner, function.args[0]))
    return _if_any(builder, mask, otherwise, function, [x])


def _if_any(
    builder: ir.IRBuilder, mask: ir.Value, otherwise: ir.Value, function: ir.Function, arguments: list[ir.Value]
) -> ir.Value:
    """Call a function if a mask holds in any lane, and return its result, or else `otherwise`."""
    before = builder.block
    with builder.if_then(any_lane(builder, mask), likely=False):
        slow = builder.call(function, arguments)
        rare = builder.block
    result = builder.phi(otherwise.type)
    result.add_incoming(otherwise, before)
    result.add_incoming(slow, rare)
    return result


def _make_cold(function: ir.Function) -> None:
    function.linkage = "linkonce_odr"
    for attribute in ("cold", "minsize", "noinline", "nounwind", "optsize"):
        function.attributes.add(attribute)


def _calls_of(module: ir.Module, symbol: str, kind: ir.VectorType, arity: int) -> ir.Function:
    """Return the function that loops over the lanes, the same in every module that has it."""
    name = f"jitgrad.lanes.{symbol}.{_suffix(kind)}"
    function = _declared(module, name, kind, [like(kind, BIT), kind, *[kind] * arity])
    if not function.is_declaration:
        return function
    _make_cold(function)
    mask, otherwise, *x = function.args
    entry, test, call, after, done = (function.append_basic_block(n) for n in ("entry", "test", "call", "next", "done"))
    builder = ir.IRBuilder(entry)
    builder.branch(test)
    builder.position_at_end(test)
    lane, values = builder.phi(INDEX), builder.phi(kind)
    builder.cbranch(builder.extract_element(mask, lane), call, after)
    builder.position_at_end(call)
    scalar = _declared(module, symbol, kind.element, [kind.element] * arity)
    value = builder.call(scalar, [builder.extract_element(v, lane) for v in x])
    called = builder.insert_element(values, value, lane)
    builder.branch(after)
    builder.position_at_end(after)
    passed = builder.phi(kind)
    passed.add_incoming(values, test)
    passed.add_incoming(called, call)
    following = builder.add(lane, ir.Constant(INDEX, 1))
    builder.cbranch(builder.icmp_unsigned("<", following, ir.Constant(INDEX, kind.count)), test, done)
    lane.add_incoming(ir.Constant(INDEX, 0), entry)
    lane.add_incoming(following, after)
    values.add_incoming(otherwise, entry)
    values.add_incoming(passed, after)
    builder.position_at_end(done)
    builder.ret(passed)
    return function


def _declared(module: ir.Module, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
    known = module.globals.get(name)
    return known or ir.Function(module, ir.FunctionType(result, arguments), name)


def _suffix(kind: ir.Type) -> str:
    """Return how LLVM spells a type in the name of an intrinsic: ``v8f64``."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    return f"i{kind.width}" if isinstance(kind, ir.IntType) else {REAL: "f64", SHORT_REAL: "f32"}[kind]
