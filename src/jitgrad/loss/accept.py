"""What counts as a loss, and which Python values its parameters get."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from numba import config
from numba.core.dispatcher import Dispatcher

from jitgrad._errors import LossCompileError
from jitgrad.loss.separable import Separable


def is_jitted(loss: Any) -> bool:
    """Whether `loss` is a function made by ``numba.njit``; with NUMBA_DISABLE_JIT=1 there are none."""
    return isinstance(loss, Dispatcher)


def jitted_loss(loss: Any) -> Any:
    """Return the function made by ``numba.njit`` that `loss` is, or that a `Separable` stands for.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(loss, Separable):
        return loss.loss
    if is_jitted(loss) or (config.DISABLE_JIT and callable(loss)):
        return loss
    if callable(loss):
        raise TypeError(
            f"loss must be a function compiled by numba.njit, got {_describe(loss)}. Put @njit above its "
            "definition, or use grad_blackbox for a function that numba cannot compile."
        )
    raise TypeError(f"loss must be a function compiled by numba.njit, got {_describe(loss)}.")


def compilable_loss(loss: Any) -> Any:
    """Return `loss` if numba can compile it: jitted, plain Python, or a `Separable`.

    Raises
    ------
    TypeError
        If it cannot.
    """
    if not (is_jitted(loss) or inspect.isfunction(loss) or isinstance(loss, Separable)):
        raise TypeError(
            f"loss must be a function compiled by numba.njit, or one that numba can compile, got {_describe(loss)}."
        )
    return loss


def callable_loss(loss: Any) -> Any:
    """Return `loss` if Python can call it; the sum that a `Separable` stands for.

    Raises
    ------
    TypeError
        If it cannot.
    """
    if isinstance(loss, Separable):
        return loss.loss
    if not callable(loss):
        raise TypeError(
            f"fun must be something that can be called, got {_describe(loss)}. Pass a function fun(x, *args) -> float."
        )
    return loss


def _describe(value: Any) -> str:
    name = getattr(value, "__qualname__", None)
    return f"the {type(value).__name__} {name!r}" if name else f"{value!r} of type {type(value).__name__}"


def python_function(loss: Any) -> Any:
    """Return the Python function under the decorator."""
    return getattr(loss, "py_func", loss)


def loss_name(loss: Any) -> str:
    """Return the name under which messages mention the loss; that of its class, if it has none."""
    function = python_function(loss.func if isinstance(loss, functools.partial) else loss)
    return str(getattr(function, "__name__", type(function).__name__))


def collects_rest(loss: Any) -> bool:
    """Whether the last parameter of the loss is a ``*rest``."""
    function = python_function(loss)
    return inspect.isfunction(function) and bool(function.__code__.co_flags & inspect.CO_VARARGS)


def complete_arguments(loss: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return one value per parameter of the loss after ``x``.

    Defaults are filled in, and what a ``*rest`` parameter collects becomes one tuple, as numba passes it.

    Raises
    ------
    LossCompileError
        If the loss does not take that many arguments.
    """
    signature = inspect.signature(python_function(loss))
    try:
        bound = signature.bind(None, *args)
    except TypeError as error:
        raise LossCompileError(
            f"loss {loss_name(loss)!r} must accept x and the {len(args)} values of args, but its parameters are "
            f"{signature}: {error}. Give args= one value per parameter after x."
        ) from None
    bound.apply_defaults()
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds or inspect.Parameter.VAR_KEYWORD in kinds:
        raise LossCompileError(
            f"loss {loss_name(loss)!r} must take its arguments by position, but its parameters are {signature}. "
            "Remove the * or ** from them."
        )
    return tuple(bound.arguments[name] for name in signature.parameters)[1:]
