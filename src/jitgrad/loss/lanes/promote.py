"""The pass over numba's IR that makes a function ready for lanes, and the compiler that runs it.

Helpers become clones that are compiled for lanes themselves, under the user's own options and apart from the user's
dispatchers. Functions of NumPy that make or reduce arrays become versions that know lanes. What cannot be seen through,
and what would be evaluated once instead of once for every lane, is refused, with the line.
"""

from __future__ import annotations

import builtins
import random
import types as python_types
from typing import Any

import numba
import numpy as np
from numba.core import ir, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher, LiftedCode
from numba.core.ir_utils import build_definitions
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes
from numba.core.withcontexts import WithContext
from numba.np.ufunc.dufunc import DUFunc

from jitgrad.loss.lanes.arrays import METHODS, functions
from jitgrad.loss.lanes.arrays.making import list_item
from jitgrad.loss.lanes.arrays.precision import converters
from jitgrad.loss.lanes.arrays.signatures import with_signature
from jitgrad.loss.lanes.arrays.typed import TakeOverArrays
from jitgrad.loss.lanes.arrays.ufuncs import of_elements
from jitgrad.loss.lanes.number import Lanes
from jitgrad.loss.lanes.stores import line_that_stores
from jitgrad.loss.machine import place


class LanesRefusalError(Exception):
    """The loss must be evaluated in scalar.

    Attributes
    ----------
    reason, line : str
        As in `jitgrad.loss.lanes.compiled.Refused`.
    """

    def __init__(self, reason: str, line: str) -> None:
        super().__init__(reason, line)
        self.reason, self.line = reason, line


_NOTHING = object()

# Python functions that would treat lanes as one value, or do something once for all of them.
_REFUSED = {
    builtins.isinstance: "isinstance() would see lanes in place of a float",
    builtins.type: "type() would see lanes in place of a float",
    builtins.print: "print() must print for every evaluation",
    builtins.getattr: "getattr() cannot be seen through",
    builtins.hasattr: "hasattr() would see lanes in place of a float",
    builtins.str: "str() or an f-string would see lanes in place of a float",
    builtins.repr: "repr() would see lanes in place of a float",
    builtins.format: "format() or an f-string would see lanes in place of a float",
    builtins.hash: "hash() would see lanes in place of a float",
    np.frombuffer: "np.frombuffer() would see lanes in place of floats",
    np.lib.stride_tricks.as_strided: "as_strided() would see lanes in place of floats",
}
_REFUSED_ATTRIBUTES = {
    "itemsize", "nbytes", "strides", "ctypes", "data", "view", "tobytes",
}  # fmt: skip
_RANDOM = {np.random, random}
_DRAWN = "random numbers must be drawn for every evaluation"
# The last ones hold what numba puts in place of try and except, and of comprehensions.
_LIBRARIES = (
    "numpy", "math", "cmath", "operator", "builtins",
    "numba.core.unsafe.eh", "numba.cpython.unsafe", "numba.np.unsafe", "numba.core.inline_closurecall",
)  # fmt: skip
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.ndarray, np.dtype, python_types.ModuleType)

# Options of a clone: what changes results stays; what concerns the entry from Python, threads or inlining goes.
_KEPT_OPTIONS = ("error_model", "boundscheck")


class Session:
    """The clones made while one loss is compiled; a helper used twice, or by itself, is cloned once."""

    current: Session
    loss: Dispatcher
    writes_to_x = ""
    """The line where the loss itself, and not a helper, stores into x."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.functions = functions(count)
        self.converters = converters()
        self._clones: dict[Dispatcher, Dispatcher] = {}
        self._ufuncs: dict[DUFunc, Any] = {}
        self._converting: dict[Dispatcher, Any] = {}

    def helper(self, function: Dispatcher) -> Any:
        """Return what to call in place of a jitted function."""
        clone = self.clone(function)
        if function._can_compile:
            return clone
        if len(function.overloads) != 1:
            code = function.py_func.__code__
            reason = f"function {function.__name__} has several signatures"
            raise LanesRefusalError(reason, place(code.co_filename, code.co_firstlineno))
        if function not in self._converting:
            self._converting[function] = with_signature(function, clone)
        return self._converting[function]

    def clone_ufunc(self, ufunc: DUFunc) -> Any:
        """Return the version of a function compiled with ``@vectorize``."""
        if ufunc not in self._ufuncs:
            self._ufuncs[ufunc] = of_elements(ufunc, self.clone(ufunc._dispatcher))
        return self._ufuncs[ufunc]

    def clone(self, function: Dispatcher) -> Dispatcher:
        """Return the version of a jitted function that is compiled with the pass."""
        if function not in self._clones:
            if function.targetoptions.get("parallel"):
                code = function.py_func.__code__
                raise LanesRefusalError(
                    f"function {function.__name__} starts threads itself (parallel=True)",
                    place(code.co_filename, code.co_firstlineno),
                )
            given = function.targetoptions
            options = {name: given[name] for name in _KEPT_OPTIONS if name in given}
            options["locals"] = {name: self._local(ty) for name, ty in function.locals.items()}
            # Of fastmath only what cannot slow lanes down: with all of it LLVM tears vectors apart.
            if given.get("fastmath"):
                options["fastmath"] = {"contract"}
            self._clones[function] = numba.njit(
                pipeline_class=_LanesCompiler, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
            )(function.py_func)
        return self._clones[function]

    def _local(self, ty: Any) -> Any:
        """Return the type of a variable for which the user asked for `ty`."""
        return Lanes(self.count, ty) if isinstance(ty, types.Float) else ty


@register_pass(mutates_CFG=False, analysis_only=False)
class _Promote(FunctionPass):  # type: ignore[misc]  # numba is untyped
    _name = "jitgrad_promote_to_lanes"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        _Rewriter(state.func_ir).run()
        if state.func_id.func is Session.current.loss.py_func:
            Session.current.writes_to_x = line_that_stores(state.func_ir)
        return True


class _LanesCompiler(CompilerBase):  # type: ignore[misc]
    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_Promote, InlineClosureLikes)
        passes.add_pass_after(TakeOverArrays, NopythonRewrites)
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
                if isinstance(statement, ir.Raise):
                    self._leave_message_out(statement)
                if isinstance(statement, ir.Assign):
                    body += self._list(statement, block.scope)
                    body += self._method(statement, block.scope) + self._operator(statement, block.scope)
                    self._value(statement)
                body.append(statement)
            block.body[:] = body
        self._function._definitions = build_definitions(self._function.blocks)

    def _leave_message_out(self, statement: ir.Raise) -> None:
        """Raise without arguments, which may hold lanes; the scalar code, run again, raises with them."""
        call = self._definition(statement.exception) if statement.exception is not None else None
        if isinstance(call, ir.Expr) and call.op == "call":
            call.args, call.kws = (), ()

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
                self._refuse(_DRAWN, statement)
            found = getattr(owner, value.attr, _NOTHING)
        elif isinstance(value, ir.Global | ir.FreeVar) or (
            isinstance(value, ir.Const) and isinstance(value.value, LiftedCode)
        ):
            found = value.value
        else:
            return
        replacement = self._replacement(found, statement)
        if replacement is not None:
            statement.value = ir.Global(getattr(found, "__name__", "function"), replacement, value.loc)

    def _replacement(self, found: Any, statement: ir.Assign) -> Any:
        if isinstance(found, WithContext | LiftedCode):
            self._refuse("Python code (objmode) must run for every evaluation", statement)
        if str(getattr(found, "__module__", "")).startswith("numpy.random"):
            self._refuse(_DRAWN, statement)
        if isinstance(found, Dispatcher):
            return Session.current.helper(found)
        if isinstance(found, DUFunc):
            return Session.current.clone_ufunc(found)
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
            name = getattr(found, "__qualname__", None) or getattr(found, "__name__", None) or repr(found)
            self._refuse(f"{name} cannot be seen through", statement)
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
        if self._stands_for(method, np.float64, np.float32):
            original = getattr(np, method.attr)
            call.func, naming = self._set(original.__name__, Session.current.converters[original], statement, scope)
            return [naming]
        if not (isinstance(method, ir.Expr) and method.op == "getattr" and method.attr in METHODS):
            return []
        if self._resolve(method.value) is not _NOTHING:  # a function of a module
            return []
        if method.attr == "sort" and (call.args or call.kws):  # a list's options, which no stand-in knows
            return []
        call.args = (method.value, *call.args)
        call.func, naming = self._named(METHODS[method.attr], statement, scope)
        return [naming]

    def _list(self, statement: ir.Assign, scope: Any) -> list[Any]:
        """Let lists that begin with floats written in the code, ``[0.0] * n``, hold lanes: some may be put there."""
        value, added = statement.value, []
        if isinstance(value, ir.Expr) and value.op == "build_list":
            value.items = list(value.items)
            for k, item in enumerate(value.items):
                constant = self._definition(item)
                if isinstance(constant, ir.Const) and isinstance(constant.value, float):
                    function, naming = self._named(list_item, statement, scope)
                    wide = scope.redefine("$lanes_item", statement.loc)
                    call = ir.Expr.call(function, (item,), (), value.loc)
                    added += [naming, ir.Assign(call, wide, statement.loc)]
                    value.items[k] = wide
        return added

    def _operator(self, statement: ir.Assign, scope: Any) -> list[Any]:
        """Turn ``a @ b`` and ``a += b`` into calls of functions."""
        value = statement.value
        if not (isinstance(value, ir.Expr) and value.op in ("binop", "inplace_binop")):
            return []
        if value.fn not in Session.current.functions:
            return []
        function, naming = self._named(value.fn, statement, scope)
        statement.value = ir.Expr.call(function, (value.lhs, value.rhs), (), value.loc)
        return [naming]

    def _named(self, original: Any, statement: ir.Assign, scope: Any) -> tuple[ir.Var, ir.Assign]:
        """Return a variable for what stands for `original`, and the statement that sets it."""
        return self._set(original.__name__, Session.current.functions[original], statement, scope)

    def _set(self, name: str, function: Any, statement: ir.Assign, scope: Any) -> tuple[ir.Var, ir.Assign]:
        variable = scope.redefine("$lanes_function", statement.loc)
        return variable, ir.Assign(ir.Global(name, function, statement.loc), variable, statement.loc)

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

    def _stands_for(self, definition: Any, *wanted: Any) -> bool:
        """Tell whether a definition is one of these members of a module."""
        if not (isinstance(definition, ir.Expr) and definition.op == "getattr"):
            return False
        owner = self._resolve(definition.value)
        return owner is not _NOTHING and getattr(owner, definition.attr, None) in wanted

    def _refuse(self, reason: str, statement: Any) -> None:
        raise LanesRefusalError(reason, place(self._function.loc.filename, statement.loc.line))
