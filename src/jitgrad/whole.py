"""The gradient of one point in one compiled call: probes made, evaluated and combined block by block.

For losses that cost less than the Python between those steps. A block of probes stays in the processor's cache,
and every thread makes its own. What does not work out is left to `jitgrad.prepared`, which looks closer.
"""

from __future__ import annotations

import numba
import numpy as np

from jitgrad._jit import element, kernel, parallel_kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.difference import NO_FAULT, Formula, check_points, combine_values, make_differences
from jitgrad.launch.drivers import run

BLOCK = 256
"""Coordinates whose probes are made at once."""


@element
def _value(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    points: Array,
    targets: IntArray,
    formula: Formula,
    with_value: bool,
) -> tuple[bool, float]:
    """Check the point; evaluate the loss there if it is asked for or a node of a one-sided formula."""
    fault, _ = check_points(points, formula.limits)
    if fault != NO_FAULT:
        return False, np.nan
    central = formula.settings[1] == -0.5
    if central and not with_value:
        return True, np.nan
    values, statuses = np.empty(1), np.zeros(1, np.int8)
    found = make_differences(points, targets[:0], formula)
    run(entry, blocks, private, found.probes, 0, 1, values, statuses)
    return statuses[0] == 0, values[0]


@element
def _derivatives(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    points: Array,
    targets: IntArray,
    formula: Formula,
    value: float,
    gradient: Array,
) -> bool:
    """Compute the derivatives by `targets`; return whether all went well."""
    for first in range(0, targets.size, BLOCK):
        found = make_differences(points, targets[first : first + BLOCK], formula)
        if found.fault != NO_FAULT:
            return False
        total = found.probes.point.size
        values = np.empty(total)
        values[0] = value
        statuses = np.zeros(total, np.int8)
        run(entry, blocks, private, found.probes, 1, total, values, statuses)
        for k in range(total):
            if statuses[k] != 0:
                return False
        if not combine_values(found, values, gradient[first : first + BLOCK]):
            return False
    return True


@kernel
def whole_gradient(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    x: Array,
    targets: IntArray,
    stencil: FloatArray,
    settings: FloatArray,
    limits: FloatArray,
    with_value: bool,
    gradient: Array,
) -> tuple[bool, float]:
    """Compute the gradient at one point on the calling thread.

    The parts of the formula are passed one by one, because unboxing a named tuple takes a microsecond.

    Parameters
    ----------
    entry, blocks, private
        As in `jitgrad.loss.bind.BoundLoss`.
    x : ndarray of shape (n,)
    targets : ndarray of int64
    stencil, settings, limits
        As in `jitgrad.difference.Formula`.
    with_value : bool
        Whether the loss at the point is wanted.
    gradient : ndarray, shape (targets,)
        Receives the derivatives.

    Returns
    -------
    done : bool
        False if a fault, an exception or a derivative that is not finite wants a closer look.
    value : float
        The loss at the point, if `with_value`.
    """
    points, formula = x.reshape((1, x.size)), Formula(stencil, settings, limits)
    done, value = _value(entry, blocks, private, points, targets, formula, with_value)
    if done:
        done = _derivatives(entry, blocks, private, points, targets, formula, value, gradient)
    return done, value


@parallel_kernel
def whole_gradient_parallel(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    x: Array,
    targets: IntArray,
    stencil: FloatArray,
    settings: FloatArray,
    limits: FloatArray,
    with_value: bool,
    gradient: Array,
    threads: int,
) -> tuple[bool, float]:
    """As `whole_gradient`, with the targets in `threads` contiguous parts."""
    points, formula = x.reshape((1, x.size)), Formula(stencil, settings, limits)
    done, value = _value(entry, blocks, private, points, targets, formula, with_value)
    if not done:
        return False, value
    well = np.ones(threads, np.bool_)
    for thread in numba.prange(threads):
        part = slice(targets.size * thread // threads, targets.size * (thread + 1) // threads)
        well[thread] = _derivatives(entry, blocks, private, points, targets[part], formula, value, gradient[part])
    return bool(well.all()), value
