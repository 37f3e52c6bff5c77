"""Sums, means, norms and extremes of arrays of lanes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from jitgrad.loss.lanes.arrays.allocation import lanes_array
from jitgrad.loss.lanes.arrays.elementwise import emit_elementwise
from jitgrad.loss.lanes.arrays.loops import Flat, flat, is_flat, reduce
from jitgrad.loss.lanes.arrays.stand_in import Version, stand_in
from jitgrad.loss.lanes.number import Lanes, vector_type
from jitgrad.loss.lanes.operations import maximum, minimum
from jitgrad.loss.lanes.vectors import constant, intrinsic, splat

Reduction = Any
"""``reduction(builder, elements)`` emits the reduction of a `Flat` of vectors."""


def _of_all(original: Any, reduction: Reduction) -> Any:
    """Return the stand-in for a reduction over all elements."""

    def choose(array: Any) -> Version | None:
        if not isinstance(array, types.Array) or not isinstance(array.dtype, Lanes) or array.ndim == 0:
            return None
        ty = vector_type(array.dtype)

        def emit(context: Any, builder: ir.IRBuilder, kinds: Any, values: Any) -> ir.Value:
            if is_flat(array):
                return reduction(builder, flat(context, builder, array, values[0]), ty)
            row = lanes_array(array.dtype, array.ndim)
            copy = emit_elementwise(context, builder, [array], values, row, lambda operands: operands[0])
            result = reduction(builder, flat(context, builder, row, copy), ty)
            context.nrt.decref(builder, row, copy)
            return result

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
        return reduce(builder, elements.count, constant(ty, start), partial(choice, None, builder), elements.at)

    return emit


def _valid(builder: ir.IRBuilder, value: ir.Value) -> ir.Value:
    return builder.fcmp_ordered("ord", value, value)


def _without_nan(builder: ir.IRBuilder, elements: Flat, neutral: float) -> Flat:
    def at(i: ir.Value) -> ir.Value:
        value = elements.at(i)
        return builder.select(_valid(builder, value), value, constant(value.type, neutral))

    return elements._replace(at=at)


def _nansum(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    return _sum(builder, _without_nan(builder, elements, 0.0), ty)


def _nanmean(builder: ir.IRBuilder, elements: Flat, ty: ir.VectorType) -> ir.Value:
    def one(i: ir.Value) -> ir.Value:
        return builder.uitofp(_valid(builder, elements.at(i)), ty)

    return builder.fdiv(_nansum(builder, elements, ty), _add_up(builder, elements, ty, one))


def functions() -> dict[Any, Any]:
    """Return what to call in place of reductions of NumPy."""
    smallest = _of_all(np.min, _extreme(minimum, np.inf))
    largest = _of_all(np.max, _extreme(maximum, -np.inf))
    return {
        np.mean: _of_all(np.mean, _mean),
        np.var: _of_all(np.var, _variance),
        np.std: _of_all(np.std, _deviation),
        np.prod: _of_all(np.prod, _product),
        np.min: smallest,
        np.max: largest,
        np.amin: smallest,
        np.amax: largest,
        np.nansum: _of_all(np.nansum, _nansum),
        np.nanmean: _of_all(np.nanmean, _nanmean),
        np.linalg.norm: _of_all(np.linalg.norm, _norm),
    }


METHODS = {"mean": np.mean, "var": np.var, "std": np.std, "prod": np.prod, "min": np.min, "max": np.max}
"""Methods of arrays, and the functions that do the same."""
