"""The pass over numba's IR that makes a function ready for lanes, and the compiler that runs it.

Helpers become clones that are compiled for lanes themselves, under the user's own options and apart from the user's
dispatchers. Functions of NumPy that make or reduce arrays become versions that know lanes. What cannot be seen through,
and what would be evaluated once instead of once for every lane, is refused, with the line.
"""

from __future__ import annotations

import builtins
import operator
import random
import types as python_types
from typing import Any

import numba
import numpy as np
from numba.core import ir
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.ir_utils import build_definitions
from numba.core.untyped_passes import InlineClosureLikes

from jitgrad.loss.lanes.arrays import METHODS, functions


class LanesRefusalError(Exception):
    """The loss must be evaluated in scalar; the message says why and where."""


_NOTHING = object()

# Python functions that would treat lanes as one value, or do something once for all of them.
_REFUSED = {
    builtins.isinstance: "isinstance() would see lanes in place of a float",
    builtins.type: "type() would see lanes in place of a float",
    builtins.print: "print() must print for every evaluation",
    builtins.getattr: "getattr() cannot be seen through",
    builtins.hasattr: "hasattr() would see lanes in place of a float",
}
_REFUSED_ATTRIBUTES = {
    "itemsize", "nbytes", "strides", "ctypes", "data", "view", "tobytes",
}  # fmt: skip
_RANDOM = {np.random, random}
# The last holds what numba puts in place of try and except.
_LIBRARIES = ("numpy", "math", "cmath", "operator", "builtins", "numba.core.unsafe.eh")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.ndarray, np.dtype, python_types.ModuleType)

# Options of a clone: what changes results stays; what concerns the entry from Python, threads or inlining goes.
_KEPT_OPTIONS = ("error_model", "boundscheck", "locals")


class Session:
    """The clones made while one loss is compiled; a helper used twice, or by itself, is cloned once."""

    current: Session

    def __init__(self, count: int) -> None:
        self.functions = functions(count)
        self._clones: dict[Dispatcher, Dispatcher] = {}

    def clone(self, function: Dispatcher) -> Dispatcher:
        """Return the version of a jitted function that is compiled with the pass."""
        if function not in self._clones:
            if function.targetoptions.get("parallel"):
                raise LanesRefusalError(f"function {function.__name__} starts threads itself (parallel=True)")
            given = function.targetoptions
            options = {name: given[name] for name in _KEPT_OPTIONS if name in given}
            # Of fastmath only what cannot slow lanes down: with all of it LLVM tears vectors apart.
            if given.get("fastmath"):
                options["fastmath"] = {"contract"}
            self._clones[function] = numba.njit(
                pipeline_class=_LanesCompiler, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
            )(function.py_func)
        return self._clones[function]


@register_pass(mutates_CFG=False, analysis_only=False)
class _Promote(FunctionPass):  # type: ignore[misc]  # numba is untyped
    _name = "jitgrad_promote_to_lanes"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        _Rewriter(state.func_ir).run()
        return True


class _LanesCompiler(CompilerBase):  # type: ignore[misc]
    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_Promote, InlineClosureLikes)
        passes.finalize()
        return [passes]


class _Rewriter:
    def __init__(self, function: Any) -> None:
        self._function = function

    def run(self) -> None:
        for block in self._function.blocks.values():
            body: list[Any] = []
            for statement in block.body:
                if isinstance(statement, ir.Print):
                    self._refuse(_REFUSED[print], statement)
                if isinstance(statement, ir.EnterWith):
                    self._refuse("a with statement cannot be seen through", statement)
                if isinstance(statement, ir.Assign):
                    body += self._method(statement, block.scope) + self._matrix_product(statement, block.scope)
                    self._value(statement)
                body.append(statement)
            block.body[:] = body
        self._function._definitions = build_definitions(self._function.blocks)

    def _value(self, statement: ir.Assign) -> None:
        """Replace a function, or refuse it, where a statement names one."""
        value = statement.value
        if isinstance(value, ir.Expr) and value.op == "getattr":
            owner = self._resolve(value.value)
            if owner is _NOTHING:
                if value.attr in _REFUSED_ATTRIBUTES:
                    self._refuse(f"attribute {value.attr!r} differs between lanes and single numbers", statement)
                return
            if owner in _RANDOM:
                self._refuse("random numbers must be drawn for every evaluation", statement)
            found = getattr(owner, value.attr, _NOTHING)
        elif isinstance(value, ir.Global | ir.FreeVar):
            found = value.value
        else:
            return
        replacement = self._replacement(found, statement)
        if replacement is not None:
            statement.value = ir.Global(getattr(found, "__name__", "function"), replacement, value.loc)

    def _replacement(self, found: Any, statement: ir.Assign) -> Any:
        if isinstance(found, Dispatcher):
            return Session.current.clone(found)
        try:
            if found in Session.current.functions:
                return Session.current.functions[found]
            if found in _REFUSED:
                self._refuse(_REFUSED[found], statement)
        except TypeError:  # not hashable: a value, not a function
            pass
        if found is numba.prange:
            return range
        if found is not _NOTHING and not self._is_known(found):
            self._refuse(f"{found!r} cannot be seen through", statement)
        return None

    def _is_known(self, found: Any) -> bool:
        if isinstance(found, tuple):
            return all(map(self._is_known, found))
        if isinstance(found, _PLAIN) or (isinstance(found, type) and issubclass(found, BaseException)):
            return True
        if isinstance(found, np.ufunc) or (isinstance(found, type) and issubclass(found, tuple)):
            return True
        module = str(getattr(found, "__module__", ""))
        return callable(found) and f"{module}.".startswith(tuple(f"{name}." for name in _LIBRARIES))

    def _method(self, statement: ir.Assign, scope: Any) -> list[Any]:
        """Turn the call of a method of an array, ``x.sum()``, into that of a function, ``sum(x)``."""
        call = statement.value
        if not (isinstance(call, ir.Expr) and call.op == "call"):
            return []
        method = self._definition(call.func)
        if not (isinstance(method, ir.Expr) and method.op == "getattr" and method.attr in METHODS):
            return []
        if self._resolve(method.value) is not _NOTHING:  # a function of a module
            return []
        call.args = (method.value, *call.args)
        call.func, naming = self._named(METHODS[method.attr], statement, scope)
        return [naming]

    def _matrix_product(self, statement: ir.Assign, scope: Any) -> list[Any]:
        """Turn ``a @ b`` into the call of a function."""
        value = statement.value
        if not (isinstance(value, ir.Expr) and value.op == "binop" and value.fn is operator.matmul):
            return []
        function, naming = self._named(operator.matmul, statement, scope)
        statement.value = ir.Expr.call(function, (value.lhs, value.rhs), (), value.loc)
        return [naming]

    def _named(self, original: Any, statement: ir.Assign, scope: Any) -> tuple[ir.Var, ir.Assign]:
        """Return a variable for what stands for `original`, and the statement that sets it."""
        variable = ir.Var(scope, f"$lanes_{id(statement)}", statement.loc)
        value = ir.Global(original.__name__, Session.current.functions[original], statement.loc)
        return variable, ir.Assign(value, variable, statement.loc)

    def _definition(self, variable: Any) -> Any:
        try:
            return self._function.get_definition(variable)
        except KeyError:  # assigned in several places
            return None

    def _resolve(self, variable: Any) -> Any:
        """Return the Python module that a variable stands for, if it is known to be one."""
        definition = self._definition(variable)
        if isinstance(definition, ir.Global | ir.FreeVar):
            return definition.value if isinstance(definition.value, python_types.ModuleType) else _NOTHING
        if isinstance(definition, ir.Expr) and definition.op == "getattr":
            owner = self._resolve(definition.value)
            found = getattr(owner, definition.attr, _NOTHING) if owner is not _NOTHING else _NOTHING
            return found if isinstance(found, python_types.ModuleType) else _NOTHING
        return _NOTHING

    def _refuse(self, reason: str, statement: Any) -> None:
        raise LanesRefusalError(f"{reason} ({statement.loc.short()})")
