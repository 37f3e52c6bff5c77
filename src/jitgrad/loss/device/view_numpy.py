"""NumPy's reductions and new arrays from perturbed views, in the order of summation of numba's own for arrays.

What is elementwise is not here: it makes new arrays, and a copy of ``x`` to begin with (the column kernel) serves it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload, overload_method
from numba.np.numpy_support import as_dtype

from jitgrad.loss.device.view import View, size_of


def _sum(a):  # type: ignore[no-untyped-def]
    if not isinstance(a, View):
        return None
    zero = as_dtype(a.dtype).type(0)

    def sum_(a):  # type: ignore[no-untyped-def]
        total = zero
        for value in a:
            total += value
        return total

    return sum_


def _prod(a):  # type: ignore[no-untyped-def]
    if not isinstance(a, View):
        return None
    one = as_dtype(a.dtype).type(1)

    def prod(a):  # type: ignore[no-untyped-def]
        product = one
        for value in a:
            product *= value
        return product

    return prod


def _mean(a):  # type: ignore[no-untyped-def]
    if not isinstance(a, View):
        return None
    element = as_dtype(a.dtype).type

    def mean(a):  # type: ignore[no-untyped-def]
        # Nothing has no mean, and dividing by 0 raises under numba's default model of errors.
        return element(np.sum(a) / size_of(a)) if size_of(a) > 0 else element(np.nan)

    return mean


def _var(a):  # type: ignore[no-untyped-def]
    if not isinstance(a, View):
        return None

    def var(a):  # type: ignore[no-untyped-def]
        centre = np.mean(a)
        total = 0.0
        for value in a:
            distance = value - centre
            total += distance * distance
        return total / size_of(a)

    return var


def _std(a):  # type: ignore[no-untyped-def]
    return (lambda a: np.var(a) ** 0.5) if isinstance(a, View) else None


def _extreme(name: str, beyond: Callable[..., Any]) -> Callable[..., Any]:
    message = f"zero-size array to reduction operation {name} which has no identity"

    def choose(a):  # type: ignore[no-untyped-def]
        if not isinstance(a, View):
            return None

        def extreme(a):  # type: ignore[no-untyped-def]
            if size_of(a) == 0:
                raise ValueError(message)
            best = a[0]
            for value in a:
                if np.isnan(value):
                    return value
                if beyond(value, best):  # min() chooses otherwise between 0.0 and -0.0
                    best = value
            return best

        return extreme

    return choose


def _copy(a):  # type: ignore[no-untyped-def]
    if not isinstance(a, View):
        return None

    def copy(a):  # type: ignore[no-untyped-def]
        array = np.empty(size_of(a), a.dtype)
        for j in range(size_of(a)):
            array[j] = a[j]
        return array

    return copy


def _empty_like(a):  # type: ignore[no-untyped-def]
    return (lambda a: np.empty(size_of(a), a.dtype)) if isinstance(a, View) else None


def _zeros_like(a):  # type: ignore[no-untyped-def]
    return (lambda a: np.zeros(size_of(a), a.dtype)) if isinstance(a, View) else None


def _ones_like(a):  # type: ignore[no-untyped-def]
    return (lambda a: np.ones(size_of(a), a.dtype)) if isinstance(a, View) else None


def _builtin_sum(iterable, start=0):  # type: ignore[no-untyped-def]
    if not isinstance(iterable, View):
        return None

    def sum_(iterable, start=0):  # type: ignore[no-untyped-def]
        total = start
        for value in iterable:
            total = total + value
        return total

    return sum_


OF_VIEWS = {
    sum: _builtin_sum,
    np.sum: _sum,
    np.prod: _prod,
    np.mean: _mean,
    np.var: _var,
    np.std: _std,
    np.min: _extreme("minimum", operator.lt),
    np.max: _extreme("maximum", operator.gt),
    np.copy: _copy,
    np.empty_like: _empty_like,
    np.zeros_like: _zeros_like,
    np.ones_like: _ones_like,
}

for _function, _implementation in OF_VIEWS.items():
    # For the CPU (the simulator) too, by name: what is more specific goes before numba's own, which take anything that
    # has a dtype for an array.
    for _target in ("generic", "cpu"):
        overload(_function, target=_target)(_implementation)
for _name in ("sum", "prod", "mean", "var", "std", "min", "max", "copy"):
    overload_method(View, _name, target="generic")(OF_VIEWS[getattr(np, _name)])
