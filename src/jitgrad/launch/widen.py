"""Offer a loss to lanes: which number of them, whether they give the same values, and whether they are faster."""

from __future__ import annotations

import time
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from jitgrad._errors import LanesUnavailableError
from jitgrad._types import Array, FloatArray, Vectorize
from jitgrad.launch.drivers import run_serial
from jitgrad.launch.probes import Probes, replaced
from jitgrad.loss.accept import loss_name
from jitgrad.loss.bind import BoundLoss
from jitgrad.loss.compiled import lanes_version
from jitgrad.loss.lanes.compiled import Refused
from jitgrad.loss.lanes.library import register_bits
from jitgrad.loss.shim import RAISED

LEAST_WORK_SECONDS = 3e-6
"""A gradient that takes less is not worth the time to compile a loss for lanes."""

LARGEST_SCRATCH = 2**20
"""Bytes of ``x`` in all lanes that still fit the second-level cache of one core."""

MOST_SCRATCH = 2**26
"""Bytes of ``x`` in all lanes that every thread may have."""

LEAST_FOR_TWO = 64
"""Coordinates from which on a lane is two registers wide: their chains of additions run side by side."""

LEAST_GAIN = 1.05
"""Lanes must be faster than this times; below it the measurement does not tell."""

QUICK_SECONDS = 2e-3
"""Comparisons that take less than this are repeated, because an interruption may have spoiled the first."""

TIMED_WELL_SECONDS = 1e-5
"""A single evaluation that takes longer is known from a trial to a tenth: calling it costs less than a microsecond."""

MOST_COMPARED = 16
"""So many groups of lanes are compared of losses that take next to no time."""

AGREEMENT = 1e-7
"""Largest relative difference of values. Rounding makes 1e-15, and a loss that magnifies it a hundred million times
has no derivative by differences; a wrong branch makes far more."""

SINGLE_AGREEMENT = 1e-4
"""The same in single precision, where rounding makes 1e-7."""


def widen(bound: BoundLoss, points: Array, evaluations: int, seconds: float, vectorize: Vectorize) -> float:
    """Let a loss be evaluated in lanes if it can be and if that is faster.

    Parameters
    ----------
    bound : BoundLoss
        Its `lanes` tell afterwards what was found.
    points : ndarray of shape (m, n)
    evaluations : int
        What is wanted at each point.
    seconds : float
        Time of a scalar evaluation, roughly.
    vectorize : {"auto", "off", "require"}

    Returns
    -------
    float
        Time of one evaluation, in seconds, as far as it is known now.

    Raises
    ------
    LanesUnavailableError
        If lanes are required and cannot be used.
    """
    use = bound.lanes
    use.reason = _obstacle(bound, points.shape[1], evaluations, seconds, vectorize)
    if not use.reason:
        count = lanes_for(points.shape[1], evaluations, points.dtype.itemsize)
        if _equip(bound, count):
            _choose(bound, points, count, evaluations, seconds, vectorize)
    if vectorize == "require" and use.count == 1:
        raise LanesUnavailableError(
            f"vectorize='require' needs a loss that can be evaluated in lanes, but {loss_name(bound.loss)!r} cannot: "
            f"{use.reason}{use.line and f', at {use.line}'}. Change that, or use vectorize='auto'."
        )
    return seconds if use.count == 1 else use.lanes_seconds


def widen_as_elsewhere(bound: BoundLoss, count: int) -> None:
    """Use as many lanes as another process found to be best, so that it does not show where a probe was evaluated.

    Parameters
    ----------
    bound : BoundLoss
    count : int
        Number of lanes there; 1 if none were used.
    """
    if count > 1 and _equip(bound, count):
        bound.lanes.count = bound.entry[2] = count


def _equip(bound: BoundLoss, count: int) -> bool:
    """Compile the version for lanes, and say whether there is one."""
    assert bound.compiled is not None
    version = lanes_version(bound.loss, bound.compiled, count)
    if isinstance(version, Refused):
        bound.lanes.reason, bound.lanes.line = version
        return False
    bound.entry[1], bound.blocks[:, 1] = version.shim, version.loss
    bound.entry[5] = version.shares and not len(bound.private)
    bound.owners.append(version)
    return True


def _obstacle(bound: BoundLoss, n: int, evaluations: int, seconds: float, vectorize: Vectorize) -> str:
    """Say why lanes need not be tried; nothing if they should."""
    if vectorize == "off":
        return "vectorize='off' was asked for"
    if bound.compiled is None:
        return "numba's compiler is switched off (NUMBA_DISABLE_JIT)"
    if bound.threaded:
        return "the loss starts threads itself (parallel=True)"
    if evaluations < 2:
        return "one evaluation is all that is wanted"
    known = _worthwhile.setdefault(bound.loss, {})
    worthwhile = known.setdefault((bound.compiled.given, n), seconds * evaluations >= LEAST_WORK_SECONDS)
    if vectorize == "auto" and not worthwhile:
        return f"a gradient takes less than {LEAST_WORK_SECONDS * 1e6:.0f} us as it is"
    return ""


def lanes_for(n: int, evaluations: int, itemsize: int) -> int:
    """Choose the number of lanes.

    Parameters
    ----------
    n : int
        Coordinates.
    evaluations : int
        Evaluations of one gradient; more lanes than that would idle.
    itemsize : int
        Bytes of a coordinate.
    """
    register = register_bits() // (8 * itemsize)
    count = register
    if n >= LEAST_FOR_TWO and 2 * register * n * itemsize <= LARGEST_SCRATCH:
        count = 2 * register
    while count > 2 and (count >= 2 * evaluations or count * n * itemsize > MOST_SCRATCH):
        count //= 2
    return count


class _Comparison(NamedTuple):
    """What comparing lanes with scalar evaluations gave.

    Attributes
    ----------
    trouble : str
        Why lanes cannot be used, if they cannot.
    scalar_seconds, lanes_seconds : float
        Time of one evaluation.
    """

    trouble: str
    scalar_seconds: float
    lanes_seconds: float


# By loss, and made once, so that all gradients of a loss in a process make the same choice.
_comparisons: WeakKeyDictionary[Any, dict[Any, _Comparison]] = WeakKeyDictionary()
_worthwhile: WeakKeyDictionary[Any, dict[Any, bool]] = WeakKeyDictionary()


def _choose(
    bound: BoundLoss, points: Array, count: int, evaluations: int, seconds: float, vectorize: Vectorize
) -> None:
    """Use lanes if they give the same values and are faster."""
    assert bound.compiled is not None
    use, known = bound.lanes, _comparisons.setdefault(bound.loss, {})
    which = (bound.compiled.given, points.shape[1], count)
    found = known.get(which) or _compare(bound, points, count, evaluations, seconds)
    if not found.trouble:
        known[which] = found
    # Other arguments of the same types may cost a thousand times more.
    longer = seconds / found.scalar_seconds if seconds > TIMED_WELL_SECONDS else 1.0
    use.reason, use.scalar_seconds, use.lanes_seconds = (
        found.trouble,
        found.scalar_seconds * longer,
        found.lanes_seconds * longer,
    )
    if not use.reason and vectorize == "auto" and found.lanes_seconds * LEAST_GAIN > found.scalar_seconds:
        lanes, scalar = 1e6 * found.lanes_seconds, 1e6 * found.scalar_seconds
        use.reason = f"an evaluation takes {lanes:.3g} us in lanes and {scalar:.3g} us without"
    if not use.reason:
        use.count = count
    bound.entry[2] = use.count


def _compare(bound: BoundLoss, points: Array, count: int, evaluations: int, seconds: float) -> _Comparison:
    """Evaluate the same probes in lanes and one by one, at the point itself."""
    # Of cheap losses as many groups as spread the cost of filling the scratch as a gradient does.
    size = min(evaluations, count if seconds * count > QUICK_SECONDS else MOST_COMPARED * count)
    probes = replaced(points[:1], np.zeros(size), np.zeros((size, 0)), np.zeros((size, 0)))
    _timed(bound, replaced(points[:1], np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0))), 1)  # loads the driver
    wide, single = _timed(bound, probes, count), _timed(bound, probes, 1)
    lanes_seconds, scalar_seconds = wide.seconds, single.seconds
    if lanes_seconds + scalar_seconds < 2.0 * QUICK_SECONDS:
        for _ in range(3):
            lanes_seconds = min(lanes_seconds, _timed(bound, probes, count).seconds)
            scalar_seconds = min(scalar_seconds, _timed(bound, probes, 1).seconds)
    agreement = SINGLE_AGREEMENT if points.dtype == np.float32 else AGREEMENT
    trouble = ""
    if single.raised:
        trouble = "it raises an exception at the point"
    elif wide.alone:
        trouble = "lanes disagree at the point itself, where all are the same"
    elif not np.allclose(wide.values, single.values, rtol=agreement, atol=0.0, equal_nan=True):
        trouble = f"lanes give {wide.values[0]} in place of {single.values[0]}: rounding is magnified"
    return _Comparison(trouble, scalar_seconds / size, lanes_seconds / size)


class _Timing(NamedTuple):
    values: FloatArray
    seconds: float
    alone: int  # how many had to be evaluated one by one
    raised: bool


def _timed(bound: BoundLoss, probes: Probes, lanes: int) -> _Timing:
    """Evaluate probes on this thread, and time it."""
    total = probes.point.size
    values, statuses = np.full(total, np.nan), np.zeros(total, np.int8)
    bound.entry[2] = lanes
    job = (bound.entry, bound.blocks, bound.private, probes, 0, 0, total, values, statuses)
    before = time.perf_counter()
    alone = run_serial(*job)
    return _Timing(values, time.perf_counter() - before, int(alone), bool((statuses & RAISED).any()))
