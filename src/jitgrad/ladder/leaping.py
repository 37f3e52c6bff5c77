"""Looking far below the first pairs: for the scale of an oscillation, and for what lies under a kink."""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import IntArray
from jitgrad.ladder.block import (
    AMPLITUDE,
    BEFORE,
    BOTTOM,
    CEILING,
    CLIMBS,
    DIRECTION,
    GROUND,
    HIGHEST_RUNG,
    LIMIT,
    LOWEST_RUNG,
    MODE,
    PHASE,
    PLACING,
    PROBE,
    REFINING,
    RETRIES,
    SEARCHES,
    SPENT,
    TESTED,
    TOP,
    Block,
    Settings,
)
from jitgrad.ladder.moves import AFTER_SEARCH, DROP, LEAP, TEST, begin_ladder, look, want, want_apart, want_three
from jitgrad.ladder.signs import NEVER_ROUNDING
from jitgrad.ladder.steps import BELOW_X

TARGET = 0.12  # displacement at the top of a ladder, in units of the length on which the loss changes
SMALL = -13  # |x| / 8 below 2**-13 says little about the length on which a loss changes
UNIT = -8  # a rung that resolves what has the length 1: of all lengths the likeliest, if |x| is not
FAR, DEEP = 20, 10  # rungs down to the pair that measures an oscillation, and to the next one below a kink
SAME = 0.3  # share of the amplitude from where a pair is still beyond the oscillation
ROUNDED = 8.0  # times rounding, below which a pair says nothing
GROWN = 4.0  # times the pair before, from where one has grown out of noise
NEAR = 2  # rungs that are near enough
UNKNOWN = -32768
NO_MORE = 99  # retries of a search that must not be repeated

# Values of TESTED, in order.
UNTESTED, ASKED, ANSWERED, UNIT_TRIED = 0, 1, 2, 3


@inlined
def after_oscillation(
    block: Block, settings: Settings, plan: IntArray, t: int, m0: float, m1: float, m2: float
) -> None:
    """Tell noise from an oscillation by a pair above the three, or leap below."""
    state = block.state
    top = state[t, TOP]
    test = max(top + 2, -BELOW_X) if top < SMALL else top + 2
    if state[t, TESTED] == UNTESTED and test <= state[t, HIGHEST_RUNG]:
        state[t, TESTED], state[t, MODE] = ASKED, TEST
        want(plan, test)
        return
    if state[t, TESTED] == ASKED:
        state[t, TESTED] = ANSWERED
        h, d, e, size = look(block, settings, t, test)
        h0, d0, e0, _ = look(block, settings, t, top)
        beyond = max(abs(d - d0) * h, 0.5 * abs(e - (h / h0) * (h / h0) * e0))
        largest = max(m0, m1, m2)
        nearby = 2.2 * largest < size < 20.0 * m0 and beyond < 0.5 * size
        if nearby if test == top + 2 else size > 8.0 * largest:
            # A function rises out of noise; an oscillation has its amplitude already.
            begin_ladder(block, plan, t, test)
            return
    block.found[t, AMPLITUDE] = max(m0, m1, m2)
    leap(block, settings, plan, t, state[t, BOTTOM])


@inlined
def leap(block: Block, settings: Settings, plan: IntArray, t: int, origin: int) -> None:
    """Look far below `origin`, where the loss oscillates or is noisy."""
    state = block.state
    rung = origin - FAR
    if origin > 0 and state[t, TESTED] < UNIT_TRIED:
        rung, state[t, TESTED] = min(rung, UNIT), UNIT_TRIED
    rung = max(rung, state[t, LOWEST_RUNG])
    if rung >= origin - 2 or state[t, SPENT] + 10 > settings.most:
        begin_ladder(block, plan, t, state[t, TOP])
        return
    state[t, CEILING], state[t, GROUND], block.found[t, BEFORE] = origin, UNKNOWN, 0.0
    probe(block, plan, t, rung)


@inlined
def probe(block: Block, plan: IntArray, t: int, rung: int) -> None:
    """Ask for one pair below an oscillation."""
    block.state[t, MODE], block.state[t, PROBE] = LEAP, rung
    want(plan, rung)


@inlined
def after_leap(block: Block, settings: Settings, plan: IntArray, t: int, floor: float) -> None:
    """See from one small pair where the amplitude of the oscillation is reached, and look there.

    If that pair has not grown as it should, both are noise, and the next one lies half way up to the oscillation.
    """
    state, found, rung = block.state, block.found, block.state[t, PROBE]
    _, _, _, size = look(block, settings, t, rung)
    share, before = size / found[t, AMPLITUDE], found[t, BEFORE]
    if not np.isfinite(share) or (share > SAME and state[t, GROUND] == UNKNOWN):
        leap_again(block, settings, plan, t, rung, np.isfinite(share))
        return
    if share > SAME:
        state[t, CEILING] = rung
        further = (state[t, GROUND] + rung) // 2
    else:
        state[t, GROUND], found[t, BEFORE] = rung, size
        further = (rung + state[t, CEILING]) // 2
        if size > ROUNDED * floor and size > GROWN * before:
            shift = int(np.rint(math.log2(TARGET / share)))
            if shift <= NEAR:
                further = state[t, GROUND] = rung + shift
            else:
                further = min(rung + shift, state[t, CEILING] - 1)
    done = abs(further - state[t, GROUND]) < 1 or state[t, CEILING] - state[t, GROUND] <= NEAR
    if done or state[t, SPENT] + 8 > settings.most:
        state[t, SEARCHES] += 1
        state[t, DIRECTION] = -1
        want_three(block, plan, t, state[t, GROUND])
    else:
        probe(block, plan, t, further)


@inlined
def leap_again(block: Block, settings: Settings, plan: IntArray, t: int, rung: int, finite: bool) -> None:
    """Leap from where the loss is as large as before; the second time in a row that means noise."""
    state = block.state
    state[t, SEARCHES] += 1
    if not finite or state[t, SEARCHES] < 2:
        leap(block, settings, plan, t, rung)
    else:
        # What there is to see is above.
        state[t, PHASE], state[t, LIMIT], state[t, CLIMBS] = REFINING, settings.most, 3
        want(plan, state[t, TOP] + 6)
        want(plan, state[t, TOP] + 10)


@inlined
def drop(block: Block, plan: IntArray, t: int, origin: int, steepness: float) -> None:
    """Look below a kink: where the even part no longer grows by `steepness` per displacement."""
    state = block.state
    rung = max(origin - DEEP, state[t, LOWEST_RUNG])
    state[t, PHASE], state[t, MODE], state[t, PROBE] = PLACING, DROP, rung
    block.found[t, AMPLITUDE] = steepness
    want(plan, rung)


@inlined
def after_drop(block: Block, settings: Settings, plan: IntArray, t: int, floor: float) -> None:
    """Go on below while the kink is nearer than the displacement; then put a ladder there."""
    state, rung = block.state, block.state[t, PROBE]
    h, _, e, _ = look(block, settings, t, rung)
    expected, seen = block.found[t, AMPLITUDE] * h, abs(e)
    resolved = seen > NEVER_ROUNDING * floor
    if resolved and seen > 2.0 * expected:
        # Noise: there is nothing to see down here.
        state[t, PHASE], state[t, RETRIES] = REFINING, NO_MORE
    elif resolved and seen > 0.25 * expected and state[t, SPENT] + 6 <= settings.most:
        drop(block, plan, t, rung, block.found[t, AMPLITUDE])
    else:
        state[t, PHASE] = REFINING
        state[t, LIMIT] = max(state[t, LIMIT], state[t, SPENT] + AFTER_SEARCH)
        want_apart(plan, rung)
