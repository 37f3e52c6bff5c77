"""Which part of an object cannot be pickled, and what to do about it."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any, NoReturn

DEPTH = 6
"""How far objects are taken apart: beyond that a name says nothing to its reader."""


def refuse(value: Any, tool: Any, error: Exception) -> NoReturn:
    """Raise a TypeError that names the part of `value` that `tool` cannot pickle."""
    name, culprit = _culprit("", value, tool)
    kind = f"{type(culprit).__module__}.{type(culprit).__qualname__}".removeprefix("builtins.")
    advice = (
        'Define it at the top level of a module, or run: pip install "jitgrad[workers]", which can send it as it is.'
        if isinstance(culprit, types.FunctionType | type) and tool.__name__ == "pickle"
        else "Make it inside the function, where it is used, or give its class a __reduce__."
    )
    raise TypeError(
        f"what is sent to workers must be picklable, but {name or 'the loss'} is not: a {kind}, {_short(culprit)}. "
        f"{advice} Threads (concurrent.futures.ThreadPoolExecutor) pickle nothing."
    ) from error


def _culprit(name: str, value: Any, tool: Any, depth: int = DEPTH) -> tuple[str, Any]:
    """Return name and value of the innermost part that cannot be pickled by itself."""
    if depth:
        for part_name, part in _parts(name, value):
            if not _picklable(part, tool):
                return _culprit(part_name, part, tool, depth - 1)
    return name, value


def _picklable(value: Any, tool: Any) -> bool:
    try:
        # Arrays are left where they are, so that a large one costs nothing.
        tool.dumps(value, protocol=5, buffer_callback=lambda _: None)
    except Exception:  # noqa: BLE001 - __reduce__ may raise anything
        return False
    return True


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Take an object apart as pickle does: attributes, elements, what a function closes over."""
    if hasattr(type(value), "named_parts"):
        yield from value.named_parts().items()
    elif isinstance(value, functools.partial):
        yield f"{name}.func", value.func
        yield from _parts(f"{name}.args", value.args)
        yield from _parts(f"{name}.keywords", value.keywords)
    elif isinstance(value, types.MethodType):
        yield f"{name}.__self__", value.__self__
    elif isinstance(value, types.FunctionType):
        yield from _parts_of_function(name, value)
    elif isinstance(value, dict):
        for key, element in value.items():
            yield f"{name}[{key!r}]", element
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for field, element in zip(value._fields, value, strict=True):
            yield f"{name}.{field}".removeprefix("."), element
    elif isinstance(value, list | tuple | set | frozenset):
        for k, element in enumerate(value):
            yield f"{name}[{k}]", element
    elif not isinstance(value, type):
        for attribute, element in _attributes(value).items():
            yield f"{name}.{attribute}".removeprefix("."), element


def _parts_of_function(name: str, function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield f"the variable {variable!r} that {name or 'the loss'} uses", cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield f"a default of {name or 'the loss'}", value
    for variable in function.__code__.co_names:
        if variable in function.__globals__:
            yield f"the global variable {variable!r} that {name or 'the loss'} uses", function.__globals__[variable]


def _attributes(value: Any) -> dict[str, Any]:
    slots = [slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ())]
    return {slot: getattr(value, slot) for slot in slots if hasattr(value, slot)} | getattr(value, "__dict__", {})


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
