"""The version of a loss that is compiled for lanes, or the reason why there is none."""

from __future__ import annotations

from typing import Any, NamedTuple

from numba.core import types
from numba.core.errors import NumbaError
from numba.core.registry import cpu_target

from jitgrad.loss.effects import effects_of
from jitgrad.loss.lanes.flag import register as register_flag
from jitgrad.loss.lanes.library import load_vector_library
from jitgrad.loss.lanes.number import Lanes
from jitgrad.loss.sharing import FUNCTION_PREFIX

_DRAWS_RANDOM = ("numba_get_np_random_state", "numba_get_py_random_state")
_NOT_IN_LANES = (types.NumPyRandomGeneratorType, types.ClassInstanceType)


class Refused(NamedTuple):
    """Why a loss is evaluated in scalar.

    Attributes
    ----------
    reason : str
        One sentence, with the line where there is one.
    """

    reason: str


def prepare_loading() -> None:
    """Make the symbols known that compiled lanes may mention; needed before code from disk is loaded."""
    register_flag()
    load_vector_library()


def _for_lanes(ty: Any, session: Any) -> Any:
    """Return the type of an argument with its functions replaced by their versions for lanes."""
    if isinstance(ty, types.Dispatcher):
        return types.Dispatcher(session.clone(ty.dispatcher))
    if isinstance(ty, types.Tuple | types.UniTuple):
        return types.Tuple.from_types([_for_lanes(member, session) for member in ty])
    return ty


def compile_lanes(loss: Any, given: tuple[Any, ...], count: int) -> Any:
    """Compile a loss for lanes.

    Parameters
    ----------
    loss : numba dispatcher
    given : tuple of numba types
        What the scalar version is compiled for.
    count : int
        Number of lanes.

    Returns
    -------
    numba CompileResult or Refused
    """
    # With the first loss that is compiled, and not with jitgrad: the registrations take time.
    from jitgrad.loss.lanes import register  # noqa: F401
    from jitgrad.loss.lanes.promote import LanesRefusalError, Session

    for ty in given[1:]:
        if isinstance(ty, _NOT_IN_LANES):
            return Refused(f"an argument is {ty}, whose methods cannot be seen through")
    Session.current = session = Session(count)
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
    try:
        # The elements of x lie next to those of the other lanes, wherever the driver's scratch begins.
        x = types.Array(Lanes(count, given[0].dtype), 1, "C", aligned=False)
        wanted = (x, *(_for_lanes(ty, session) for ty in given[1:]))
        clone = session.clone(loss)
        clone.compile(wanted)
        result = clone.overloads[wanted]
    except LanesRefusalError as refusal:
        return Refused(str(refusal))
    except (NumbaError, NotImplementedError, TypeError, ValueError, AssertionError, KeyError, AttributeError) as error:
        # numba reports what it cannot type or lower in all of these ways.
        return Refused(_first_words(error))
    return _checked(result)


def _checked(result: Any) -> Any:
    """Look once more, at the machine code, for what must not happen once for all lanes."""
    module = result.library._get_module_for_linking()
    if any(function.name in _DRAWS_RANDOM for function in module.functions):
        return Refused("random numbers must be drawn for every evaluation")
    if result.lifted:
        return Refused("it calls Python code (objmode)")
    if not effects_of(result).x_read_only:
        return Refused("it writes to x, or passes x to code that may")
    returned = result.signature.return_type
    if not isinstance(returned, Lanes | types.Float | types.Integer | types.Boolean):
        return Refused(f"in lanes it returns {returned}")
    return result


def shares_products(result: Any) -> bool:
    """Whether a loss in lanes has products that may be shared, and is proved to write to none of its arguments."""
    module = result.library._get_module_for_linking()
    has_products = any(function.name.startswith(FUNCTION_PREFIX) for function in module.functions)
    return has_products and all(effects_of(result).arrays_read_only)


def _first_words(error: Exception) -> str:
    """Return the line of numba's message that says what does not work, and where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    known = ("No implementation", "Cannot", "Unknown", "Use of", "During:")
    telling = [line for line in lines if line.startswith(known)]
    place = next((line for line in lines if 'File "' in line and "site-packages" not in line), "")
    return " ".join([(telling or lines or [type(error).__name__])[0], place]).strip()
