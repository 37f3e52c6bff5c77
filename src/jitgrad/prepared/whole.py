"""The gradient of one point in one compiled call: probes made, evaluated and combined block by block.

For losses that cost less than the Python between those steps. A block of probes stays in the processor's cache,
and every thread makes its own. What does not work out is left to `jitgrad.prepared.stepwise`, which looks closer.
"""

from __future__ import annotations

import numba
import numpy as np

from jitgrad._jit import element, kernel, parallel_kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.auto.doubt import (
    FURTHER,
    compare,
    confirm,
    examine,
    is_quiet,
    judge,
    pooled_noise,
    undecided,
)
from jitgrad.difference import (
    FEWEST,
    NO_FAULT,
    Room,
    borrow_room,
    check_points,
    combine_values,
    enlarge,
    place_probes,
    room_for,
)
from jitgrad.formula import ANCHOR, COUNT, ORDER, THRESHOLDS, Formula
from jitgrad.launch.drivers import Workspace, close_workspace, make_workspace, run
from jitgrad.launch.memory import borrow
from jitgrad.launch.probes import Probes
from jitgrad.loss.shim import OK, RAISED

BLOCK = 64
"""Coordinates whose probes are made at once."""


_HEAD = 8  # words of a frame that say how large its parts are

LANES = _HEAD + 2
"""Where in a frame the number of lanes is."""


def make_frame(entry: IntArray, blocks: IntArray, private: IntArray, targets: IntArray, formula: Formula) -> IntArray:
    """Put together what stays the same from call to call: each array that Python hands to a kernel costs 50 ns.

    Parameters
    ----------
    entry, blocks, private
        As in `jitgrad.loss.bind.BoundLoss`, for one point.
    targets : ndarray of int64
    formula : Formula
    """
    stencil, settings, limits = (np.ascontiguousarray(part, np.float64) for part in formula)
    sizes = (entry.size, blocks.size, len(private), targets.size, stencil.shape[2], settings.size, *limits.shape[:2])
    parts = (np.array(sizes), entry, blocks, private, targets, *(part.view(np.int64) for part in (stencil, settings)))
    return np.concatenate([part.reshape(-1) for part in (*parts, limits.view(np.int64))])


@element
def _take_apart(frame: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray, FloatArray, FloatArray, FloatArray]:
    """Return what `make_frame` put together, without counting references.

    The parts of the formula one by one: a parallel loop takes named tuples only from where they are made.
    """
    frame = borrow(frame)
    numbers = frame.view(np.float64)
    slots, rows, columns = frame[4], frame[6], frame[7]
    blocks = _HEAD + frame[0]
    private = blocks + frame[1]
    targets = private + 4 * frame[2]
    stencil = targets + frame[3]
    settings = stencil + 4 * slots
    limits = settings + frame[5]
    return (
        frame[_HEAD:blocks],
        frame[blocks:private].reshape((1, private - blocks)),
        frame[private:targets].reshape((frame[2], 4)),
        frame[targets:stencil],
        numbers[stencil:settings].reshape((2, 2, slots)),
        numbers[settings:limits],
        numbers[limits:].reshape((rows, columns, 3)),
    )


@element
def _least_part(entry: IntArray, settings: FloatArray) -> int:
    """Return how many coordinates fill groups of lanes exactly: threads take multiples of that."""
    lanes, nodes = int(entry[2]), int(settings[COUNT])
    part = lanes
    while part > 1 and (part // 2 * nodes) % lanes == 0:
        part //= 2
    return part


@element
def _value(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    points: Array,
    formula: Formula,
    with_value: bool,
    workspace: Workspace,
) -> tuple[bool, float]:
    """Check the point; evaluate the loss there if it is needed, or a node of a one-sided formula."""
    fault, _ = check_points(points, formula.limits)
    if fault != NO_FAULT:
        return False, np.nan
    central = formula.settings[ANCHOR] == -0.5
    if central and not with_value:
        return True, np.nan
    values, statuses, zeros = np.empty(1), np.zeros(1, np.int8), np.zeros(2, np.int64)
    nothing, nowhere = zeros[:0], points[0, :0]
    itself = Probes(points, zeros[:1], zeros, nothing, nowhere, nothing, nowhere, points[:0])
    run(entry, blocks, private, itself, 0, 0, 1, values, statuses, workspace)
    return statuses[0] & RAISED == 0, values[0]


@element
def _derivatives(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    points: Array,
    targets: IntArray,
    formula: Formula,
    value: float,
    checks: FloatArray,
    gradient: Array,
    evidence: FloatArray,
    workspace: Workspace,
    room: Room,
) -> tuple[bool, int]:
    """Compute and examine the derivatives by `targets`; return whether all went well, and what `run` returns."""
    checked = checks.size > 0
    well, alone = True, 0
    room = borrow_room(room)
    values, statuses = room.values, room.statuses
    values[0] = value
    for first in range(0, targets.size, BLOCK):
        found = place_probes(points, targets[first : first + BLOCK], formula, room)
        well = found.fault == NO_FAULT
        if not well:
            break
        total = found.probes.point.size
        for k in range(total):
            statuses[k] = OK
        alone += run(entry, blocks, private, found.probes, 1, 1, total, values, statuses, workspace)
        worst = OK
        for k in range(total):
            worst |= statuses[k]
        well = worst & RAISED == 0
        if not well:
            break
        part = gradient[first : first + BLOCK]
        finite = combine_values(found, values, part)
        if checked:
            examine(found, values, part, checks, evidence[first : first + BLOCK])
        elif not finite:
            well = False
            break
    return well, alone


@element
def _doubtful(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    points: Array,
    targets: IntArray,
    formula: Formula,
    value: float,
    checks: FloatArray,
    gradient: Array,
    evidence: FloatArray,
    workspace: Workspace,
    room: Room,
) -> int:
    """Judge the derivatives, some with the help of a second look; return how many are doubtful."""
    if checks.size == 0:
        return 0
    doubtful = judge(gradient, evidence, checks, value)
    if targets.size >= FEWEST:
        places = undecided(evidence, checks)
        if places.size == 0:
            return doubtful
        further, seen = np.empty(places.size, gradient.dtype), np.empty((places.size, 5))
        larger = enlarge(formula, FURTHER)
        if _derivatives(
            entry, blocks, private, points, targets[places], larger, value, checks, further, seen, workspace, room
        )[0]:
            order = int(formula.settings[ORDER])
            doubtful -= confirm(gradient, evidence, places, further, seen, pooled_noise(evidence), order)
        return doubtful
    if is_quiet(gradient, evidence, checks):
        return doubtful
    further, seen = np.empty_like(gradient), np.empty_like(evidence)
    larger = enlarge(formula, FURTHER)
    if not _derivatives(entry, blocks, private, points, targets, larger, value, checks, further, seen, workspace, room)[
        0
    ]:
        further[:] = np.nan  # doubtful, all of them
    return compare(gradient, further, evidence)


@kernel
def whole_gradient(
    frame: IntArray,
    x: Array,
    with_value: bool,
    gradient: Array,
    evidence: FloatArray,
) -> tuple[bool, float, int, int]:
    """Compute the gradient at one point on the calling thread.

    Parameters
    ----------
    frame : ndarray of int64
        From `make_frame`.
    x : ndarray of shape (n,)
    with_value : bool
        Whether the loss at the point is wanted; always, where derivatives are checked.
    gradient : ndarray, shape (targets,)
        Receives the derivatives.
    evidence : ndarray of float64, shape (targets, 5)
        Receives what the values show about them. Of shape (0, 5) if it is not wanted.

    Returns
    -------
    done : bool
        False if a fault, an exception or a derivative that is not finite wants a closer look.
    value : float
        The loss at the point, if `with_value`.
    doubtful : int
        How many derivatives are doubtful.
    alone : int
        Probes that were evaluated in lanes, in vain, and then one by one.
    """
    entry, blocks, private, targets, stencil, settings, limits = _take_apart(frame)
    formula, checks = Formula(stencil, settings, limits), settings[THRESHOLDS:]
    if evidence.shape[0] < targets.size and checks.size > 0:
        evidence = np.empty((targets.size, 5))
    points, gradient = borrow(x).reshape((1, x.size)), borrow(gradient)
    workspace = make_workspace(entry, blocks, private, points)
    done, value = _value(entry, blocks, private, points, formula, with_value, workspace)
    doubtful = alone = 0
    room = room_for(points, min(BLOCK, targets.size), formula)
    if done:
        done, alone = _derivatives(
            entry, blocks, private, points, targets, formula, value, checks, gradient, evidence, workspace, room
        )
    if done:
        doubtful = _doubtful(
            entry, blocks, private, points, targets, formula, value, checks, gradient, evidence, workspace, room
        )
    close_workspace(entry, blocks, workspace)
    return done, value, doubtful, alone


@parallel_kernel
def whole_gradient_parallel(
    frame: IntArray,
    x: Array,
    with_value: bool,
    gradient: Array,
    evidence: FloatArray,
    threads: int,
) -> tuple[bool, float, int, int]:
    """As `whole_gradient`, with the targets in `threads` contiguous parts."""
    entry, blocks, private, targets, stencil, settings, limits = _take_apart(frame)
    points, formula, checks = borrow(x).reshape((1, x.size)), Formula(stencil, settings, limits), settings[THRESHOLDS:]
    workspace = make_workspace(entry, blocks, private, points)
    room = room_for(points, min(BLOCK, targets.size), formula)
    done, value = _value(entry, blocks, private, points, formula, with_value, workspace)
    well, alone = np.ones(threads, np.bool_), np.zeros(threads, np.int64)
    doubtful = 0
    if done:
        least = _least_part(entry, formula.settings)
        whole = (targets.size + least - 1) // least
        for thread in numba.prange(threads):
            begin, end = least * (whole * thread // threads), least * (whole * (thread + 1) // threads)
            part = slice(min(begin, targets.size), min(end, targets.size))
            own = make_workspace(entry, blocks, private, points)
            memory = room_for(points, min(BLOCK, targets.size), formula)
            well[thread], alone[thread] = _derivatives(
                entry, blocks, private, points, targets[part], formula, value, checks, gradient[part], evidence[part],
                own, memory,
            )  # fmt: skip
            close_workspace(entry, blocks, own)
        done = bool(well.all())
    if done:
        doubtful = _doubtful(
            entry, blocks, private, points, targets, formula, value, checks, gradient, evidence, workspace, room
        )
    close_workspace(entry, blocks, workspace)
    return done, value, doubtful, int(alone.sum())
