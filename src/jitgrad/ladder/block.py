"""What is known about a block of coordinates: arrays with one row per coordinate."""

from __future__ import annotations

from typing import NamedTuple

from jitgrad._types import Array, FloatArray

# Columns of `Block.state`. PHASE says which part of the search comes next, MODE what the search asked for last.
PHASE, MODE, STATUS = 0, 1, 2
# Which sides are used; evaluations spent, that at the point counted; rungs seen; evaluations to keep to; rungs allowed.
SIDE, SPENT, PAIRS, LIMIT, LOWEST_RUNG, HIGHEST_RUNG = 3, 4, 5, 6, 7, 8
# The three rungs that are judged, the single one that was asked for, and those that enclose an oscillation.
TOP, MIDDLE, BOTTOM, PROBE, CEILING, GROUND = 9, 10, 11, 12, 13, 14
# How often the search moved, gave up a ladder, looked at a flat loss, climbed, bent; the direction it came from.
SEARCHES, RETRIES, FLATS, CLIMBS, BENT, DIRECTION = 15, 16, 17, 18, 19, 20
# Answers of the pair above an oscillation and of the one below noise.
TESTED, VERIFIED = 21, 22
STATES = 23

# Values of PHASE.
PLACING, REFINING, DONE = 0, 1, 2

# Columns of `Block.found`: results, and of a leap the amplitude of the oscillation and the size of the last pair.
DERIVATIVE, ERROR, STEP, NOISE, CURVATURE, AMPLITUDE, BEFORE = 0, 1, 2, 3, 4, 5, 6
FOUND = 7

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
    x, lower, upper : ndarray of float64, shape (coordinates,)
        The coordinate and its bounds.
    value : ndarray of float64, shape (coordinates,)
        The loss at the point itself, times `unit`.
    unit : ndarray of float64, shape (coordinates,)
        A power of two by which all values of the loss are multiplied, so that squares of extreme ones stay in range.
    rungs : ndarray of int16, shape (coordinates, slots)
        Rungs that have been evaluated, in the order in which that happened.
    above, below : ndarray of float64, shape (coordinates, slots)
        The loss there, times `unit`; NaN on a side that was left out.
    state : ndarray of int32, shape (coordinates, STATES)
        Where the search stands.
    found : ndarray of float64, shape (coordinates, FOUND)
        Results.
    """

    x: FloatArray
    lower: FloatArray
    upper: FloatArray
    value: FloatArray
    unit: FloatArray
    rungs: Array
    above: FloatArray
    below: FloatArray
    state: Array
    found: FloatArray
