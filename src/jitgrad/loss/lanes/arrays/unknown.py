"""Functions of NumPy that cannot take lanes, and of which numba would compile large parts before it finds that out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types

from jitgrad.loss.lanes.arrays.stand_in import NOT_FOR_LANES, Version, stand_in
from jitgrad.loss.lanes.number import Lanes, is_lanes_array


def _is_of_lanes(kind: Any) -> bool:
    return is_lanes_array(kind) or isinstance(kind, Lanes)


def _choose(*kinds: Any) -> Version | None:
    return NOT_FOR_LANES if any(map(_is_of_lanes, kinds)) else None


def _choose_histogram(a: Any, bins: Any = None, range: Any = None) -> Version | None:  # noqa: A002  # NumPy's name
    """Counts between given edges are the same for lanes that agree, unlike edges that are made of the values."""
    return NOT_FOR_LANES if _is_of_lanes(a) and not isinstance(bins, types.Array) else None


_UNKNOWN = (
    np.argpartition,
    np.bincount,
    np.digitize,
    np.intersect1d,
    np.kron,
    np.nanstd,
    np.nanvar,
    np.setdiff1d,
    np.setxor1d,
    np.union1d,
    np.unique,
)


def functions() -> dict[Any, Any]:
    """Return what to call in place of functions of NumPy."""
    histogram = {np.histogram: stand_in(np.histogram, _choose_histogram)}
    return {original: stand_in(original, _choose) for original in _UNKNOWN} | histogram
