"""Numba learns the operations of the table: one typing rule for all, and each row's code.

Importing this module is what makes lanes compile.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from jitgrad.loss.lanes import conversions, division, power  # noqa: F401  # they register what they hold
from jitgrad.loss.lanes.common import common_lanes
from jitgrad.loss.lanes.library import Emit
from jitgrad.loss.lanes.number import Lanes, LanesBool
from jitgrad.loss.lanes.operations import OPERATIONS, Operation


def _element(kind: Any) -> Any:
    return kind.dtype if isinstance(kind, types.Array) else kind


class _Elementwise(AbstractTemplate):  # type: ignore[misc]  # numba is untyped
    """Types of an operation on lanes, and on arrays if one of them holds lanes.

    For arrays there is no code here: numba merges operations to expressions, and `arrays.expressions` has the loop.
    """

    operation: Operation

    def generic(self, args: Any, kws: Any) -> Any:
        fits = len(args) in self.operation.arities and not kws
        common = common_lanes([_element(arg) for arg in args]) if fits else None
        if common is None:
            return None
        result = LanesBool(common.count) if self.operation.truth else common
        arrays = [arg for arg in args if isinstance(arg, types.Array)]
        if arrays and all(isinstance(_element(arg), LanesBool | types.Boolean) for arg in args):
            return None  # NumPy adds and multiplies truth values of arrays to truth values
        if not arrays:
            return signature(result, *[common] * len(args))
        return signature(types.Array(result, max(array.ndim for array in arrays), "C"), *args)


class _Logical(AbstractTemplate):  # type: ignore[misc]
    """Types of ``&``, ``|``, ``^`` and ``~`` on truth values of lanes, and on arrays of them."""

    def generic(self, args: Any, kws: Any) -> Any:
        kinds = [_element(arg) for arg in args]
        truths = [kind for kind in kinds if isinstance(kind, LanesBool)]
        if not truths or not all(isinstance(kind, LanesBool | types.Boolean) for kind in kinds):
            return None
        arrays = [arg for arg in args if isinstance(arg, types.Array)]
        if not arrays:
            return signature(truths[0], *[truths[0]] * len(args))
        return signature(types.Array(truths[0], max(array.ndim for array in arrays), "C"), *args)


def _lowering(emit: Emit) -> Any:
    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        return emit(context, builder, *args)

    return lower


def _register(operation: Operation) -> None:
    template = type("LanesOperation", (_Elementwise,), {"operation": operation})
    for function in operation.functions:
        infer_global(function)(template)
        for arity in operation.arities:
            lower_builtin(function, *[Lanes] * arity)(_lowering(operation.emit))


def _register_logical() -> None:
    both = {
        (operator.and_, operator.iand, np.logical_and, np.bitwise_and): "and_",
        (operator.or_, operator.ior, np.logical_or, np.bitwise_or): "or_",
        (operator.xor, operator.ixor, np.logical_xor, np.bitwise_xor): "xor",
    }
    for functions, name in both.items():
        for function in functions:
            infer_global(function)(_Logical)
            lower_builtin(function, LanesBool, LanesBool)(
                _lowering(lambda context, builder, a, b, name=name: getattr(builder, name)(a, b))
            )
    for negation in (operator.not_, operator.invert, np.logical_not, np.invert):
        infer_global(negation)(_Logical)
        lower_builtin(negation, LanesBool)(_lowering(lambda context, builder, value: builder.not_(value)))


for _operation in OPERATIONS:
    _register(_operation)
_register_logical()
