"""Array expressions: numba finds them and merges their operations; here each becomes one loop, written in LLVM.

numba's own loops do not know lanes that stand next to arrays, and compile a function for every expression, which takes
a twentieth of a second each time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm_ir
from numba.core import ir, types
from numba.core.callconv import NumpyErrorModel
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.registry import cpu_target

from jitgrad.loss.lanes.arrays.elementwise import element_of, emit_elementwise
from jitgrad.loss.lanes.number import is_lanes_array

_OPERATION = "jitgrad_lanes_expression"


@register_pass(mutates_CFG=False, analysis_only=False)
class LowerExpressions(FunctionPass):  # type: ignore[misc]  # numba is untyped
    """Mark the array expressions that give lanes, so that they are compiled by `_lower`."""

    _name = "jitgrad_lower_expressions_of_lanes"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Numba's hook."""
        # The table of such operations belongs to the target, and numba fills it in the same way.
        cpu_target.target_context.special_ops.setdefault(_OPERATION, _lower)
        state.targetctx.special_ops.setdefault(_OPERATION, _lower)
        for block in state.func_ir.blocks.values():
            for statement in block.find_insts(ir.Assign):
                value = statement.value
                if isinstance(value, ir.Expr) and value.op == "arrayexpr" and is_lanes_array(value.ty):
                    value.op = _OPERATION
        return True


def forgiving(context: Any) -> Any:
    """Return the target with NumPy's rule for division by zero, which numba follows in array expressions too."""
    context = context.subtarget()
    context.error_model = NumpyErrorModel(context.call_conv)
    return context


def _lower(lowerer: Any, expression: Any) -> llvm_ir.Value:
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
        known = self._context.typing_context.resolve_value_type(function)
        signature = self._context.typing_context.resolve_function_type(known, tuple(kinds), {})
        if signature is None:
            raise NotImplementedError(f"{function} of {', '.join(map(str, kinds))} in an array expression")
        casts = [
            self._context.cast(self._builder, value, kind, wanted)
            for value, kind, wanted in zip(values, kinds, signature.args, strict=True)
        ]
        call = self._context.get_function(known, signature)
        self._context.add_linking_libs(getattr(call, "libs", ()))
        return signature.return_type, call(self._builder, casts)
