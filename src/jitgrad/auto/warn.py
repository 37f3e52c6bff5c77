"""The warning about derivatives that cannot be trusted."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

from jitgrad._errors import PrecisionWarning
from jitgrad._types import IntArray
from jitgrad.ladder import Status

NAMED = 5
"""So many coordinates are named in the message; all of them are in the warning's `coordinates`."""

_PACKAGE = str(Path(__file__).parent.parent)


def warn_unsettled(targets: IntArray, statuses: IntArray, shape: tuple[int, ...]) -> None:
    """Warn of derivatives that cannot be trusted.

    Parameters
    ----------
    targets : ndarray of int64
        Flat indices into the points.
    statuses : ndarray of int64, shape of `targets`
        `Status` of each.
    shape : tuple of int
        Shape of ``x``.
    """
    indices = np.stack(np.unravel_index(targets, shape), axis=1).tolist()
    coordinates = [row[0] if len(shape) == 1 else tuple(row) for row in indices]
    names = [f"x[{', '.join(map(str, row))}]" for row in indices[:NAMED]]
    if len(indices) > NAMED:
        names.append(f"{len(indices) - NAMED} more")
    reasons = " ".join(sorted({_reason(Status(code)) for code in np.unique(statuses).tolist()}))
    message = (
        f"the loss must let each derivative be found to 1 %, but those by {_listed(names)} may be wrong by more. "
        f"{reasons} Look at error bars with estimate_cpu, or give step= if you know better."
    )
    warnings.warn(PrecisionWarning(message, coordinates), stacklevel=frames_inside() + 1)


def _reason(status: Status) -> str:
    """Say what limits a derivative; the ladder may have come to a good end whose bar is still too wide."""
    vague = (Status.CONVERGED, Status.ONE_SIDED, Status.ZERO)
    return "Rounding or noise of the loss leaves no more digits." if status in vague else status.sentence


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def frames_inside() -> int:
    """Count the frames of this package above the caller's code, so that the warning shows the caller's line."""
    count, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        count, frame = count + 1, frame.f_back
    return count
