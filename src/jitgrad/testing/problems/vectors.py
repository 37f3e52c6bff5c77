"""Losses of many coordinates with exact gradients: ordinary ones, and sums in which every coordinate is awkward."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray, Loss
from jitgrad.testing import awkward
from jitgrad.testing.catalogue import scenarios
from jitgrad.testing.definition import njit
from jitgrad.testing.problems import ordinary
from jitgrad.testing.problems.catalogue import KINDS, problems
from jitgrad.testing.problems.definition import Problem
from jitgrad.testing.problems.harness import resolved
from jitgrad.testing.problems.separable import DEVELOPMENT, HELD_OUT, separable

_N = 100
# Beside terms that are larger, no term of order 1 has a derivative that anybody could find.
_LARGEST = 1e3
# Beside terms of order 1, a term smaller than this is as good as none.
_SMALLEST = 1e-20

# With more problems in one sum, each would have few coordinates.
_MEMBERS = 8

_FEW = 8


class VectorLoss(NamedTuple):
    """A loss of many coordinates, a point, and the exact gradient there.

    Attributes
    ----------
    name : str
        Losses of the same name differ in point or size alone.
    ordinary : bool
        Whether the loss is as most losses are: nothing should be warned of, and nothing repaired.
    loss : numba-jitted function
        ``loss(x, *args) -> float``.
    x : ndarray of shape (n,), float64 or float32
    args : tuple
    gradient : ndarray of float64, shape (n,)
        At the numbers that `x` holds; that of the loss without its noise or its stairs.
    scale : ndarray of float64, shape (n,)
        What errors are relative to: ``|gradient|``, a typical slope at optima.
    """

    name: str
    ordinary: bool
    loss: Loss
    x: Array
    args: tuple[Any, ...]
    gradient: FloatArray
    scale: FloatArray


def vector_losses(*, held_out: bool = False, dtype: Any = np.float64) -> tuple[VectorLoss, ...]:
    """Build the losses to develop with, or those that are held out.

    Parameters
    ----------
    held_out : bool, default False
        As in `problems`; the two sets have different losses.
    dtype : {float64, float32}
        Type of the points. In float32 what it cannot resolve is left out.

    Returns
    -------
    tuple of VectorLoss

    Examples
    --------
    >>> from jitgrad.testing.problems import vector_losses
    >>> loss = next(v for v in vector_losses() if v.name == "aliasing")
    >>> loss.x.shape, float(loss.args[0].max())
    ((200,), 1000000000.0)
    """
    return tuple(
        loss
        for family in (_ordinary, _sums, _separable)
        for loss in family(held_out, np.dtype(dtype))
        if loss.x.size > 0
    )


def _ordinary(held_out: bool, dtype: Any) -> Iterator[VectorLoss]:
    """The scenarios that are not awkward, or those of `ordinary`."""
    names = {factory.__name__ for factory in awkward.SCENARIOS}
    known = [s for s in scenarios(_N) if s.name not in names]
    for s in [factory(_N) for factory in ordinary.SCENARIOS] if held_out else known:
        x = s.point.astype(dtype)
        gradient = s.gradient(x.astype(np.float64), *s.args)
        # Scenarios of sums of squares have entries that are small by chance; that is how gradients are.
        scale = np.where(gradient == 0.0, np.abs(gradient).max(), np.abs(gradient))
        yield VectorLoss(s.name, True, s.loss, x, s.args, gradient, scale)


def _one_of(functions: tuple[Loss, ...]) -> Loss:
    """Make a compiled ``value(k, x)`` that is function number `k`: numba has no lists of different functions."""
    first, others = functions[0], functions[1:]
    if not others:
        return njit(lambda k, x: first(x))  # noqa: ARG005
    other = _one_of(others)
    return njit(lambda k, x: first(x) if k == 0 else other(k - 1, x))


def _sum_of(functions: tuple[Loss, ...]) -> Loss:
    value = _one_of(functions)

    @njit
    def loss(x: Array, which: IntArray) -> float:
        total = 0.0
        for i in range(x.size):
            total += value(which[i], x[i])
        return total

    return loss


def _sums(held_out: bool, dtype: Any) -> Iterator[VectorLoss]:
    """Sums of problems of one class, each coordinate with a problem of its own."""
    for kind in KINDS:
        everything = problems(held_out=held_out, kind=kind)
        count = math.ceil(len(everything) / _MEMBERS)
        each = math.ceil(len(everything) / count)
        for k in range(count):
            name = f"sum of {kind}" + f", {k + 1}" * (k > 0)
            yield _sum(name, everything[k * each : (k + 1) * each], dtype)


def _sum(name: str, members: tuple[Problem, ...], dtype: Any) -> VectorLoss:
    each = _N // len(members)
    sizes = [p.size() for p in members]
    fit = [resolved(p, dtype) & (s >= _SMALLEST) & (s <= _LARGEST) for p, s in zip(members, sizes, strict=True)]
    kept = [np.flatnonzero(f)[:each] for f in fit]
    x = np.concatenate([p.x[k] for p, k in zip(members, kept, strict=True)]).astype(dtype)
    which = np.repeat(np.arange(len(members)), [k.size for k in kept])
    gradient = np.concatenate([p.derivative(x[which == i]) for i, p in enumerate(members)])
    scale = np.maximum(np.abs(gradient), np.array([p.typical for p in members])[which])
    loss = _sum_of(tuple(p.function for p in members))
    return VectorLoss(name, False, loss, x, (which,), gradient, scale)


def _separable(held_out: bool, dtype: Any) -> Iterator[VectorLoss]:
    """Sums of one function of three numbers: x, a weight or frequency, and a centre."""
    for family in HELD_OUT if held_out else DEVELOPMENT:
        if dtype == np.float32 and not family.single:
            continue
        loss = separable(family.term)
        for case in family.cases():
            x = case.x.astype(dtype)
            wide = x.astype(np.longdouble)
            gradient = np.asarray(family.slope(wide, case.w, case.c), np.float64)
            size = abs(math.fsum(family.term(*map(float, z)) for z in zip(x, case.w, case.c, strict=True)))
            args = (case.w, case.c, family.offset, case.level * size)
            scale = np.maximum(np.abs(gradient), family.typical)
            name = f"{family.name}, noise {case.level:.0e}" if case.level else family.name
            name += f", n = {x.size}" if x.size < _FEW else ""
            yield VectorLoss(name, False, loss, x, args, gradient, scale)
