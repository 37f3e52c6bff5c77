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
from jitgrad.ladder.table import EVEN, H

GROW_UP, GROW_DOWN = 2, 1  # two smaller rungs at a time cost half an evaluation more on average, at equal accuracy
MOST_RETRIES = 3
DEPTH = 24  # rungs from the ladder down to the pair that verifies noise
ASKED, CONFIRMED, STRUCTURE, ROUGH = 1, 2, 3, 4
HOPELESS = 0.3  # expected error, relative to the derivative, that asks for another place


@element
def is_good(scratch: Scratch, count: int, two_sided: bool, reading: Reading, floor: float, spacing: float, tolerance: float) -> bool:
    """Say whether the reading is as precise as was asked for, and nothing speaks against it."""
    size = max(abs(reading.derivative), 1e-4 * steepest_even(scratch, count, reading.level))
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
    state, rungs = block.state, block.rungs
    two_sided = state[t, SIDE] == TWO_SIDED
    cost = 2 if two_sided else 1
    spent, pairs = state[t, SPENT], state[t, PAIRS]
    highest, lowest = -32768, 32767
    for s in range(pairs):
        highest, lowest = max(highest, rungs[t, s]), min(lowest, rungs[t, s])
    limit = min(state[t, LIMIT], settings.most)
    over = spent + cost * GROW_UP > limit
    resolved = reading.plateau or reading.level <= 3.0 * floor
    up = reading.first == 0 and reading.noise >= reading.truncation and resolved and not over
    down = (reading.truncation > reading.noise or not resolved) and not reading.plateau and not over
    if state[t, VERIFIED] == ASKED:
        state[t, VERIFIED] = compare_scales(block, settings, t, reading, floor, highest)
        if state[t, VERIFIED] == STRUCTURE:
            state[t, PHASE], state[t, SEARCHES] = PLACING, 1
            block.found[t, AMPLITUDE] = 1.5 * reading.level
            after_leap(block, settings, scratch, t, floor)
            return
    stuck = not up and not down and not is_zero(scratch, count, reading)
    stuck = stuck and not reading.score <= HOPELESS * abs(reading.derivative)
    if state[t, RETRIES] < MOST_RETRIES and spent + 3 * cost <= settings.most:
        kinked = looks_kinked(scratch, count, two_sided, reading, floor)
        bent = bend(scratch, count, floor) if two_sided and state[t, BENT] == 0 else 0.0
        if kinked or bent > 0.0 or stuck or is_contradicted(scratch, count, reading, floor, spacing):
            state[t, RETRIES] += 1
            state[t, PHASE], state[t, DIRECTION], state[t, TESTED] = PLACING, -1, 2
            if kinked:
                table = scratch.table
                drop(block, scratch, t, lowest, abs(table[EVEN, count - 1]) / table[H, count - 1])
            elif bent > 0.0:
                # Where the change of slope is as large as its rounding.
                state[t, BENT] = 1
                want_three(block, scratch, t, min(exponent_of(math.sqrt(floor / bent)) + 2, lowest - 4))
            else:
                want_three(block, scratch, t, lowest - 4)
            return
    if reading.plateau and state[t, VERIFIED] == 0 and spent + cost <= settings.most:
        depth = min(max(exponent_of(reading.level / floor) - 4, 4), DEPTH)
        rung = max(lowest - depth, state[t, LOWEST_RUNG])
        if rung < lowest:
            state[t, VERIFIED], state[t, PROBE] = ASKED, rung
            want(scratch, rung)
    if up:
        # Further at a time, the longer it helps.
        stride = 1 << min(state[t, CLIMBS], 2)
        state[t, CLIMBS] += 1
        for k in range(1, GROW_UP + 1):
            want(scratch, highest + k * stride)
    if down:
        for k in range(1, GROW_DOWN + 1):
            want(scratch, lowest - k)


@element
def compare_scales(
    block: Block, settings: Settings, t: int, reading: Reading, floor: float, highest: int
) -> int:
    """Say whether noise is noise at a displacement far below the ladder, too."""
    _, _, _, size = look(block, settings, t, block.state[t, PROBE])
    if not 8.0 * floor < size < reading.level / 20.0:
        return CONFIRMED
    _, _, _, whole = look(block, settings, t, highest)
    return STRUCTURE if reading.level > 0.05 * whole else ROUGH
