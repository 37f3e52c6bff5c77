"""Finding the displacements at which the loss is neither straight within its noise nor beyond a Taylor series.

Three pairs of values say how large the third- and fourth-order parts are beside the whole. Their square root is the
displacement in units of the length on which the loss changes, and the top of the ladder belongs where it is
`TARGET`. Far from there the search moves: upwards by one pair at a time; down from where the loss is already curved
by what the pairs say; from where it seems to oscillate by one pair far below, whose size says where the amplitude of
the oscillation is reached.
"""

from __future__ import annotations

import math

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import IntArray
from jitgrad.ladder.block import (
    BOTTOM,
    DIRECTION,
    HIGHEST_RUNG,
    LOWEST_RUNG,
    MIDDLE,
    MODE,
    SEARCHES,
    SPENT,
    TOP,
    Block,
    Settings,
)
from jitgrad.ladder.edges import after_flat, after_inward, go_inward, leave_flat
from jitgrad.ladder.leaping import TARGET, after_drop, after_leap, after_oscillation, drop
from jitgrad.ladder.moves import DROP, FLAT, INWARD, LEAP, begin_ladder, look, want, want_three
from jitgrad.ladder.signs import NEVER_ROUNDING, is_proportional
from jitgrad.ladder.steps import BELOW_X
from jitgrad.ladder.table import slot_of

CURVED = 0.5  # beyond this the three pairs are no Taylor series
ROUNDING = 8.0  # times the noise of a value, below which third-order parts are not seen
STRAIGHT = 64.0  # likewise, below which they say nothing about the length on which the loss changes
DOWN, UP = 7, 10  # how far three pairs are believed
NEAR_DOWN, NEAR_UP = -4, 3  # moves that are made without looking again
TOO_FAST = 10.0  # growth by a factor of 4 in displacement that no oscillation has
MOST_SEARCHES = 6


@inlined
def place(block: Block, settings: Settings, plan: IntArray, t: int, floor: float) -> None:
    """Take the next step of the search for coordinate `t`."""
    mode = block.state[t, MODE]
    if mode == LEAP:
        after_leap(block, settings, plan, t, floor)
    elif mode == DROP:
        after_drop(block, settings, plan, t, floor)
    elif mode == FLAT:
        after_flat(block, settings, plan, t)
    elif mode == INWARD:
        after_inward(block, plan, t)
    else:
        after_three(block, settings, plan, t, floor)


@inlined
def beyond_second(h: float, d: float, e: float, inner_h: float, inner_d: float, inner_e: float) -> float:
    """Return the size of the third- and fourth-order part at displacement `h`, from a pair further in."""
    ratio = h / inner_h
    # A pair at a quarter sees 1/16 of it, so the difference is 15/16.
    return 1.07 * max(abs(d - inner_d) * h, 0.5 * abs(e - ratio * ratio * inner_e))


@inlined
def after_three(block: Block, settings: Settings, plan: IntArray, t: int, floor: float) -> None:
    """Judge three pairs: move, or begin the ladder."""
    state = block.state
    top, bottom = state[t, TOP], state[t, BOTTOM]
    h0, d0, e0, m0 = look(block, settings, t, top)
    h1, d1, e1, m1 = look(block, settings, t, state[t, MIDDLE])
    h2, d2, e2, m2 = look(block, settings, t, bottom)
    if not (np.isfinite(d1) and np.isfinite(d2)):
        if slot_of(block, t, bottom) >= 0 and slot_of(block, t, state[t, MIDDLE]) >= 0:
            go_inward(block, plan, t)
        # Else there was nothing left to evaluate them with, and no more is asked for: what is known must do.
        return
    if m1 == 0.0 and m2 == 0.0 and (m0 == 0.0 or not np.isfinite(m0)):
        leave_flat(block, plan, t)
        return
    upper = beyond_second(h0, d0, e0, h1, d1, e1)
    lower = beyond_second(h1, d1, e1, h2, d2, e2)
    ratio = h0 / h1
    upper_reach, lower_reach = math.sqrt(upper / m0), math.sqrt(lower / m1)
    seen = np.isfinite(upper_reach)
    if (not seen or upper_reach > CURVED) and lower_reach > CURVED and lower > ROUNDING * floor:
        kinked = abs(e2) > NEVER_ROUNDING * floor and is_proportional(h0, e0, h1, e1)
        if seen and kinked and is_proportional(h1, e1, h2, e2):
            drop(block, plan, t, bottom, abs(e2) / h2)
        elif not seen or m0 > TOO_FAST * m1:
            move(block, settings, plan, t, -DOWN + 1)
        else:
            after_oscillation(block, settings, plan, t, m0, m1, m2)
        return
    # Third-order parts that do not fall with the displacement are noise.
    noisy = seen and upper < 8.0 * lower and lower > ROUNDING * floor
    level = 3.0 * lower if noisy else ROUNDING * floor
    if lower > level and not noisy:
        reach = lower_reach * ratio
    elif seen:
        reach = math.sqrt(max(upper, level) / m0)
    else:
        reach = math.sqrt(max(lower * ratio**3, level) / (ratio * m1))
    shift = TARGET / max(reach, 1e-30)
    shift = int(np.rint(math.log2(min(max(shift, 2.0**-DOWN), 2.0**UP)))) if np.isfinite(shift) else 0
    if seen and max(upper, lower) <= STRAIGHT * floor:
        # The reach is a guess from above. Of all lengths 1 is the likeliest if |x| is not.
        shift = max(UP, -BELOW_X - top) if state[t, SEARCHES] == 0 else UP
    if shift > 0:
        # No further up than the tolerance asks for.
        size = settings.tolerance * 4.0 * max(abs(d1) * h1, 1e-4 * abs(e1))
        enough = min(max(ROUNDING * floor / max(size, 1e-300), 1.0), 1e30)
        shift = min(shift, math.ceil(math.log2(enough)))
    move(block, settings, plan, t, shift)


@inlined
def move(block: Block, settings: Settings, plan: IntArray, t: int, shift: int) -> None:
    """Begin the ladder if the top is nearly where it belongs, else look there."""
    state = block.state
    top = state[t, TOP]
    state[t, SEARCHES] += 1
    wanted = min(top + shift, state[t, HIGHEST_RUNG])
    direction = 1 if wanted > top else -1 if wanted < top else 0
    last = (
        wanted - 4 < state[t, LOWEST_RUNG]
        or state[t, SEARCHES] >= MOST_SEARCHES
        or state[t, SPENT] + 8 > settings.most
        or direction * state[t, DIRECTION] < 0
    )
    if NEAR_DOWN <= shift <= NEAR_UP or last or direction == 0:
        begin_ladder(block, plan, t, min(max(wanted, top + NEAR_DOWN), top + 8))
        return
    state[t, DIRECTION] = direction
    if direction > 0:
        state[t, BOTTOM], state[t, MIDDLE], state[t, TOP] = state[t, MIDDLE], top, wanted
        want(plan, wanted)
    else:
        want_three(block, plan, t, wanted)
