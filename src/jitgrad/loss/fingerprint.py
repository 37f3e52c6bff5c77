"""A digest of everything that the machine code of a loss depends on.

numba's own ``cache=True`` looks only at the time stamp of the source file, and never hits for code that closes
over another compiled function. The digest covers bytecode, constants, globals, closure cells, attributes of
the user's own modules and, recursively, helper functions; so editing one loss recompiles that loss and no
other. What cannot be digested with certainty is reported as such, and then compiled in memory only.
"""

from __future__ import annotations

import builtins
import enum
import hashlib
import sys
import types as python_types
from collections.abc import Iterator
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher

from jitgrad.loss.accept import python_function

# Their content is settled by a version that goes into every digest.
_VERSIONED = ("numpy", "numba", "llvmlite", "math", "cmath", "operator", "builtins")
_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), range, slice)


class FingerprintError(Exception):
    """The digest would not notice every change of this object."""


def fingerprint(loss: Any, argument_types: tuple[Any, ...]) -> str:
    """Return a digest of a loss and the types it is compiled for.

    Raises
    ------
    FingerprintError
        If the machine code may depend on something that the digest does not see.
    """
    digest = _Digest()
    digest.add(_versions())
    for ty in argument_types:
        digest.add_type(ty)
    digest.add_object(loss)
    return digest.hexdigest()


def _versions() -> str:
    return repr((sys.version, numba.__version__, llvmlite.__version__, np.__version__))


def functions_used(function: Any) -> Iterator[Any]:
    """Yield every numba function that `function` refers to, itself included, each once."""
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        values = [value for _, value in _references(python_function(current))]
        waiting += [value for value in values if isinstance(value, Dispatcher)]


def _references(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the globals and closure cells of a Python function."""
    code = function.__code__
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield name, function.__globals__[name]
        elif hasattr(builtins, name):
            yield name, getattr(builtins, name)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # a cell that nothing was assigned to yet
            raise FingerprintError(f"closure variable {name} is empty") from None


def _names(code: python_types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, python_types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


class _Digest:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def add(self, text: str) -> None:
        # The length keeps ("ab", "c") apart from ("a", "bc").
        self._hash.update(f"{len(text)}:{text}".encode())

    def add_object(self, value: Any) -> None:
        self.add(type(value).__qualname__)
        match value:
            case Dispatcher():
                self._add_function(value)
            case enum.Enum():
                self.add(f"{type(value).__module__}.{value!r}={value.value!r}")
            case tuple() | list():
                self.add(f"{len(value)} {type(value).__module__} {getattr(value, '_fields', '')}")
                for member in value:
                    self.add_object(member)
            case frozenset():
                self.add(repr(sorted(map(repr, value))))
            case np.ndarray() if not value.dtype.hasobject:
                self.add(repr((value.shape, value.strides, value.dtype.descr, value.flags.writeable)))
                self._hash.update(np.ascontiguousarray(value).tobytes())
            case np.generic() | np.dtype():
                self.add(f"{value.dtype if isinstance(value, np.generic) else ''} {value!r}")
            case types.Type():
                self.add_type(value)
            case _ if isinstance(value, _PLAIN):
                self.add(repr(value))
            case _ if _is_namedtuple_class(value):
                self.add(f"{value.__module__}.{value.__qualname__}{value._fields}")
            case _ if _is_enum_class(value):
                self.add(f"{value.__module__}.{value.__qualname__}{[(m.name, m.value) for m in value]!r}")
            case python_types.ModuleType():
                self.add(value.__name__)
            case _ if _is_versioned(value):
                # Some are nameless objects, such as numba's objmode.
                name = getattr(value, "__qualname__", None) or getattr(value, "__name__", type(value).__qualname__)
                self.add(f"{_module_of(value)}.{name}")
            case _ if isinstance(value, type) and issubclass(value, BaseException):
                self.add(f"{value.__module__}.{value.__qualname__}")
            case _:
                raise FingerprintError(f"{value!r} of type {type(value)}")

    def add_type(self, ty: Any) -> None:
        """Add a numba type of an argument, if its name says all about it."""
        match ty:
            case types.NamedTuple() | types.NamedUniTuple():
                self.add(f"{ty} {ty.instance_class.__module__} {ty.instance_class._fields}")
                for member in ty:
                    self.add_type(member)
            case types.BaseTuple():
                self.add(str(ty))
                for member in ty:
                    self.add_type(member)
            case types.ListType() | types.List() | types.Set():
                self.add(type(ty).__name__)
                self.add_type(ty.dtype)
            case types.DictType():
                self.add("dict")
                self.add_type(ty.key_type)
                self.add_type(ty.value_type)
            case types.Dispatcher():
                self.add_object(ty.dispatcher)
            case types.Array() | types.Number() | types.Boolean() | types.UnicodeType() | types.NoneType():
                self.add(f"{ty!r}")
            case types.Optional():
                self.add("optional")
                self.add_type(ty.type)
            case _:
                raise FingerprintError(f"argument type {ty}")

    def _add_function(self, function: Dispatcher) -> None:
        if id(function) in self._seen:  # recursion, or a helper used twice
            self.add(f"function {self._seen[id(function)]}")
            return
        self._seen[id(function)] = len(self._seen)
        options = sorted((name, str(value)) for name, value in function.targetoptions.items())
        self.add(repr((options, function._can_compile, list(map(str, function.nopython_signatures)))))
        plain = function.py_func
        self._add_code(plain.__code__)
        self.add_object(plain.__defaults__)
        names = _names(plain.__code__)
        for name, value in _references(plain):
            self.add(name)
            self.add_object(value)
            if isinstance(value, python_types.ModuleType):
                self._add_attributes(value, names)

    def _add_code(self, code: python_types.CodeType) -> None:
        self._hash.update(code.co_code)
        self.add(repr((code.co_names, code.co_varnames, code.co_freevars, code.co_flags)))
        for constant in code.co_consts:
            if isinstance(constant, python_types.CodeType):
                self._add_code(constant)
            else:
                self.add_object(constant)

    def _add_attributes(self, module: python_types.ModuleType, names: set[str]) -> None:
        """Add what a function may read from a module of the user: every attribute whose name it mentions."""
        if module.__name__.partition(".")[0] in _VERSIONED:
            return
        for name in sorted(names & set(vars(module))):
            value = getattr(module, name)
            self.add(f"{module.__name__}.{name}")
            self.add_object(value)
            if isinstance(value, python_types.ModuleType) and value is not module:
                self._add_attributes(value, names)


def _module_of(value: Any) -> str:
    return str(getattr(value, "__module__", None) or "numpy" * isinstance(value, np.ufunc))


def _is_versioned(value: Any) -> bool:
    named = hasattr(value, "__qualname__") or hasattr(value, "__name__")
    return callable(value) and named and _module_of(value).partition(".")[0] in _VERSIONED


def _is_namedtuple_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields")


def _is_enum_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, enum.Enum)
