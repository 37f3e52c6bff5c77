"""Why a loss cannot run on a GPU: one sentence with its line and the way out."""

from __future__ import annotations

from typing import Any, NamedTuple

from jitgrad._errors import LossCompileError
from jitgrad.loss.accept import loss_name
from jitgrad.loss.machine import line_of


class _Reason(NamedTuple):
    signs: tuple[str, ...]  # one of them is in numba's message
    why: str
    way_out: str


_REASONS = (
    _Reason(
        ("returns a value that is no real number",),
        "it must return one real number",
        "Reduce its result to a scalar before the return.",
    ),
    _Reason(
        ("random",),
        "random numbers cannot be drawn there",
        "Draw them beforehand and pass them in args.",
    ),
    _Reason(("print",), "nothing can be printed there", "Remove the print."),
    _Reason(
        ("lists, sets and dicts", "list(", "reflected", "DictType", "ListType", "build_list", "build_map", "set("),
        "lists, sets and dicts cannot be made or passed there",
        "Use arrays and tuples.",
    ),
    _Reason(("try-except", "try .. except", "raise_except", "exception handling", "SETUP_FINALLY"),
        "exceptions cannot be caught there",
        "Test for the condition with an if instead of try.",
    ),
    _Reason(("objmode", "with-context", "object mode", "WithLifting", "terminator_types"),
        "Python objects are out of reach there",
        "Compute what needs Python beforehand and pass it in args.",
    ),
    _Reason(("linalg",), "linear algebra of LAPACK is not there", "Write it in loops, or use grad_cpu."),
)  # fmt: skip


def refusal(error: Exception, loss: Any, kinds: tuple[Any, ...]) -> LossCompileError:
    """Return the exception that tells the user why a loss cannot run on a GPU.

    Parameters
    ----------
    error : Exception
        numba's, from compiling a kernel that calls the loss.
    loss : function
    kinds : tuple of numba types
        Of ``x`` and of the arguments, as the user gave them.

    Returns
    -------
    LossCompileError
        To be raised from `error`.
    """
    message = str(error)
    given = ", ".join(map(str, kinds))
    why, way_out = "numba refuses it", "Its message is below; grad_cpu takes whatever numba.njit compiles."
    for reason in _REASONS:
        if any(sign in message for sign in reason.signs):
            why, way_out = reason.why, reason.way_out
            break
    return LossCompileError(
        f"loss {loss_name(loss)!r} must compile for a GPU with arguments of types ({given}), but {why}: "
        f"{line_of(loss, error)}. {way_out}"
    )
