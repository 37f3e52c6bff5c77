"""A formula at several steps of every coordinate: the steps, the nodes, and the slopes they give."""

from __future__ import annotations

from typing import Any

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.extrapolation.table import Slopes, norm
from jitgrad.steps.rule import Search

CENTRAL, FORWARD, BACKWARD = 0, 1, -1

NEAR_FACE = 16.0
"""One-sided where the bounds allow a step so much larger there: it costs a power of ``h`` per level."""

FLOOR = 0.5
"""Rounding of the values: standard deviation at least, in units of ``eps |f|``. Measured: 0.3 and a little."""


class Levels:
    """The nodes of some coordinates at all levels, of which those asked for have been evaluated.

    Parameters
    ----------
    search : Search
    rows : ndarray of int64, shape (rows,)
        Positions in ``search.targets``.
    side : ndarray of int64, shape (rows,)
        `CENTRAL`, `FORWARD` or `BACKWARD`.
    largest : ndarray of shape (rows,)
        The largest step wanted.
    count : int
        Number of levels.
    ratio : float
        Of the steps of neighbouring levels.

    Attributes
    ----------
    used : ndarray of int64, shape (rows,)
        Evaluations so far.
    """

    def __init__(
        self, search: Search, rows: IntArray, side: IntArray, largest: FloatArray, count: int, ratio: float
    ) -> None:
        self._evaluator = search.evaluator
        self._targets = search.targets[rows]
        points = search.evaluator.points
        self._center = search.evaluator.at_points()[self._targets // points.shape[1]]
        self._x = points.reshape(-1)[self._targets].astype(np.float64)
        order = search.stencil.order
        self._power = np.where(side == CENTRAL, 2, 1)
        self._gap = order // self._power
        offsets = _offsets(order)[side]
        lower, upper = search.lower[rows], search.upper[rows]
        self._h = _steps(self._x, offsets, lower, upper, largest, count, ratio, points.dtype)
        nodes = self._x[:, None, None] + offsets[:, None, :] * np.nan_to_num(self._h)[:, :, None]
        nodes = np.clip(nodes, lower[:, None, None], upper[:, None, None])
        self._nodes = nodes.astype(points.dtype)
        self._values = np.full(nodes.shape, np.nan)
        self._first_of_equal = _first_of_equal(self._nodes.reshape(len(rows), -1))
        self.used = np.zeros(len(rows), np.int64)
        self._done = 0

    def evaluate(self, active: IntArray, stop: int) -> None:
        """Evaluate the loss at the levels before `stop` that it was not yet evaluated at, in one probe list."""
        order = self._nodes.shape[2]
        columns = slice(self._done * order, stop * order)
        shape = (len(self._x), -1)
        nodes, values, first = self._nodes.reshape(shape), self._values.reshape(shape), self._first_of_equal
        wanted = np.zeros(nodes.shape, bool)
        wanted[active, columns] = np.repeat(np.isfinite(self._h[active, self._done : stop]), order, axis=1)
        # A node that an earlier level has too is evaluated once.
        wanted &= first == np.arange(nodes.shape[1])
        row, column = np.nonzero(wanted)
        values[row, column] = self._evaluator.displaced(self._targets[row], nodes[row, column])
        values[:] = np.take_along_axis(values, first, axis=1)
        self.used += wanted.sum(axis=1)
        self._done = stop

    def slopes(self, rows: IntArray) -> Slopes:
        """Return the slopes at the levels evaluated so far; those that are not finite are left out."""
        h = self._h[rows, : self._done]
        displacements = self._nodes[rows, : self._done].astype(np.float64) - self._x[rows, None, None]
        w = node_weights(displacements)
        center = self._center[rows, None, None]
        values = self._values[rows, : self._done]
        slope = (w * (values - center)).sum(axis=2)
        # The loss at the point has an error too.
        unit = norm(np.concatenate([w, w.sum(axis=2, keepdims=True)], axis=2))
        usable = np.isfinite(slope) & np.isfinite(unit)
        size = np.max(np.abs(np.where(usable[:, :, None], values, 0.0)), axis=(1, 2), initial=0.0)
        order = np.argsort(~usable, axis=1, kind="stable")
        h, slope, unit = (np.take_along_axis(a, order, axis=1) for a in (h, slope, unit))
        eps = np.where(self._rounded_to_single(values, usable), np.finfo(np.float32).eps, np.finfo(np.float64).eps)
        return Slopes(
            u=(h / np.nanmax(h, axis=1, keepdims=True, initial=0.0)) ** self._power[rows, None],
            gap=self._gap[rows],
            slope=slope,
            unit=unit,
            usable=usable.sum(axis=1),
            sigma=FLOOR * eps * np.maximum(size, np.abs(self._center[rows])),
        )

    def _rounded_to_single(self, values: FloatArray, usable: Array) -> Array:
        """Whether the loss computes in single precision, which float32 coordinates allow but do not say."""
        if self._nodes.dtype != np.float32:
            return np.zeros(len(values), bool)
        single = (values.astype(np.float32) == values) | ~usable[:, :, None]
        answer: Array = single.all(axis=(1, 2))
        return answer


def node_weights(displacements: FloatArray) -> FloatArray:
    """Weights of ``f(x + displacement) - f(x)`` in the slope at ``x`` of the polynomial through these and ``x``.

    Parameters
    ----------
    displacements : ndarray of shape (..., nodes)
        As they took place, after rounding; distinct and not 0.

    Returns
    -------
    ndarray of shape (..., nodes)
        Those of the stencil, over ``h``, where the displacements are multiples of ``h``. The loss at ``x`` takes
        part in a central formula too if rounding made it lopsided.
    """
    found = []
    for k in range(displacements.shape[-1]):
        own = displacements[..., k]
        weight = 1.0 / own
        for j in range(displacements.shape[-1]):
            if j != k:
                weight = weight * (displacements[..., j] / (displacements[..., j] - own))
        found.append(weight)
    return np.stack(found, axis=-1)


def choose_side(search: Search, largest: FloatArray) -> IntArray:
    """Choose central or one-sided nodes for every target, by the method asked for and the room there is."""
    points = search.evaluator.points
    x = points.reshape(-1)[search.targets].astype(np.float64)
    order = search.stencil.order
    below, above = (x - search.lower) / order, (search.upper - x) / order
    roomier = np.where(above >= below, FORWARD, BACKWARD)
    match search.stencil.method:
        case "central":
            both = np.minimum(np.minimum(below, above) * 2.0, largest)
            near = NEAR_FACE * both < np.minimum(np.maximum(below, above), largest)
            return np.where(near, roomier, CENTRAL)
        case "forward":
            wanted, there = FORWARD, above
        case "backward":
            wanted, there = BACKWARD, below
    near = NEAR_FACE * np.minimum(there, largest) < np.minimum(np.maximum(below, above), largest)
    return np.where(near, roomier, wanted)


def _offsets(order: int) -> FloatArray:
    """Offsets without 0 of the central, the forward and the backward formula, in rows 0, 1 and -1."""
    ahead = np.arange(1.0, order + 1.0)
    half = np.arange(1.0, order // 2 + 1.0)
    central = np.concatenate([-half[::-1], half]) if order % 2 == 0 else ahead  # one-sided methods have odd orders
    return np.stack([central, ahead, -ahead[::-1]])


def _steps(
    x: FloatArray,
    offsets: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    largest: FloatArray,
    count: int,
    ratio: float,
    dtype: np.dtype[Any],
) -> FloatArray:
    """Choose steps in a ratio whose nodes are numbers of type `dtype` within the bounds; NaN where there is none."""
    left, right = np.minimum(offsets[:, 0], 0.0), np.maximum(offsets[:, -1], 0.0)
    room = np.minimum(
        np.where(left < 0.0, (x - lower) / np.where(left < 0.0, -left, 1.0), np.inf),
        np.where(right > 0.0, (upper - x) / np.where(right > 0.0, right, 1.0), np.inf),
    )
    top = np.minimum(largest, room)
    spacing = np.spacing((np.abs(x) + np.maximum(-left, right) * top).astype(dtype)).astype(np.float64)
    # All steps are multiples of the spacing at the outermost node, and with a whole ratio also of the smallest step,
    # so that levels have nodes in common.
    smallest = np.maximum(np.floor(top * ratio ** (1 - count) / spacing), 1.0)
    multiples = np.floor(smallest[:, None] * ratio ** np.arange(count - 1.0, -1.0, -1.0))
    h = multiples * spacing[:, None]
    repeated = np.zeros(h.shape, bool)
    repeated[:, :-1] = multiples[:, :-1] == multiples[:, 1:]
    return np.where(repeated | (h > top[:, None]), np.nan, h)


def _first_of_equal(nodes: FloatArray) -> IntArray:
    """For every node the first column of its row that holds the same number."""
    order = np.argsort(nodes, axis=1, kind="stable")
    ordered = np.take_along_axis(nodes, order, axis=1)
    starts = np.zeros(nodes.shape, np.int64)
    starts[:, 1:] = np.where(ordered[:, 1:] != ordered[:, :-1], np.arange(1, nodes.shape[1]), 0)
    leader = np.take_along_axis(order, np.maximum.accumulate(starts, axis=1), axis=1)
    first = np.empty(nodes.shape, np.int64)
    np.put_along_axis(first, order, leader, axis=1)
    return first
