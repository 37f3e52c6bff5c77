"""``np.dot``, ``@``, ``np.vdot`` and ``np.linalg.norm`` in plain loops.

numba leaves them to BLAS, which a GPU cannot call. For the CPU they are registered for perturbed views only.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload
from numba.np.numpy_support import as_dtype

from jitgrad.loss.device.view import View


def _is_operand(kind: Any) -> bool:
    return isinstance(kind, View) or (isinstance(kind, types.Array) and kind.ndim in {1, 2})


def _dot(a, b):  # type: ignore[no-untyped-def]
    if not (_is_operand(a) and _is_operand(b) and a.dtype == b.dtype and isinstance(a.dtype, types.Float)):
        return None
    return _DOTS[a.ndim, b.ndim](as_dtype(a.dtype).type(0))


def _vector_vector(zero: Any) -> Any:
    def dot(a, b):  # type: ignore[no-untyped-def]
        if len(a) != len(b):
            raise ValueError("incompatible array sizes for np.dot(a, b) (vector * vector)")
        total = zero
        for k in range(len(a)):
            total += a[k] * b[k]
        return total

    return dot


def _matrix_vector(zero: Any) -> Any:
    def dot(a, b):  # type: ignore[no-untyped-def]
        if a.shape[1] != len(b):
            raise ValueError("incompatible array sizes for np.dot(a, b) (matrix * vector)")
        product = np.empty(a.shape[0], a.dtype)
        for i in range(a.shape[0]):
            total = zero
            for k in range(len(b)):
                total += a[i, k] * b[k]
            product[i] = total
        return product

    return dot


def _vector_matrix(zero: Any) -> Any:
    def dot(a, b):  # type: ignore[no-untyped-def]
        if len(a) != b.shape[0]:
            raise ValueError("incompatible array sizes for np.dot(a, b) (vector * matrix)")
        product = np.empty(b.shape[1], b.dtype)
        for j in range(b.shape[1]):
            total = zero
            for k in range(len(a)):
                total += a[k] * b[k, j]
            product[j] = total
        return product

    return dot


def _matrix_matrix(zero: Any) -> Any:
    def dot(a, b):  # type: ignore[no-untyped-def]
        if a.shape[1] != b.shape[0]:
            raise ValueError("incompatible array sizes for np.dot(a, b) (matrix * matrix)")
        product = np.empty((a.shape[0], b.shape[1]), a.dtype)
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                total = zero
                for k in range(a.shape[1]):
                    total += a[i, k] * b[k, j]
                product[i, j] = total
        return product

    return dot


_DOTS: dict[tuple[int, int], Callable[[Any], Any]] = {
    (1, 1): _vector_vector,
    (2, 1): _matrix_vector,
    (1, 2): _vector_matrix,
    (2, 2): _matrix_matrix,
}


def _vdot(a, b):  # type: ignore[no-untyped-def]
    vectors = getattr(a, "ndim", 0) == getattr(b, "ndim", 0) == 1
    return _dot(a, b) if vectors else None  # type: ignore[no-untyped-call]


def _norm(x, ord=None):  # type: ignore[no-untyped-def]  # noqa: A002  # numba's name
    if not (_is_operand(x) and isinstance(x.dtype, types.Float)):
        return None
    zero = as_dtype(x.dtype).type(0)
    if ord is None or isinstance(ord, types.NoneType | types.Omitted):
        return (_euclidean if x.ndim == 1 else _frobenius)(zero)
    return _other_norm(zero) if x.ndim == 1 and isinstance(ord, types.Number) else None


def _euclidean(zero: Any) -> Any:
    tiny, huge = np.finfo(zero.dtype).tiny / np.finfo(zero.dtype).eps, np.finfo(zero.dtype).max

    def norm(x, ord=None):  # type: ignore[no-untyped-def]  # noqa: A002
        total = zero
        for value in x:
            total += value * value
        if np.isnan(total) or tiny <= total <= huge:
            return math.sqrt(total)
        # Squares are out of the range of numbers, which BLAS avoids by scaling.
        largest = zero
        for value in x:
            largest = max(largest, abs(value))
        if largest == 0 or np.isinf(largest):
            return largest
        total = zero
        for value in x:
            total += (value / largest) * (value / largest)
        return largest * math.sqrt(total)

    return norm


def _frobenius(zero: Any) -> Any:
    def norm(x, ord=None):  # type: ignore[no-untyped-def]  # noqa: A002
        rows = np.empty(x.shape[0], x.dtype)
        for i in range(x.shape[0]):
            rows[i] = np.linalg.norm(x[i])
        return np.linalg.norm(rows)

    return norm


def _other_norm(zero: Any) -> Any:
    def norm(x, ord=None):  # type: ignore[no-untyped-def]  # noqa: A002
        if ord == 2:
            return np.linalg.norm(x)
        if np.isinf(ord):
            extreme = zero if ord > 0 else abs(x[0])
            for value in x:
                extreme = max(extreme, abs(value)) if ord > 0 else min(extreme, abs(value))
            return extreme
        total = zero
        for value in x:
            if ord == 0:
                total += value != 0
            elif ord == 1:
                total += abs(value)
            else:
                total += abs(value) ** ord
        return total if ord in (0, 1) else total ** (1 / ord)

    return norm


PRODUCTS = {np.dot: _dot, operator.matmul: _dot, np.vdot: _vdot}


def _with_a_view(implementation: Any) -> Any:
    def of_views(a, b):  # type: ignore[no-untyped-def]
        return implementation(a, b) if isinstance(a, View) or isinstance(b, View) else None

    return of_views


def _norm_of_view(x, ord=None):  # type: ignore[no-untyped-def]  # noqa: A002
    return _norm(x, ord) if isinstance(x, View) else None  # type: ignore[no-untyped-call]


for _function, _implementation in PRODUCTS.items():
    overload(_function, target="generic")(_with_a_view(_implementation))
overload(np.linalg.norm, target="generic")(_norm_of_view)
PRODUCTS[np.linalg.norm] = _norm
