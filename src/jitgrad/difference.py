"""Gradients by difference formulas: from points and steps to probes, and from values to derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._jit import element, inlined, kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.formula import ANCHOR, AT_ZERO, COUNT, KNEE, LEAST, MOST, ORDER, RELATIVE, USUAL, Formula
from jitgrad.launch.memory import borrow
from jitgrad.launch.probes import Probes
from jitgrad.nodes import FIXED, STEP_VANISHES, place_nodes, place_ordinary_nodes

NO_FAULT = 0
X_NOT_FINITE = 1
X_OUTSIDE = 2
FAULT_STEP = 3
FAULT_BOUNDS = 4

FEWEST = 8
"""Fewer coordinates than this do not show what size is usual among them, nor the noise of the loss."""

_STRETCH = 64  # coordinates whose nodes are placed at once
_SAMPLE = 32  # coordinates that show the usual size: it need not be exact
_GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, fall in step with no pattern of the coordinates


class Differences(NamedTuple):
    """Probes of a gradient, and how to combine their values.

    Attributes
    ----------
    probes : Probes
        First every point itself, then the nodes of every target.
    first : ndarray of int64, shape (targets + 1,)
        Where the nodes of a target begin in the list of probes.
    weights : ndarray of float64, shape (probes,)
        Weight of every probe; that of a point itself follows from the others.
    reference : ndarray of int64, shape (targets,)
        The probe whose value is subtracted from the others: the point itself where it is a node.
    fault : int
        `NO_FAULT`, or what is wrong.
    culprit : int
        Flat index of the coordinate that is at fault.
    """

    probes: Probes
    first: IntArray
    weights: FloatArray
    reference: IntArray
    fault: int
    culprit: int


@element
def step_of(
    x: float, relative: float, floor: float, at_zero: float, knee: float, least: float, usual: float, most: float
) -> float:
    """Evaluate a `jitgrad.steps.Scaling` for one coordinate; `usual` is the smallest step that the others ask for."""
    size = abs(x)
    h = relative * size
    if size > knee:
        h = max(relative * np.sqrt(knee) * np.sqrt(size), least * size)  # their product may overflow
    h = max(h, min(usual, most * size), floor)
    return h if h > 0.0 else at_zero


@element
def usual_size(points: Array, p: int) -> float:
    """Give a size that a quarter of the coordinates of a point that are not 0 fall short of; 0 if they are too few.

    The lower quartile and not the median: where half of the coordinates have another unit, it is that of the smaller
    ones.
    """
    n = points.shape[1]
    if n < FEWEST:
        return 0.0
    sample = np.empty(min(n, _SAMPLE))
    used = 0
    for k in range(sample.size):
        j = k if n <= _SAMPLE else int(n * ((k * _GOLDEN) % 1.0))
        size = float(abs(points[p, j]))
        if size > 0.0:
            sample[used] = size
            used += 1
    return float(np.sort(sample[:used])[used // 4]) if used >= FEWEST else 0.0


@element
def enlarge(formula: Formula, factor: float) -> Formula:
    """Multiply every step by `factor`."""
    settings, limits = formula.settings.copy(), formula.limits.copy()
    for k in (RELATIVE, AT_ZERO, LEAST, MOST):
        settings[k] *= factor
    for row in range(limits.shape[0]):
        for column in range(limits.shape[1]):
            limits[row, column, 0] *= factor
    return Formula(formula.stencil, settings, limits)


@element
def check_points(points: Array, limits: FloatArray) -> tuple[int, int]:
    """Return a fault and the flat index of its coordinate, if a point is not finite or outside its bounds."""
    m, n = points.shape
    for p in range(m):
        row = min(p, limits.shape[0] - 1)
        for j in range(n):
            column = min(j, limits.shape[1] - 1)
            x = points[p, j]
            if not np.isfinite(x):
                return X_NOT_FINITE, p * n + j
            if x < limits[row, column, 1] or x > limits[row, column, 2]:
                return X_OUTSIDE, p * n + j
    return NO_FAULT, 0


class Room(NamedTuple):
    """Memory for `Differences` and values, in few pieces: asking for ten took longer than a small gradient.

    Attributes
    ----------
    whole_numbers, numbers, reals : ndarray of int64, of float64, and of the type of the points
        What `Differences` and `jitgrad.launch.probes.Probes` consist of.
    values : ndarray of float64, shape (probes,)
        For the values of the loss.
    statuses : ndarray of int8, shape (probes,)
    """

    whole_numbers: IntArray
    numbers: FloatArray
    reals: Array
    values: FloatArray
    statuses: Array


@element
def room_for(points: Array, targets: int, formula: Formula) -> Room:
    """Allocate memory for the probes of so many targets."""
    m, slots = points.shape[0], formula.stencil.shape[2]
    capacity = targets * slots
    total = m + capacity
    return Room(
        np.empty(2 * total + 1 + capacity + 2 * targets + 1, np.int64),
        np.empty(total + 2 * slots + (4 + slots) * _STRETCH),
        np.empty(capacity + slots + (1 + slots) * _STRETCH, points.dtype),
        np.empty(total),
        np.empty(total, np.int8),
    )


@element
def borrow_room(room: Room) -> Room:
    """Return it without counting references (`jitgrad.launch.memory.borrow`)."""
    return Room(
        borrow(room.whole_numbers),
        borrow(room.numbers),
        borrow(room.reals),
        borrow(room.values),
        borrow(room.statuses),
    )


@element
def make_differences(points: Array, targets: IntArray, formula: Formula) -> Differences:
    """Do what `differences` does, for points that were checked; after a fault only `fault` means anything."""
    return place_probes(points, targets, formula, room_for(points, targets.size, formula))


@inlined
def place_probes(points: Array, targets: IntArray, formula: Formula, room: Room) -> Differences:
    """Do what `make_differences` does, in memory that is there."""
    # Local names, because reading a field of a named tuple counts references, atomically, every time.
    stencil, settings, limits = formula.stencil, formula.settings, formula.limits
    order, anchor = int(settings[ORDER]), settings[ANCHOR]
    relative, at_zero, knee, least = settings[RELATIVE], settings[AT_ZERO], settings[KNEE], settings[LEAST]
    share, most, usual = settings[USUAL], settings[MOST], 0.0
    m, n = points.shape
    slots = stencil.shape[2]
    capacity = targets.size * slots
    total = m + capacity
    whole_numbers, numbers, reals = room.whole_numbers, room.numbers, room.reals
    point, begin = whole_numbers[:total], whole_numbers[total : 2 * total + 1]
    coordinate = whole_numbers[2 * total + 1 : 2 * total + 1 + capacity]
    first = whole_numbers[2 * total + 1 + capacity : 2 * total + 2 + capacity + targets.size]
    reference = whole_numbers[2 * total + 2 + capacity + targets.size : 2 * total + 2 + capacity + 2 * targets.size]
    weights, displacements = numbers[:total], numbers[total : total + slots]
    node_weights, spare = numbers[total + slots : total + 2 * slots], numbers[total + 2 * slots :]
    value, nodes, spare_reals = reals[:capacity], reals[capacity : capacity + slots], reals[capacity + slots :]
    placed = spare_reals[_STRETCH : (1 + slots) * _STRETCH].reshape((slots, _STRETCH))
    scaled = spare[4 * _STRETCH : (4 + slots) * _STRETCH].reshape((slots, _STRETCH))
    for k in range(total + 1):
        begin[k] = max(k - m, 0)  # every probe beside the points replaces one coordinate
    for p in range(m):
        point[p] = p
        weights[p] = 0.0
    counts = int(settings[COUNT]), int(settings[COUNT + 1])
    k = m
    fault, culprit = NO_FAULT, 0
    last, stop = -1, 0
    while stop < targets.size and fault == NO_FAULT:
        start, p = stop, targets[stop] // n
        stop = min(start + _STRETCH, targets.size)
        if m > 1:  # a stretch is of one point
            stop = start + 1
            while stop < min(start + _STRETCH, targets.size) and p * n <= targets[stop] < (p + 1) * n:
                stop += 1
        if share > 0.0 and p != last:
            usual = share * step_of(usual_size(points, p), relative, 0.0, 0.0, knee, least, 0.0, 0.0)
            last = p
        size = stop - start
        xs, h, lower, upper = spare_reals[:size], spare[:size], spare[_STRETCH:], spare[2 * _STRETCH :]
        row = min(p, limits.shape[0] - 1)
        for i in range(size):
            j = targets[start + i] - p * n
            column = min(j, limits.shape[1] - 1)
            xs[i] = points[p, j]
            h[i], lower[i], upper[i] = limits[row, column, 0], limits[row, column, 1], limits[row, column, 2]
        for i in range(size):
            h[i] = step_of(xs[i], relative, h[i], at_zero, knee, least, usual, most)
        before = k
        if place_ordinary_nodes(xs, h, lower, upper, stencil, counts[0], spare[3 * _STRETCH :], placed, scaled):
            used = 0
            for s in range(counts[0]):
                used += stencil[0, 0, s] != 0.0
            for i in range(size):
                first[start + i] = k + i * used
                reference[start + i] = k + i * used if used == counts[0] else p
            shift = 0
            for s in range(counts[0]):
                if stencil[0, 0, s] != 0.0:
                    for i in range(size):
                        q = np.uint64(k + shift + i * used)
                        coordinate[q - np.uint64(m)] = targets[start + i] - p * n
                        value[q - np.uint64(m)] = placed[s, i]
                        weights[q] = scaled[s, i]
                    shift += 1
            k += used * size
        else:
            for i in range(size):
                j, x = targets[start + i] - p * n, xs[i]
                form = 1 if x == 0.0 else 0
                count = place_nodes(
                    x,
                    h[i],
                    lower[i],
                    upper[i],
                    stencil,
                    form,
                    counts[form],
                    order,
                    anchor,
                    nodes,
                    displacements,
                    node_weights,
                )
                if count < FIXED:
                    fault = FAULT_STEP if count == STEP_VANISHES else FAULT_BOUNDS
                    culprit = targets[start + i]
                    break
                first[start + i] = k
                reference[start + i] = k
                for s in range(count):
                    if displacements[s] == 0.0:
                        reference[start + i] = p
                        continue
                    coordinate[k - m] = j
                    value[k - m] = nodes[s]
                    weights[k] = node_weights[s]
                    k += 1
        for probe in range(before, k):
            point[probe] = p
    first[-1] = k
    probes = Probes(
        points, point[:k], begin[: k + 1], coordinate[: k - m], value[: k - m], point[:0], value[:0], points[:0]
    )
    return Differences(probes, first, weights, reference, fault, culprit)


@element
def _needs_value(differences: Differences) -> bool:
    """Whether some derivative uses the loss at a point itself."""
    m, reference = differences.probes.points.shape[0], differences.reference
    for t in range(reference.size):
        if reference[t] < m:
            return True
    return False


@inlined
def combine_values(differences: Differences, values: FloatArray, gradient: Array) -> bool:
    """Sum the weighted differences of every target; return whether all derivatives are finite.

    The weights of a first derivative add up to 0, so one value can be subtracted from the others. Subtracting
    first loses nothing (the values are close); multiplying first would round each of them.
    """
    first, weights, references = differences.first, differences.weights, differences.reference
    finite = True
    for t in range(references.size):
        total = 0.0
        if first[t + 1] > first[t]:  # else the coordinate is fixed
            reference = values[references[t]]
            for k in range(first[t], first[t + 1]):
                total += weights[k] * (values[k] - reference)
        gradient[t] = total
        finite = finite and np.isfinite(gradient[t])
    return finite


@kernel
def differences(points: Array, targets: IntArray, formula: Formula) -> tuple[Differences, bool]:
    """Make the probes of a gradient.

    Parameters
    ----------
    points : ndarray of shape (m, n), float64 or float32
    targets : ndarray of int64
        Flat indices into `points` of the coordinates to differentiate by.
    formula : Formula

    Returns
    -------
    differences : Differences
    needs_value : bool
        Whether the loss at the points themselves takes part.
    """
    fault, culprit = check_points(points, formula.limits)
    found = make_differences(points, targets if fault == NO_FAULT else targets[:0], formula)
    if fault != NO_FAULT:
        found = Differences(found.probes, found.first, found.weights, found.reference, fault, culprit)
    return found, _needs_value(found)


@kernel
def differences_further(points: Array, targets: IntArray, formula: Formula, factor: float) -> tuple[Differences, bool]:
    """Make the probes of a gradient with every step multiplied by `factor`; the points were checked."""
    found = make_differences(points, targets, enlarge(formula, factor))
    return found, _needs_value(found)


@kernel
def combine(differences: Differences, values: FloatArray, gradient: Array) -> bool:
    """Turn the values of all probes into derivatives.

    Parameters
    ----------
    differences : Differences
    values : ndarray of float64, shape (probes,)
    gradient : ndarray, shape (targets,)
        Receives the derivatives.

    Returns
    -------
    bool
        Whether all of them are finite.
    """
    return combine_values(differences, values, gradient)
