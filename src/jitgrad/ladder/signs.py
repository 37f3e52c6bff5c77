"""Signs that a reading is not what it seems: kinks, contradictions, derivatives that are zero."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import element
from jitgrad.ladder.analysis import Reading
from jitgrad.ladder.block import Scratch
from jitgrad.ladder.table import EVEN, H, SLOPE


@element
def steepest_even(scratch: Scratch, count: int, level: float) -> float:
    """Return the largest even part per displacement: the size of slopes that curvature makes on the ladder."""
    table = scratch.table
    largest = 0.0
    for i in range(count):
        if abs(table[EVEN, i]) > 8.0 * level:
            largest = max(largest, abs(table[EVEN, i]) / table[H, i])
    return largest


@element
def looks_kinked(scratch: Scratch, count: int, two_sided: bool, reading: Reading, floor: float) -> bool:
    """Say whether the even part falls like ``h``, as it does across a kink, down to the smallest pair that shows it.

    Three pairs must agree, and those below must be too small to show a kink.
    """
    if not two_sided:
        return False
    table = scratch.table
    least = max(50.0 * floor, 8.0 * reading.level)
    last = count - 1
    while last >= 2 and not abs(table[EVEN, last]) > least:
        last -= 1
    if last < 2:
        return False
    steepness = abs(table[EVEN, last]) / table[H, last]
    if not steepness > 0.005 * abs(reading.derivative):
        return False
    for i in range(last + 1, count):
        if steepness * table[H, i] > 2.0 * least:
            return False
    for i in range(last - 1, last + 1):
        ratio = table[EVEN, i - 1] / table[EVEN, i]
        if not ratio > 0.0:
            return False
        power = math.log(ratio) / math.log(table[H, i - 1] / table[H, i])
        if not 0.6 < power < 1.5:
            return False
    return True


@element
def is_contradicted(scratch: Scratch, count: int, reading: Reading, floor: float, spacing: float) -> bool:
    """Say whether the smallest pair disagrees with the estimate by more than noise and the bar allow."""
    if count == 0:
        return False
    table = scratch.table
    h = table[H, count - 1]
    blurred = spacing * (abs(table[SLOPE, count - 1]) + 2.0 * abs(table[EVEN, count - 1]) / h)
    noise = max(20.0 * floor, 10.0 * blurred, 6.0 * reading.level if reading.plateau else 0.0) / (math.sqrt(2.0) * h)
    allowed = noise + 3.0 * (3.0 * reading.noise + reading.truncation) + 1e-3 * abs(reading.derivative)
    return abs(table[SLOPE, count - 1] - reading.derivative) > max(allowed, 3.0 * reading.bar)


@element
def is_zero(scratch: Scratch, count: int, reading: Reading) -> bool:
    """Say whether the derivative is zero within a bar that is small against what curvature does on the ladder."""
    bar, table = reading.bar, scratch.table
    if not (np.isfinite(bar) and abs(reading.derivative) <= bar):
        return False
    # Curvature must be seen as such: an even part that grows at least like h**1.5 between two resolved pairs.
    first, last = -1, -1
    for i in range(count):
        if abs(table[EVEN, i]) > 8.0 * reading.level:
            first, last = i if first < 0 else first, i
    if last <= first or not bar <= 0.01 * abs(table[EVEN, first]) / table[H, first]:
        return False
    return table[EVEN, first] / table[EVEN, last] > (table[H, first] / table[H, last]) ** 1.5


@element
def bend(scratch: Scratch, count: int, level: float) -> tuple[float, float]:
    """Return the change of slope per displacement, and the displacement down to which it is seen; else zeros.

    Four neighbouring pairs must agree. Across a jump of the second derivative the odd slope is linear in ``h``, which no polynomial in ``h**2`` follows.
    The smallest pairs whose slopes differ by more than noise are asked; those below must be too small to show it.
    """
    table = scratch.table
    last = count - 1
    while last >= 3 and not abs(table[SLOPE, last - 1] - table[SLOPE, last]) * table[H, last] > 20.0 * level:
        last -= 1
    if last < 3:
        return 0.0, 0.0
    change = 0.0
    for i in range(last - 3, last):
        difference = table[SLOPE, i] - table[SLOPE, i + 1]
        if not abs(difference) * table[H, i + 1] > 20.0 * level:
            return 0.0, 0.0
        before, change = change, difference / (table[H, i] - table[H, i + 1])
        if i > last - 3 and not 0.7 < before / change < 1.4:
            return 0.0, 0.0
    for i in range(last, count - 1):
        if abs(change) * (table[H, i] - table[H, i + 1]) * table[H, i + 1] > 40.0 * level:
            return 0.0, 0.0
    return abs(change), table[H, last]
