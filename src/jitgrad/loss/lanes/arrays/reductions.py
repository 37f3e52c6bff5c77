"""Sums, means, norms and extremes of arrays of lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from jitgrad.loss.lanes.arrays.loops import Flat, flat, is_flat, reduce
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes, vector_type
from jitgrad.loss.lanes.operations import maximum, minimum
from jitgrad.loss.lanes.vectors import constant, intrinsic, splat

Reduction = Any
"""``reduction(builder, elements)`` emits the reduction of a `Flat` of vectors."""


def _is_ours(array: Any) -> bool:
    return is_flat(array) and isinstance(array.dtype, Lanes)


def _of_all(original: Any, reduction: Reduction) -> Any:
    """Return the stand-in for a reduction over all elements."""

    def choose(array: Any) -> Version | None:
        if not _is_ours(array):
            return None

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            return reduction(builder, flat(context, builder, kinds[0], values[0]), vector_type(array.dtype))

        return Version(array.dtype, emit)

    return stand_in(original, choose)


def _add_up(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType, term: Any) -> ir.Value:
    return reduce(builder, elements.count, constant(ty, 0.0), builder.fadd, term)


def _sum(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    return _add_up(builder, elements, ty, elements.at)


def _divided(builder: ir.IRBuilder, total: ir.Value, count: ir.Value) -> ir.Value:
    return builder.fdiv(total, splat(builder, builder.sitofp(count, total.type.element), total.type.count))


def _mean(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    return _divided(builder, _sum(builder, elements, ty), elements.count)


def _sum_of_squares(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType, shift: Any = None) -> ir.Value:
    def square(i: ir.Value) -> ir.Value:
        element = elements.at(i) if shift is None else builder.fsub(elements.at(i), shift)
        return builder.fmul(element, element)

    return _add_up(builder, elements, ty, square)


def _variance(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    squares = _sum_of_squares(builder, elements, ty, _mean(builder, elements, ty))
    return _divided(builder, squares, elements.count)


def _deviation(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    return intrinsic(builder, "llvm.sqrt", _variance(builder, elements, ty))


def _norm(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    return intrinsic(builder, "llvm.sqrt", _sum_of_squares(builder, elements, ty))


def _product(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    return reduce(builder, elements.count, constant(ty, 1.0), builder.fmul, elements.at)


def _extreme(choice: Any, start: float) -> Reduction:
    def emit(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
        def choose(a: ir.Value, b: ir.Value) -> ir.Value:
            return choice(None, builder, a, b)

        return reduce(builder, elements.count, constant(ty, start), choose, elements.at)

    return emit


def functions() -> dict[Any, Any]:
    """Return what to call in place of reductions of NumPy."""
    smallest = _of_all(np.min, _extreme(minimum, np.inf))
    largest = _of_all(np.max, _extreme(maximum, -np.inf))
    return {
        np.sum: _of_all(np.sum, _sum),
        np.mean: _of_all(np.mean, _mean),
        np.var: _of_all(np.var, _variance),
        np.std: _of_all(np.std, _deviation),
        np.prod: _of_all(np.prod, _product),
        np.min: smallest,
        np.max: largest,
        np.amin: smallest,
        np.amax: largest,
        np.linalg.norm: _of_all(np.linalg.norm, _norm),
    }


METHODS = {"sum": np.sum, "mean": np.mean, "var": np.var, "std": np.std, "prod": np.prod, "min": np.min, "max": np.max}
"""Methods of arrays, and the functions that do the same."""
