"""What a case of the corpus is, and its loss as plain Python."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher


@dataclass(frozen=True)
class Case:
    """A loss of the kind people write, with a point where it is smooth.

    ``scalar_expected`` says that lanes must not take it, ``writes`` that it changes x or an argument.
    """

    name: str
    loss: Callable[..., Any]
    x: np.ndarray
    args: tuple[Any, ...] = ()
    scalar_expected: bool = False
    writes: bool = False

    def __str__(self) -> str:
        return self.name

    def interpreted(self) -> float:
        """Value of the loss in pure Python, helpers included."""
        seen: dict[Dispatcher, Any] = {}
        args = tuple(python_of(arg, seen) for arg in self.args)
        with np.errstate(all="ignore"):
            return float(python_of(self.loss, seen)(self.x.copy(), *args))


def python_of(value: Any, seen: dict[Dispatcher, Any]) -> Any:
    """A jitted function as Python that calls Python, anything else as it is.

    ``py_func`` alone would still call the compiled helpers, and would compile them for types they never meet.
    """
    if not isinstance(value, Dispatcher):
        return value
    if value not in seen:
        compiled = value.py_func
        names = dict(compiled.__globals__)
        cells = tuple(types.CellType() for _ in compiled.__closure__ or ())
        seen[value] = types.FunctionType(compiled.__code__, names, compiled.__name__, compiled.__defaults__, cells)
        # After it is known, since a function may call itself.
        for name in compiled.__code__.co_names:
            if name in names:
                names[name] = python_of(names[name], seen)
        for cell, old in zip(cells, compiled.__closure__ or (), strict=True):
            cell.cell_contents = python_of(old.cell_contents, seen)
    return seen[value]
