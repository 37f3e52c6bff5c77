"""The loss in a form that kernels can call: ``value, ok = call(y, args)``, compiled or simulated."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError
from numba.extending import intrinsic

from jitgrad.loss.accept import python_function
from jitgrad.loss.device.target import SIMULATED, cuda
from jitgrad.loss.device.twin import PerturbedArray, plain
from jitgrad.loss.device.view import perturbed as compiled_view

_plain: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_forms: WeakKeyDictionary[Any, Callable[..., Any]] = WeakKeyDictionary()


def device_form(loss: Any) -> Callable[..., Any]:
    """Return a function ``call(y, args) -> (value, ok)`` that kernels can call.

    Parameters
    ----------
    loss : function
        Compiled by ``numba.njit`` in whatever way, or a plain one that would compile.

    Returns
    -------
    function
        `y` is a perturbed view or an array, `args` a tuple. Compiled, the loss ends its thread where it raises;
        simulated, ``(nan, False)`` is what an exception gives.
    """
    if loss not in _forms:
        _forms[loss] = _simulated(loss) if SIMULATED else _compiled(loss)
    return _forms[loss]


@intrinsic(target="generic")
def _as_float64(typing_context, value):  # type: ignore[no-untyped-def]
    """What the loss returned, as the launcher for the CPU takes it."""
    if not isinstance(value, types.Float | types.Integer | types.Boolean):
        raise TypingError(f"the loss returns a value that is no real number: {value}")

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return context.cast(builder, arguments[0], signature.args[0], types.float64)

    return types.float64(types.unliteral(value)), emit


def _compiled(loss: Any) -> Callable[..., Any]:
    from jitgrad.loss.device.function import device_function

    function = device_function(loss)

    @cuda.jit(device=True)
    def call(y, args):  # type: ignore[no-untyped-def]
        return _as_float64(function(y, *args)), True

    return call  # type: ignore[no-any-return]


def _simulated(loss: Any) -> Callable[..., Any]:
    loss = _jitted(loss)

    def call(y: Any, args: tuple[Any, ...]) -> tuple[float, bool]:
        # A copy, because losses may ask for contiguous arrays; what they write into it is looked at by nobody.
        x = y if isinstance(y, PerturbedArray) else np.ascontiguousarray(plain(y))
        try:
            return float(loss(x, *plain(args))), True
        except Exception:  # noqa: BLE001  # the launcher evaluates the probe again and lets it through
            return float("nan"), False

    return call


def _jitted(loss: Any) -> Any:
    """Return a plain function jitted, and one with signatures without them, the same every time."""
    if isinstance(loss, Dispatcher) and loss._can_compile:
        return loss
    if loss not in _plain:
        _plain[loss] = numba.njit(python_function(loss))
    return _plain[loss]


def for_kernels(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a plain function in a form that kernels can call."""
    return function if SIMULATED else numba.njit(function)


def device_element(element: Any) -> Any:
    """Return a function compiled by `jitgrad._jit.element` in a form that kernels can call."""
    if not SIMULATED:
        return element
    # Called from Python it would crash: it has no entry.
    jitted = numba.njit(lambda *args: element(*args))
    return lambda *args: jitted(*map(plain, args))


def compile_simulated(loss: Any, x: Any, kinds: tuple[Any, ...]) -> None:
    """Compile a loss for the simulator, which calls it on threads that would wait for the compiler's lock.

    Parameters
    ----------
    loss : function
    x : numba type
        Array or view.
    kinds : tuple of numba types
        Of the arguments.
    """
    _jitted(loss).get_call_template((x, *kinds), {})  # unlike `compile` it collects *rest


if SIMULATED:
    perturbed: Any = PerturbedArray
    compiling: Any = nullcontext

    def open_arena(arenas: Any, t: int) -> None:
        """Do nothing: Python finds memory itself."""

    def uses_arena(ptx: str) -> bool:
        """Return False: there is no compiled code that could."""
        return False
else:
    from jitgrad.loss.device.arena import open_arena as open_arena
    from jitgrad.loss.device.arena import uses_arena as uses_arena
    from jitgrad.loss.device.context import compiling as compiling

    perturbed = compiled_view
