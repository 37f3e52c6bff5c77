"""Helpers with a signature of their own, ``@njit("float64(float64, int64)")``: arguments are converted to its types."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target

from jitgrad.loss.lanes.arrays.calls import Call
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes, is_scalar


def converted(named: Any, given: Any) -> Any:
    """Return what an argument becomes for a parameter of type `named`; None if lanes cannot become that."""
    if not is_scalar(named):
        return given
    if isinstance(given, Lanes):
        wider = isinstance(named, types.Float) and given.element in (named, types.float32)
        return Lanes(given.count, named) if wider else None
    return named if is_scalar(given) else None


def with_signature(function: Any, clone: Any) -> Any:
    """Return the stand-in that converts as the signature of `function` says, and calls its clone for lanes.

    Parameters
    ----------
    function : numba dispatcher
        It has one signature.
    clone : numba dispatcher
    """
    (named,) = function.overloads.values()
    named = named.signature

    def choose(*kinds: Any) -> Version | None:
        if len(kinds) != len(named.args):
            return None
        wanted = [converted(*pair) for pair in zip(named.args, kinds, strict=True)]
        if None in wanted:
            return None
        found = cpu_target.typing_context.resolve_function_type(types.Dispatcher(clone), tuple(wanted), {}).return_type
        result = converted(named.return_type, found)
        if result is None:
            return None

        def emit(context: Any, builder: ir.IRBuilder, given: Any, values: Any) -> ir.Value:
            casts = [context.cast(builder, *triple) for triple in zip(values, given, wanted, strict=True)]
            value = Call(context, types.Dispatcher(clone), wanted)(builder, casts)
            return context.cast(builder, value, found, result)

        return Version(result, emit)

    made = stand_in(function, choose)
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    return made
