"""The compiled loops that evaluate a probe list. They know nothing of the loss but its address."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from jitgrad._jit import element, inlined, kernel, parallel_kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.memory import address_of, borrow, call_shim, copy_bytes
from jitgrad.launch.probes import Probes
from jitgrad.launch.record import describe_group, forget, open_record
from jitgrad.loss.sharing import WORDS
from jitgrad.loss.shim import OK, RAISED

LINE = 64
"""Bytes of a line of the cache."""

ROWS = 128
"""Coordinates that are moved in one lane after another while their lines stay in the first-level cache."""


@element
def refresh(private: IntArray, block: IntArray, source: int, memory: Array) -> None:
    """Point a thread's own block at the arguments at `source`, with fresh copies of the private arrays."""
    copy_bytes(address_of(block), source, block.itemsize * block.size)
    free = address_of(memory)
    for q in range(private.shape[0]):
        word, shift, size, room = private[q, 0], private[q, 1], private[q, 2], private[q, 3]
        copy_bytes(free, block[word] - shift, size)
        block[word] = free + shift
        free += room


@element
def _fill_moved(scratch: Array, base: int, width: int, probes: Probes, first: int, group: int) -> None:
    """Write the points of the `group` probes from `first` on, moved along their directions, into the scratch.

    Idle lanes get the point itself. Of a million coordinates in eight lanes, one lane after another through all of the
    point took seven times as long; places that might be counted from the end cost a factor of two of that.
    """
    points, point, along = probes.points, probes.point, probes.along
    distance, directions = probes.distance, probes.directions
    n, stride = points.shape[1], np.uint64(width)
    for begin in range(0, n, ROWS):
        end = min(n, begin + ROWS)
        for lane in range(width):
            probe = first + min(lane, group - 1)
            x, direction = points[point[probe], begin:end], along[probe] if lane < group else -1
            place = np.uint64(base + begin * width + lane)
            if direction >= 0:
                length, row = distance[probe], directions[direction, begin:end]
                for j in range(end - begin):
                    scratch[place] = x[j] + length * row[j]
                    place += stride
            else:
                for j in range(end - begin):
                    scratch[place] = x[j]
                    place += stride


class Workspace(NamedTuple):
    """Memory of one thread. In few pieces: every array more that is passed on takes compiled code time.

    Attributes
    ----------
    whole_numbers : ndarray of int64
        First, of size lanes + 1, the point that each lane of the scratch holds, -1 for none. Then arguments with
        private copies of arrays; then, if they share anything, what evaluations around one point share
        (`jitgrad.launch.record`).
    numbers : ndarray of float64, shape (2 * lanes,)
        The results, and displacements for the record.
    scratch : ndarray, type of the points
        ``x`` in all lanes and, behind it, of one probe; then the point that is displaced, for the record. In one array:
        choosing between two counts references.
    copies : ndarray of uint8
        Private copies of arrays.
    """

    whole_numbers: IntArray
    numbers: FloatArray
    scratch: Array
    copies: Array


@element
def make_workspace(entry: IntArray, blocks: IntArray, private: IntArray, points: Array) -> Workspace:
    """Allocate the memory of one thread."""
    lanes, n = entry[2], points.shape[1]
    sharing = lanes > 1 and entry[5] != 0
    own = lanes + 1 + blocks.shape[1]
    whole_numbers = np.empty(own + (WORDS + lanes) * sharing, np.int64)
    for lane in range(lanes + 1):
        whole_numbers[lane] = -1
    # Registers of 64 bytes that straddle two lines of the cache take twice as long to load.
    reals = np.empty(n * (lanes + 1 + sharing) + LINE // points.itemsize, points.dtype)
    aligned = -address_of(reals) % LINE // points.itemsize
    workspace = Workspace(
        whole_numbers,
        np.empty(2 * lanes),
        reals[aligned:],
        np.empty(private[:, 3].sum() if private.shape[0] > 0 else 0, np.uint8),
    )
    if sharing:
        open_record(whole_numbers[own:], workspace.scratch, workspace.numbers, n, lanes)
    return workspace


@element
def close_workspace(entry: IntArray, blocks: IntArray, workspace: Workspace) -> None:
    """Free what evaluations kept; everything else goes by itself."""
    own = entry[2] + 1 + blocks.shape[1]
    if workspace.whole_numbers.size > own:
        forget(workspace.whole_numbers[own:])


@element
def _fill(scratch: Array, base: int, width: int, points: Array, p: int) -> None:
    """Write a point into all lanes of the scratch, row by row, because columns are far apart in memory."""
    for j in range(points.shape[1]):
        x, row = points[p, j], np.uint64(base + j * width)
        for k in range(row, row + np.uint64(width)):
            scratch[k] = x


@inlined
def run(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    origin: int,
    start: int,
    stop: int,
    values: FloatArray,
    statuses: Array,
    workspace: Workspace,
) -> int:
    """Evaluate probes ``start`` to ``stop - 1``, `lanes` at a time; stop at the first that raises.

    Groups of lanes begin at `origin` and multiples of `lanes` from there, wherever threads begin, so that results do
    not depend on threads. Where lanes disagree, or one raises, the probes of the group are evaluated one by one.
    Returns how many were.
    """
    single_shim, lanes_shim, lanes, stride, writes_x = entry[0], entry[1], entry[2], entry[3], entry[4] != 0
    # Local names, because reading a field of a named tuple counts references, atomically, every time.
    points, point, begin = probes.points, probes.point, probes.begin
    coordinate, value, along = probes.coordinate, probes.value, probes.along
    n = points.shape[1]
    scratch, loaded, results = borrow(workspace.scratch), borrow(workspace.whole_numbers), borrow(workspace.numbers)
    own = lanes + 1 + blocks.shape[1]
    own_block, record, copies = loaded[lanes + 1 : own], loaded[own:], borrow(workspace.copies)
    sharing = record.size > 0
    together = stride == 0 and not sharing  # points in one group
    plain = points.shape[0] == 1 and along.size == 0
    first_block = address_of(blocks)
    k, alone, one_by_one = start, 0, start  # probes below the last are evaluated one by one
    while k < stop:
        # Lanes share the arguments and products, so a group ends where the point changes and they with it.
        group, most = 1, min(lanes - ((k - origin) & (lanes - 1)), stop - k)
        if k >= one_by_one:
            while not plain and group < most and (together or point[k + group] == point[k]):
                group += 1
            group = most if plain else group
        # Element (j, lane) of the scratch is at base + j * width + lane; unsigned numbers cannot count from the end,
        # which costs a comparison.
        shim, base, width, held = single_shim, n * lanes, 1, lanes
        # A displaced probe that is left over is evaluated in lanes too: its value must not depend on its neighbours.
        displaced = begin[k + 1] > begin[k] or (along.size > 0 and along[k] >= 0)
        wide = group > 1 or (lanes > 1 and displaced and k >= one_by_one)
        if wide:
            shim, base, width, held = lanes_shim, 0, lanes, 0
        if along.size > 0:
            _fill_moved(scratch, base, width, probes, k, group)
            loaded[held : held + width] = -1
        elif loaded[held] != point[k] or (writes_x and not wide):
            # Most groups are of one point.
            _fill(scratch, base, width, points, point[k])
            loaded[held : held + width] = point[k]
            if wide and sharing:
                forget(record)
                for j in range(n):
                    scratch[n * (lanes + 1) + j] = points[point[k], j]
        for lane in range(group):  # idle lanes hold the point itself
            probe = np.uint64(k + lane)
            if not plain and along.size == 0:
                p = point[probe]
                if loaded[held + lane] != p:
                    for j in range(n):
                        scratch[base + j * width + lane] = points[p, j]
                    loaded[held + lane] = p
            for r in range(np.uint64(begin[probe]), np.uint64(begin[probe + np.uint64(1)])):
                scratch[np.uint64(base + coordinate[r] * width + lane)] = value[r]
        block = first_block + stride * point[k]
        if private.shape[0] > 0:
            refresh(private, own_block, block, copies)
            block = address_of(own_block)
        shared = 0
        if wide and sharing:
            describe_group(record, scratch[n * (lanes + 1) :], results[lanes:], probes, k, group)
            shared = address_of(record)
        x = address_of(scratch) + base * scratch.itemsize
        status = call_shim(shim, x, n, address_of(results), block, shared)
        for lane in range(group):
            probe = np.uint64(k + lane)
            p = np.uint64(point[probe])
            for r in range(np.uint64(begin[probe]), np.uint64(begin[probe + np.uint64(1)])):
                c = np.uint64(coordinate[r])
                scratch[np.uint64(base + coordinate[r] * width + lane)] = points[p, c]
        if wide and status != OK:
            one_by_one = k + group
            alone += group
            continue
        for lane in range(group):
            values[k + lane] = results[lane]
            statuses[k + lane] = status
        if status & RAISED:
            return alone
        k += group
    return alone


@kernel
def run_serial(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    origin: int,
    start: int,
    stop: int,
    values: FloatArray,
    statuses: Array,
) -> int:
    """Evaluate a range of probes on the calling thread.

    Parameters
    ----------
    entry, blocks, private
        As in `jitgrad.loss.bind.BoundLoss`.
    probes : Probes
    origin : int
        Where groups of lanes begin.
    start, stop : int
        Range of probes.
    values : ndarray of float64, shape (probes,)
        Receives the values of the loss.
    statuses : ndarray of int8, shape (probes,)
        Receives the status of every probe; those after one that raised are left as they are.

    Returns
    -------
    int
        Probes that were evaluated in lanes, in vain, and then one by one.
    """
    workspace = make_workspace(entry, blocks, private, probes.points)
    alone = run(entry, blocks, private, probes, origin, start, stop, values, statuses, workspace)
    close_workspace(entry, blocks, workspace)
    return alone


@parallel_kernel
def run_parallel(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    origin: int,
    start: int,
    stop: int,
    values: FloatArray,
    statuses: Array,
    threads: int,
) -> int:
    """As `run_serial`, on `threads` threads, each with a contiguous part and memory of its own."""
    lanes = entry[2]
    base = start - ((start - origin) & (lanes - 1))
    groups = (stop - base + lanes - 1) // lanes
    alone = np.zeros(threads, np.int64)
    for thread in numba.prange(threads):
        first = max(start, base + lanes * (groups * thread // threads))
        last = min(stop, base + lanes * (groups * (thread + 1) // threads))
        workspace = make_workspace(entry, blocks, private, probes.points)
        alone[thread] = run(entry, blocks, private, probes, origin, first, last, values, statuses, workspace)
        close_workspace(entry, blocks, workspace)
    return int(alone.sum())
