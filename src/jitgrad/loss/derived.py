"""Losses made from a user's function: what derivatives of other kinds than a gradient are taken of."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numba
from numba.core import types

from jitgrad._errors import LossCompileError
from jitgrad.loss.accept import complete_arguments, loss_name, python_function

Form: TypeAlias = Literal["weighted", "recorded", "line", "joined"]

UNEQUAL = "w must have one entry per output of the function"
"""What a weighted function raises whose outputs are not as many as the weights; callers say more."""

KEPT = 128
"""So many derived losses are kept; each keeps the user's function alive."""

_SOURCES: dict[Form, str] = {
    # The scalar w . F(u), whose gradient is the vector-Jacobian product.
    "weighted": """
def derived(u, w, {arguments}):
    outputs = function(u, {arguments})
    if len(outputs) != w.size:
        raise ValueError(UNEQUAL)
    total = 0.0
    for i in range(len(outputs)):
        total += w[i] * outputs[i]
    return total
""",
    # F(u) written to where `out` points, and how many outputs there are.
    "recorded": """
def derived(u, out, {arguments}):
    outputs = function(u, {arguments})
    for i in range(min(len(outputs), out.size)):
        out[i] = outputs[i]
    return float(len(outputs))
""",
    # f along a line, as a function of the one-element array t.
    "line": """
def derived(t, x, v, {arguments}):
    return function(x + t[0] * v, {arguments})
""",
    # f of y = z[:n] moved by z[n] along v: its mixed derivatives by z[i] and z[n] make the Hessian-vector product.
    "joined": """
def derived(z, v, {arguments}):
    return function(z[: v.size] + z[v.size] * v, {arguments})
""",
}


def derived_loss(form: Form, function: Any, args: tuple[Any, ...]) -> Any:
    """Return the loss of this form for a jitted function that is called with so many `args`.

    It is fingerprinted and kept on disk like a loss of the user.

    Parameters
    ----------
    form : {"weighted", "recorded", "line", "joined"}
    function : numba dispatcher
        ``function(u, *args)``.
    args : tuple

    Raises
    ------
    LossCompileError
        If the function does not take that many arguments.
    """
    complete_arguments(function, args)
    return _derive(form, function, len(args))


@lru_cache(maxsize=KEPT)
def _derive(form: Form, function: Any, count: int) -> Any:
    # One parameter per argument: of a `*rest` no member could vary with the point. Source and not a closure, because
    # Python has no other way to make a function of so many parameters.
    arguments = "".join(f"a{k}, " for k in range(count))
    scope = {"function": function, "UNEQUAL": UNEQUAL}
    exec(_SOURCES[form].format(arguments=arguments), scope)
    plain: Any = scope["derived"]
    plain.__name__ = plain.__qualname__ = loss_name(function)  # messages name the user's function
    return numba.njit(plain)


def refuse_outputs(function: Any, error: LossCompileError) -> None:
    """Raise a sentence about what `function` returns, if it compiled and that is the trouble.

    Parameters
    ----------
    function : numba dispatcher
    error : LossCompileError
        What compiling a derived loss raised.
    """
    for result in getattr(function, "overloads", {}).values():
        returned = result.signature.return_type
        if not is_vector(returned):
            source = python_function(function).__code__
            raise LossCompileError(
                f"function {loss_name(function)!r} must return a one-dimensional array or a tuple of real numbers of "
                f'one type, but it returns {returned} (File "{source.co_filename}", line {source.co_firstlineno}). '
                "Return array.ravel() of a matrix, and numpy.array([value]) of a number."
            ) from error


def is_vector(returned: Any) -> bool:
    """Whether values of this numba type count as outputs of a function."""
    if isinstance(returned, types.Array):
        return returned.ndim == 1 and isinstance(returned.dtype, types.Float | types.Integer | types.Boolean)
    return isinstance(returned, types.UniTuple) and isinstance(returned.dtype, types.Float | types.Integer)


def returns_vector(function: Any) -> bool:
    """Whether what was compiled of a function returns several numbers."""
    compiled = getattr(function, "overloads", {}).values()
    return bool(compiled) and all(is_vector(result.signature.return_type) for result in compiled)
