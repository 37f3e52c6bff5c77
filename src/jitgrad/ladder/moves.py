"""What a search can ask for, and how it looks at single pairs."""

from __future__ import annotations

from jitgrad._jit import inlined
from jitgrad._types import IntArray
from jitgrad.ladder.block import (
    BOTTOM,
    HIGHEST_RUNG,
    LIMIT,
    LOWEST_RUNG,
    MIDDLE,
    MODE,
    PHASE,
    REFINING,
    SEARCHES,
    SPENT,
    TOP,
    Block,
    Settings,
)
from jitgrad.ladder.table import pair, slot_of

RUNGS = 4  # neighbouring rungs that a ladder begins with
AFTER_SEARCH = 10  # evaluations that a ladder may take after a search, those it begins with counted

# Values of MODE: what the search has just asked for.
THREE, TEST, LEAP, DROP, FLAT, INWARD = 0, 1, 2, 3, 4, 5


@inlined
def want(plan: IntArray, rung: int) -> None:
    """Put a rung on the list of those to evaluate next."""
    plan[0] += 1
    plan[plan[0]] = rung


@inlined
def want_apart(plan: IntArray, top: int) -> None:
    """Ask for three rungs from `top` down, two apart."""
    for k in range(3):
        want(plan, top - 2 * k)


@inlined
def want_three(block: Block, plan: IntArray, t: int, top: int) -> None:
    """Look at three pairs, as near to `top` as they fit."""
    state = block.state
    top = min(max(top, state[t, LOWEST_RUNG] + 4), state[t, HIGHEST_RUNG])
    state[t, MODE], state[t, TOP], state[t, MIDDLE], state[t, BOTTOM] = THREE, top, top - 2, top - 4
    want_apart(plan, top)


@inlined
def begin_ladder(block: Block, plan: IntArray, t: int, top: int) -> None:
    """End the search: ask for neighbouring rungs from `top` down."""
    state = block.state
    state[t, PHASE] = REFINING
    if state[t, SEARCHES] > 1 or state[t, MODE] != THREE:
        state[t, LIMIT] = max(state[t, LIMIT], state[t, SPENT] + AFTER_SEARCH)
    for k in range(RUNGS):
        want(plan, top - k)


@inlined
def look(block: Block, settings: Settings, t: int, rung: int) -> tuple[float, float, float, float]:
    """Return displacement, slope, even part and the size of their larger contribution to the loss."""
    h, d, e, _ = pair(block, settings, t, slot_of(block, t, rung))
    return h, d, e, max(abs(d) * h, abs(e))
