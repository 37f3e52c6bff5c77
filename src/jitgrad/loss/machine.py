"""The machine code of a loss for one set of argument types."""

from __future__ import annotations

import linecache
import re
from typing import Any

from numba.core import types
from numba.core.errors import NumbaError

from jitgrad._errors import LossCompileError
from jitgrad.loss.accept import loss_name, python_function
from jitgrad.loss.fingerprint import FingerprintError, functions_used


def compile_for(loss: Any, argument_types: tuple[Any, ...]) -> Any:
    """Compile `loss` for these types, or find the compiled version that takes them.

    Parameters
    ----------
    loss : numba dispatcher
        The user's function.
    argument_types : tuple of numba types
        Type of ``x``, then of each argument.

    Returns
    -------
    numba CompileResult
        Its signature may differ from `argument_types` where the loss has explicit signatures.

    Raises
    ------
    LossCompileError
        If it does not compile, or does not return a real number.
    """
    try:
        template, _, folded, keywords = loss.get_call_template(_unfolded(argument_types), {})
        signature = template(loss.typingctx).apply(folded, keywords)
        if signature is None:
            raise TypeError(f"none of its signatures {loss.nopython_signatures} takes them")
        result = loss.overloads[tuple(signature.args)]
    except (NumbaError, TypeError, NotImplementedError) as error:
        given = ", ".join(map(str, argument_types))
        raise LossCompileError(
            f"loss {loss_name(loss)!r} must compile for arguments of types ({given}), but numba refuses it at "
            f"{line_of(loss, error)}. Its message is below; call the loss yourself with the same arguments to "
            "try a change."
        ) from error
    _require_real(loss, result.signature.return_type)
    return result


def _unfolded(argument_types: tuple[Any, ...]) -> tuple[Any, ...]:
    """Undo the folding of a ``*rest`` parameter, which numba is going to do itself."""
    if isinstance(argument_types[-1], types.StarArgTuple | types.StarArgUniTuple):
        return (*argument_types[:-1], *argument_types[-1])
    return argument_types


def _require_real(loss: Any, returned: Any) -> None:
    if not isinstance(returned, types.Float | types.Integer | types.Boolean):
        kind = "None" if returned is types.none else str(returned)
        raise LossCompileError(
            f"loss {loss_name(loss)!r} must return one real number, but it returns {kind} "
            f"({_definition(loss)}). Reduce its result to a scalar before the return."
        )


def _definition(loss: Any) -> str:
    function = python_function(loss)
    return f'File "{function.__code__.co_filename}", line {function.__code__.co_firstlineno}'


def line_of(loss: Any, error: Exception) -> str:
    """Return the line numba complains about, if it names one of the loss or of its helpers, and what stands there."""
    sources = {source.rsplit("/", 1)[-1]: source for source in _sources(loss)}
    names = "|".join(map(re.escape, sources))
    for name, line in re.findall(rf'File "(?:[^"]*/)?({names})", line (\d+)', str(error)):
        return place(sources[name], int(line))
    return _definition(loss)


def place(source: str, line: int) -> str:
    """Return where a line is, and its text if the file can be read."""
    text = linecache.getline(source, line).strip()
    return f'File "{source}", line {line}' + (f" ({text})" if text else "")


def _sources(loss: Any) -> list[str]:
    """Return the files of the loss and of its helpers; that of the loss last, so that it wins where names are equal."""
    own = str(python_function(loss).__code__.co_filename)
    try:
        return [*(python_function(helper).__code__.co_filename for helper in functions_used(loss)), own]
    except FingerprintError:  # a closure variable that is not set: numba is about to complain of it
        return [own]
