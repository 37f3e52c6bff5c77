"""Calls of functions on elements, from code that is written in LLVM."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.callconv import NumpyErrorModel
from numba.core.errors import TypingError


class Call:
    """A function for elements of certain types.

    Parameters
    ----------
    context
    function : callable or numba type
    kinds : list of numba types

    Attributes
    ----------
    result : numba type
        What it returns.

    Raises
    ------
    TypingError
        If there is no such function for these types.
    """

    def __init__(self, context: Any, function: Any, kinds: list[Any]) -> None:
        self._context, self._kinds = context, kinds
        known = function if isinstance(function, types.Type) else context.typing_context.resolve_value_type(function)
        self._signature = context.typing_context.resolve_function_type(known, tuple(kinds), {})
        if self._signature is None:
            raise TypingError(f"No implementation of {function} for elements {', '.join(map(str, kinds))}")
        self._function = known
        self.result = self._signature.return_type

    def __call__(self, builder: ir.IRBuilder, values: list[ir.Value]) -> ir.Value:
        """Emit the call."""
        casts = [
            self._context.cast(builder, value, kind, wanted)
            for value, kind, wanted in zip(values, self._kinds, self._signature.args, strict=True)
        ]
        call = self._context.get_function(self._function, self._signature)
        self._context.add_linking_libs(getattr(call, "libs", ()))
        return call(builder, casts)


def forgiving(context: Any) -> Any:
    """Return the target with NumPy's rule for division by zero, which numba follows in array expressions too."""
    context = context.subtarget()
    context.error_model = NumpyErrorModel(context.call_conv)
    return context
