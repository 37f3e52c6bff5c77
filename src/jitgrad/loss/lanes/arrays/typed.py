"""The pass over typed code: array expressions, masks and assignments to parts are compiled here, not by numba."""

from __future__ import annotations

from typing import Any

from llvmlite import ir as llvm_ir
from numba.core import ir, types
from numba.core.compiler_machinery import FunctionPass, register_pass

from jitgrad.loss.lanes.arrays.expressions import lower_expression
from jitgrad.loss.lanes.arrays.in_place import is_changeable
from jitgrad.loss.lanes.arrays.selection import (
    emit_assign_masked,
    emit_assign_part,
    emit_masked,
    is_mask,
)
from jitgrad.loss.lanes.number import is_lanes_array
from jitgrad.loss.lanes.operations import OPERATIONS

_NAMES = {function for row in OPERATIONS for function in row.functions}


@register_pass(mutates_CFG=False, analysis_only=False)
class TakeOverArrays(FunctionPass):  # type: ignore[misc]  # numba is untyped
    """Give statements about arrays of lanes names of their own, under which the code here is found."""

    _name = "jitgrad_take_over_arrays_of_lanes"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Numba's hook."""
        state.targetctx.special_ops.update(_LOWERED)
        for block in state.func_ir.blocks.values():
            block.body[:] = [self._taken_over(statement, block.scope, state.typemap) for statement in block.body]
        return True

    def _taken_over(self, statement: Any, scope: Any, typemap: Any) -> Any:
        if isinstance(statement, ir.Assign) and isinstance(statement.value, ir.Expr):
            self._expression(statement.value, typemap, typemap[statement.target.name])
        elif isinstance(statement, ir.SetItem | ir.StaticSetItem):
            index = statement.index_var if isinstance(statement, ir.StaticSetItem) else statement.index
            target, position, value = (typemap[v.name] for v in (statement.target, index, statement.value))
            if is_changeable(target) and (is_mask(position) or isinstance(value, types.Array)):
                name = "jitgrad_assign_masked" if is_mask(position) else "jitgrad_assign_part"
                nothing = scope.redefine("$lanes_nothing", statement.loc)
                typemap[nothing.name] = types.none
                operands = [statement.target, index, statement.value]
                value = ir.Expr(op=name, loc=statement.loc, operands=operands, ty=types.none)
                return ir.Assign(value, nothing, statement.loc)
        return statement

    def _expression(self, value: Any, typemap: Any, result: Any) -> None:
        if value.op == "arrayexpr" and is_lanes_array(result):
            value.op = "jitgrad_expression"
        elif value.op == "call" and is_lanes_array(result):
            function = typemap[value.func.name]
            if isinstance(function, types.Function) and _is_elementwise(function.typing_key) and not value.kws:
                value.op, value._kws = (
                    "jitgrad_expression",
                    {"expr": (function.typing_key, list(value.args)), "ty": result},
                )
        elif value.op == "getitem" and is_mask(typemap[value.index.name]):
            value.op, value._kws = "jitgrad_masked", {"operands": [value.value, value.index], "ty": result}


def _is_elementwise(function: Any) -> bool:
    try:
        return function in _NAMES
    except TypeError:  # not hashable
        return False


def _operands(lowerer: Any, expression: Any) -> tuple[list[Any], list[llvm_ir.Value]]:
    names = [variable.name for variable in expression.operands]
    return [lowerer.typeof(name) for name in names], [lowerer.loadvar(name) for name in names]


def _lower_masked(lowerer: Any, expression: Any) -> llvm_ir.Value:
    return emit_masked(lowerer.context, lowerer.builder, *_operands(lowerer, expression), expression.ty)


def _lower_assignment(emit: Any) -> Any:
    def lower(lowerer: Any, expression: Any) -> llvm_ir.Value:
        emit(lowerer.context, lowerer.builder, *_operands(lowerer, expression))
        return lowerer.context.get_dummy_value()

    return lower


_LOWERED = {
    "jitgrad_expression": lower_expression,
    "jitgrad_masked": _lower_masked,
    "jitgrad_assign_masked": _lower_assignment(emit_assign_masked),
    "jitgrad_assign_part": _lower_assignment(emit_assign_part),
}
