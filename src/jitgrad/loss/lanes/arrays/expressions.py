"""Array expressions: numba finds them and merges their operations; here each becomes one loop, written in LLVM.

numba's own loops do not know lanes that stand next to arrays, and compile a function for every expression, which takes
a twentieth of a second each time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm_ir
from numba.core import ir, types

from jitgrad.loss.lanes.arrays.calls import Call, forgiving
from jitgrad.loss.lanes.arrays.elementwise import element_of, emit_elementwise


def lower_expression(lowerer: Any, expression: Any) -> llvm_ir.Value:
    """Emit an array expression: the loop, and in it the tree of operations."""
    names = sorted({variable.name for variable in expression.list_vars()})
    kinds = [_without_option(lowerer.typeof(name)) for name in names]
    values = [
        lowerer.context.cast(lowerer.builder, lowerer.loadvar(name), lowerer.typeof(name), kind)
        for name, kind in zip(names, kinds, strict=True)
    ]
    tree = _Tree(forgiving(lowerer.context), lowerer.builder)

    def compute(operands: list[llvm_ir.Value]) -> llvm_ir.Value:
        leaves = {n: (element_of(kind), value) for n, kind, value in zip(names, kinds, operands, strict=True)}
        kind, value = tree.emit(expression.expr, leaves)
        return lowerer.context.cast(lowerer.builder, value, kind, expression.ty.dtype)

    return emit_elementwise(lowerer.context, lowerer.builder, kinds, values, expression.ty, compute)


def _without_option(kind: Any) -> Any:
    return kind.type if isinstance(kind, types.Optional) else kind


class _Tree:
    """Emits a tree of operations: ``(function, operands)``, or a variable or constant at its leaves."""

    def __init__(self, context: Any, builder: llvm_ir.IRBuilder) -> None:
        self._context, self._builder = context, builder

    def emit(self, node: Any, leaves: dict[str, tuple[Any, llvm_ir.Value]]) -> tuple[Any, llvm_ir.Value]:
        if isinstance(node, ir.Var):
            return leaves[node.name]
        if isinstance(node, ir.Const):
            kind = self._context.typing_context.resolve_value_type_prefer_literal(node.value)
            plain = types.unliteral(kind)
            return kind, self._context.get_constant_generic(self._builder, plain, node.value)
        function, operands = node
        given = [self.emit(operand, leaves) for operand in operands]
        return self._call(function, [kind for kind, _ in given], [value for _, value in given])

    def _call(self, function: Any, kinds: list[Any], values: list[llvm_ir.Value]) -> tuple[Any, llvm_ir.Value]:
        call = Call(self._context, function, kinds)
        return call.result, call(self._builder, values)
