"""Exceptions and warnings that jitgrad raises itself."""

from __future__ import annotations


class LossCompileError(TypeError):
    """The loss cannot be compiled for the arguments it was given.

    The message is one sentence with the line of the loss; numba's own message is chained below it as
    ``__cause__``.
    """


class CudaUnavailableError(RuntimeError):
    """CUDA was asked for and a part of it is missing: the package, the driver or the device.

    The message says which part, and the line that installs it.
    """
