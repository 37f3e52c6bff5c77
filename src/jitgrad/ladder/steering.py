"""One look at every coordinate of a block: store what was asked for, decide what to ask next; compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jitgrad._jit import inlined, kernel
from jitgrad._types import FloatArray, IntArray
from jitgrad.ladder.analysis import read_ladder
from jitgrad.ladder.block import (
    DERIVATIVE,
    ERROR,
    FOUND,
    HIGHEST_RUNG,
    LIMIT,
    LOWEST_RUNG,
    NO_STATUS,
    PAIRS,
    PHASE,
    PLACING,
    REFINING,
    SIDE,
    SPENT,
    STATES,
    STATUS,
    STEP,
    Block,
    Settings,
)
from jitgrad.ladder.moves import want_three
from jitgrad.ladder.placing import place
from jitgrad.ladder.refining import refine
from jitgrad.ladder.settling import settle
from jitgrad.ladder.signs import is_good
from jitgrad.ladder.status import Status
from jitgrad.ladder.steps import (
    ABOVE,
    BELOW,
    LOWEST,
    TWO_SIDED,
    choose_side,
    displaced,
    displacement_of,
    exponent_of,
    first_rung,
    highest_rung,
    lowest_rung,
)
from jitgrad.ladder.table import ROUNDING, Table, fill_table, make_table, rounding_level
from jitgrad.ladder.windows import Windows, make_windows

MOST_WANTED = 8  # rungs that a coordinate asks for in one round, at most
BLUR = 0.1  # spacings of x by which the x that a loss makes its value from may be off
USUAL = 19  # evaluations of a ladder that was placed at once; a search may take it further
MOST_UNIT = 1000  # binary exponent of a unit: what is smaller is subnormal and has few digits anyway
EXTREME = 300  # binary exponent of a loss whose squares leave the range of numbers

NON_FINITE, CRAMPED, FIXED = int(Status.NON_FINITE), int(Status.CRAMPED), int(Status.FIXED)


class Scratch(NamedTuple):
    """Arrays that are used for one coordinate after the other.

    Attributes
    ----------
    table : Table
    windows : Windows
    plan : ndarray of int64
        Number of rungs that are wanted next, then the rungs.
    """

    table: Table
    windows: Windows
    plan: IntArray


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


def make_scratch(slots: int) -> Scratch:
    """Allocate scratch for ladders of at most `slots` rungs."""
    return Scratch(make_table(slots), make_windows(slots), np.zeros(MOST_WANTED + 1, np.int64))


def make_requests(coordinates: int) -> Requests:
    """Allocate requests of at most `coordinates` coordinates."""
    size = 2 * MOST_WANTED * coordinates
    return Requests(np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size))


@inlined
def request(block: Block, settings: Settings, plan: IntArray, t: int, requests: Requests, count: int) -> int:
    """Turn the rungs that are wanted into requests, as far as they are new, possible and paid for."""
    state, rungs = block.state, block.rungs
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
        h = displacement_of(rung)
        for way in (ABOVE, BELOW):
            if side != -way:
                owners[count], slots[count], sides[count] = t, used, way
                values[count] = displaced(x, way * h, lower, upper, settings.single)
                count += 1
        state[t, PAIRS] += 1
        state[t, SPENT] += cost
    plan[0] = 0
    return count


@kernel
def begin(
    block: Block, settings: Settings, scratch: Scratch, start: IntArray, active: IntArray, requests: Requests
) -> tuple[int, int]:
    """Prepare every coordinate and ask for its first rungs.

    Parameters
    ----------
    block : Block
        ``x``, bounds and values are read, the rest is filled in.
    settings : Settings
    scratch : Scratch
    start : ndarray of int64
        Rung at which to look first; below the lowest one for the usual place.
    active : ndarray of int64
        Receives the coordinates that have asked for evaluations.
    requests : Requests
        Receives what they ask for.

    Returns
    -------
    left, count : int
        Number of coordinates in `active`, and of requests.
    """
    state, found, plan = block.state, block.found, scratch.plan
    left, count = 0, 0
    for t in range(block.x.size):
        x, lower, upper = block.x[t], block.lower[t], block.upper[t]
        for column in range(STATES):
            state[t, column] = 0
        for column in range(FOUND):
            found[t, column] = 0.0
        found[t, DERIVATIVE], found[t, ERROR], found[t, STEP] = np.nan, np.inf, np.nan
        state[t, SPENT], state[t, LIMIT], state[t, STATUS] = 1, USUAL, NO_STATUS
        block.unit[t] = 1.0
        if lower == upper:
            state[t, STATUS] = FIXED
            found[t, DERIVATIVE], found[t, ERROR] = 0.0, 0.0
            continue
        if not np.isfinite(block.value[t]):
            state[t, STATUS] = NON_FINITE
            continue
        if block.value[t] != 0.0 and abs(exponent_of(abs(block.value[t]))) > EXTREME:
            block.unit[t] = math.ldexp(1.0, min(-exponent_of(abs(block.value[t])), MOST_UNIT))
            block.value[t] *= block.unit[t]
        side = choose_side(x, lower, upper)
        state[t, SIDE] = side
        state[t, LOWEST_RUNG] = lowest_rung(x, settings.eps, settings.single)
        state[t, HIGHEST_RUNG] = highest_rung(x, lower, upper, side, settings.single)
        if state[t, HIGHEST_RUNG] < state[t, LOWEST_RUNG] + 2:
            state[t, STATUS] = CRAMPED
            continue
        want_three(block, plan, t, start[t] if start[t] >= LOWEST else first_rung(x))
        count = request(block, settings, plan, t, requests, count)
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
    """Store the values of a round and decide on the next.

    Parameters
    ----------
    block, settings, scratch
        As for `begin`.
    active : ndarray of int64
        The first `left` entries are the coordinates that have asked; those that go on are left in front.
    left : int
    requests : Requests
        What was asked for; receives what comes next.
    values : ndarray of float64
        The loss at the requests.

    Returns
    -------
    left, count : int
        Number of coordinates that go on, and of requests.
    """
    owners, slots, sides = requests.owner, requests.slot, requests.side
    above, below, unit = block.above, block.below, block.unit
    for i in range(values.size):
        if sides[i] == ABOVE:
            above[owners[i], slots[i]] = values[i] * unit[owners[i]]
        else:
            below[owners[i], slots[i]] = values[i] * unit[owners[i]]
    still, count = 0, 0
    for i in range(left):
        before = count
        count = decide(block, settings, scratch, active[i], requests, count)
        if count > before:
            active[still] = active[i]
            still += 1
    return still, count


@inlined
def decide(block: Block, settings: Settings, scratch: Scratch, t: int, requests: Requests, count: int) -> int:
    """Look at one coordinate; ask for more rungs or settle it. Return the number of requests."""
    state, table, plan = block.state, scratch.table, scratch.plan
    spacing, rounding = BLUR * settings.eps * abs(block.x[t]), ROUNDING * settings.eps
    before = count
    while True:
        floor = rounding_level(block, settings, t)
        rungs = fill_table(block, settings, t, table)
        reading = read_ladder(scratch.windows, table, rungs, state[t, SIDE] == TWO_SIDED, floor, spacing, rounding)
        if not is_good(table.values, reading, settings.tolerance):
            searching = state[t, PHASE] == PLACING
            if searching:
                place(block, settings, plan, t, floor)
            else:
                refine(block, settings, table, plan, t, reading)
            count = request(block, settings, plan, t, requests, count)
            if count == before and searching and state[t, STATUS] == NO_STATUS:
                # All that the search asked for is known already; perhaps seen from one side only, now.
                state[t, PHASE] = REFINING
                continue
        if count == before:
            settle(block, settings, table, t, reading)
        return count
