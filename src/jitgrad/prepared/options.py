"""The options of derivatives other than gradients; `jitgrad.gradient.grad_cpu` says what each means."""

from __future__ import annotations

from typing import TypedDict

import numpy.typing as npt

from jitgrad._types import ArgsAxes, Bounds, Method, Vectorize
from jitgrad.steps import Rule


class CommonOptions(TypedDict, total=False):
    """What all of them take."""

    order: int | None
    step: float | npt.ArrayLike | Rule | None
    bounds: Bounds
    args_axes: ArgsAxes
    threads: int | None


class LineOptions(CommonOptions, total=False):
    """Of a directional derivative."""

    method: Method


class JacobianOptions(LineOptions, total=False):
    """Of a Jacobian."""

    coords: npt.ArrayLike | None


class ProductOptions(JacobianOptions, total=False):
    """Of a vector-Jacobian product: those of a gradient."""

    vectorize: Vectorize


class SecondOptions(CommonOptions, total=False):
    """Of second derivatives."""

    coords: npt.ArrayLike | None
    vectorize: Vectorize
