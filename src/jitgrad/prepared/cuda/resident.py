"""The gradient at points that lie on a GPU, computed there from beginning to end: nothing is copied, nobody waits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.core import types

from jitgrad.formula import ANCHOR
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.cuda.terms import TermRunner
from jitgrad.launch.probes import Probes
from jitgrad.prepared.cuda.differences import combine_kernel, place_kernel
from jitgrad.prepared.plan import Plan

_INTEGERS, _NUMBERS = types.int64[::1], types.float64[::1]


class Resident:
    """A difference formula whose steps do not depend on the loss, on a device.

    Parameters
    ----------
    plan : Plan
    bound : CudaLoss
        Its first place is used.
    """

    def __init__(self, plan: Plan, bound: CudaLoss) -> None:
        place = bound.places[0]
        self._plan, self._bound, self._place = plan, bound, place
        device = place.device
        formula = plan.formula
        self._targets = device.put(plan.targets)
        self._formula = tuple(map(device.put, formula))
        self._m, self._n = math.prod(plan.shape[:-1]), plan.shape[-1]
        self._slots = formula.stencil.shape[2]
        # The loss at the points may be a node of one-sided formulas, which bounds make of any.
        largest = float(np.finfo(plan.dtype).max)
        bounded = bool((formula.limits[..., 1] > -largest).any() or (formula.limits[..., 2] < largest).any())
        self._needs_value = bounded or formula.settings[ANCHOR] != -0.5  # central
        self._runner = bound.runner(0, replacing=True)
        number = types.float64 if plan.dtype == np.float64 else types.float32
        self._place_signature = (
            number[:, ::1], _INTEGERS, types.float64[:, :, ::1], _NUMBERS, types.float64[:, :, ::1], types.boolean,
            _INTEGERS, _INTEGERS, _INTEGERS, number[::1], _NUMBERS, _NUMBERS, _INTEGERS,
        )  # fmt: skip
        self._combine_signature = (
            _INTEGERS, types.int64, types.int64, _NUMBERS, _INTEGERS, _NUMBERS, _INTEGERS, number[::1],
        )  # fmt: skip

    def __call__(self, points: Any, with_value: bool) -> tuple[Any, Any]:
        """Return the gradient and the loss at `points`, device arrays."""
        plan, place, device = self._plan, self._place, self._place.device
        m, targets = self._m, plan.targets.size
        gradient = device.empty((targets,), plan.dtype)
        nodes = targets * self._slots
        rows = points.reshape((m, self._n))
        with self._bound.lock:
            empty = place.buffers.empty
            point, begin = empty("r.point", (m + nodes,), np.int64), empty("r.begin", (m + nodes + 1,), np.int64)
            coordinate, value = empty("r.coordinate", (nodes,), np.int64), empty("r.value", (nodes,), plan.dtype)
            moves, weights = empty("r.moves", (nodes,), np.float64), empty("r.weights", (nodes,), np.float64)
            reference = empty("r.reference", (targets,), np.int64)
            values, statuses = empty("r.values", (m + nodes,), np.float64), empty("r.statuses", (m + nodes,), np.int8)
            kernel = place.kernel(place_kernel, self._place_signature)
            device.launch(kernel, max(m, targets), (
                rows, self._targets, *self._formula, with_value or self._needs_value, point, begin, coordinate, value,
                moves, weights, reference,
            ))  # fmt: skip
            probes = Probes(
                rows, point, begin, coordinate, value, empty("r.along", (0,), np.int64),
                empty("r.distance", (0,), rows.dtype), empty("r.directions", (0, self._n), rows.dtype),
            )  # fmt: skip
            if isinstance(self._runner, TermRunner):
                if with_value:
                    self._evaluate(probes, values, statuses, m)
                self._differentiate(probes, weights, reference, gradient)
            else:
                self._evaluate(probes, values, statuses, m + nodes)
                combine = place.kernel(combine_kernel, self._combine_signature)
                device.launch(
                    combine, targets, (self._targets, self._n, m, values, point, weights, reference, gradient)
                )
            at_points = None
            if with_value:
                at_points = device.empty((m,), np.float64)
                device.copy_within(at_points, values[:m])
                at_points = at_points.reshape(plan.shape[:-1] or (1,))
        return gradient.reshape(plan.result_shape), at_points

    def _evaluate(self, probes: Probes, values: Any, statuses: Any, total: int) -> None:
        """Launch slices of the first `total` probes, as many as memory wants."""
        runner = self._runner
        if total:
            runner.learn(probes.points)
        count = runner.most_threads()
        for start in range(0, total, count):
            part = slice(start, min(start + count, total))
            piece = probes._replace(point=probes.point[part], begin=probes.begin[part.start : part.stop + 1])
            runner.launch(piece, values[part], statuses[part])

    def _differentiate(self, probes: Probes, weights: Any, reference: Any, gradient: Any) -> None:
        """Sum the differences of terms."""
        runner, buffers, m = self._runner, self._place.buffers, self._m
        assert isinstance(runner, TermRunner)
        runner.learn(probes.points)
        first = buffers.keep("r.first", gradient.shape[0] + 1, lambda size: np.arange(size) * self._slots)
        statuses = buffers.empty("r.ended", gradient.shape, np.int8)
        behind = probes._replace(point=probes.point[m:], begin=probes.begin[m:])
        runner.differentiate(behind, first, weights, reference, gradient, statuses)
