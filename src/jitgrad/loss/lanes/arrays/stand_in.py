"""Functions that take the place of functions of NumPy in a loss that is compiled for lanes.

Each knows for which types of arguments it has code of its own; for all others it is the function it stands for. The
code is written in LLVM: through numba's front end the simplest loop takes a tenth of a second to compile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.core.utils import pysignature
from numba.extending import lower_builtin


class Version(NamedTuple):
    """The code of a function for some types of arguments.

    Attributes
    ----------
    result : numba type
        What it returns.
    emit : callable
        ``emit(context, builder, kinds, values)`` writes it; `kinds` are the types of the arguments.
    """

    result: Any
    emit: Callable[[Any, ir.IRBuilder, Any, Any], ir.Value]


NOT_FOR_LANES = Version(None, lambda *_: None)
"""Chosen for arguments that neither this package nor numba has code for, of which numba would learn after a while."""

Choose = Callable[..., Version | None]
"""``choose(*kinds)`` returns the version for arguments of these types, or None; its parameters have NumPy's names."""


def stand_in(original: Any, choose: Choose) -> Any:
    """Return a function that numba compiles to what `choose` gives, and to `original` otherwise."""
    parameters = pysignature(choose)
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters.parameters.values())

    def function(*args: Any) -> Any:
        """Stand for a function of NumPy; called from compiled code only."""

    function.__name__ = original.__name__  # messages about it name what the user wrote

    class StandIn(AbstractTemplate):  # type: ignore[misc]  # numba is untyped
        key = function
        prefer_literal = True

        def generic(self, args: Any, kws: Any) -> Any:
            try:
                bound = parameters.bind(*args, **kws)
            except TypeError:  # arguments that only the original knows
                version = None
            else:
                bound.apply_defaults()
                version = choose(*bound.args)
            if version is NOT_FOR_LANES:
                return None
            if version is not None:
                kinds = [kind if isinstance(kind, types.Type) else types.Omitted(kind) for kind in bound.args]
                chosen = signature(version.result, *kinds)
                return chosen if variadic else chosen.replace(pysig=parameters)
            return self.context.resolve_function_type(self.context.resolve_value_type(original), args, kws)

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        version = choose(*sig.args) if variadic or len(sig.args) == len(parameters.parameters) else None
        if version is not None and version.result == sig.return_type:
            return version.emit(context, builder, sig.args, args)
        typing = context.typing_context
        scalar = context.get_function(typing.resolve_value_type(original), sig)
        context.add_linking_libs(getattr(scalar, "libs", ()))
        return scalar(builder, args)

    infer_global(function, types.Function(StandIn))
    lower_builtin(function, types.VarArg(types.Any))(lower)
    return function
