"""The version of a loss that is compiled for lanes, or the reason why there is none."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.core import types
from numba.core.registry import cpu_target

from jitgrad.loss.effects import effects_of
from jitgrad.loss.lanes.flag import register as register_flag
from jitgrad.loss.lanes.library import load_vector_library
from jitgrad.loss.lanes.number import Lanes, LanesBool
from jitgrad.loss.machine import line_of
from jitgrad.loss.sharing import FUNCTION_PREFIX

_DRAWS_RANDOM = ("numba_get_np_random_state", "numba_get_py_random_state")
_NOT_IN_LANES = (types.NumPyRandomGeneratorType, types.ClassInstanceType)
_CONTAINERS = (types.ListType, types.List, types.Set, types.Array)


class Refused(NamedTuple):
    """Why a loss is evaluated in scalar.

    Attributes
    ----------
    reason : str
        A sentence that follows "because".
    line : str
        The line of the loss or of a helper that it is about, and its text; empty if it is about none.
    """

    reason: str
    line: str = ""


def prepare_loading() -> None:
    """Make the symbols known that compiled lanes may mention; needed before code from disk is loaded."""
    register_flag()
    load_vector_library()


def _for_lanes(ty: Any, session: Any) -> Any:
    """Return the type of an argument with its functions replaced by their versions for lanes."""
    from jitgrad.loss.lanes.promote import LanesRefusalError

    if isinstance(ty, types.Dispatcher) and not ty.dispatcher._can_compile:
        reason = f"function {ty.dispatcher.__name__} among the arguments has a signature, which lanes would not heed"
        raise LanesRefusalError(reason, "")
    if isinstance(ty, types.Dispatcher):
        return types.Dispatcher(session.clone(ty.dispatcher))
    if isinstance(ty, types.Tuple | types.UniTuple):
        return types.Tuple.from_types([_for_lanes(member, session) for member in ty])
    return ty


def _held(ty: Any) -> list[Any]:
    """Return a type and those of all values that it contains."""
    if isinstance(ty, types.BaseTuple):
        members = list(ty)
    elif isinstance(ty, types.DictType):
        members = [ty.key_type, ty.value_type]
    else:
        members = [ty.dtype] if isinstance(ty, _CONTAINERS) else []
    return [ty, *(held for member in members for held in _held(member))]


def _converts(loss: Any, given: tuple[Any, ...], scalar: Any) -> str:
    """Say what an explicit signature of the loss converts, which lanes would not; nothing if there is no such thing."""
    if loss._can_compile:
        return ""
    for ty, taken in zip(given, scalar.args, strict=True):
        same = ty.dtype == taken.dtype if isinstance(ty, types.Array) else ty == taken
        if not same:
            return f"its signature turns an argument of type {ty} into {taken}"
    if scalar.return_type != given[0].dtype:
        return f"its signature turns the result into {scalar.return_type}"
    return ""


def compile_lanes(loss: Any, given: tuple[Any, ...], count: int, scalar: Any) -> Any:
    """Compile a loss for lanes.

    Parameters
    ----------
    loss : numba dispatcher
    given : tuple of numba types
        What the scalar version is called with.
    count : int
        Number of lanes.
    scalar : numba signature
        That of the scalar version.

    Returns
    -------
    numba CompileResult or Refused
    """
    # With the first loss that is compiled, and not with jitgrad: the registrations take time.
    from jitgrad.loss.lanes import register  # noqa: F401
    from jitgrad.loss.lanes.promote import LanesRefusalError, Session
    from jitgrad.loss.lanes.reasons import reason_of

    for ty in (held for argument in given[1:] for held in _held(argument)):
        if isinstance(ty, _NOT_IN_LANES):
            return Refused(f"an argument is or holds {ty.name.split('#')[0]}, whose methods cannot be seen through")
    if converted := _converts(loss, given, scalar):
        return Refused(converted)
    Session.current = session = Session(count)
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    try:
        # Its elements, like all lanes in memory, are aligned like single numbers: numba asks no more of arrays of them.
        x = types.Array(Lanes(count, given[0].dtype), 1, "C")
        wanted = (x, *(_for_lanes(ty, session) for ty in given[1:]))
        clone = session.loss = session.clone(loss)
        clone.compile(wanted)
        result = clone.overloads[wanted]
    except LanesRefusalError as refusal:
        return Refused(refusal.reason, refusal.line)
    except Exception as error:  # noqa: BLE001  # numba and LLVM report what they cannot compile with any of them
        return Refused(reason_of(error), line_of(loss, error))
    return _checked(result, session)


def _checked(result: Any, session: Any) -> Any:
    """Look once more, at the machine code, for what must not happen once for all lanes."""
    module = result.library._get_module_for_linking()
    if any(function.name in _DRAWS_RANDOM for function in module.functions):
        return Refused("random numbers must be drawn for every evaluation")
    if result.lifted:
        return Refused("it calls Python code (objmode)")
    if not effects_of(result).x_read_only:
        return Refused("it writes to x, or passes x to code that may", session.writes_to_x)
    returned = result.signature.return_type
    if not isinstance(returned, Lanes | LanesBool | types.Float | types.Integer | types.Boolean):
        return Refused(f"in lanes it returns {returned}")
    return result


def shares_products(result: Any) -> bool:
    """Whether a loss in lanes has products that may be shared, and is proved to write to none of its arguments."""
    module = result.library._get_module_for_linking()
    has_products = any(function.name.startswith(FUNCTION_PREFIX) for function in module.functions)
    return has_products and all(effects_of(result).arrays_read_only)
