"""Finding the displacements at which the loss is neither straight within its noise nor beyond a Taylor series.

Three pairs of values say how large the third- and fourth-order parts are beside the whole. Their square root is the
displacement in units of the length on which the loss changes, and the top of the ladder belongs where it is
`TARGET`. Far from there the search moves: upwards by one pair at a time; down from where the loss is already curved
by what the pairs say; from where the loss seems to oscillate by one pair far below, whose size says where the
amplitude of the oscillation is reached.
"""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import element
from jitgrad.ladder.block import (
    AMPLITUDE,
    BOTTOM,
    CLIMBS,
    DIRECTION,
    FLATS,
    HIGHEST_RUNG,
    LIMIT,
    LOWEST_RUNG,
    MIDDLE,
    MODE,
    PHASE,
    PLACING,
    PROBE,
    RETRIES,
    REFINING,
    SEARCHES,
    SIDE,
    SPENT,
    STATUS,
    TESTED,
    TOP,
    Block,
    Scratch,
    Settings,
)
from jitgrad.ladder.status import Status
from jitgrad.ladder.steps import ABOVE, BELOW, BELOW_X, TWO_SIDED
from jitgrad.ladder.table import pair, slot_of

TARGET = 0.12  # logarithms are best at 0.07 to 0.14, entire functions tolerate 0.3
CURVED = 0.5  # beyond this the three pairs are no Taylor series
DOWN, UP = 7, 10  # how far three pairs are believed
DROP = 10  # rungs between a kink and the next pair
LEAP = 20  # rungs between an oscillation and the pair that measures it
SMALL = -13  # |x| / 8 below 2**-13 says little about the length on which a loss changes
UNIT = -8  # a rung that resolves what has the length 1
FLAT_STRIDE = 12
MOST_SEARCHES = 6
RUNGS = 4  # neighbouring rungs that a ladder begins with
BEYOND_PLAN = 8  # evaluations that a ladder may take beyond those it begins with, after a long search

# Values of MODE: what the search has just asked for.
THREE, TEST, LEAPING, CLIMBING, INWARD, DROPPING = 0, 1, 2, 3, 4, 5

FLAT_STATUS, NON_FINITE_STATUS = int(Status.FLAT), int(Status.NON_FINITE)


@element
def want(scratch: Scratch, rung: int) -> None:
    """Put a rung on the list of those to evaluate next."""
    plan = scratch.plan
    plan[0] += 1
    plan[plan[0]] = rung


@element
def want_three(block: Block, scratch: Scratch, t: int, top: int) -> None:
    """Look at three pairs, two rungs apart."""
    state = block.state
    top = min(max(top, state[t, LOWEST_RUNG] + 4), state[t, HIGHEST_RUNG])
    state[t, MODE], state[t, TOP], state[t, MIDDLE], state[t, BOTTOM] = THREE, top, top - 2, top - 4
    for rung in (top, top - 2, top - 4):
        want(scratch, rung)


@element
def begin_ladder(block: Block, scratch: Scratch, t: int, top: int) -> None:
    """End the search: ask for neighbouring rungs from `top` down."""
    state = block.state
    state[t, PHASE], state[t, TOP] = REFINING, top
    for rung in range(top, top - RUNGS, -1):
        want(scratch, rung)


@element
def finish(block: Block, t: int, status: int) -> None:
    """End the search without a ladder."""
    block.state[t, STATUS] = status


@element
def look(block: Block, settings: Settings, t: int, rung: int) -> tuple[float, float, float, float]:
    """Return displacement, slope, even part and the size of their larger contribution to the loss."""
    h, d, e, _ = pair(block, settings, t, slot_of(block, t, rung))
    return h, d, e, max(abs(d) * h, abs(e))


@element
def beyond_second(h: float, d: float, e: float, inner_h: float, inner_d: float, inner_e: float) -> float:
    """Return the size of the third- and fourth-order part at displacement `h`, from a pair further in."""
    ratio = h / inner_h
    # A pair at a quarter sees 1/16 of it, so the difference is 15/16.
    return 1.07 * max(abs(d - inner_d) * h, 0.5 * abs(e - ratio * ratio * inner_e))


@element
def grows_linearly(h0: float, e0: float, h1: float, e1: float, h2: float, e2: float, floor: float) -> bool:
    """Say whether the even part is proportional to the displacement, as across a kink."""
    if not (e0 / e1 > 0.0 and e1 / e2 > 0.0 and abs(e2) > 50.0 * floor):
        return False
    upper, lower = math.log(e0 / e1) / math.log(h0 / h1), math.log(e1 / e2) / math.log(h1 / h2)
    return 0.6 < upper < 1.5 and 0.6 < lower < 1.5


@element
def place(block: Block, settings: Settings, scratch: Scratch, t: int, floor: float) -> None:
    """Take the next step of the search for coordinate `t`."""
    mode = block.state[t, MODE]
    if mode == LEAPING:
        after_leap(block, settings, scratch, t, floor)
    elif mode == CLIMBING:
        after_climb(block, settings, scratch, t)
    elif mode == DROPPING:
        after_drop(block, settings, scratch, t, floor)
    elif mode == INWARD:
        after_inward(block, scratch, t)
    else:
        after_three(block, settings, scratch, t, floor)


@element
def after_three(block: Block, settings: Settings, scratch: Scratch, t: int, floor: float) -> None:
    """Judge three pairs: move, or begin the ladder."""
    state = block.state
    top = state[t, TOP]
    h0, d0, e0, m0 = look(block, settings, t, top)
    h1, d1, e1, m1 = look(block, settings, t, state[t, MIDDLE])
    h2, d2, e2, m2 = look(block, settings, t, state[t, BOTTOM])
    if not (np.isfinite(d1) and np.isfinite(d2)):
        go_inward(block, scratch, t)
        return
    if m1 == 0.0 and m2 == 0.0 and (m0 == 0.0 or not np.isfinite(m0)):
        climb_from_flat(block, scratch, t)
        return
    upper = beyond_second(h0, d0, e0, h1, d1, e1)
    lower = beyond_second(h1, d1, e1, h2, d2, e2)
    ratio = h0 / h1
    upper_reach, lower_reach = math.sqrt(upper / m0), math.sqrt(lower / m1)
    seen = np.isfinite(upper_reach)
    if (not seen or upper_reach > CURVED) and lower_reach > CURVED and lower > 8.0 * floor:
        if seen and grows_linearly(h0, e0, h1, e1, h2, e2, floor):
            drop(block, scratch, t, state[t, BOTTOM], abs(e2) / h2)
        else:
            after_oscillation(block, settings, scratch, t, seen, m0, m1, m2)
        return
    # Third-order parts that do not fall with the displacement are noise.
    noisy = seen and upper < 8.0 * lower and lower > 8.0 * floor
    level = 3.0 * lower if noisy else 8.0 * floor
    if lower > level and not noisy:
        reach = lower_reach * ratio
    elif seen:
        reach = math.sqrt(max(upper, level) / m0)
    else:
        reach = math.sqrt(max(lower * ratio**3, level) / (ratio * m1))
    shift = TARGET / max(reach, 1e-30)
    shift = int(np.rint(math.log2(min(max(shift, 2.0**-DOWN), 2.0**UP)))) if np.isfinite(shift) else 0
    if seen and max(upper, lower) <= 64.0 * floor:
        # The loss is straight as far as can be seen, so the reach is a guess from above. Of all lengths 1 is the
        # likeliest if |x| is not.
        shift = max(UP, -BELOW_X - top) if state[t, SEARCHES] == 0 else UP
    if shift > 0:
        # No further up than the tolerance asks for.
        size = settings.tolerance * 4.0 * max(abs(d1) * h1, 1e-4 * abs(e1))
        shift = min(shift, max(int(math.ceil(math.log2(min(max(8.0 * floor / max(size, 1e-300), 1e-3), 1e30)))), 0))
    move(block, settings, scratch, t, shift)


@element
def move(block: Block, settings: Settings, scratch: Scratch, t: int, shift: int) -> None:
    """Begin the ladder if the top is nearly where it belongs, else look there."""
    state = block.state
    top, spent = state[t, TOP], state[t, SPENT]
    state[t, SEARCHES] += 1
    wanted = min(top + shift, state[t, HIGHEST_RUNG])
    direction = 1 if wanted > top else -1 if wanted < top else 0
    last = (
        wanted - 4 < state[t, LOWEST_RUNG]
        or state[t, SEARCHES] >= MOST_SEARCHES
        or spent + 8 > settings.most
        or direction * state[t, DIRECTION] < 0
    )
    if -4 <= shift <= 3 or last or direction == 0:
        if state[t, SEARCHES] > 1:
            state[t, LIMIT] = max(state[t, LIMIT], spent + 2 + BEYOND_PLAN)
        begin_ladder(block, scratch, t, min(max(wanted, top - 4), top + 8))
        return
    state[t, DIRECTION] = direction
    if direction > 0:
        state[t, BOTTOM], state[t, MIDDLE], state[t, TOP] = state[t, MIDDLE], top, wanted
        want(scratch, wanted)
    else:
        want_three(block, scratch, t, wanted)


@element
def after_oscillation(
    block: Block,
    settings: Settings,
    scratch: Scratch,
    t: int,
    seen: bool,
    m0: float,
    m1: float,
    m2: float,
) -> None:
    """Tell noise from an oscillation by a pair above the three, or leap below."""
    state = block.state
    top = state[t, TOP]
    if not seen or m0 > 10.0 * m1:
        # It grows too fast to oscillate.
        move(block, settings, scratch, t, -6)
        return
    test = max(top + 2, -BELOW_X) if top < SMALL else top + 2
    if state[t, TESTED] == 0 and test <= state[t, HIGHEST_RUNG]:
        state[t, TESTED], state[t, MODE] = 1, TEST
        want(scratch, test)
        return
    if state[t, TESTED] == 1:
        state[t, TESTED] = 2
        h, d, e, size = look(block, settings, t, test)
        h0, d0, e0, _ = look(block, settings, t, top)
        beyond = max(abs(d - d0) * h, 0.5 * abs(e - (h / h0) * (h / h0) * e0))
        if test > top + 2:
            noisy = size > 8.0 * max(m0, m1, m2)
        else:
            noisy = 2.2 * m0 < size < 20.0 * m0 and beyond < 0.5 * size
        if noisy:
            state[t, LIMIT] = max(state[t, LIMIT], state[t, SPENT] + 2 + BEYOND_PLAN)
            begin_ladder(block, scratch, t, test)
            return
    block.found[t, AMPLITUDE] = max(m0, m1, m2)
    leap(block, settings, scratch, t, state[t, BOTTOM])


@element
def leap(block: Block, settings: Settings, scratch: Scratch, t: int, origin: int) -> None:
    """Look far below `origin`, where the loss oscillates or is noisy."""
    state = block.state
    rung = origin - LEAP
    if origin > 0 and state[t, TESTED] < 3:
        # Of all lengths 1 is the likeliest if |x| is not.
        rung, state[t, TESTED] = min(rung, UNIT), 3
    rung = max(rung, state[t, LOWEST_RUNG])
    if rung >= origin - 2 or state[t, SPENT] + 10 > settings.most:
        begin_ladder(block, scratch, t, state[t, TOP])
        return
    state[t, MODE], state[t, PROBE] = LEAPING, rung
    want(scratch, rung)


@element
def after_leap(block: Block, settings: Settings, scratch: Scratch, t: int, floor: float) -> None:
    """See from one small pair where the amplitude of the oscillation is reached."""
    state = block.state
    rung = state[t, PROBE]
    h, d, e, size = look(block, settings, t, rung)
    share = size / block.found[t, AMPLITUDE]
    if not np.isfinite(share):
        leap(block, settings, scratch, t, rung)
        return
    if share > 0.3:
        state[t, SEARCHES] += 1
        if state[t, SEARCHES] < 2:
            leap(block, settings, scratch, t, rung)
        else:
            # As large on all scales: noise. What there is to see is above.
            state[t, PHASE], state[t, LIMIT], state[t, CLIMBS] = REFINING, settings.most, 3
            want(scratch, state[t, TOP] + 6)
            want(scratch, state[t, TOP] + 10)
        return
    if size <= 8.0 * floor:
        # Too far: what is left of it is rounding. Half way back, once.
        rung += LEAP // 2
        share = max(share, floor / block.found[t, AMPLITUDE])
    reach = share if abs(d) * h >= abs(e) else math.sqrt(share)
    state[t, SEARCHES] += 1
    state[t, DIRECTION] = -1
    want_three(block, scratch, t, rung + int(np.rint(math.log2(TARGET / reach))))


@element
def climb_from_flat(block: Block, scratch: Scratch, t: int) -> None:
    """Look further up where the loss does not change, three times at most."""
    state = block.state
    top = state[t, TOP] if state[t, MODE] == THREE else state[t, PROBE]
    if state[t, FLATS] >= 3 or top >= state[t, HIGHEST_RUNG]:
        finish(block, t, FLAT_STATUS)
        return
    state[t, FLATS] += 1
    state[t, MODE] = CLIMBING
    state[t, PROBE] = min(top + FLAT_STRIDE, state[t, HIGHEST_RUNG])
    want(scratch, state[t, PROBE])


@element
def after_climb(block: Block, settings: Settings, scratch: Scratch, t: int) -> None:
    """Go on upwards while the loss stays flat."""
    rung = block.state[t, PROBE]
    _, _, _, size = look(block, settings, t, rung)
    if size == 0.0:
        climb_from_flat(block, scratch, t)
    elif np.isfinite(size):
        block.state[t, SEARCHES] += 1
        want_three(block, scratch, t, rung)
    else:
        finish(block, t, FLAT_STATUS)


@element
def go_inward(block: Block, scratch: Scratch, t: int) -> None:
    """Look below values that are not finite."""
    state = block.state
    bottom = state[t, BOTTOM]
    rung = max(bottom - 9, state[t, LOWEST_RUNG])
    state[t, MODE], state[t, PROBE] = INWARD, rung
    if rung < bottom:
        want(scratch, rung)
    else:
        after_inward(block, scratch, t)


@element
def after_inward(block: Block, scratch: Scratch, t: int) -> None:
    """Move to where both sides are finite, else to the side that is."""
    state = block.state
    rung = state[t, PROBE]
    slot = slot_of(block, t, rung)
    above = slot >= 0 and np.isfinite(block.above[t, slot])
    below = slot >= 0 and np.isfinite(block.below[t, slot])
    state[t, SEARCHES] += 1
    if above and below:
        want_three(block, scratch, t, rung + 4)
    elif (above or below) and state[t, SIDE] == TWO_SIDED:
        state[t, SIDE] = ABOVE if above else BELOW
        want_three(block, scratch, t, max(rung + 4, state[t, TOP]))
    else:
        finish(block, t, NON_FINITE_STATUS)


@element
def drop(block: Block, scratch: Scratch, t: int, origin: int, steepness: float) -> None:
    """Look below a kink: where its even part no longer grows with `steepness` per displacement."""
    state = block.state
    rung = max(origin - DROP, state[t, LOWEST_RUNG])
    state[t, PHASE], state[t, MODE], state[t, PROBE] = PLACING, DROPPING, rung
    block.found[t, AMPLITUDE] = steepness
    want(scratch, rung)


@element
def after_drop(block: Block, settings: Settings, scratch: Scratch, t: int, floor: float) -> None:
    """Go on below while the kink is nearer than the displacement; then put a ladder there."""
    state, rung = block.state, block.state[t, PROBE]
    h, _, e, _ = look(block, settings, t, rung)
    steepness = block.found[t, AMPLITUDE]
    if abs(e) > 2.0 * steepness * h and abs(e) > 50.0 * floor:
        # Noise: there is nothing to see down here.
        state[t, PHASE], state[t, RETRIES] = REFINING, 9
    elif abs(e) > 50.0 * floor and abs(e) > 0.25 * steepness * h and state[t, SPENT] + 6 <= settings.most:
        drop(block, scratch, t, rung, steepness)
    else:
        state[t, PHASE] = REFINING
        state[t, LIMIT] = max(state[t, LIMIT], state[t, SPENT] + BEYOND_PLAN)
        for k in range(3):
            want(scratch, rung - 2 * k)
