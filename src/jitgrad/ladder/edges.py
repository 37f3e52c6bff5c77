"""Searches that begin where the loss does not change, or is not finite."""

from __future__ import annotations

import numpy as np

from jitgrad._jit import inlined
from jitgrad._types import IntArray
from jitgrad.ladder.block import (
    BOTTOM,
    FLATS,
    HIGHEST_RUNG,
    LOWEST_RUNG,
    MODE,
    PAIRS,
    PROBE,
    SEARCHES,
    SIDE,
    STATUS,
    TOP,
    Block,
    Settings,
)
from jitgrad.ladder.moves import FLAT, INWARD, THREE, look, want, want_three
from jitgrad.ladder.status import Status
from jitgrad.ladder.steps import ABOVE, BELOW, BELOW_X, TWO_SIDED
from jitgrad.ladder.table import slot_of

STRIDE, MOST_FLATS = 12, 3  # rungs from one look at a flat loss to the next, and how often
INWARDS = 9  # rungs from values that are not finite to the next look
MOST_INWARDS = 2  # how often after one side was finite already

FLAT_STATUS, NON_FINITE_STATUS = int(Status.FLAT), int(Status.NON_FINITE)


@inlined
def leave_flat(block: Block, plan: IntArray, t: int) -> None:
    """Look further up where the loss does not change."""
    state = block.state
    rung = state[t, TOP] if state[t, MODE] == THREE else state[t, PROBE]
    if state[t, FLATS] >= MOST_FLATS or rung >= state[t, HIGHEST_RUNG]:
        state[t, STATUS] = FLAT_STATUS
        return
    state[t, FLATS] += 1
    # Of all lengths 1 is the likeliest if |x| is not.
    further = max(rung + STRIDE, -BELOW_X) if rung < -BELOW_X else rung + STRIDE
    state[t, MODE], state[t, PROBE] = FLAT, min(further, state[t, HIGHEST_RUNG])
    want(plan, state[t, PROBE])


@inlined
def after_flat(block: Block, settings: Settings, plan: IntArray, t: int) -> None:
    """Search where the loss begins to change, or go on upwards."""
    rung = block.state[t, PROBE]
    _, _, _, size = look(block, settings, t, rung)
    if size == 0.0:
        leave_flat(block, plan, t)
    elif np.isfinite(size):
        block.state[t, SEARCHES] += 1
        want_three(block, plan, t, rung)
    else:
        block.state[t, STATUS] = FLAT_STATUS


@inlined
def go_inward(block: Block, plan: IntArray, t: int) -> None:
    """Look below values that are not finite."""
    state = block.state
    bottom = state[t, BOTTOM]
    state[t, MODE], state[t, PROBE] = INWARD, max(bottom - INWARDS, state[t, LOWEST_RUNG])
    if state[t, PROBE] < bottom:
        want(plan, state[t, PROBE])
    else:
        after_inward(block, plan, t)


@inlined
def after_inward(block: Block, plan: IntArray, t: int) -> None:
    """Move to where both sides are finite, else to the side that is."""
    state = block.state
    rung = state[t, PROBE]
    slot = slot_of(block, t, rung)
    above = slot >= 0 and np.isfinite(block.above[t, slot])
    below = slot >= 0 and np.isfinite(block.below[t, slot])
    state[t, SEARCHES] += 1
    if above and below:
        want_three(block, plan, t, rung)
    elif (above or below) and state[t, SEARCHES] <= MOST_INWARDS and rung - INWARDS > state[t, LOWEST_RUNG] + 4:
        # A singularity beside the point has two sides, nearer still; a bound of the domain at the point has one.
        state[t, MODE], state[t, PROBE] = INWARD, rung - INWARDS
        want(plan, state[t, PROBE])
    elif (above or below) and state[t, SIDE] == TWO_SIDED:
        # What was seen on that side so far is used as it is; but the looks further in, from the second on, are
        # forgotten, for the ladder would grow below them.
        while state[t, PAIRS] > 3 and block.rungs[t, state[t, PAIRS] - 1] < state[t, BOTTOM] - INWARDS:
            state[t, PAIRS] -= 1
        state[t, SIDE] = ABOVE if above else BELOW
        want_three(block, plan, t, max(rung + 4, state[t, TOP]))
    else:
        state[t, STATUS] = NON_FINITE_STATUS
