"""A gradient function prepared once and called often, on GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from jitgrad import _check
from jitgrad._types import ArgsAxes, Array, Bounds, FloatArray, Method
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.cuda.device import Device, on_device
from jitgrad.difference import Differences, combine
from jitgrad.launch.cuda.evaluate import evaluate
from jitgrad.launch.probes import Probes, replaced
from jitgrad.prepared.cuda_terms import differentiate
from jitgrad.loss.accept import compilable_loss
from jitgrad.prepared.cuda_resident import Resident
from jitgrad.prepared.gradient import Gradient, rows_of
from jitgrad.prepared.plan import Plan, make_plan
from jitgrad.prepared.session import Attempt, described, same_arguments
from jitgrad.steps import Rule


class CudaSession:
    """A plan together with the arguments of the last call, on the device."""

    def __init__(self, plan: Plan, args: tuple[Any, ...], bound: CudaLoss) -> None:
        self.plan = plan
        self.shape, self.dtype = plan.shape, plan.dtype
        self.size, self.checked = plan.targets.size, plan.checks.size > 0
        self.bound = bound
        self._resident: Resident | None = None
        self._args, self._descriptions = args, [described(value) for value in args]

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        """Whether points and arguments are like those of the last call; what changed in them is copied again."""
        fitting = (x.shape, x.dtype) == (self.shape, self.dtype) and same_arguments(
            args, self._args, self._descriptions
        )
        if fitting:
            self.bound.refresh()
        return fitting

    def quick(self, points: Array, with_value: bool) -> tuple[Array, Any] | None:
        """Return None: nothing is quick that has to be launched."""
        return None

    def attempt(self, points: Array, with_value: bool) -> Attempt | None:
        """Return None: the probes are made on the CPU."""
        return None

    def resident(self, points: Any, with_value: bool) -> tuple[Any, Any]:
        """Compute the gradient at points that lie on the device, and leave it there; nothing is copied.

        Returns
        -------
        gradient : device array of shape `plan.result_shape`
        values : device array of shape (...)
            The loss at the points, if `with_value`; of shape (1,) for one point.
        """
        if self._resident is None:
            self._resident = Resident(self.plan, self.bound)
        return self._resident(points, with_value)

    def evaluate(self, probes: Probes, skip: int = 0, *, forgive: bool = False) -> FloatArray:
        """Evaluate the loss at every probe of a list."""
        return evaluate(self.bound, probes, skip=skip, forgive=forgive)

    def differentiate(self, found: Differences, skip: int, gradient: Array) -> tuple[FloatArray, bool]:
        """Evaluate the probes and combine them, term by term where nobody looks at values in between.

        What is not finite then is evaluated again, so that exceptions are seen.
        """
        if self.bound.separable is not None and not self.checked and differentiate(self.bound, found, gradient):
            points = np.arange(len(found.probes.points))[skip:]
            nothing = np.empty((points.size, 0))
            values = np.full(found.probes.point.size, np.nan)
            values[skip : skip + points.size] = self.evaluate(replaced(found.probes.points, points, nothing, nothing))
            return values, True
        values = self.evaluate(found.probes, skip)
        return values, combine(found, values, gradient)


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
    ) -> None:
        super().__init__(
            loss, method=method, order=order, step=step, bounds=bounds, coords=coords, args_axes=args_axes,
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
        session = self._session
        if not (isinstance(session, CudaSession) and session.fits(there, args)):
            plan = make_plan(self._options, there.shape, np.dtype(there.dtype))
            session = self.start(plan, np.empty(there.shape, there.dtype), args)
        plan = session.plan
        if plan.searches or session.checked:  # the CPU looks at the values
            gradient, values = super()._compute(device.get(there), args, None, with_value)
            gradient, values = device.put(gradient), device.put(np.atleast_1d(values))
        else:
            gradient, values = session.resident(there, with_value)
            self._session = session
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
