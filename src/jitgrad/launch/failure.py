"""When a loss raises: let the user see the loss's own exception, and where it happened."""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

import numpy as np

from jitgrad._types import Array
from jitgrad.launch.probes import Probes, each_point, part_of
from jitgrad.launch.threads import exclusive
from jitgrad.loss.accept import loss_name


class Evaluable(Protocol):
    """A loss with its arguments, that can be called from Python."""

    @property
    def loss(self) -> Any:
        """The loss."""
        ...

    def evaluate(self, x: Array, point: int) -> Any:
        """Call it at one point."""
        ...


def probe_point(probes: Probes, k: int) -> Array:
    """Return the point of probe `k`, of shape (n,)."""
    return next(each_point(part_of(probes, k, k + 1)))[1]


def describe(probes: Probes, k: int) -> str:
    """Say which displacement probe `k` is."""
    p = probes.point[k]
    where = f" of point {p}" if len(probes.points) > 1 else ""
    parts = [
        f"x[{probes.coordinate[r]}] displaced from {probes.points[p, probes.coordinate[r]]!s} to {probes.value[r]!s}"
        for r in range(probes.begin[k], probes.begin[k + 1])
        if probes.value[r] != probes.points[p, probes.coordinate[r]]
    ]
    if probes.along.size and probes.along[k] >= 0:
        parts.insert(0, f"x moved by {probes.distance[k]!s} along direction {probes.along[k]}")
    return (" and ".join(parts) or "x as it was given") + where


def note_for(loss: Any, probes: Probes, k: int) -> str:
    """Say at which displacement a loss raised, for the notes of its exception."""
    return f"jitgrad: the loss {loss_name(loss)!r} raised this with {describe(probes, k)}."


def raise_from(bound: Evaluable, probes: Probes, k: int) -> NoReturn:
    """Evaluate probe `k` from Python, where its exception can travel, and add a note to it."""
    try:
        call_again(bound, probes, k)
    except Exception as error:
        error.add_note(note_for(bound.loss, probes, k))
        raise


def call_again(bound: Evaluable, probes: Probes, k: int) -> NoReturn:
    """Evaluate probe `k` from Python, where its exception can travel."""
    with exclusive(), np.errstate(all="ignore"):
        bound.evaluate(probe_point(probes, k), int(probes.point[k]))
    raise RuntimeError(
        f"the loss {loss_name(bound.loss)!r} must give the same result for the same input, but it raised an "
        f"exception with {describe(probes, k)}, and none when it was called once more. Remove what it remembers "
        "between calls."
    )
