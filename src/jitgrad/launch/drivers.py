"""The compiled loops that evaluate a probe list. They know nothing of the loss but its address."""

from __future__ import annotations

import numba
import numpy as np

from jitgrad._jit import element, kernel, parallel_kernel
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.memory import address_of, call_shim, copy_bytes
from jitgrad.launch.probes import Probes
from jitgrad.loss.shim import RAISED


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
) -> None:
    """Evaluate probes ``start`` to ``stop - 1``, `lanes` at a time; stop at the first that raises."""
    shim, lanes, stride, writes_x = entry[0], entry[1], entry[2], entry[3]
    n = probes.points.shape[1]
    scratch = np.empty((n, lanes), probes.points.dtype)
    result = np.empty(lanes)
    whole_numbers = np.empty(lanes + blocks.shape[1], np.int64)
    loaded, own_block = whole_numbers[:lanes], whole_numbers[lanes:]
    loaded[:] = -1  # the point each lane of the scratch holds
    memory = np.empty(private[:, 3].sum(), np.uint8)
    # Local names, because reading a field of a named tuple counts references, atomically, every time.
    points, point, begin = probes.points, probes.point, probes.begin
    coordinate, value = probes.coordinate, probes.value
    along, distance, directions = probes.along, probes.distance, probes.directions
    has_directions = along.size > 0
    scratch_address, result_address, first_block = address_of(scratch), address_of(result), address_of(blocks)
    k = start
    while k < stop:
        block = first_block + stride * point[k]
        if private.shape[0] > 0:
            _refresh(private, own_block, block, memory)
            block = address_of(own_block)
        # Lanes share the arguments, so a group ends where the point changes and the arguments with it.
        group = 1
        while group < lanes and k + group < stop and (stride == 0 or point[k + group] == point[k]):
            group += 1
        for lane in range(lanes):
            probe = k + min(lane, group - 1)  # idle lanes repeat the last probe
            p = point[probe]
            if writes_x or loaded[lane] != p:
                for j in range(n):
                    scratch[j, lane] = points[p, j]
                loaded[lane] = p
            if has_directions and along[probe] >= 0:
                for j in range(n):
                    scratch[j, lane] += distance[probe] * directions[along[probe], j]
                loaded[lane] = -1
            for r in range(begin[probe], begin[probe + 1]):
                scratch[coordinate[r], lane] = value[r]
        status = call_shim(shim, scratch_address, n, result_address, block)
        for lane in range(lanes):
            probe = k + min(lane, group - 1)
            for r in range(begin[probe], begin[probe + 1]):
                scratch[coordinate[r], lane] = points[point[probe], coordinate[r]]
        for lane in range(group):
            values[k + lane] = result[lane]
            statuses[k + lane] = status
        if status & RAISED:
            return
        k += group


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
) -> None:
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
    """
    run(entry, blocks, private, probes, start, stop, values, statuses)


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
) -> None:
    """As `run_serial`, on `threads` threads, each with a contiguous part and a scratch of its own."""
    lanes = entry[1]
    groups = (stop - start + lanes - 1) // lanes
    for thread in numba.prange(threads):
        first = start + lanes * (groups * thread // threads)
        last = min(stop, start + lanes * (groups * (thread + 1) // threads))
        run(entry, blocks, private, probes, first, last, values, statuses)
