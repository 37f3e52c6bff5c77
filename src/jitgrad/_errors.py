"""Exceptions and warnings that jitgrad raises itself."""

from __future__ import annotations

from typing import Any


class LossCompileError(TypeError):
    """The loss cannot be compiled for the arguments it was given.

    The message is one sentence with the line of the loss; numba's own message is chained below it as
    ``__cause__``.
    """


class LanesUnavailableError(TypeError):
    """Lanes were required (``vectorize="require"``) for a loss that cannot be evaluated in them.

    The message says why, with the line of the loss.
    """


class CudaUnavailableError(RuntimeError):
    """CUDA was asked for and a part of it is missing: the package, the driver or the device.

    The message says which part, and the line that installs it.
    """


class WorkerLostError(RuntimeError):
    """Worker processes died and could not be replaced, or died over the same evaluations again and again.

    The message names the probes that they were evaluating.
    """


class PrecisionWarning(UserWarning):
    """Derivatives that may be wrong by more than 1 %, although the loss was evaluated more often to mend them.

    Or a gradient from random directions that is less precise than was asked for.

    Parameters
    ----------
    message : str
        Names the coordinates and what is the matter with them.
    coordinates : list of int or of tuple of int
        Indices into ``x`` of the coordinates concerned; ``x[...]`` and ``x[p, ...]`` are all coordinates of a point.
    """

    def __init__(self, message: str, coordinates: list[Any]) -> None:
        super().__init__(message)
        self.coordinates = coordinates
