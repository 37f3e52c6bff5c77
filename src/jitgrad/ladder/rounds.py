"""Rounds of the ladder: one probe list for all coordinates of a block that are not finished, then one look at each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jitgrad._jit import element, kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.ladder.analysis import Reading, read_ladder
from jitgrad.ladder.block import (
    CURVATURE,
    DERIVATIVE,
    DONE,
    ERROR,
    FOUND,
    HIGHEST_RUNG,
    LIMIT,
    LOWEST_RUNG,
    NO_STATUS,
    NOISE,
    PAIRS,
    PHASE,
    PLACING,
    PROBE,
    REFINING,
    SIDE,
    SPENT,
    STATES,
    STATUS,
    STEP,
    VERIFIED,
    Block,
    Scratch,
    Settings,
    make_scratch,
)
from jitgrad.ladder.placing import look, place, want_three
from jitgrad.ladder.refining import ROUGH, is_good, refine
from jitgrad.ladder.signs import bend, is_contradicted, is_zero, looks_kinked
from jitgrad.ladder.status import Status
from jitgrad.ladder.steps import (
    ABOVE,
    BELOW,
    LOWEST,
    TWO_SIDED,
    choose_side,
    displaced,
    first_rung,
    highest_rung,
    lowest_rung,
)
from jitgrad.ladder.table import EVEN, SLOPE, H, fill_table, rounding_level

BLOCK = 16384  # coordinates that climb together: their state, values and probes stay below 32 MB
BLUR = 0.15  # spacings of x by which a loss that rounds is as if it moved
USUAL = 19  # evaluations of a ladder that was placed at once; a search may take it to `most`
NOISY = 20.0  # times rounding, from where noise is worth naming
TRUST = 0.01  # largest bar, relative to the derivative, of one that can be trusted

CONVERGED, TRUNCATION, NOISE_STATUS, ZERO = (
    int(Status.CONVERGED),
    int(Status.TRUNCATION),
    int(Status.NOISE),
    int(Status.ZERO),
)
FLAT, KINK, ONE_SIDED = int(Status.FLAT), int(Status.KINK), int(Status.ONE_SIDED)
ROUGH_STATUS = int(Status.ROUGH)
NON_FINITE, CRAMPED, FIXED = int(Status.NON_FINITE), int(Status.CRAMPED), int(Status.FIXED)


class Requests(NamedTuple):
    """Evaluations that a round asks for.

    Attributes
    ----------
    owner, slot, side : ndarray of int64
        Coordinate within the block, where its value belongs, and to which side it lies.
    value : ndarray of float64
        What the coordinate is replaced by.
    """

    owner: IntArray
    slot: IntArray
    side: IntArray
    value: FloatArray


class Climbed(NamedTuple):
    """Derivatives and what is known about them; arrays with one entry per target.

    Attributes
    ----------
    derivative, error : ndarray of float64
        Estimate and error bar; NaN and infinite where nothing can be said.
    step : ndarray of float64
        Largest displacement that the estimate uses, in units of ``x``; NaN if none.
    noise : ndarray of float64
        Absolute error of a single value of the loss, as found.
    evaluations : ndarray of int64
        Evaluations spent; the loss at the point itself is not counted.
    status : ndarray of int8
        `Status`.
    trusted : ndarray of bool
        Whether the bar is at most 1 % of the derivative, or the derivative is zero or fixed, and there is no kink.
    curvature : ndarray of float64
        Second derivative, from the smallest pair that resolves it; 0 if none does.
    steps, above, below : ndarray of float64, shape (targets, rungs), or (0, rungs) if not kept
        The displacements that were tried and the loss there; NaN beyond the last and on sides left out.
    """

    derivative: FloatArray
    error: FloatArray
    step: FloatArray
    noise: FloatArray
    evaluations: IntArray
    status: Array
    trusted: Array
    curvature: FloatArray
    steps: FloatArray
    above: FloatArray
    below: FloatArray


@element
def request(block: Block, settings: Settings, scratch: Scratch, t: int, requests: Requests, count: int) -> int:
    """Turn the rungs that are wanted into requests, as far as they are new, possible and paid for."""
    state, rungs, plan = block.state, block.rungs, scratch.plan
    owners, slots, sides, values = requests.owner, requests.slot, requests.side, requests.value
    x, lower, upper, side = block.x[t], block.lower[t], block.upper[t], state[t, SIDE]
    cost = 2 if side == TWO_SIDED else 1
    for i in range(1, plan[0] + 1):
        rung, used = plan[i], state[t, PAIRS]
        if state[t, SPENT] + cost > settings.most or not state[t, LOWEST_RUNG] <= rung <= state[t, HIGHEST_RUNG]:
            continue
        known = False
        for s in range(used):
            known = known or rungs[t, s] == rung
        if known:
            continue
        rungs[t, used] = rung
        block.above[t, used], block.below[t, used] = np.nan, np.nan
        for way in (ABOVE, BELOW):
            if side != -way:
                owners[count], slots[count], sides[count] = t, used, way
                values[count] = displaced(x, rung, way, lower, upper, settings.single)
                count += 1
        state[t, PAIRS] += 1
        state[t, SPENT] += cost
    plan[0] = 0
    return count


@kernel
def begin(
    block: Block, settings: Settings, scratch: Scratch, start: IntArray, active: IntArray, requests: Requests
) -> tuple[int, int]:
    """Prepare every coordinate and ask for its first rungs; return how many are active, and the requests."""
    state, found = block.state, block.found
    left, count = 0, 0
    for t in range(block.x.size):
        x, lower, upper = block.x[t], block.lower[t], block.upper[t]
        for column in range(STATES):
            state[t, column] = 0
        for column in range(FOUND):
            found[t, column] = 0.0
        found[t, DERIVATIVE], found[t, ERROR], found[t, STEP] = np.nan, np.inf, np.nan
        state[t, SPENT], state[t, LIMIT], state[t, STATUS] = 1, USUAL, NO_STATUS
        if lower == upper:
            state[t, STATUS] = FIXED
            found[t, DERIVATIVE], found[t, ERROR] = 0.0, 0.0
            continue
        if not np.isfinite(block.value[t]):
            state[t, STATUS] = NON_FINITE
            continue
        side = choose_side(x, lower, upper)
        state[t, SIDE] = side
        state[t, LOWEST_RUNG] = lowest_rung(x, settings.eps, settings.single)
        state[t, HIGHEST_RUNG] = highest_rung(x, lower, upper, side, settings.single)
        if state[t, HIGHEST_RUNG] < state[t, LOWEST_RUNG] + 2:
            state[t, STATUS] = CRAMPED
            continue
        want_three(block, scratch, t, start[t] if start[t] >= LOWEST else first_rung(x))
        count = request(block, settings, scratch, t, requests, count)
        active[left] = t
        left += 1
    return left, count


@kernel
def advance(
    block: Block,
    settings: Settings,
    scratch: Scratch,
    active: IntArray,
    left: int,
    requests: Requests,
    values: FloatArray,
) -> tuple[int, int]:
    """Store the values of a round and decide on the next; return how many are active, and the requests."""
    owners, slots, sides, above, below = requests.owner, requests.slot, requests.side, block.above, block.below
    for i in range(values.size):
        if sides[i] == ABOVE:
            above[owners[i], slots[i]] = values[i]
        else:
            below[owners[i], slots[i]] = values[i]
    still, count = 0, 0
    for i in range(left):
        t = active[i]
        before = count
        count = decide(block, settings, scratch, t, requests, count)
        if count > before:
            active[still] = t
            still += 1
    return still, count


@element
def decide(block: Block, settings: Settings, scratch: Scratch, t: int, requests: Requests, count: int) -> int:
    """Look at one coordinate; ask for more rungs or settle it. Return the number of requests."""
    state = block.state
    spacing = BLUR * settings.eps * abs(block.x[t])
    before = count
    while True:
        floor = rounding_level(block, settings, t)
        rungs = fill_table(block, settings, t, scratch)
        two_sided = state[t, SIDE] == TWO_SIDED
        reading = read_ladder(scratch, rungs, two_sided, floor, spacing)
        phase = state[t, PHASE]
        if not is_good(scratch, rungs, two_sided, reading, floor, spacing, settings.tolerance):
            if phase == PLACING:
                place(block, settings, scratch, t, floor)
            else:
                refine(block, settings, scratch, t, rungs, reading, floor, spacing)
            count = request(block, settings, scratch, t, requests, count)
            if count == before and phase == PLACING and state[t, STATUS] == NO_STATUS:
                # All that the search asked for is known already; perhaps seen from one side only, now.
                state[t, PHASE] = REFINING
                continue
        if count == before:
            settle(block, settings, scratch, t, rungs, reading, floor, spacing)
        return count


@element
def settle(
    block: Block, settings: Settings, scratch: Scratch, t: int, count: int, reading: Reading, floor: float, spacing: float
) -> None:
    """Write down the result of coordinate `t`."""
    state, found, table = block.state, block.found, scratch.table
    state[t, PHASE] = DONE
    found[t, NOISE] = reading.level
    two_sided = state[t, SIDE] == TWO_SIDED
    if state[t, STATUS] == FLAT:
        found[t, DERIVATIVE] = 0.0
        return
    found[t, DERIVATIVE], found[t, STEP] = reading.derivative, reading.step
    found[t, ERROR] = reading.bar + 2.0 * settings.eps * abs(reading.derivative)
    if state[t, STATUS] == NO_STATUS:
        state[t, STATUS] = verdict(scratch, settings, count, two_sided, reading, floor, spacing)
        if state[t, VERIFIED] == ROUGH:
            h, d, _, _ = look(block, settings, t, state[t, PROBE])
            apart = abs(d - reading.derivative)
            if apart > found[t, ERROR] + 8.0 * floor / h:
                found[t, ERROR] = 1.1 * apart + 8.0 * floor / h
                state[t, STATUS] = ROUGH_STATUS
    if state[t, STATUS] == KINK and count > 0:
        # The slopes to the left and to the right of the smallest pair that shows it.
        last = count - 1
        while last > 0 and abs(table[EVEN, last]) <= 8.0 * reading.level:
            last -= 1
        apart = abs(table[SLOPE, last] - reading.derivative) + abs(table[EVEN, last]) / table[H, last]
        found[t, ERROR] = max(found[t, ERROR], 1.1 * apart)
    if two_sided:
        # The jump of the second derivative may lie anywhere below the smallest pair that shows it.
        change, seen = bend(scratch, count, max(floor, reading.level))
        found[t, ERROR] = max(found[t, ERROR], change * seen)
    for i in range(count - 1, -1, -1):
        if abs(table[EVEN, i]) > 10.0 * reading.level:
            found[t, CURVATURE] = 2.0 * table[EVEN, i] / table[H, i] / table[H, i]
            break


@element
def verdict(
    scratch: Scratch, settings: Settings, count: int, two_sided: bool, reading: Reading, floor: float, spacing: float
) -> int:
    """Say how a search ended that had a ladder."""
    if count < 3:
        return NON_FINITE if count == 0 else TRUNCATION
    if looks_kinked(scratch, count, two_sided, reading, floor):
        return KINK
    if is_contradicted(scratch, count, reading, floor, spacing) and not reading.plateau:
        return KINK
    if is_zero(scratch, count, reading):
        return ZERO
    if reading.plateau and reading.level > NOISY * floor:
        return NOISE_STATUS
    if reading.score <= settings.tolerance * abs(reading.derivative) or reading.noise >= reading.truncation:
        return CONVERGED if two_sided else ONE_SIDED
    return TRUNCATION


def climb(
    evaluator: Any,
    targets: IntArray,
    lower: FloatArray,
    upper: FloatArray,
    *,
    noise: float = 0.0,
    tolerance: float | None = None,
    start: IntArray | None = None,
    most: int = 24,
    keep: bool = False,
) -> Climbed:
    """x."""
    points = evaluator.points
    eps = float(np.finfo(points.dtype).eps)
    single = points.dtype == np.float32
    settings = Settings(eps, bool(single), float(noise), tolerance or (0.5 * eps if single else 1e-12), int(most))
    n, slots = targets.size, most
    x = points.reshape(-1)[targets].astype(np.float64)
    f = evaluator.at_points()[targets // points.shape[1]]
    size = min(n, BLOCK)
    scratch = make_scratch(slots)
    start = np.full(n, -(2**30)) if start is None else start
    active = np.empty(size, np.int64)
    r = Requests(np.empty(size * 8, np.int64), np.empty(size * 8, np.int64), np.empty(size * 8, np.int64), np.empty(size * 8))
    found = np.empty((n, FOUND))
    status = np.empty(n, np.int8)
    ev = np.empty(n, np.int64)
    for a in range(0, n, BLOCK):
        b = min(a + BLOCK, n)
        block = Block(
            x[a:b], f[a:b], lower[a:b], upper[a:b],
            np.empty((b - a, slots), np.int16), np.empty((b - a, slots)), np.empty((b - a, slots)),
            np.empty((b - a, STATES), np.int32), found[a:b],
        )
        left, count = begin(block, settings, scratch, start[a:b], active, r)
        while left:
            values = evaluator.displaced(targets[a + r.owner[:count]], r.value[:count].astype(points.dtype))
            left, count = advance(block, settings, scratch, active, left, r, values)
        status[a:b] = block.state[:, STATUS]
        ev[a:b] = block.state[:, SPENT] - 1
    d, e = found[:, DERIVATIVE], found[:, ERROR]
    trusted = ((e <= TRUST * np.abs(d)) & (status != KINK)& (status != FLAT)) | (status == ZERO) | (status == FIXED)
    return Climbed(d, e, found[:, STEP], found[:, NOISE], ev, status, trusted, found[:, CURVATURE], np.empty((0, slots)), np.empty((0, slots)), np.empty((0, slots)))
