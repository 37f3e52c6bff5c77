"""The loss around some points, for code that looks at values before it decides where to look next."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.probes import Probes, along_directions, replaced


class Launch(Protocol):
    """What evaluates a probe list."""

    def __call__(self, probes: Probes, skip: int = 0) -> FloatArray:
        """Return the values of the loss; the first `skip` need not be computed."""
        ...


class Evaluator:
    """Turns displacements of single coordinates, or moves along directions, into values of the loss.

    Step tuners, noise estimates and the ladder estimator see the loss through this alone, so they run on whatever
    evaluates probe lists. Each call is one probe list: many displacements at once cost less than one at a time.

    Parameters
    ----------
    points : ndarray of shape (m, n), float64 or float32
        The points that are displaced.
    launch : callable
        The launcher: takes `Probes`, returns the values, an ndarray of float64.
    at_points : ndarray of float64, shape (m,), optional
        The loss at the points, if it is known already.

    Attributes
    ----------
    evaluations : int
        How often the loss has been evaluated so far.
    """

    def __init__(self, points: Array, launch: Launch, at_points: FloatArray | None = None) -> None:
        self.points = points
        self.evaluations = 0
        self._launch = launch
        self._at_points = at_points

    def at_points(self) -> FloatArray:
        """Return the loss at every point itself, of shape (m,); evaluated once and remembered.

        As displacements by nothing: where those are evaluated in lanes the values differ by rounding from others, which
        would look like a change of the loss by a coordinate that it ignores.
        """
        if self._at_points is None:
            m, n = self.points.shape
            if n:
                self._at_points = self._run(displaced_points(self.points))
            else:
                nothing = np.empty((m, 0))
                self._at_points = self._run(replaced(self.points, np.arange(m), nothing, nothing))
        return self._at_points

    def displaced(self, targets: IntArray, values: Array) -> FloatArray:
        """Evaluate the loss with one coordinate replaced, for each of `targets`.

        Parameters
        ----------
        targets : ndarray of int64, shape (k,)
            Flat indices into `points`: coordinate ``j`` of point ``p`` is ``p * n + j``. They may repeat.
        values : ndarray of shape (k,), type of `points`
            The values that the coordinates take.

        Returns
        -------
        ndarray of float64, shape (k,)
        """
        point, coordinate = np.divmod(targets, self.points.shape[1])
        return self._run(replaced(self.points, point, coordinate[:, None], values[:, None]))

    def moved(self, directions: Array, along: IntArray, distance: Array, point: int = 0) -> FloatArray:
        """Evaluate the loss at ``points[point] + distance[k] * directions[along[k]]``.

        Parameters
        ----------
        directions : ndarray of shape (d, n)
        along : ndarray of int64, shape (k,)
        distance : ndarray of shape (k,)
        point : int, default 0

        Returns
        -------
        ndarray of float64, shape (k,)
        """
        return self._run(along_directions(self.points, np.full(len(along), point), directions, along, distance))

    def beyond_points(self, probes: Probes) -> FloatArray:
        """Evaluate a list that begins with every point itself; those values are known or remembered."""
        known = self.at_points()
        self.evaluations += probes.point.size - known.size
        values = self._launch(probes, known.size)
        values[: known.size] = known
        return values

    def _run(self, probes: Probes) -> FloatArray:
        self.evaluations += probes.point.size
        return self._launch(probes)


def displaced_points(points: Array) -> Probes:
    """Return the list of the points themselves, each with its first coordinate displaced by nothing."""
    return replaced(points, np.arange(len(points)), np.zeros((len(points), 1), np.int64), points[:, :1])
