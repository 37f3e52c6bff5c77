"""What evaluates a loss that is called from Python, here or in another process: probes go in, a reply comes back."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from jitgrad._types import FloatArray
from jitgrad.launch.probes import Probes


class Failure(NamedTuple):
    """An exception that a loss raised.

    Attributes
    ----------
    probe : int
        Place in the list of probes.
    error : Exception
    trace : str
        Where it was raised, as Python prints it: an exception that comes from another process has lost that.
    """

    probe: int
    error: Exception
    trace: str


class Reply(NamedTuple):
    """What came of a list of probes.

    Attributes
    ----------
    values : ndarray of float64, shape (probes,) or (probes, p)
        The loss at every probe, or the outputs of a function of several; NaN from the failure on. If all are NaN they
        may be of shape (probes,), because nobody knows how many outputs there are.
    seconds : float
        Time that all evaluations took together.
    failure : Failure or None
        The first probe at which the loss raised.
    """

    values: FloatArray
    seconds: float
    failure: Failure | None


class Work(Protocol):
    """A loss with its arguments, which can be pickled and sent to where it is evaluated."""

    def run(self, probes: Probes, *, forgive: bool = False) -> Reply:
        """Evaluate the loss at every probe, in turn, and stop at the first that raises.

        With `forgive` a probe that raises has the value NaN, and nothing stops.
        """
        ...
