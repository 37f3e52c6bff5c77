"""Writing down what a coordinate has come to, and how far it can be trusted."""

from __future__ import annotations

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import FloatArray
from jitgrad.ladder.analysis import NOISE_BARS, SIGNAL, Reading
from jitgrad.ladder.block import (
    CURVATURE,
    DERIVATIVE,
    DONE,
    ERROR,
    GROUND,
    NO_STATUS,
    NOISE,
    PHASE,
    PROBE,
    STATUS,
    STEP,
    VERIFIED,
    Block,
    Settings,
)
from jitgrad.ladder.moves import look
from jitgrad.ladder.refining import HIDDEN, deep_noise
from jitgrad.ladder.refining import ROUGH as ROUGH_SCALES
from jitgrad.ladder.signs import KINK_POWERS, bend, is_contradicted, is_quiet, is_zero, kink
from jitgrad.ladder.status import Status
from jitgrad.ladder.table import EVEN, SLOPE, H, Table

NOISY = 20.0  # times rounding, from where noise is worth naming
ULPS = 4.0  # spacings of a derivative that its bar is at least: a loss may round its constants, too
SEEN = 5.0  # standard deviations of a value from where an even part is none of noise: 4 of its own
GLIMPSED = 3.0  # likewise, for a second pair just below: 2.5 of its own
LIKELY = 4.0  # squares of the noise by which the fit of a bend may be worse: two standard deviations
MARGIN = 1.1  # a bar that is itself a difference of slopes is not exact

CONVERGED, TRUNCATION, NOISE_LIMITED, ZERO, FLAT = (
    int(Status.CONVERGED),
    int(Status.TRUNCATION),
    int(Status.NOISE),
    int(Status.ZERO),
    int(Status.FLAT),
)
KINK, ONE_SIDED, ROUGH, NON_FINITE = int(Status.KINK), int(Status.ONE_SIDED), int(Status.ROUGH), int(Status.NON_FINITE)


@inlined
def settle(block: Block, settings: Settings, table: Table, t: int, reading: Reading) -> None:
    """Write down the result of coordinate `t`."""
    state, found, values = block.state, block.found, table.values
    unit = block.unit[t]
    state[t, PHASE] = DONE
    found[t, NOISE] = reading.level / unit
    if state[t, STATUS] == FLAT:
        found[t, DERIVATIVE] = 0.0
        return
    if state[t, STATUS] == NO_STATUS:
        state[t, STATUS] = verdict(settings, table, reading)
    if state[t, STATUS] == NON_FINITE:
        return
    if state[t, STATUS] != KINK and smallest_pair(block, table, t, reading):
        return
    error = max(reading.bar, reading.missed) + ULPS * settings.eps * abs(reading.derivative)
    if state[t, VERIFIED] == ROUGH_SCALES and state[t, STATUS] != KINK:
        h, d, _, _ = look(block, settings, t, state[t, PROBE])
        apart, rounding = abs(d - reading.derivative), SIGNAL * reading.floor / h
        if apart > error + rounding:
            state[t, STATUS] = ROUGH
        # What makes the noise has a slope of its own there; rounding may hide how much it is.
        error = max(error, MARGIN * apart + rounding)
    if state[t, VERIFIED] == HIDDEN and state[t, STATUS] != KINK:
        h, d, _, _ = look(block, settings, t, state[t, GROUND])
        apart, noise = abs(d - reading.derivative), NOISE_BARS * deep_noise(block, settings, t) / h
        if apart > error + noise:
            state[t, STATUS] = ROUGH
        error = max(error, MARGIN * apart + noise)
    if state[t, STATUS] == KINK:
        last = reading.rungs - 1
        while last > 0 and abs(values[EVEN, last]) <= SIGNAL * reading.level:
            last -= 1
        error = max(error, kink_bar(values, reading, last))
    elif reading.plateau:
        error = max(error, hidden_kink(values, reading), hidden_stair(values, reading))
        error = max(error, hidden_loss(values, reading, block.x[t]), hidden_bend(values, reading))
    change, seen = bend(values, reading)
    found[t, DERIVATIVE], found[t, STEP] = reading.derivative / unit, reading.step
    found[t, ERROR] = max(error, change * seen) / unit
    for i in range(reading.rungs - 1, -1, -1):
        if abs(values[EVEN, i]) > SIGNAL * reading.level:
            found[t, CURVATURE] = 2.0 * values[EVEN, i] / values[H, i] / values[H, i] / unit
            break


@inlined
def smallest_pair(block: Block, table: Table, t: int, reading: Reading) -> bool:
    """Take the slope of the smallest pair if the noise is none there, and evaluations ran out on the way down.

    The ladder above an oscillation says nothing, and there are too few pairs below it for a window. The bar is what
    the next pair and the slopes of both sides differ by: 15 times what truncation makes where the loss is smooth.
    """
    found, values, unit, last = block.found, table.values, block.unit[t], reading.rungs - 1
    if last < 1 or not is_quiet(values, reading, last):
        return False
    h, d = values[H, last], values[SLOPE, last]
    apart = abs(d - values[SLOPE, last - 1]) + (abs(values[EVEN, last]) + SIGNAL * reading.floor) / h
    if abs(d - reading.derivative) <= reading.bar + apart:
        return False
    block.state[t, STATUS] = TRUNCATION
    found[t, DERIVATIVE], found[t, ERROR], found[t, STEP] = d / unit, apart / unit, h
    return True


@inlined
def kink_bar(values: FloatArray, reading: Reading, i: int) -> float:
    """Return how far the slopes on both sides, as pair `i` shows them, are from the estimate."""
    apart = abs(values[SLOPE, i] - reading.derivative) + abs(values[EVEN, i]) / values[H, i]
    return MARGIN * float(apart)


@inlined
def hidden_kink(values: FloatArray, reading: Reading) -> float:
    """Return the bar that covers the slopes on both sides of a kink that noise may hide, else 0.

    Noise leaves few pairs that show an even part. Where it grows no faster than a kink's between the two smallest
    of them, curvature that fades further down and a kink cannot be told apart.
    """
    last = reading.rungs - 1
    while last > 0 and abs(values[EVEN, last]) <= SEEN * reading.level:
        last -= 1
    if not reading.two_sided or not abs(values[EVEN, last]) > SEEN * reading.level:
        return 0.0
    slow = last > 0 and is_slow(values, reading, last - 1, last)
    slow = slow or (last == 0 and fits_kink(values, reading))
    if last + 1 < reading.rungs and abs(values[EVEN, last + 1]) > GLIMPSED * reading.level:
        slow = slow or is_slow(values, reading, last, last + 1)
    if not slow:
        return 0.0
    for i in range(last + 1, reading.rungs):
        if abs(values[EVEN, last]) * values[H, i] > 2.0 * SEEN * reading.level * values[H, last]:
            # It would show here.
            return 0.0
    return float(kink_bar(values, reading, last) + NOISE_BARS * reading.level / values[H, last])


@inlined
def fits_kink(values: FloatArray, reading: Reading) -> bool:
    """Say whether even parts that grow as ``h`` fit the window as well as such that grow as ``h**2``."""
    last = min(reading.first + reading.size, reading.rungs)
    if last - reading.first < 3:
        return False
    # The point is a node of weight 1 and pairs have 2: these are the weights of independent values.
    s0, s1, s2, t0, t1, tt = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(reading.first, last):
        h, e = values[H, i], values[EVEN, i]
        s0, s1, s2 = s0 + 2.0, s1 + 2.0 * h, s2 + 2.0 * h * h
        t0, t1, tt = t0 + 2.0 * e, t1 + 2.0 * h * e, tt + 2.0 * e * e
    determinant = s0 * s2 - s1 * s1
    at_zero, change = (s2 * t0 - s1 * t1) / determinant, (s0 * t1 - s1 * t0) / determinant
    return bool(tt - at_zero * t0 - change * t1 <= reading.even_rest)


@inlined
def is_slow(values: FloatArray, reading: Reading, outer: int, inner: int) -> bool:
    """Say whether the even part grows no faster than that of a kink, or has stopped growing.

    The inner pair is the smallest that shows it, which those do whose noise makes them larger.
    """
    growth = (values[H, outer] / values[H, inner]) ** KINK_POWERS[1]
    return bool(abs(values[EVEN, outer]) < growth * (abs(values[EVEN, inner]) - reading.level))


@inlined
def hidden_stair(values: FloatArray, reading: Reading) -> float:
    """Return the bar that covers the slope of the pairs above a window that shows nothing at all, else 0.

    Without noise, pairs equal to the value at the point are left out, for a stair has many of them.
    """
    last = reading.first
    if abs(reading.derivative) > reading.bar or last == 0:
        return 0.0
    for i in range(last, reading.rungs):
        if max(abs(values[SLOPE, i]) * values[H, i], abs(values[EVEN, i])) > SEEN * reading.level:
            return 0.0
    return MARGIN * float(abs(values[SLOPE, last - 1] - reading.derivative))


@inlined
def hidden_bend(values: FloatArray, reading: Reading) -> float:
    """Return the bar that covers a jump of the second derivative that noise may hide, else 0.

    Across one the slopes of pairs are a straight line in ``h``. Where that fits the window as well as the polynomial
    in ``h**2`` of the reading, the values do not tell which is right, and the bar covers both.
    """
    first, last = reading.first, min(reading.first + reading.size, reading.rungs)
    if not reading.two_sided or last - first < 3 or reading.degree == 0:
        return 0.0
    # Least squares with weights 2 h**2, which make all errors the size of that of a value.
    s0, s1, s2, t0, t1 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(first, last):
        h, d = values[H, i], values[SLOPE, i] - reading.derivative
        w = 2.0 * h * h
        s0, s1, s2 = s0 + w, s1 + w * h, s2 + w * h * h
        t0, t1 = t0 + w * d, t1 + w * h * d
    determinant = s0 * s2 - s1 * s1
    at_zero, change = (s2 * t0 - s1 * t1) / determinant, (s0 * t1 - s1 * t0) / determinant
    rest = 0.0
    for i in range(first, last):
        h, d = values[H, i], values[SLOPE, i] - reading.derivative
        rest += 2.0 * h * h * (d - at_zero - change * h) ** 2
    if rest > reading.rest + LIKELY * reading.level**2:
        return 0.0
    return float(abs(at_zero) + reading.bar)


@inlined
def hidden_loss(values: FloatArray, reading: Reading, x: float) -> float:
    """Return the bar that covers a loss of which nothing is seen, as large as its noise on the length ``|x|``, else 0.

    Noise that goes on as far as the ladder says nothing about what it hides nearer by, and of all lengths that of
    ``x`` is the likeliest.
    """
    for i in range(reading.rungs):
        if max(abs(values[SLOPE, i]) * values[H, i], abs(values[EVEN, i])) > SEEN * reading.level:
            return 0.0
    return float(NOISE_BARS * reading.level / min(abs(x) if x != 0.0 else 1.0, values[H, 0]))


@inlined
def verdict(settings: Settings, table: Table, reading: Reading) -> int:
    """Say how a search ended that had a ladder."""
    values = table.values
    if not np.isfinite(reading.derivative):
        return NON_FINITE
    if not np.isfinite(reading.score):
        return TRUNCATION
    if kink(values, reading) > 0.0 or (is_contradicted(values, reading) and not reading.plateau):
        return KINK
    if is_zero(values, reading):
        return ZERO
    if reading.plateau and reading.level > NOISY * reading.floor:
        return NOISE_LIMITED
    if reading.score <= settings.tolerance * abs(reading.derivative) or reading.noise >= reading.truncation:
        return CONVERGED if reading.two_sided else ONE_SIDED
    return TRUNCATION
