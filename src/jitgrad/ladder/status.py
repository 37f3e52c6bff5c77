"""What can be said about one derivative, as a number and as a sentence."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """How the search for one derivative ended; `sentence` says it in words."""

    CONVERGED = 0
    TRUNCATION = 1
    NOISE = 2
    ZERO = 3
    FLAT = 4
    KINK = 5
    ONE_SIDED = 6
    NON_FINITE = 7
    CRAMPED = 8
    FIXED = 9
    ROUGH = 10
    SAMPLED = 11
    UNDERSAMPLED = 12

    @property
    def label(self) -> str:
        """The status in one or two words."""
        return _LABELS.get(self, self.name.lower().replace("_", "-"))

    @property
    def sentence(self) -> str:
        """The status as it is shown to the user."""
        return _SENTENCES[self]


_LABELS = {Status.FIXED: "fixed by bounds"}

_SENTENCES = {
    Status.CONVERGED: "The error bar is as small as the precision of the loss allows, or as was asked for.",
    Status.TRUNCATION: "The evaluations ran out before the displacements were small enough for the loss.",
    Status.NOISE: "Noise of the loss limits the derivative.",
    Status.ZERO: "The derivative is zero within an error bar that is small against the curvature.",
    Status.FLAT: "The loss has the same value at every displacement that was tried.",
    Status.KINK: "The loss has a kink or a jump nearer to the point than could be resolved.",
    Status.ONE_SIDED: "The derivative comes from one side; on the other are a bound or values that are not finite.",
    Status.ROUGH: "The loss has another slope on a far smaller scale; the derivative is that of the large one.",
    Status.NON_FINITE: "The loss is not finite at the point, or on both sides of it.",
    Status.CRAMPED: "The bounds leave no room for displacements.",
    Status.FIXED: "The lower bound equals the upper one: the coordinate is fixed.",
    Status.SAMPLED: "The mean over random directions, and the error of that mean.",
    Status.UNDERSAMPLED: "The directions ran out before the mean over them was as precise as was asked for.",
}
