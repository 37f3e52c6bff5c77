"""From values on the rungs to odd slopes and even parts, with the displacements as they really were."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import FloatArray, IntArray
from jitgrad.ladder.block import PAIRS, SIDE, Block, Settings
from jitgrad.ladder.steps import ABOVE, BELOW, displaced, displacement_of

H, SLOPE, EVEN, OFFSET = 0, 1, 2, 3  # rows of the table
ROWS = 4
DOUBLE_EPS = float(np.finfo(np.float64).eps)
ROUNDING = 0.5  # noise of a value that is only rounded: its root mean square is 0.3 spacings, a little more with libm


class Table(NamedTuple):
    """What has been seen of one coordinate, largest displacement first.

    Attributes
    ----------
    values : ndarray of float64, shape (ROWS, slots)
        Displacement, odd slope, even part, and offset of the centre of the pair.
    rungs : ndarray of int64, shape (slots,)
    """

    values: FloatArray
    rungs: IntArray


def make_table(slots: int) -> Table:
    """Allocate a table of at most `slots` rungs."""
    return Table(np.empty((ROWS, slots)), np.empty(slots, np.int64))


@inlined
def slot_of(block: Block, t: int, rung: int) -> int:
    """Return where coordinate `t` keeps a rung, or -1."""
    rungs, state = block.rungs, block.state
    for s in range(state[t, PAIRS]):
        if rungs[t, s] == rung:
            return s
    return -1


@inlined
def pair(block: Block, settings: Settings, t: int, slot: int) -> tuple[float, float, float, float]:
    """Return displacement, odd slope, even part and offset of the centre of one rung; NaN if `slot` is -1."""
    if slot < 0:
        return np.nan, np.nan, np.nan, 0.0
    x, f, lower, upper = block.x[t], block.value[t], block.lower[t], block.upper[t]
    side, above, below = block.state[t, SIDE], block.above[t, slot], block.below[t, slot]
    h = displacement_of(block.rungs[t, slot])
    right = displaced(x, h, lower, upper, settings.single) - x
    left = x - displaced(x, -h, lower, upper, settings.single)
    if side == ABOVE:
        return right, (above - f) / right, 0.0, 0.0
    if side == BELOW:
        return left, (f - below) / left, 0.0, 0.0
    return (
        0.5 * (right + left),
        (above - below) / (right + left),
        0.5 * ((above - f) + (below - f)),
        0.5 * (right - left),
    )


@inlined
def rounding_level(block: Block, settings: Settings, t: int) -> float:
    """Return the least noise a value can have: that of rounding, or what the caller knows of."""
    above, below, side = block.above, block.below, block.state[t, SIDE]
    least = np.inf
    for s in range(block.state[t, PAIRS]):
        a, b = abs(above[t, s]), abs(below[t, s])
        size = a if side == ABOVE else b if side == BELOW else max(a, b)
        least = min(least, size)
    size = max(abs(block.value[t]), least if np.isfinite(least) else 0.0)
    eps = settings.eps
    if settings.single and float(np.float32(block.value[t])) != block.value[t]:
        # Float32 cannot hold this value: the loss computes in float64, in part at least. What noise the rest makes
        # is for the spectra to find.
        eps = DOUBLE_EPS
    return float(max(ROUNDING * eps * size, settings.noise * block.unit[t], 1e-300))


@inlined
def fill_table(block: Block, settings: Settings, t: int, table: Table) -> int:
    """Write what is usable about coordinate `t` into the table, largest displacement first; return how many rungs.

    Left out are values that are not finite, and pairs equal to the value at the point: they say nothing about
    slopes, and a stair has many of them.
    """
    values, order, rungs = table.values, table.rungs, block.rungs
    count = 0
    lopsided = False
    for s in range(block.state[t, PAIRS]):
        h, d, e, c = pair(block, settings, t, s)
        if not (h > 0.0 and np.isfinite(d) and np.isfinite(e)) or (d == 0.0 and e == 0.0):
            continue
        i = count
        while i > 0 and order[i - 1] < rungs[t, s]:
            order[i] = order[i - 1]
            for row in range(ROWS):
                values[row, i] = values[row, i - 1]
            i -= 1
        order[i] = rungs[t, s]
        values[H, i], values[SLOPE, i], values[EVEN, i], values[OFFSET, i] = h, d, e, c
        lopsided = lopsided or c != 0.0
        count += 1
    if lopsided:
        centre(values, count)
    return count


@inlined
def centre(values: FloatArray, count: int) -> None:
    """Move pairs whose rounded ends do not lie symmetrically to the point, with the curvature seen on the ladder."""
    inner = 0
    for i in range(count):
        if values[H, i] <= values[H, 0] / 3.0:
            inner = i
            break
    curvature = 2.0 * values[EVEN, inner] / values[H, inner] / values[H, inner]
    if np.isfinite(curvature):
        for i in range(count):
            c = values[OFFSET, i]
            values[SLOPE, i] -= curvature * c
            values[EVEN, i] -= 0.5 * curvature * c * c
