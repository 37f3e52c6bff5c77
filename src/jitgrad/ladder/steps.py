"""The ladder: a fixed geometric sequence of displacements, named by integers (rungs), that all coordinates share.

Rung ``k`` lies between ``2**k`` and ``2**(k + 1)``. Its mantissa has no short binary form: on powers of two a loss
that moves in decimal stairs is read at the same fraction of a stair on several rungs, and three equal, equally
wrong slopes look like certainty.
"""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import inlined

MANTISSAS = np.array([1.0131, 1.2677, 1.0871, 1.3499, 1.1743, 1.4417, 1.1137, 1.3979])
WIDEST = 1.45  # above every mantissa: a rung k with WIDEST * 2**k <= room fits into the room

LOWEST, HIGHEST = -1000, 1020  # rungs whose displacement and its inverse are normal numbers
LOWEST_SINGLE, HIGHEST_SINGLE = -120, 124

BELOW_X = 3  # the first rung is |x| / 8: log, 1/x and roots, whose radius is |x|, are then resolved by five pairs
SPACINGS = 3  # the smallest displacement is 2**3 spacings of x, so that a pair is symmetric to 1/16

TWO_SIDED, ABOVE, BELOW = 0, 1, -1
ONE_SIDED_ROOM = 2.0**-20  # less room than this, relative to |x|, on one side: only the other is used


@inlined
def displacement_of(rung: int) -> float:
    """Return the displacement of a rung, in units of ``x``."""
    return math.ldexp(MANTISSAS[rung & 7], int(rung))


@inlined
def exponent_of(value: float) -> int:
    """Return ``floor(log2(value))``, for ``value > 0``."""
    return math.frexp(value)[1] - 1


@inlined
def displaced(x: float, h: float, lower: float, upper: float, single: bool) -> float:
    """Return ``x + h`` as a number of the type of ``x``, inside the bounds."""
    # In float32 the sum of two such numbers, rounded, as that type computes it.
    value = float(np.float32(x + float(np.float32(h)))) if single else x + h
    return min(max(value, lower), upper)


@inlined
def choose_side(x: float, lower: float, upper: float) -> int:
    """Say whether pairs fit between the bounds, or only displacements to one side."""
    below, above = x - lower, upper - x
    if min(below, above) > ONE_SIDED_ROOM * abs(x) and min(below, above) > 0.0:
        return TWO_SIDED
    return ABOVE if above >= below else BELOW


@inlined
def lowest_rung(x: float, eps: float, single: bool) -> int:
    """Return the smallest rung that moves ``x`` by enough spacings of its type."""
    least = LOWEST_SINGLE if single else LOWEST
    spacing = abs(x) * eps
    return max(least, exponent_of(spacing) + SPACINGS) if spacing > 0.0 else least


@inlined
def highest_rung(x: float, lower: float, upper: float, side: int, single: bool) -> int:
    """Return the largest rung that stays between the bounds; below every rung where there is no room at all."""
    below, above = x - lower, upper - x
    room = above if side == ABOVE else below if side == BELOW else min(below, above)
    most = HIGHEST_SINGLE if single else HIGHEST
    return min(most, exponent_of(min(room, 1e308) / WIDEST)) if room > 0.0 else LOWEST - 1


@inlined
def first_rung(x: float) -> int:
    """Return where to look first: an eighth of ``|x|``; of 1 where ``x`` is 0."""
    return max(LOWEST, (exponent_of(abs(x)) if x != 0.0 else 0) - BELOW_X)
