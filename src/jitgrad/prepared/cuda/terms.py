"""Derivatives of sums of terms on GPUs, from the points and steps that the CPU has chosen."""

from __future__ import annotations

import numpy as np

from jitgrad._types import Array
from jitgrad.difference import Differences
from jitgrad.launch.cuda.bound import CudaLoss
from jitgrad.launch.cuda.terms import TermRunner
from jitgrad.launch.probes import Probes


def differentiate(bound: CudaLoss, found: Differences, gradient: Array) -> bool:
    """Sum weighted differences of terms, on all devices of a loss, each with its share of the targets.

    Parameters
    ----------
    bound : CudaLoss
        Of a `Separable`.
    found : Differences
    gradient : ndarray, shape (targets,)
        Receives the derivatives.

    Returns
    -------
    bool
        Whether all are finite; False too if the terms do not compile as such.
    """
    probes, targets = found.probes, gradient.size
    edges = np.linspace(0, targets, len(bound.places) + 1).astype(np.int64)
    with bound.lock:
        launched = []
        for k, place in enumerate(bound.places):
            runner, put, device = bound.runner(k, replacing=True), place.buffers.put, place.device
            if not isinstance(runner, TermRunner):
                return False
            part = slice(edges[k], edges[k + 1])
            names = ("points", "point", "begin", "coordinate", "value", "along", "distance", "directions")
            there = Probes(*(put(name, array) for name, array in zip(names, probes, strict=True)))
            sums = device.empty((part.stop - part.start,), np.float64)
            statuses = device.empty((part.stop - part.start,), np.int8)
            first = put("d.first", found.first[part.start : part.stop + 1])
            weights, reference = put("d.weights", found.weights), put("d.reference", found.reference[part])
            runner.learn(there.points)
            runner.differentiate(there, first, weights, reference, sums, statuses)
            launched.append((part, device, sums))
        for part, device, sums in launched:
            gradient[part] = device.get(sums)
    return bool(np.isfinite(gradient).all())
