"""A gradient function prepared once and called often, on GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, Bounds, Method
from jitgrad.estimators import RandomDirections
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.cuda.device import Device, on_device
from jitgrad.loss.accept import compilable_loss
from jitgrad.prepared.cuda.session import CudaSession
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.plan import Plan, make_plan
from jitgrad.steps import Rule


class CudaGradient(Gradient):
    """Callable ``g(x, *args)`` that returns the gradient of a loss, computed on GPUs; made by `gradient_of`."""

    _accept = staticmethod(compilable_loss)

    def __init__(
        self,
        loss: Any,
        *,
        method: Method = "central",
        order: int | None = None,
        step: float | npt.ArrayLike | Rule | None = None,
        bounds: Bounds = None,
        coords: npt.ArrayLike | None = None,
        args_axes: ArgsAxes = None,
        stream: Any = None,
        devices: Sequence[int] | None = None,
        estimator: RandomDirections | None = None,
    ) -> None:
        super().__init__(
            loss, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes,
            estimator=estimator,
        )  # fmt: skip
        self.devices = tuple(Device(index, stream) for index in _check.checked_devices(devices))

    def start(self, plan: Plan, points: Array, args: tuple[Any, ...]) -> CudaSession:
        """Compile the loss for these arguments, and copy them to the devices."""
        batch = points.shape[:-1]
        axes = _check.checked_axes(self._options.args_axes, args, batch)
        return CudaSession(plan, args, CudaLoss(self._loss, rows_of(points), args, axes, batch, self.devices))

    def value_and_grad(self, x: Any, *args: Any, out: Any = None) -> tuple[Any, Any]:
        """Return the loss and its gradient at `x`, on the GPU if `x` lies there."""
        if not on_device(x):
            return super().value_and_grad(x, *args, out=out)
        gradient, values = self._compute(x, args, out, with_value=True)
        return values, gradient

    def host_points(self, x: Any) -> Any:
        """Return ``x`` where the CPU sees it."""
        if not on_device(x):
            return x
        device = self.devices[0]
        return device.get(device.adopt(x))

    def _compute(self, x: Any, args: tuple[Any, ...], out: Any, with_value: bool) -> tuple[Any, Any]:
        if not on_device(x):
            return super()._compute(x, args, out, with_value)
        device = self.devices[0]
        there = _check.checked_device_points(device.adopt(x))
        shape = tuple(there.shape)  # of the simulator's own kind otherwise
        session = self._session if isinstance(self._session, CudaSession) else None
        if session is not None and not session.fits(there, args):
            session = None
        plan = make_plan(self._options, shape, np.dtype(there.dtype)) if session is None else session.plan
        if plan.searches or plan.checks.size:  # the CPU looks at the values
            gradient, values = super()._compute(device.get(there), args, None, with_value)
            gradient, values = device.put(gradient), device.put(np.atleast_1d(values))
        else:
            if session is None:
                session = self._session = self.start(plan, np.empty(shape, there.dtype), args)
            gradient, values = session.resident(there, with_value)
        if out is None:
            return gradient, values
        target = device.adopt(out)
        if target.shape != plan.result_shape or target.dtype != plan.dtype:
            raise ValueError(
                f"out must have the shape and type of the gradient, {plan.result_shape} and {plan.dtype}, got "
                f"{target.shape} and {target.dtype}."
            )
        device.copy_within(target, gradient)
        return out, values
