"""The compiled loops that evaluate a probe list. They know nothing of the loss but its address."""

from __future__ import annotations

import numba
import numpy as np

from jitgrad._jit import element, inlined, kernel, parallel_kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.memory import address_of, call_shim, copy_bytes
from jitgrad.launch.probes import Probes
from jitgrad.launch.record import describe_group, forget, open_record
from jitgrad.loss.sharing import WORDS
from jitgrad.loss.shim import OK, RAISED


@element
def _refresh(private: IntArray, block: IntArray, source: int, memory: Array) -> None:
    """Point a thread's own block at the arguments at `source`, with fresh copies of the private arrays."""
    copy_bytes(address_of(block), source, block.itemsize * block.size)
    free = address_of(memory)
    for q in range(private.shape[0]):
        word, shift, size, room = private[q, 0], private[q, 1], private[q, 2], private[q, 3]
        copy_bytes(free, block[word] - shift, size)
        block[word] = free + shift
        free += room


@inlined
def _evaluate(
    shim: int,
    scratch: Array,
    loaded: IntArray,
    fresh: bool,
    result_address: int,
    block: int,
    record: int,
    probes: Probes,
    first: int,
    group: int,
) -> int:
    """Evaluate `group` probes from `first` on at once, one in every lane of `scratch`, and return the status."""
    # Local names, because reading a field of a named tuple counts references, atomically, every time.
    points, point, begin = probes.points, probes.point, probes.begin
    coordinate, value = probes.coordinate, probes.value
    along, distance, directions = probes.along, probes.distance, probes.directions
    n, lanes = scratch.shape
    if fresh or loaded[0] != point[first]:
        # Most groups are of one point. Row by row, because columns are far apart in memory.
        for j in range(n):
            for lane in range(lanes):
                scratch[j, lane] = points[point[first], j]
        loaded[:] = point[first]
    # Idle lanes hold the point itself. Unsigned numbers cannot mean a place from the end, which costs a comparison.
    for lane in range(group):
        probe = np.uint64(first + lane)
        p = point[probe]
        if loaded[lane] != p:
            for j in range(n):
                scratch[j, lane] = points[p, j]
            loaded[lane] = p
        if along.size > 0 and along[probe] >= 0:
            for j in range(n):
                scratch[j, lane] += distance[probe] * directions[along[probe], j]
            loaded[lane] = -1
        for r in range(np.uint64(begin[probe]), np.uint64(begin[probe + np.uint64(1)])):
            scratch[np.uint64(coordinate[r]), np.uint64(lane)] = value[r]
    status = call_shim(shim, address_of(scratch), n, result_address, block, record)
    for lane in range(group):
        probe = np.uint64(first + lane)
        p = np.uint64(point[probe])
        for r in range(np.uint64(begin[probe]), np.uint64(begin[probe + np.uint64(1)])):
            scratch[np.uint64(coordinate[r]), np.uint64(lane)] = points[p, np.uint64(coordinate[r])]
    return status


@element
def run(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    start: int,
    stop: int,
    values: FloatArray,
    statuses: Array,
) -> int:
    """Evaluate probes ``start`` to ``stop - 1``, `lanes` at a time; stop at the first that raises.

    Where lanes disagree, or one raises, the probes of the group are evaluated one by one. Returns how many were.
    """
    shim, lanes_shim, lanes, stride, writes_x = entry[0], entry[1], entry[2], entry[3], entry[4] != 0
    sharing = lanes > 1 and entry[5] != 0
    n = probes.points.shape[1]
    # Scratch for the lanes, and for one probe at a time; and the point that is displaced.
    memory = np.empty(n * (lanes + 1 + sharing), probes.points.dtype)
    wide, single = memory[: n * lanes].reshape((n, lanes)), memory[n * lanes : n * (lanes + 1)].reshape((n, 1))
    base = memory[n * (lanes + 1) :]
    result = np.empty(2 * lanes)
    displacements = result[lanes:]
    own = lanes + 1 + blocks.shape[1]
    whole_numbers = np.empty(own + (WORDS + lanes) * sharing, np.int64)
    whole_numbers[: lanes + 1] = -1  # the point each lane of the scratch holds
    loaded, loaded_single = whole_numbers[:lanes], whole_numbers[lanes : lanes + 1]
    own_block = whole_numbers[lanes + 1 : own]
    record, coordinates = whole_numbers[own : own + WORDS], whole_numbers[own + WORDS :]
    record_address, described = 0, -1
    if sharing:
        open_record(record, wide, base, coordinates, displacements)
        record_address = address_of(record)
    copies = np.empty(private[:, 3].sum(), np.uint8)
    point, points, begin = probes.point, probes.points, probes.begin
    result_address, first_block = address_of(result), address_of(blocks)
    alone = 0
    k = start
    while k < stop:
        shared = first_block + stride * point[k]
        block = address_of(own_block) if private.shape[0] > 0 else shared
        # Lanes share the arguments, so a group ends where the point changes and the arguments with it.
        together = stride == 0 and not sharing
        group = 1
        while group < lanes and k + group < stop and (together or point[k + group] == point[k]):
            group += 1
        # Where products are shared lanes pay even for one probe, unless it is the point itself.
        if group > 1 or (sharing and begin[k + 1] > begin[k]):
            if private.shape[0] > 0:
                _refresh(private, own_block, shared, copies)
            if sharing:
                if described != point[k]:
                    forget(record)
                    described = point[k]
                    for j in range(n):
                        base[j] = points[described, j]
                describe_group(record, base, coordinates, displacements, probes, k, group)
            status = _evaluate(lanes_shim, wide, loaded, False, result_address, block, record_address, probes, k, group)
            if status == OK:
                for lane in range(group):
                    values[k + lane] = result[lane]
                    statuses[k + lane] = OK
                k += group
                continue
            alone += group
        for probe in range(k, k + group):
            if private.shape[0] > 0:
                _refresh(private, own_block, shared, copies)
            status = _evaluate(shim, single, loaded_single, writes_x, result_address, block, 0, probes, probe, 1)
            values[probe] = result[0]
            statuses[probe] = status
            if status & RAISED:
                stop = probe
                break
        k += group
    if sharing:
        forget(record)
    return alone


@kernel
def run_serial(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
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
    return run(entry, blocks, private, probes, start, stop, values, statuses)


@parallel_kernel
def run_parallel(
    entry: IntArray,
    blocks: IntArray,
    private: IntArray,
    probes: Probes,
    start: int,
    stop: int,
    values: FloatArray,
    statuses: Array,
    threads: int,
) -> int:
    """As `run_serial`, on `threads` threads, each with a contiguous part and a scratch of its own."""
    lanes = entry[2]
    groups = (stop - start + lanes - 1) // lanes
    alone = np.zeros(threads, np.int64)
    for thread in numba.prange(threads):
        first = start + lanes * (groups * thread // threads)
        last = min(stop, start + lanes * (groups * (thread + 1) // threads))
        alone[thread] = run(entry, blocks, private, probes, first, last, values, statuses)
    return int(alone.sum())
