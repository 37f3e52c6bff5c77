"""The lanes in which operands of several types are computed."""

from __future__ import annotations

from typing import Any

from jitgrad.loss.lanes.number import Lanes, LanesBool


def common_lanes(kinds: list[Any]) -> Any:
    """Return the lanes in which operands of these types are computed; None if they are no lanes or do not fit."""
    found = [kind for kind in kinds if isinstance(kind, Lanes)]
    if not found:
        # Truth values alone: they count as numbers 0 and 1.
        truths = [kind for kind in kinds if isinstance(kind, LanesBool)]
        found = [Lanes(truths[0].count)] if truths else []
    if not found:
        return None
    common: Any = found[0]
    for kind in kinds:
        common = common.with_other(kind) if common is not None else None
    return common
