"""What is known about a block of coordinates: arrays with one row per coordinate, and scratch that they share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.ladder.spectrum import DEGREES, EVEN_DEGREES, NODES

# Columns of `Block.state`.
PHASE, SIDE, SPENT, PAIRS, LIMIT = 0, 1, 2, 3, 4
MODE, TOP, MIDDLE, BOTTOM, PROBE = 5, 6, 7, 8, 9
SEARCHES, RETRIES, DIRECTION, FLATS, TESTED = 10, 11, 12, 13, 14
LOWEST_RUNG, HIGHEST_RUNG, STATUS, BENT, VERIFIED = 15, 16, 17, 18, 19
CLIMBS = 20
STATES = 21

# Values of PHASE.
PLACING, REFINING, DONE = 0, 1, 2

# Columns of `Block.found`.
DERIVATIVE, ERROR, STEP, NOISE, CURVATURE, AMPLITUDE = 0, 1, 2, 3, 4, 5
FOUND = 6

NO_STATUS = -1


class Settings(NamedTuple):
    """What holds for all coordinates.

    Attributes
    ----------
    eps : float
        Spacing of numbers of the type of the points, relative to their size.
    single : bool
        Whether that type is float32.
    noise : float
        Absolute noise of the loss as the caller knows it; 0 if unknown.
    tolerance : float
        Error, relative to the derivative, at which the search stops.
    most : int
        Evaluations per coordinate, that at the point itself counted.
    """

    eps: float
    single: bool
    noise: float
    tolerance: float
    most: int


class Block(NamedTuple):
    """Coordinates and what has been seen of the loss along each.

    Attributes
    ----------
    x, value, lower, upper : ndarray of float64, shape (coordinates,)
        The coordinate, the loss at the point itself, and the bounds.
    rungs : ndarray of int16, shape (coordinates, slots)
        Rungs that have been evaluated, in the order in which that happened.
    above, below : ndarray of float64, shape (coordinates, slots)
        The loss there; NaN on a side that was left out.
    state : ndarray of int32, shape (coordinates, STATES)
        Where the search stands.
    found : ndarray of float64, shape (coordinates, FOUND)
        Results.
    """

    x: FloatArray
    value: FloatArray
    lower: FloatArray
    upper: FloatArray
    rungs: Array
    above: FloatArray
    below: FloatArray
    state: Array
    found: FloatArray


class Scratch(NamedTuple):
    """Arrays that are used for one coordinate after the other.

    Attributes
    ----------
    table : ndarray of shape (4, slots)
        The pairs from the largest displacement down: displacement, odd slope, even part, offset of the centre.
    window : ndarray of shape (3, nodes + 1)
        Nodes, weights and values handed to `expand`.
    basis : ndarray of shape (degrees, nodes + 2)
        Polynomials.
    odd, odd_at_zero, even, even_at_zero : ndarray of shape (slots, degrees)
        Coefficients of each window, and the polynomials at 0.
    sizes : ndarray of int64, shape (3, slots)
        Nodes, odd and even coefficients of each window.
    plan : ndarray of int64
        Number of rungs that are wanted next, then the rungs.
    """

    table: FloatArray
    window: FloatArray
    basis: FloatArray
    odd: FloatArray
    odd_at_zero: FloatArray
    even: FloatArray
    even_at_zero: FloatArray
    sizes: IntArray
    plan: IntArray


def make_scratch(slots: int) -> Scratch:
    """Allocate scratch for ladders of at most `slots` rungs."""
    return Scratch(
        table=np.empty((4, slots + 1)),
        window=np.empty((3, NODES + 1)),
        basis=np.empty((EVEN_DEGREES, NODES + 2)),
        odd=np.empty((slots, DEGREES)),
        odd_at_zero=np.empty((slots, DEGREES)),
        even=np.empty((slots, EVEN_DEGREES)),
        even_at_zero=np.empty((slots, EVEN_DEGREES)),
        sizes=np.empty((3, slots), np.int64),
        plan=np.zeros(16, np.int64),
    )
