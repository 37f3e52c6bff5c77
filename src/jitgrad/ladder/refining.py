"""Adding rungs to a ladder that stands in the right place, until the bar is small enough or nothing helps."""

from __future__ import annotations

import math

from jitgrad._jit import element
from jitgrad.ladder.analysis import Reading
from jitgrad.ladder.block import (
    AMPLITUDE,
    BENT,
    CLIMBS,
    DIRECTION,
    LIMIT,
    LOWEST_RUNG,
    PAIRS,
    PHASE,
    PLACING,
    REFINING,
    PROBE,
    RETRIES,
    SEARCHES,
    SIDE,
    SPENT,
    TESTED,
    VERIFIED,
    Block,
    Scratch,
    Settings,
)
from jitgrad.ladder.placing import after_leap, drop, look, want, want_three
from jitgrad.ladder.signs import bend, is_contradicted, is_zero, looks_kinked, steepest_even
from jitgrad.ladder.steps import TWO_SIDED, exponent_of
from jitgrad.ladder.table import EVEN, SLOPE, H

GROW_UP, GROW_DOWN = 2, 1  # two smaller rungs at a time cost half an evaluation more on average, at equal accuracy
MOST_RETRIES = 3
DEPTH = 24  # rungs from the ladder down to the pair that verifies noise
ASKED, CONFIRMED, STRUCTURE, ROUGH = 1, 2, 3, 4
LOUD = 0.05  # share of the whole variation from where noise may be all there is
HOPELESS = 0.3  # expected error, relative to the derivative, that asks for another place


@element
def is_good(scratch: Scratch, count: int, two_sided: bool, reading: Reading, floor: float, spacing: float, tolerance: float) -> bool:
    """Say whether the reading is as precise as was asked for, and nothing speaks against it."""
    size = max(abs(reading.derivative), 0.01 * steepest_even(scratch, count, reading.level))
    return (
        reading.score <= tolerance * size
        and not looks_kinked(scratch, count, two_sided, reading, floor)
        and not is_contradicted(scratch, count, reading, floor, spacing)
    )


@element
def refine(
    block: Block, settings: Settings, scratch: Scratch, t: int, count: int, reading: Reading, floor: float, spacing: float
) -> None:
    """Ask for rungs above where noise limits the reading, below where truncation does; or for another place."""
    state = block.state
    spent, cost = state[t, SPENT], 2 if state[t, SIDE] == TWO_SIDED else 1
    if state[t, VERIFIED] == ASKED:
        state[t, VERIFIED] = compare_scales(block, settings, scratch, t, reading, floor)
        if state[t, VERIFIED] == STRUCTURE:
            state[t, PHASE], state[t, SEARCHES] = PLACING, 1
            block.found[t, AMPLITUDE] = 1.5 * reading.level
            after_leap(block, settings, scratch, t, floor)
            return
    if reading.plateau and state[t, VERIFIED] == 0 and spent + cost <= settings.most:
        ask_below(block, scratch, t, reading, floor)
        if scratch.plan[0] > 0 and reading.level > LOUD * abs(scratch.table[SLOPE, 0]) * scratch.table[H, 0]:
            # What comes next depends on the answer.
            return
    if state[t, RETRIES] < MOST_RETRIES and spent + 3 * cost <= settings.most:
        relocate(block, settings, scratch, t, count, reading, floor, spacing)
        if state[t, PHASE] == PLACING or scratch.plan[0] > 1:
            return
    grow(block, settings, scratch, t, count, reading, floor)


@element
def ask_below(block: Block, scratch: Scratch, t: int, reading: Reading, floor: float) -> None:
    """Ask for a pair far below the ladder, to see whether noise is noise there, too."""
    state = block.state
    lowest = lowest_of(block, t)
    depth = min(max(exponent_of(reading.level / floor) - 4, 4), DEPTH)
    rung = max(lowest - depth, state[t, LOWEST_RUNG])
    if rung < lowest:
        state[t, VERIFIED], state[t, PROBE] = ASKED, rung
        want(scratch, rung)


@element
def compare_scales(
    block: Block, settings: Settings, scratch: Scratch, t: int, reading: Reading, floor: float
) -> int:
    """Say whether noise is noise at a displacement far below the ladder, too."""
    _, _, _, size = look(block, settings, t, block.state[t, PROBE])
    if not 8.0 * floor < size < reading.level / 20.0:
        return CONFIRMED
    whole = max(abs(scratch.table[SLOPE, 0]) * scratch.table[H, 0], abs(scratch.table[EVEN, 0]))
    return STRUCTURE if reading.level > LOUD * whole else ROUGH


@element
def lowest_of(block: Block, t: int) -> int:
    """Return the smallest rung, that of the verification left out."""
    state, rungs = block.state, block.rungs
    lowest = 32767
    for s in range(state[t, PAIRS]):
        if state[t, VERIFIED] == 0 or rungs[t, s] != state[t, PROBE]:
            lowest = min(lowest, rungs[t, s])
    return lowest


@element
def relocate(
    block: Block, settings: Settings, scratch: Scratch, t: int, count: int, reading: Reading, floor: float, spacing: float
) -> None:
    """Move the ladder down where a kink, a bend or a contradiction asks for it, or where it says nothing."""
    state, table = block.state, scratch.table
    two_sided = state[t, SIDE] == TWO_SIDED
    lowest = lowest_of(block, t)
    top = lowest - 4
    # Noise hides what is further down.
    kinked = looks_kinked(scratch, count, two_sided, reading, floor) and (
        abs(table[EVEN, count - 1]) > 64.0 * reading.level
    )
    change, _ = bend(scratch, count, max(floor, reading.level))
    if state[t, BENT] > 1 or not two_sided:
        change = 0.0
    moves = kinked
    if not kinked and change > 0.0:
        # Where the change of slope is as large as its noise.
        top = exponent_of(math.sqrt(max(floor, reading.level if reading.plateau else 0.0) / change)) + 2
        moves = state[t, BENT] == 0 or reading.plateau
        state[t, BENT] += 1
    elif not kinked:
        hopeless = not reading.plateau and reading.score > HOPELESS * abs(reading.derivative)
        hopeless = hopeless and not (reading.first == 0 and reading.noise >= reading.truncation)
        hopeless = hopeless and not is_zero(scratch, count, reading)
        moves = hopeless or is_contradicted(scratch, count, reading, floor, spacing)
    if moves:
        state[t, RETRIES] += 1
        state[t, PHASE], state[t, DIRECTION], state[t, TESTED] = PLACING, -1, 2
        if kinked:
            drop(block, scratch, t, lowest, abs(table[EVEN, count - 1]) / table[H, count - 1])
        elif change > 0.0:
            state[t, PHASE] = REFINING
            for k in range(3):
                want(scratch, top - 2 * k)
        else:
            want_three(block, scratch, t, top)


@element
def grow(
    block: Block, settings: Settings, scratch: Scratch, t: int, count: int, reading: Reading, floor: float
) -> None:
    """Add rungs to the ladder where they lower the expected error most."""
    state, table = block.state, scratch.table
    cost = 2 if state[t, SIDE] == TWO_SIDED else 1
    over = state[t, SPENT] + cost * GROW_UP > min(state[t, LIMIT], settings.most)
    if over or count == 0:
        return
    resolved = reading.plateau or reading.level <= 3.0 * floor
    noisy = reading.noise >= reading.truncation
    highest = exponent_of(table[H, 0])
    if reading.first == 0 and noisy and resolved:
        # Further at a time, the longer it helps.
        stride = 1 << min(state[t, CLIMBS] + (1 if reading.degree == 0 else 0), 3)
        state[t, CLIMBS] += 1
        for k in range(1, GROW_UP + 1):
            want(scratch, highest + k * stride)
    elif reading.plateau and noisy and reading.first > 0:
        # Larger pairs are beyond the polynomial; what lies between them and the window is not known yet.
        inner = exponent_of(table[H, reading.first])
        gap = exponent_of(table[H, reading.first - 1]) - inner
        if gap > 1:
            want(scratch, inner + (gap + 1) // 3)
            want(scratch, inner + gap - gap // 3)
    if not reading.plateau and (not noisy or not resolved):
        for k in range(1, GROW_DOWN + 1):
            want(scratch, lowest_of(block, t) - k)
