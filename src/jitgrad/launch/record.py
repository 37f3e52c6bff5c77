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
)


@element
def open_record(
    record: IntArray, scratch: Array, point: Array, coordinates: IntArray, displacements: FloatArray
) -> None:
    """Begin a record for evaluations in `scratch`; `point`, `coordinates` and `displacements` are to be filled."""
    record[VALID] = 0
    record[SCRATCH], record[SIZE], record[POINT] = address_of(scratch), point.size, address_of(point)
    record[COORDINATES], record[DISPLACEMENTS] = address_of(coordinates), address_of(displacements)
    record[KEPT] = 0


@element
def forget(record: IntArray) -> None:
    """Free the products that are kept, when the point changes and at the end."""
    for row in range(record[KEPT]):
        free_memory(record[HEAD + WIDTH * row + VALUES])
    record[KEPT] = 0


@element
def describe_group(
    record: IntArray,
    base: Array,
    coordinates: IntArray,
    displacements: FloatArray,
    probes: Probes,
    first: int,
    group: int,
) -> None:
    """Note what each lane replaces in the `group` probes from `first` on."""
    begin, coordinate, value, along = probes.begin, probes.coordinate, probes.value, probes.along
    valid, latest = 1, 0
    for lane in range(coordinates.size):
        displacements[lane] = 0.0
        probe = first + lane
        if lane < group:
            replaced = begin[probe + 1] - begin[probe]
            if replaced > 1 or (along.size > 0 and along[probe] >= 0):
                valid = 0
            if replaced > 0:
                latest = coordinate[begin[probe]]
                displacements[lane] = np.float64(value[begin[probe]]) - np.float64(base[latest])
        coordinates[lane] = latest
    record[VALID] = valid
