"""The driver's side of the record of what evaluations around one point share (`jitgrad.loss.sharing`)."""

from __future__ import annotations

import numpy as np

from jitgrad._jit import element
from jitgrad._types import Array, FloatArray, IntArray
from jitgrad.launch.memory import address_of, free_memory
from jitgrad.launch.probes import Probes
from jitgrad.loss.sharing import (
    COORDINATES,
    DISPLACEMENTS,
    HEAD,
    KEPT,
    POINT,
    SCRATCH,
    SIZE,
    VALID,
    VALUES,
    WIDTH,
    WORDS,
)


@element
def open_record(memory: IntArray, scratch: Array, numbers: FloatArray, n: int, lanes: int) -> None:
    """Begin a record at the head of `memory`; what each lane replaces is to be noted behind it.

    Parameters
    ----------
    memory : ndarray of int64, shape (WORDS + lanes,)
    scratch : ndarray
        ``x`` in all lanes, that of one probe, and the point that is displaced.
    numbers : ndarray of float64, shape (2 * lanes,)
        Receives displacements behind the results.
    n, lanes : int
    """
    point = n * (lanes + 1) * scratch.itemsize
    memory[VALID] = 0
    memory[SCRATCH], memory[SIZE], memory[POINT] = address_of(scratch), n, address_of(scratch) + point
    memory[COORDINATES] = address_of(memory) + WORDS * memory.itemsize
    memory[DISPLACEMENTS] = address_of(numbers) + lanes * numbers.itemsize
    memory[KEPT] = 0


@element
def forget(record: IntArray) -> None:
    """Free the products that are kept, when the point changes and at the end."""
    for row in range(record[KEPT]):
        free_memory(record[HEAD + WIDTH * row + VALUES])
    record[KEPT] = 0


@element
def describe_group(
    record: IntArray, point: Array, displacements: FloatArray, probes: Probes, first: int, group: int
) -> None:
    """Note what each lane replaces in the `group` probes from `first` on, whose point is `point`."""
    begin, coordinate, value, along = probes.begin, probes.coordinate, probes.value, probes.along
    valid, latest = 1, 0
    for lane in range(displacements.size):
        displacements[lane] = 0.0
        probe = first + lane
        if lane < group:
            replaced = begin[probe + 1] - begin[probe]
            if replaced > 1 or (along.size > 0 and along[probe] >= 0):
                valid = 0
            if replaced > 0:
                latest = coordinate[begin[probe]]
                displacements[lane] = np.float64(value[begin[probe]]) - np.float64(point[latest])
        record[WORDS + lane] = latest
    record[VALID] = valid
