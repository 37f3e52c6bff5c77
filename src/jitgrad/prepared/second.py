"""Second differences: from the nodes of first derivatives to probes that displace two coordinates, and weights.

The formula of a mixed derivative is the product of two formulas for first derivatives, so its nodes, their true
displacements and what happens near bounds are those of `jitgrad.difference`. On the diagonal the same nodes and the
point itself get the weights of a second derivative.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._jit import element, kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.difference import Differences
from jitgrad.launch.probes import Probes, replaced

SYMMETRIC = 1e-3
"""Nodes whose sum is smaller than this times the largest are taken for symmetric: rounding moves them by far less."""


class SecondDifferences(NamedTuple):
    """Probes of second derivatives, and how to combine their values.

    Attributes
    ----------
    probes : Probes
        First every point itself, then the nodes of every pair; two replacements each.
    first : ndarray of int64, shape (pairs + 1,)
        Where the nodes of a pair begin in the list.
    weights : ndarray of float64, shape (probes,)
        For differences from the value at the point.
    """

    probes: Probes
    first: IntArray
    weights: FloatArray


@element
def curvature_weights(displacements: FloatArray, count: int, weights: FloatArray) -> None:
    """Fill `weights` with those of the second derivative at 0 on distinct nodes, one of which is 0.

    Notes
    -----
    Second derivatives at 0 of the Lagrange polynomials: B. Fornberg, Mathematics of Computation 51 (1988) 699-706.
    That of the node 0 follows from the others, because they add up to 0.
    """
    scale = 0.0
    for k in range(count):
        scale = max(scale, abs(displacements[k]))
    for k in range(count):
        # Coefficients of the product of (t - node), up to t**2, one factor at a time.
        c0, c1, c2, denominator = 1.0, 0.0, 0.0, 1.0
        for j in range(count):
            if j != k:
                node = displacements[j] / scale
                c0, c1, c2 = -node * c0, c0 - node * c1, c1 - node * c2
                denominator *= displacements[k] / scale - node
        weights[k] = 2.0 * c2 / (denominator * scale * scale)


@element
def _nodes_of(found: Differences, t: int, values: Array, weights: FloatArray) -> int:
    """Write the nodes of a first derivative and their weights; return how many, the point included if it is one."""
    points, first, m = found.probes.points, found.first, found.probes.points.shape[0]
    count, total = 0, 0.0
    for k in range(first[t], first[t + 1]):
        values[count], weights[count] = found.probes.value[k - m], found.weights[k]
        total += weights[count]
        count += 1
    if count > 0 and found.reference[t] < m:
        values[count] = points[found.probes.point[first[t]], found.probes.coordinate[first[t] - m]]
        weights[count] = -total
        count += 1
    return count


@element
def _place_diagonal(
    x: float,
    order: int,
    lower: float,
    upper: float,
    values: Array,
    displacements: FloatArray,
    weights: FloatArray,
    count: int,
) -> int:
    """Turn nodes of a first derivative into those of a second; return how many there are without the point itself."""
    used, total, largest = 0, 0.0, 0.0
    for k in range(count):
        if values[k] != x:
            values[used] = values[k]
            displacements[used] = float(values[k]) - float(x)
            total += displacements[used]
            largest = max(largest, abs(displacements[used]))
            used += 1
    if abs(total) > SYMMETRIC * largest and used < order + 1:
        # Nodes on one side lose an order in a second derivative: one more, outside the others if there is room.
        low, high = 0, 0
        for k in range(used):
            low = k if displacements[k] < displacements[low] else low
            high = k if displacements[k] > displacements[high] else high
        gap = (displacements[high] - displacements[low]) / max(used - 1, 1)
        real = values.dtype.type
        if displacements[high] > -displacements[low]:
            outer = real(float(values[high]) + gap)
            other = real(float(values[high]) - 0.5 * gap)
        else:
            outer = real(float(values[low]) - gap)
            other = real(float(values[low]) + 0.5 * gap)
        values[used] = outer if lower <= outer <= upper else other
        displacements[used] = float(values[used]) - float(x)
        used += 1
    displacements[used] = 0.0
    curvature_weights(displacements, used + 1, weights)
    return used


@kernel
def _place(
    found: Differences,
    pairs: IntArray,
    limits: FloatArray,
    order: int,
    first: IntArray,
    point: IntArray,
    coordinates: IntArray,
    values: Array,
    weights: FloatArray,
) -> None:
    """Write the probes of all pairs behind those of the points."""
    points = found.probes.points
    m = points.shape[0]
    room = order + 4
    own, other = np.empty(room, points.dtype), np.empty(room, points.dtype)
    own_weights, other_weights, displacements = np.empty(room), np.empty(room), np.empty(room)
    for p in range(m):
        point[p], weights[p] = p, 0.0
        for side in range(2):
            coordinates[p, side], values[p, side] = 0, points[p, 0]
    k = m
    for q in range(pairs.shape[0]):
        first[q] = k
        a, b = pairs[q, 0], pairs[q, 1]
        count = _nodes_of(found, a, own, own_weights)
        others = _nodes_of(found, b, other, other_weights)
        if count == 0 or others == 0:  # fixed
            continue
        p = found.probes.point[found.first[a]]
        i, j = found.probes.coordinate[found.first[a] - m], found.probes.coordinate[found.first[b] - m]
        if a == b:
            row, column = min(p, limits.shape[0] - 1), min(i, limits.shape[1] - 1)
            lower, upper = limits[row, column, 1], limits[row, column, 2]
            count = _place_diagonal(points[p, i], order, lower, upper, own, displacements, own_weights, count)
            others, other[0], other_weights[0] = 1, own[0], 1.0
        for s in range(count):
            for t in range(others):
                point[k] = p
                coordinates[k, 0], values[k, 0] = i, own[s]
                coordinates[k, 1], values[k, 1] = j, own[s] if a == b else other[t]
                weights[k] = own_weights[s] * other_weights[t]
                k += 1
    first[pairs.shape[0]] = k


def second_differences(found: Differences, pairs: IntArray, limits: FloatArray, order: int) -> SecondDifferences:
    """Make the probes of second derivatives.

    Parameters
    ----------
    found : Differences
        Nodes of the first derivatives by every target.
    pairs : ndarray of int64, shape (pairs, 2)
        Places of the two targets of each derivative; they are of the same point.
    limits : ndarray of shape (1 or m, 1 or n, 3)
        Bounds, as in `jitgrad.formula.Formula`.
    order : int
        Accuracy order.

    Returns
    -------
    SecondDifferences
    """
    points = found.probes.points
    m = len(points)
    each = np.diff(found.first) + (found.reference < m) * (np.diff(found.first) > 0)
    same = pairs[:, 0] == pairs[:, 1]
    # One node more on the diagonal, which is not always taken.
    most = m + int(np.where(same, each[pairs[:, 0]] + 1, each[pairs[:, 0]] * each[pairs[:, 1]]).sum())
    first, point = np.empty(len(pairs) + 1, np.int64), np.empty(most, np.int64)
    coordinates, values, weights = np.empty((most, 2), np.int64), np.empty((most, 2), points.dtype), np.empty(most)
    _place(found, pairs, limits, order, first, point, coordinates, values, weights)
    used = first[-1]
    return SecondDifferences(replaced(points, point[:used], coordinates[:used], values[:used]), first, weights[:used])


@kernel
def combine_second(found: SecondDifferences, values: FloatArray, second: Array) -> None:
    """Turn the values of all probes into second derivatives, one per pair.

    The value at the point is subtracted first, which loses nothing; weights add up to 0 with that of the point.
    """
    first, weights, point = found.first, found.weights, found.probes.point
    for q in range(second.size):
        total = 0.0
        for k in range(first[q], first[q + 1]):
            total += weights[k] * (values[k] - values[point[k]])
        second[q] = total
