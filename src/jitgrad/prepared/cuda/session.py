"""A plan together with the arguments of the last call, on devices."""

from __future__ import annotations

from operator import is_
from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray
from jitgrad.difference import Differences, combine
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.cuda.evaluate import evaluate
from jitgrad.launch.probes import Probes, replaced
from jitgrad.prepared.cuda.resident import Resident
from jitgrad.prepared.cuda.terms import differentiate
from jitgrad.prepared.plan import Plan
from jitgrad.prepared.session import described


class CudaSession:
    """A plan together with the arguments of the last call, on the device."""

    def __init__(self, plan: Plan, args: tuple[Any, ...], bound: CudaLoss) -> None:
        self.plan = plan
        self.shape, self.dtype = plan.shape, plan.dtype
        self.size, self.checked = plan.targets.size, plan.checks.size > 0
        self.bound = bound
        self._resident: Resident | None = None
        self._args, self._descriptions = args, [_described(value) for value in args]

    def fits(self, x: Array, args: tuple[Any, ...]) -> bool:
        """Whether points and arguments are like those of the last call; what changed in them is copied again."""
        fitting = (
            (x.shape, x.dtype) == (self.shape, self.dtype)
            and len(args) == len(self._args)
            and all(map(is_, args, self._args))
            and list(map(_described, args)) == self._descriptions
        )
        if fitting:
            self.bound.refresh()
        return fitting

    def renewed(self, *_: Any) -> None:
        """Return None: arguments are copied to the device once per session."""

    def quick(self, *_: Any) -> None:
        """Return None: nothing is quick that has to be launched."""

    def attempt(self, *_: Any) -> None:
        """Return None: the probes are made on the CPU."""

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


def _described(value: Any) -> Any:
    """Return what an array can change in place, also one on a device: where it lies, for instance."""
    return getattr(value, "__cuda_array_interface__", None) or described(value)
