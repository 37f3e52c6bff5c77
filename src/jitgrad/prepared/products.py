"""Products of a Jacobian with vectors, prepared once and called often."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._errors import LossCompileError
from jitgrad._types import Array
from jitgrad.difference import differences
from jitgrad.formula import AT_ZERO, RELATIVE
from jitgrad.loss.accept import loss_name
from jitgrad.loss.derived import UNEQUAL, refuse_outputs, returns_vector
from jitgrad.prepared.along import ends_of_lines, free_directions, steps_along
from jitgrad.prepared.devices import Device
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.options import JacobianOptions, LineOptions
from jitgrad.prepared.outputs import Jacobian, Values
from jitgrad.prepared.plan import checked_options, make_plan
from jitgrad.prepared.repair import raise_fault
from jitgrad.steps import Absolute, Auto


class VectorJacobian:
    """Callable ``vjp(u, w, *args)`` that returns the gradient of ``w . F(u)`` by ``u``; made by `vjp_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, function: Any, device: Device, **options: Unpack[JacobianOptions]) -> None:
        self._function, self._device = device.accept(function), device
        self._axes = checked_options(**options).args_axes
        self._options: dict[str, Any] = {name: value for name, value in options.items() if name != "args_axes"}
        self._known: tuple[int, bool, Gradient] | None = None

    def __call__(self, u: npt.ArrayLike, w: npt.ArrayLike, *args: Any, out: Array | None = None) -> Array:
        """Return the vector-Jacobian product.

        Parameters
        ----------
        u : array_like of shape (..., k)
        w : array_like of shape (..., p)
            One weight per output.
        *args
            What the function takes after ``u``.
        out : ndarray, optional
            Receives the product.

        Returns
        -------
        ndarray of shape (..., k)
            float32 for float32 `u`, else float64. With ``coords`` its last axis has one entry per chosen coordinate.
        """
        points, weights = _check.checked_points(u), numbers("w", w)
        batch = points.shape[:-1]
        if weights.ndim == 0 or weights.shape[:-1] != batch:
            raise ValueError(
                f"w must have the shape of the batch of u, {batch}, and one axis for the outputs, got shape "
                f"{weights.shape} for u of shape {points.shape}."
            )
        gradient = self._gradient_for(args, bool(batch))
        try:
            return gradient(points, weights, *args, out=out)
        except LossCompileError as error:
            refuse_outputs(self._function, error)
            raise
        except ValueError as error:
            if str(error) != UNEQUAL:
                raise
            width = Values(self._function, self._device, args_axes=self._axes)(points, *args).shape[-1]
            raise ValueError(
                f"w must have shape {(*batch, width)}, one entry per output of {loss_name(self._function)!r} at every "
                f"point, got {weights.shape}."
            ) from None

    def _gradient_for(self, args: tuple[Any, ...], batched: bool) -> Gradient:
        known = self._known
        if known is not None and known[:2] == (len(args), batched):
            return known[2]
        axes = (None,) * len(args) if self._axes is None else self._axes
        weighted = self._device.derived("weighted", self._function, args)
        gradient = self._device.gradient(weighted, args_axes=(0 if batched else None, *axes), **self._options)
        self._known = (len(args), batched, gradient)
        return gradient


class JacobianVector:
    """Callable ``jvp(x, v, *args)`` that returns the derivative of a loss or function along ``v``; made by `jvp_of`.

    It may be called from several Python threads at once.
    """

    def __init__(self, function: Any, device: Device, **options: Unpack[LineOptions]) -> None:
        self._function, self._device = device.accept(function), device
        self._options = checked_options(**options)
        self._axes = self._options.args_axes
        # What differentiates it. Of a black box nobody knows what it returns before it has been called.
        self._kind: Any = None if device.compiled else partial(Jacobian, device=device, number=True)
        self._known: tuple[int, bool, Any, Any] | None = None

    def __call__(self, x: npt.ArrayLike, v: npt.ArrayLike, *args: Any) -> Any:
        """Return the derivative along `v`, in units of the loss: that of ``f(x + t v)`` by ``t`` at 0.

        Parameters
        ----------
        x : array_like of shape (..., n)
        v : array_like of shape (..., n)
            A direction for every point; of any length.
        *args
            What the function takes after ``x``.

        Returns
        -------
        float, or ndarray of shape (...) or (..., p)
            One number per point for a loss, p for a function of p outputs.
        """
        points = _check.checked_points(x)
        along = directions_like(points, v)
        rows, batch = rows_of(points), points.shape[:-1]
        if 0 in batch:
            raise ValueError(f"x must hold at least one point, got shape {points.shape}.")
        plan = make_plan(self._options, points.shape, points.dtype)
        raise_fault(differences(rows, plan.targets[:0], plan.formula)[0], plan.formula)
        lower, upper = (np.broadcast_to(plan.formula.limits, (*rows.shape, 3))[..., k] for k in (1, 2))
        along = free_directions(along, lower, upper)
        unit = 1.0
        if isinstance(plan.rule, Auto):
            unit = plan.formula.settings[AT_ZERO]
        elif plan.searches:
            unit = plan.formula.settings[RELATIVE]
        scale = steps_along(rows, along, plan.formula) / unit
        scaled = (along * scale[:, None]).astype(points.dtype)
        ends = None
        if self._options.bounds is not None:
            ends = tuple(end.reshape(*batch, 1) for end in ends_of_lines(rows, scaled, lower, upper))
        slopes = self._slopes(points, scaled.reshape(points.shape), args, ends, plan.searches)
        scale = scale.reshape(batch)
        slopes = slopes / (scale[..., None] if slopes.ndim > len(batch) else scale)
        return slopes.astype(points.dtype) if slopes.ndim else float(slopes)

    def _slopes(self, points: Array, along: Array, args: tuple[Any, ...], ends: Any, searches: bool) -> Array:
        """Differentiate by the multiple of the scaled direction."""
        at = np.zeros((*points.shape[:-1], 1), points.dtype)
        # Whether it is a loss or a function of several outputs is known once it is compiled.
        kinds = (self._device.gradient, partial(Jacobian, device=self._device))
        for kind in kinds if self._kind is None else (self._kind,):
            line = self._line(args, points.ndim > 1, ends, searches, kind)
            try:
                slopes = line(at, points, along, *args)[..., 0]
            except LossCompileError:
                if kind is kinds[1] or self._kind is not None or not returns_vector(self._function):
                    raise
            except Exception as error:
                error.add_note("jitgrad: x[0] is the distance along v here, in units of the step or of its length.")
                raise
            else:
                self._kind = kind
                break
        return np.asarray(slopes)

    def _line(self, args: tuple[Any, ...], batched: bool, ends: Any, searches: bool, kind: Any) -> Any:
        """Return what differentiates along a line, from an earlier call if bounds do not make it another."""
        known = self._known
        if known is not None and known[:3] == (len(args), batched, kind) and ends is None:
            return known[3]
        options = self._options
        axes = (None,) * len(args) if self._axes is None else self._axes
        step = options.rule if searches or isinstance(options.rule, Auto) else Absolute(1.0)
        line = kind(
            self._device.derived("line", self._function, args),
            method=options.method, order=options.order, step=step, bounds=ends,
            args_axes=(*(0 if batched else None,) * 2, *axes),
        )  # fmt: skip
        if ends is None:
            self._known = (len(args), batched, kind, line)
        return line


def numbers(name: str, value: Any) -> Array:
    """Return `value` as an array of float64; the caller's own if it is one already.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}.")
    return np.ascontiguousarray(array, np.float64) if array.ndim else array.astype(np.float64)


def directions_like(points: Array, v: Any) -> Array:
    """Return one direction per point, shape (m, n), of the type of the points.

    Raises
    ------
    TypeError, ValueError
        If they do not hold finite real numbers, or have another shape than the points.
    """
    array = numbers("v", v)
    if array.shape != points.shape:
        raise ValueError(
            f"v must have the shape of x, {points.shape}, got {array.shape}. Use numpy.broadcast_to for one direction."
        )
    if not np.isfinite(array).all():
        where = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise ValueError(f"v must be finite, got {array[where]} at {where}.")
    return array.astype(points.dtype).reshape(-1, points.shape[-1])
