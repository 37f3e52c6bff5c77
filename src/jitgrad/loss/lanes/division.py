"""``divmod``: quotient and remainder, each as the operator computes it."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin

from jitgrad.loss.lanes.common import common_lanes
from jitgrad.loss.lanes.number import Lanes


@infer_global(divmod)
class _Divmod(AbstractTemplate):  # type: ignore[misc]  # numba is untyped
    def generic(self, args: Any, kws: Any) -> Any:
        common = common_lanes(list(args)) if len(args) == 2 and not kws else None
        return None if common is None else signature(types.UniTuple(common, 2), common, common)


@lower_builtin(divmod, Lanes, Lanes)  # type: ignore[untyped-decorator]  # numba is untyped
def _lower_divmod(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
    each = signature(sig.args[0], *sig.args)
    results = [context.get_function(function, each)(builder, args) for function in (operator.floordiv, operator.mod)]
    return context.make_tuple(builder, sig.return_type, results)
