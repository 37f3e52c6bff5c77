"""numba's CUDA target, as losses are compiled for it: with arenas, and with what it lacks of NumPy.

It is a target of its own beside numba-cuda's, which keeps what a user's own kernels are compiled with as it is.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numba import prange
from numba.core import types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError, UnsupportedError

from jitgrad.loss.device.arena import ArenaMemory
from jitgrad.loss.device.function import device_function
from jitgrad.loss.device.products import PRODUCTS
from jitgrad.loss.device.ranges import next_of_range
from jitgrad.loss.device.scalars import scalar_loops
from jitgrad.loss.device.stand_ins import stand_ins
from jitgrad.loss.device.target import (
    CUDADispatcher,
    CUDATargetContext,
    CUDATypingContext,
    cuda_target,
    extending,
    global_compiler_lock,
)
from jitgrad.loss.device.view_numpy import OF_VIEWS
from jitgrad.loss.device.where import where

_LAPACK = "cholesky cond det eig eigh eigvals eigvalsh inv lstsq matrix_rank pinv qr slogdet solve svd"
_OURS = {*OF_VIEWS, *PRODUCTS, *(getattr(np.linalg, name) for name in _LAPACK.split())}


class _Typing(CUDATypingContext):  # type: ignore[misc]  # numba is untyped
    def resolve_value_type(self, value: Any) -> Any:
        """Type a global or closed-over value; functions compiled for the CPU become device functions."""
        if value is print:
            raise TypingError("print is not supported on a GPU")
        if value is prange:
            value = range  # threads share out the probes, not one evaluation
        if isinstance(getattr(value, "__self__", None), Random | np.random.RandomState):
            raise TypingError("random numbers cannot be drawn on a GPU")
        if isinstance(value, Dispatcher) and not isinstance(value, CUDADispatcher):
            value = device_function(value)
        return super().resolve_value_type(value)

    def resolve_getattr(self, kind: Any, name: str) -> Any:
        """Type an attribute; functions of `random` and `np.random` are refused: numba for the CPU has them half."""
        if isinstance(kind, types.Module) and kind.pymod in {random, np.random}:
            raise TypingError("random numbers cannot be drawn on a GPU")
        return super().resolve_getattr(kind, name)

    def _get_global_type(self, value: Any) -> Any:
        """Return the type of a global; of the functions in `_OURS`, implementations of this package come first.

        numba-cuda's own take a view for a number, or call BLAS; the latter are left out.
        """
        found = super()._get_global_type(value)
        if isinstance(found, types.Function) and found.typing_key in _OURS:
            usable = (template for template in found.templates if _module_of(template) != "numba.cuda.np.linalg")
            templates = tuple(sorted(usable, key=lambda template: not _module_of(template).startswith("jitgrad.")))
            return types.Function(templates) if templates else None
        return found

    def _resolve_user_function_type(self, function: Any, *arguments: Any, **keywords: Any) -> Any:
        """Type a call; that of an operator does not ask for its type first."""
        if function is operator.matmul:
            function = self._get_global_type(function)
        return super()._resolve_user_function_type(function, *arguments, **keywords)


def _module_of(template: Any) -> str:
    return str(getattr(getattr(template, "_overload_func", None), "__module__", ""))


class _Target(CUDATargetContext):  # type: ignore[misc]
    enable_nrt = True

    @property
    def nrt(self) -> ArenaMemory:
        """Memory from arenas."""
        return ArenaMemory(self, True)

    def get_function(self, function: Any, signature: Any, *rest: Any, **named: Any) -> Any:
        """Return what implements a function; iteration over a range is our own."""
        if function == "iternext" and isinstance(signature.args[0], types.RangeIteratorType):
            return lambda builder, arguments, *_: next_of_range(self, builder, signature, arguments)
        return super().get_function(function, signature, *rest, **named)

    def build_set(self, builder: Any, kind: Any, items: Any) -> Any:
        """Refuse sets, which numba-cuda lacks."""
        raise UnsupportedError("lists, sets and dicts cannot be made on a GPU")

    def get_ufunc_info(self, ufunc: np.ufunc) -> dict[str, Callable[..., Any]]:
        """Return the loops of an elementwise function."""
        return scalar_loops()[ufunc]


@cache
def _contexts() -> tuple[_Typing, _Target]:
    for function, implementation in (OF_VIEWS | PRODUCTS | {np.where: where}).items():
        extending.overload(function, target="cuda")(implementation)
    typing = _Typing()
    return typing, _Target(typing)


@contextmanager
def compiling() -> Iterator[None]:
    """Compile kernels that call losses: what is compiled inside is compiled for `jitgrad`'s target."""
    with global_compiler_lock:
        usual = cuda_target._typingctx, cuda_target._targetctx
        cuda_target._typingctx, cuda_target._targetctx = _contexts()
        try:
            with stand_ins():
                yield
        finally:
            cuda_target._typingctx, cuda_target._targetctx = usual
