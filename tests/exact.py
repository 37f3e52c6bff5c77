"""The losses and problems of `jitgrad.testing` in arithmetic of many digits.

The Python function behind a jitted loss runs unchanged on mpmath numbers, once ``math`` and ``np`` are replaced in
its globals and closure, and likewise for the helpers it calls. Numbers written in the source keep the value they
have in float64, so that the function is the same and only its rounding is gone.
"""

import math
import types
from functools import cache
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np

from jitgrad.testing import Scenario

_FUNCTIONS = (
    *("exp", "expm1", "log", "log1p", "sqrt", "fabs", "erf"),
    *("sin", "cos", "tan", "asin", "atan", "sinh", "cosh", "tanh", "acosh"),
)


class Exact:
    """The loss of a scenario without its noise: ``exact(x) -> mpf``.

    Parameters
    ----------
    scenario : Scenario
    digits : int
        Decimal digits of the arithmetic.
    """

    def __init__(self, scenario: Scenario, digits: int = 60) -> None:
        self.digits = digits
        conversion = _Conversion(_context(digits))
        self.real = conversion.real
        self._loss = conversion(scenario.smooth or scenario.loss)
        self._args = conversion(scenario.args)

    def __call__(self, x: Any) -> Any:
        return self._loss(np.array([self.real(value) for value in x], object), *self._args)

    def displaced(self, x: Any, i: int, displacement: Any) -> Any:
        """The loss with `displacement` added to coordinate `i`, without rounding."""
        point = [self.real(value) for value in x]
        point[i] += displacement
        return self(point)

    def derivative(self, x: Any, i: int) -> Any:
        """The derivative by coordinate `i`; its relative error is about ``10**(-digits * 2 / 3)``."""
        h = self.real(10) ** -(self.digits // 3)
        return (self.displaced(x, i, h) - self.displaced(x, i, -h)) / (2 * h)


class ExactFunction:
    """A function of one number without rounding: ``exact(x) -> mpf``.

    Parameters
    ----------
    function : callable
        Plain or jitted.
    digits : int
        Decimal digits of the arithmetic.
    """

    def __init__(self, function: Any, digits: int = 120) -> None:
        self.digits = digits
        conversion = _Conversion(_context(digits))
        self.real = conversion.real
        self._function = conversion(function)

    def __call__(self, x: float) -> Any:
        return self._function(self.real(float(x)))

    def derivative(self, x: float) -> Any:
        """The derivative; its relative error is about ``(10**(-digits / 3) / length)**2``, 1e-60 where it is worst."""
        h = self.real(10) ** -(self.digits // 3)
        centre = self.real(float(x))
        return (self._function(centre + h) - self._function(centre - h)) / (2 * h)


@cache
def _context(digits: int) -> Any:
    context = mpmath.MPContext()
    context.dps = digits
    return context


class _Conversion:
    """Replaces what is computed in float64 by what is computed in a context of mpmath."""

    def __init__(self, context: Any) -> None:
        self.real = context.convert
        functions = {name: getattr(context, name) for name in _FUNCTIONS}
        elementwise = {name: np.frompyfunc(function, 1, 1) for name, function in functions.items()}
        buffers = {"empty": _zeros, "zeros": _zeros, "sum": np.sum}
        constants = {"pi": self.real(math.pi), "inf": self.real("inf"), "nan": self.real("nan")}
        self._modules = {
            math: SimpleNamespace(pow=context.power, **functions, **constants),
            np: SimpleNamespace(**elementwise, **buffers, **constants),
        }
        self._converted: dict[Any, Any] = {}

    def __call__(self, value: Any) -> Any:
        match value:
            case float():
                return self.real(value)
            case np.ndarray() if value.dtype.kind == "f":
                return np.array([self.real(entry) for entry in value.flat], object).reshape(value.shape)
            case tuple() if hasattr(value, "_fields"):
                return type(value)(*map(self, value))
            case tuple():
                return tuple(map(self, value))
            case types.ModuleType():
                return self._modules[value]
        plain = getattr(value, "py_func", value)  # they are equal under NUMBA_DISABLE_JIT=1
        return self._function(plain) if isinstance(plain, types.FunctionType) else value

    def _function(self, function: types.FunctionType) -> Any:
        if function not in self._converted:
            code = function.__code__
            scope = {name: self(function.__globals__[name]) for name in code.co_names if name in function.__globals__}
            cells = tuple(types.CellType(self(cell.cell_contents)) for cell in function.__closure__ or ())
            self._converted[function] = types.FunctionType(
                code, scope, code.co_name, self(function.__defaults__), cells
            )
        return self._converted[function]


def _zeros(shape: Any) -> Any:
    return np.zeros(shape, object)
