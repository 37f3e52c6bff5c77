"""Signs that a reading is not what it seems: kinks, bends, contradictions, derivatives that are zero."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import FloatArray
from jitgrad.ladder.analysis import SIGNAL, Reading
from jitgrad.ladder.table import EVEN, SLOPE, H

TRUST = 0.01  # largest bar, relative to the derivative, of one that can be trusted
KINK_POWERS = 0.6, 1.5  # powers of h between which an even part is taken for that of a kink, which has 1
BEND_RATIOS = 0.7, 1.4  # ratios of two changes of slope that count as equal
BEND_SIGNAL = 20.0  # standard deviations of noise that a change of slope must be above
NEVER_ROUNDING = 50.0  # times rounding
LOUD = 0.05  # share of the whole variation from where noise may be all there is
QUIET = 20.0  # a pair whose size is below the noise by this factor does not have that noise


@inlined
def steepest_even(values: FloatArray, reading: Reading) -> float:
    """Return the largest even part per displacement: the size of slopes that curvature makes on the ladder."""
    largest = 0.0
    for i in range(reading.rungs):
        if abs(values[EVEN, i]) > SIGNAL * reading.level:
            largest = max(largest, abs(values[EVEN, i]) / values[H, i])
    return largest


@inlined
def is_good(values: FloatArray, reading: Reading, tolerance: float) -> bool:
    """Say whether the reading is as precise as was asked for, and nothing speaks against it.

    Near an optimum or an inflection the tolerance refers to a hundredth of the slopes on the ladder: a smaller error
    is less than what rounding ``x`` makes.
    """
    size = abs(reading.derivative)
    if reading.rungs > 0 and reading.score > tolerance * size:
        size = max(size, 0.01 * max(steepest_even(values, reading), abs(values[SLOPE, reading.first])))
    return reading.score <= tolerance * size and kink(values, reading) == 0.0 and not is_contradicted(values, reading)


@inlined
def kink(values: FloatArray, reading: Reading) -> float:
    """Return the even part per displacement if it is proportional to it, as it is across a kink, else 0.

    Three pairs must agree, the smallest that show an even part, and those below must be too small to show a kink.
    """
    count = reading.rungs
    if not reading.two_sided or count < 3:
        return 0.0
    # A level that is a guess may have been made from the kink.
    least = max(NEVER_ROUNDING * reading.floor, SIGNAL * reading.level if reading.plateau else 0.0)
    last = count - 1
    while last >= 2 and not abs(values[EVEN, last]) > least:
        last -= 1
    if last < 2:
        return 0.0
    steepness = float(abs(values[EVEN, last]) / values[H, last])
    if not steepness > 0.005 * abs(reading.derivative):
        return 0.0
    for i in range(last + 1, count):
        if steepness * values[H, i] > 2.0 * least:
            return 0.0
    if is_linear(values, last - 2, last - 1) and is_linear(values, last - 1, last):
        return steepness
    return 0.0


@inlined
def is_linear(values: FloatArray, outer: int, inner: int) -> bool:
    """Say whether the even part grows in proportion to the displacement from one pair to another."""
    return is_proportional(values[H, outer], values[EVEN, outer], values[H, inner], values[EVEN, inner])


@inlined
def is_proportional(outer_h: float, outer: float, inner_h: float, inner: float) -> bool:
    """Say whether something grows like a power of the displacement that is near 1."""
    ratio = outer / inner
    if not ratio > 0.0:
        return False
    power = math.log(ratio) / math.log(outer_h / inner_h)
    return KINK_POWERS[0] < power < KINK_POWERS[1]


@inlined
def is_contradicted(values: FloatArray, reading: Reading) -> bool:
    """Say whether the smallest pair disagrees with the estimate by more than noise and the bar allow."""
    if reading.rungs == 0:
        return False
    last = reading.rungs - 1
    h, slope = values[H, last], values[SLOPE, last]
    blurred = reading.spacing * (abs(slope) + 2.0 * abs(values[EVEN, last]) / h)
    noise = max(20.0 * reading.floor, 10.0 * blurred, 6.0 * reading.level if reading.plateau else 0.0)
    derivative = reading.derivative
    allowed = noise / (math.sqrt(2.0) * h) + 9.0 * reading.noise + 3.0 * reading.truncation + 1e-3 * abs(derivative)
    # What the top of the window leaves out, at the smallest pair.
    allowed += 2.0 * abs(values[SLOPE, reading.first] - derivative) * (h / values[H, reading.first]) ** 2
    return bool(abs(slope - derivative) > max(allowed, 3.0 * reading.bar))


@inlined
def is_zero(values: FloatArray, reading: Reading) -> bool:
    """Say whether the derivative is zero within a bar that is small against what curvature does on the ladder.

    Curvature must be seen as such: an even part that grows at least like ``h**1.5`` between two pairs that show it.
    """
    bar, top = reading.bar, reading.first
    if not (np.isfinite(bar) and abs(reading.derivative) <= bar):
        return False
    first, last = -1, -1
    for i in range(top, reading.rungs):
        if abs(values[EVEN, i]) > SIGNAL * reading.level:
            first, last = i if first < 0 else first, i
    if last > first and bar <= 0.01 * math.sqrt(
        abs(values[EVEN, first] * values[EVEN, last]) / (values[H, first] * values[H, last])
    ):
        return bool(values[EVEN, first] / values[EVEN, last] > (values[H, first] / values[H, last]) ** 1.5)
    # An inflection: so do the slopes.
    last = reading.rungs - 1
    steep = abs(values[SLOPE, top]) > abs(values[SLOPE, last]) * (values[H, top] / values[H, last]) ** 1.5
    return not reading.plateau and steep and bar <= 0.01 * abs(values[SLOPE, top])


@inlined
def bend(values: FloatArray, reading: Reading) -> tuple[float, float]:
    """Return the change of slope per displacement, and the displacement down to which it is seen; else zeros.

    Across a jump of the second derivative the odd slope is linear in ``h``, which no polynomial in ``h**2`` follows.
    Four neighbouring pairs must agree, the smallest whose slopes differ by more than noise, and those below must be
    too small to show it.
    """
    count = reading.rungs
    least = BEND_SIGNAL * reading.level
    if not reading.two_sided:
        return 0.0, 0.0
    last = count - 1
    while last >= 3 and not abs(values[SLOPE, last - 1] - values[SLOPE, last]) * values[H, last] > least:
        last -= 1
    if last < 3:
        return 0.0, 0.0
    change = 0.0
    for i in range(last - 3, last):
        difference = values[SLOPE, i] - values[SLOPE, i + 1]
        if not abs(difference) * values[H, i + 1] > least:
            return 0.0, 0.0
        before, change = change, difference / (values[H, i] - values[H, i + 1])
        if i > last - 3 and not BEND_RATIOS[0] < before / change < BEND_RATIOS[1]:
            return 0.0, 0.0
    for i in range(last, count - 1):
        if abs(change) * (values[H, i] - values[H, i + 1]) * values[H, i + 1] > 2.0 * least:
            return 0.0, 0.0
    return abs(change), values[H, last]


@inlined
def is_quiet(values: FloatArray, reading: Reading, i: int) -> bool:
    """Say whether a pair refutes noise that is much of what the ladder shows: it is smaller, and no rounding."""
    size = max(abs(values[SLOPE, i]) * values[H, i], abs(values[EVEN, i]))
    whole = max(abs(values[SLOPE, 0]) * values[H, 0], abs(values[EVEN, 0]))
    return bool(8.0 * reading.floor < size < reading.level / QUIET and reading.plateau and reading.level > LOUD * whole)
