"""Adding rungs to a ladder that stands in the right place, until the bar is small enough or nothing helps."""

from __future__ import annotations

import math

from jitgrad._jit import inlined
from jitgrad._types import IntArray
from jitgrad.ladder.analysis import Reading
from jitgrad.ladder.block import (
    AMPLITUDE,
    BEFORE,
    BENT,
    CEILING,
    CLIMBS,
    DIRECTION,
    GROUND,
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
    Settings,
)
from jitgrad.ladder.leaping import ANSWERED, UNKNOWN, after_leap, drop, leap
from jitgrad.ladder.level import CLEAR
from jitgrad.ladder.moves import look, want, want_apart, want_three
from jitgrad.ladder.signs import LOUD, QUIET, TRUST, bend, is_contradicted, is_zero, kink
from jitgrad.ladder.steps import TWO_SIDED, exponent_of
from jitgrad.ladder.table import EVEN, SLOPE, H, Table

UPWARDS = 2  # rungs added at a time where noise limits the reading; downwards it is one: two cost more than they save
LONGEST_STRIDE = 3  # binary logarithm of the most rungs from one to the next
DEPTH = 40  # rungs from the ladder down to the pair that verifies noise, at most: waves of 1e9 beside |x| are seen
BURIED = 64.0  # times the noise, below which there is no use in looking for what is under a kink
MOST_RETRIES, MOST_BENDS = 3, 2
HOPELESS = 0.3  # expected error, relative to the derivative, that asks for another place

# Values of VERIFIED: whether a pair far below the ladder has confirmed the noise.
UNVERIFIED, ASKED, CONFIRMED, STRUCTURE, ROUGH, ASKED_AGAIN, HIDDEN = 0, 1, 2, 3, 4, 5, 6
DOUBTFUL = 0.8  # share of the noise below which one pair is: two of ten are by chance, which a second one settles
THINNER = 0.5  # share below which two pairs are: by chance one of twenty
BENEATH = 7  # rungs from the ladder down to the deepest of three that look for what is hidden just under it


@inlined
def refine(block: Block, settings: Settings, table: Table, plan: IntArray, t: int, reading: Reading) -> None:
    """Ask for rungs above where noise limits the reading, below where truncation does; or for another place."""
    state, values = block.state, table.values
    spent, cost = state[t, SPENT], 2 if state[t, SIDE] == TWO_SIDED else 1
    if state[t, VERIFIED] == ASKED:
        state[t, VERIFIED] = compare_scales(block, settings, table, t, reading)
        if state[t, VERIFIED] == STRUCTURE:
            state[t, PHASE], state[t, SEARCHES] = PLACING, 1
            # The noise is an oscillation, seen from too far. The smallest pair that shows it is the ceiling.
            block.found[t, AMPLITUDE], block.found[t, BEFORE] = 1.5 * reading.level, 0.0
            state[t, CEILING], state[t, GROUND] = lowest_of(block, t), UNKNOWN
            after_leap(block, settings, plan, t, reading.floor)
            return
        if state[t, VERIFIED] == ASKED_AGAIN:
            want(plan, state[t, PROBE] + 1)
            return
    elif state[t, VERIFIED] == ASKED_AGAIN:
        state[t, VERIFIED] = compare_again(block, settings, t, reading)
        if state[t, VERIFIED] == HIDDEN:
            state[t, GROUND] = max(lowest_of(block, t) - BENEATH, state[t, LOWEST_RUNG])
            for k in range(3):
                want(plan, state[t, GROUND] + 2 * k)
            return
    elif state[t, VERIFIED] == HIDDEN and is_noise_there(block, settings, t, reading):
        state[t, VERIFIED] = CONFIRMED
    if reading.plateau and state[t, VERIFIED] == UNVERIFIED and spent + cost <= settings.most:
        ask_below(block, plan, t, reading)
        if plan[0] > 0 and reading.level > LOUD * abs(values[SLOPE, 0]) * values[H, 0]:
            # What comes next depends on the answer.
            return
    if state[t, RETRIES] < MOST_RETRIES and spent + 3 * cost <= settings.most:
        asked = plan[0]
        relocate(block, settings, table, plan, t, reading)
        if plan[0] > asked:
            return
    # One more rung below may still make a bar that can be trusted.
    poor = not reading.plateau and reading.bar > TRUST * abs(reading.derivative)
    if spent + cost * UPWARDS <= min(state[t, LIMIT], settings.most) or (poor and spent + cost <= settings.most):
        grow(block, table, plan, t, reading)


@inlined
def ask_below(block: Block, plan: IntArray, t: int, reading: Reading) -> None:
    """Ask for a pair far below the ladder, to see whether noise is noise there, too."""
    state = block.state
    lowest = lowest_of(block, t)
    depth = min(max(exponent_of(reading.level / reading.floor) - 4, 4), DEPTH)
    rung = max(lowest - depth, state[t, LOWEST_RUNG])
    if rung < lowest:
        state[t, VERIFIED], state[t, PROBE] = ASKED, rung
        want(plan, rung)


@inlined
def compare_scales(block: Block, settings: Settings, table: Table, t: int, reading: Reading) -> int:
    """Say whether noise is noise at a displacement far below the ladder, too."""
    _, _, _, size = look(block, settings, t, block.state[t, PROBE])
    if not 8.0 * reading.floor < size < reading.level / QUIET:
        affordable = block.state[t, SPENT] + 4 <= settings.most
        small = pair_noise(block, settings, t, block.state[t, PROBE]) < DOUBTFUL * reading.level
        return ASKED_AGAIN if affordable and size > 8.0 * reading.floor and small else CONFIRMED
    values = table.values
    whole = max(abs(values[SLOPE, 0]) * values[H, 0], abs(values[EVEN, 0]))
    return STRUCTURE if reading.level > LOUD * whole else ROUGH


@inlined
def compare_again(block: Block, settings: Settings, t: int, reading: Reading) -> int:
    """Say from a second pair whether the noise far below the ladder is clearly less than on it."""
    return HIDDEN if deep_noise(block, settings, t) < THINNER * reading.level else CONFIRMED


@inlined
def is_noise_there(block: Block, settings: Settings, t: int, reading: Reading) -> bool:
    """Say whether the pair just beneath the ladder is as noisy as the ladder: the two far below are not, by chance."""
    h, d, e, _ = look(block, settings, t, block.state[t, GROUND])
    deep = deep_noise(block, settings, t)
    own = noise_in((d - reading.derivative) * h, e)
    return math.sqrt((2.0 * deep * deep + own * own) / 3.0) >= THINNER * reading.level


@inlined
def deep_noise(block: Block, settings: Settings, t: int) -> float:
    """Return the noise of a value as the two pairs that verify it show it."""
    probe = block.state[t, PROBE]
    one, other = pair_noise(block, settings, t, probe), pair_noise(block, settings, t, probe + 1)
    return math.sqrt(0.5 * (one * one + other * other))


@inlined
def pair_noise(block: Block, settings: Settings, t: int, rung: int) -> float:
    """Return the noise of a value from a pair that shows nothing else."""
    h, d, e, _ = look(block, settings, t, rung)
    return noise_in(d * h, e)


@inlined
def noise_in(odd: float, even: float) -> float:
    """Return the noise of a value from half the difference of a pair and its even part, that show nothing else."""
    # They have 1/2 and 3/2 of its variance. On one side there is no even part, and the difference is a whole one.
    return math.sqrt(odd * odd + even * even / 3.0)


@inlined
def lowest_of(block: Block, t: int) -> int:
    """Return the smallest rung, that of the verification left out."""
    state, rungs = block.state, block.rungs
    lowest = 32767
    for s in range(state[t, PAIRS]):
        verifies = rungs[t, s] == state[t, PROBE] or (
            rungs[t, s] == state[t, PROBE] + 1 and state[t, VERIFIED] >= ASKED_AGAIN
        )
        if state[t, VERIFIED] == UNVERIFIED or not verifies:
            lowest = min(lowest, rungs[t, s])
    return lowest


@inlined
def relocate(block: Block, settings: Settings, table: Table, plan: IntArray, t: int, reading: Reading) -> None:
    """Move the ladder down where a kink, a bend or a contradiction asks for it, or where it says nothing."""
    state, values = block.state, table.values
    lowest = lowest_of(block, t)
    steepness = kink(values, reading)
    if steepness > 0.0 and abs(values[EVEN, reading.rungs - 1]) > BURIED * reading.level:
        state[t, RETRIES] += 1
        start_again(block, t)
        drop(block, plan, t, lowest, steepness)
        return
    change, _ = bend(values, reading)
    if change > 0.0 and state[t, BENT] < MOST_BENDS:
        # Where the change of slope is as large as its noise: rounding at first, then what is seen down there.
        if state[t, BENT] == 0 or reading.plateau:
            state[t, RETRIES] += 1
            start_again(block, t)
            noise = reading.level if reading.plateau else reading.floor
            want_apart(plan, exponent_of(math.sqrt(noise / change)) + 2)
        state[t, BENT] += 1
        return
    hopeless = (
        not reading.plateau
        and not (reading.first == 0 and reading.noise >= reading.truncation)
        and reading.score > HOPELESS * abs(reading.derivative)
        and not is_zero(values, reading)
    )
    if hopeless or is_contradicted(values, reading):
        state[t, RETRIES] += 1
        start_again(block, t)
        state[t, PHASE] = PLACING
        _, _, _, size = look(block, settings, t, lowest)
        if hopeless and size > 0.0:
            block.found[t, AMPLITUDE] = size
            leap(block, settings, plan, t, lowest)
        else:
            want_three(block, plan, t, lowest - 4)


@inlined
def start_again(block: Block, t: int) -> None:
    """Forget where the search came from: it goes down now, and oscillations are no longer mistaken for noise."""
    block.state[t, DIRECTION], block.state[t, TESTED] = -1, ANSWERED


@inlined
def grow(block: Block, table: Table, plan: IntArray, t: int, reading: Reading) -> None:
    """Add rungs to the ladder where they lower the expected error most."""
    state, rungs = block.state, table.rungs
    if reading.rungs == 0:
        return
    resolved = reading.plateau or reading.level <= CLEAR * reading.floor
    noisy = reading.noise >= reading.truncation
    if reading.first == 0 and noisy and resolved:
        # Further at a time, the longer it helps, and where the loss is straight so far.
        stride = 1 << min(state[t, CLIMBS] + (1 if reading.degree == 0 else 0), LONGEST_STRIDE)
        state[t, CLIMBS] += 1
        for k in range(1, UPWARDS + 1):
            want(plan, rungs[0] + k * stride)
    elif reading.plateau and noisy and reading.first > 0:
        # Larger pairs are beyond the polynomial; what lies between them and the window is not known yet.
        inner = rungs[reading.first]
        gap = rungs[reading.first - 1] - inner
        if gap > 1:
            want(plan, inner + (gap + 1) // 3)
            want(plan, inner + gap - gap // 3)
    if not reading.plateau and (not noisy or not resolved):
        want(plan, lowest_of(block, t) - 1)
