"""Functions that the user compiled with ``@vectorize``."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target

from jitgrad.loss.lanes.arrays.allocation import lanes_array
from jitgrad.loss.lanes.arrays.calls import Call, forgiving
from jitgrad.loss.lanes.arrays.elementwise import element_of, emit_elementwise
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes, is_scalar


def of_elements(ufunc: Any, clone: Any) -> Any:
    """Return the stand-in that calls a function for every element.

    Parameters
    ----------
    ufunc : numba DUFunc
    clone : numba dispatcher
        Its function of single numbers, compiled for lanes.
    """
    # Numbers are converted to the types that the user named, if any: only double precision is followed here.
    doubles = bool(ufunc.types) and all(set(kinds) <= set("d->") for kinds in ufunc.types)

    def inner(kind: Any) -> Any:
        element = element_of(kind)
        return types.float64 if doubles and is_scalar(element) else element

    def choose(*kinds: Any) -> Version | None:
        elements = [inner(kind) for kind in kinds]
        lanes = [element for element in elements if isinstance(element, Lanes)]
        if not lanes or len(kinds) != ufunc.nin or (ufunc.types and not doubles):
            return None
        if doubles and any(element.element != types.float64 for element in lanes):
            return None
        found = cpu_target.typing_context.resolve_function_type(types.Dispatcher(clone), tuple(elements), {})
        arrays = [kind.ndim for kind in kinds if isinstance(kind, types.Array)]
        if not isinstance(found.return_type, Lanes):
            return None
        result = lanes_array(found.return_type, max(arrays)) if arrays else found.return_type

        def emit(context: Any, builder: ir.IRBuilder, given: Any, values: Any) -> ir.Value:
            call = Call(forgiving(context), types.Dispatcher(clone), elements)

            def compute(operands: list[ir.Value]) -> ir.Value:
                wanted = zip(operands, map(element_of, given), elements, strict=True)
                return call(builder, [context.cast(builder, value, kind, to) for value, kind, to in wanted])

            if not arrays:
                return compute(list(values))
            return emit_elementwise(context, builder, given, values, result, compute)

        return Version(result, emit)

    made = stand_in(ufunc, choose)
    # It is made in the middle of a compilation, for which numba has already looked for what is registered.
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    return made
