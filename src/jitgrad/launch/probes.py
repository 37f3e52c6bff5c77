"""The probe list: which displaced points a launcher shall evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jitgrad._types import Array, IntArray


class Probes(NamedTuple):
    """Displaced points, without storing the points.

    Probe ``k`` is ``points[point[k]]``, moved by ``distance[k]`` along ``directions[along[k]]`` where
    ``along[k] >= 0``, with ``coordinate[j]`` then replaced by ``value[j]`` for every ``j`` in
    ``range(begin[k], begin[k + 1])``. One pair makes a displaced coordinate, two make the pair of a mixed
    second difference; none is the point itself.

    Attributes
    ----------
    points : ndarray of shape (m, n), float64 or float32
        The points that are displaced.
    point : ndarray of int64, shape (probes,)
        Row of `points` a probe starts from.
    begin : ndarray of int64, shape (probes + 1,)
        Where the replacements of a probe begin.
    coordinate : ndarray of int64
        Coordinates that are replaced.
    value : ndarray, type of `points`
        Their new values.
    along : ndarray of int64, shape (probes,) or (0,)
        Row of `directions`, or -1; empty if no probe has one.
    distance : ndarray, type of `points`, shape of `along`
        Multiple of the direction.
    directions : ndarray of shape (d, n), type of `points`
        Dense directions, shared by many probes.
    """

    points: Array
    point: IntArray
    begin: IntArray
    coordinate: IntArray
    value: Array
    along: IntArray
    distance: Array
    directions: Array


def replaced(points: Array, point: Any, coordinates: Any, values: Any) -> Probes:
    """Make the list in which probe ``k`` replaces ``coordinates[k, :]`` by ``values[k, :]``.

    Parameters
    ----------
    points : ndarray of shape (m, n)
    point : array_like of int, shape (probes,)
    coordinates, values : array_like of shape (probes, replacements)

    Returns
    -------
    Probes
    """
    coordinates = np.atleast_2d(np.asarray(coordinates, np.int64))
    count, width = coordinates.shape
    return Probes(
        points=points,
        point=np.asarray(point, np.int64),
        begin=np.arange(count + 1, dtype=np.int64) * width,
        coordinate=coordinates.reshape(-1),
        value=np.asarray(values, points.dtype).reshape(-1),
        along=np.empty(0, np.int64),
        distance=np.empty(0, points.dtype),
        directions=np.empty((0, points.shape[1]), points.dtype),
    )


def along_directions(points: Array, point: Any, directions: Array, along: Any, distance: Any) -> Probes:
    """Make the list in which probe ``k`` is ``points[point[k]] + distance[k] * directions[along[k]]``.

    Parameters
    ----------
    points : ndarray of shape (m, n)
    point, along, distance : array_like of shape (probes,)
    directions : ndarray of shape (d, n)

    Returns
    -------
    Probes
    """
    return Probes(
        points=points,
        point=np.asarray(point, np.int64),
        begin=np.zeros(len(point) + 1, np.int64),
        coordinate=np.empty(0, np.int64),
        value=np.empty(0, points.dtype),
        along=np.asarray(along, np.int64),
        distance=np.asarray(distance, points.dtype),
        directions=np.ascontiguousarray(directions, points.dtype),
    )


def first_displaced(probes: Probes) -> int:
    """Return how many probes at the beginning of a list are points themselves: lanes are filled from the next on.

    So a gradient is the same whether the loss at the point is wanted or not.
    """
    if probes.along.size:
        return 0
    return int(np.searchsorted(probes.begin, 0, side="right")) - 1


def part_of(probes: Probes, start: int, stop: int) -> Probes:
    """Return probes ``start`` to ``stop - 1`` as a list of their own; points and directions stay whole.

    Parameters
    ----------
    probes : Probes
    start, stop : int

    Returns
    -------
    Probes
    """
    begin = probes.begin[start : stop + 1]
    replacements = slice(begin[0], begin[-1])
    moved = slice(start, stop) if probes.along.size else slice(0, 0)
    return probes._replace(
        point=probes.point[start:stop],
        begin=begin - begin[0],
        coordinate=probes.coordinate[replacements],
        value=probes.value[replacements],
        along=probes.along[moved],
        distance=probes.distance[moved],
    )


def each_point(probes: Probes) -> Iterator[tuple[int, Array]]:
    """Make the points one after the other, never all at once.

    Parameters
    ----------
    probes : Probes

    Yields
    ------
    row : int
        Row of `Probes.points` the probe starts from.
    x : ndarray of shape (n,)
        An array of its own.
    """
    for start in range(0, probes.point.size, _STRETCH):
        part = part_of(probes, start, start + _STRETCH)
        # As lists: reading arrays number by number takes longer than everything else here. float32 survives that.
        begin, along = part.begin.tolist(), part.along.tolist()
        coordinate, value = part.coordinate.tolist(), part.value.tolist()
        last = -1
        for k, row in enumerate(part.point.tolist()):
            if row != last:
                given, last = probes.points[row], row
            x = given.copy()
            if along and along[k] >= 0:
                x += part.distance[k] * part.directions[along[k]]
            for r in range(begin[k], begin[k + 1]):
                x[coordinate[r]] = value[r]
            yield row, x


def all_points(probes: Probes) -> Array:
    """Make the points all at once, as the rows of an array of shape (probes, n)."""
    x: Array = probes.points[probes.point]
    if probes.along.size:
        moved = np.flatnonzero(probes.along >= 0)
        x[moved] += probes.distance[moved, None] * probes.directions[probes.along[moved]]
    # One assignment per place among the replacements of a probe, because the last of several in one coordinate counts.
    replaced = np.diff(probes.begin)
    for place in range(replaced.max(initial=0)):
        rows = np.flatnonzero(replaced > place)
        which = probes.begin[rows] + place
        x[rows, probes.coordinate[which]] = probes.value[which]
    return x


_STRETCH = 4096  # probes whose displacements are lists at a time
